"""``xl-predict``: predictions for raw text as JSON lines in the order of the input: labels of sentence pairs, tags of
words, answers to questions."""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

from tqdm import tqdm

from xl_plugins.arguments import BATCH_SIZE, Parser
from xl_plugins.datasets.layouts.scopes import parse_column
from xl_plugins.errors import UserError, flag, run_cli
from xl_plugins.evaluation.options import add_model_options, batch_limits, model_options
from xl_plugins.formats import tables
from xl_plugins.formats.examples.words import SEGMENTS
from xl_plugins.formats.recognise import given_layout
from xl_plugins.interrupts import clean_up_on_signals
from xl_plugins.output import atomic_file, check_file
from xl_plugins.problems import PROBLEMS, Facts
from xl_plugins.processes import ALONE, Team, together
from xl_plugins.terminal import say

if TYPE_CHECKING:
    from xl_plugins.data.tokenizer import PieceEncoder
    from xl_plugins.evaluation.checkpoint import FineTuned


EPILOG = """\
input, UTF-8, one example per line, as text or as JSON lines (told apart by the first character); by the checkpoint's
problem:
  pairs    text1 TAB text2 [TAB source1 TAB source2]               (other columns: --columns)
           {"text1": "...", "text2": "...", "source1": "...", "source2": "..."}
  texts    text1 [TAB source1]
           {"text": "...", "source": "..."}
  tagging  words separated by blanks [TAB source]
           {"words": ["...", "..."], "source": "..."}, or {"text": "...", "source": "..."}
  qa       {"question": "...", "context": "...", "id": "...", "source_question": "...", "source_context": "..."}
           (or any layout that xl-prepare squad reads; the answer is context[start:end])
source, source1, source2 are the texts translated into the source language. A checkpoint trained with X-Mixup pairs
every text with its translation (a text in the source language with itself) unless --no-mixup-inference is given; other
checkpoints read none.

examples:
  printf 'Er schläft.\\tEr ist wach.\\tHe sleeps.\\tHe is awake.\\n' | \\
      xl-predict --path runs/xmixup/checkpoint_best.pt --data data-bin/xnli
  {"label": "contradiction", "probabilities": {"contradiction": 0.97, "entailment": 0.01, "neutral": 0.02}}

  xl-predict --path runs/plain/checkpoint_best.pt --data data-bin/xnli raw/xnli/test-de.tsv --columns 1,2 > de.jsonl

  echo 'Anna wohnt in Bern .' | xl-predict --path runs/panx/checkpoint_best.pt --data data-bin/panx
  {"tags": ["B-PER", "O", "O", "B-LOC", "O"]}
  echo 'Anna lives in Bern.' | xl-predict --path runs/panx/checkpoint_best.pt --segment unicode --spans

  echo '{"id": "1", "question": "Wo wohnt Anna?", "context": "Anna wohnt in Bern."}' | \\
      xl-predict --path runs/squad/checkpoint_best.pt --data data-bin/xquad
  {"id": "1", "answer": "Bern", "start": 14, "end": 18, "score": 0.81}
"""


# other words for the fields, as xl-prepare calls them
_FIELDS = {
    "first": "text1", "second": "text2", "source1": "source1", "source2": "source2",
    "text": "text1", "source": "source1",
}  # fmt: skip


_MISTAKE = "\0"  # begins what a process hands over where its examples end by an error
_RECORDS = ({"label", "probabilities"}, {"answer", "start", "end", "score"})  # keys of records, tagging's aside


def make_parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="xl-predict", description=__doc__, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("input", nargs="?", default="-", metavar="INPUT", help="file, plain or .gz; -: standard input")
    parser.add_argument("--path", required=True, metavar="CKPT", help="fine-tuned checkpoint")
    parser.add_argument(
        "--data",
        metavar="DATA",
        help="folder with dict.txt, label/dict.txt and tokenizer (default: the training data, or where they are gone"
        " what the run kept of them beside the checkpoint)",
    )
    parser.add_argument("--spm", metavar="FILE", help="tokenizer (default: the one in DATA)")
    parser.add_argument(
        "--columns",
        metavar="1,2[,3,4]",
        help="columns of text1, text2[, source1, source2] in a tab-separated input; or"
        " text1=COLUMN,text2=COLUMN,... by name, or by number, as in xl-prepare pairs, in a table of any kind",
    )
    parser.add_argument("--format", choices=tables.KINDS, help="kind of that table (default: by name and first lines)")
    parser.add_argument("--delimiter", metavar="CHAR", help="between the values of csv (default: by header)")
    parser.add_argument("--probabilities", action="store_true", help="tagging: print the probabilities of all labels")
    parser.add_argument(
        "--spans", action="store_true",
        help="tagging: print words and spans as well: type, words [first, stop), characters [start, end)",
    )  # fmt: skip
    parser.add_argument(
        "--segment", choices=tuple(SEGMENTS),
        help="tagging: how a sentence is cut into words: at blanks (default), or into words, numbers, ideographs and"
        " punctuation marks",
    )  # fmt: skip
    parser.add_argument(
        "--output", metavar="FILE", help="write the records to FILE, when all are there, and show progress"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace FILE if xl-predict made it")
    parser.add_argument(
        "--context-pieces", choices=("subword", "character"),
        help="questions: as the data was prepared (default: as its meta.json says, else subword)",
    )  # fmt: skip
    add_model_options(parser)
    return parser


def _columns(text: str | None) -> list[int] | dict[str, tables.Column] | None:
    from xl_plugins.problems.labelled_texts.raw import COLUMNS

    if text is None:
        return None
    if "=" in text:
        items = dict(item.strip().partition("=")[::2] for item in text.split(","))
        named = {_FIELDS.get(key, key): parse_column(value) for key, value in items.items() if value}
        if len(named) < len(text.split(",")) or not named.keys() <= {*_FIELDS.values()}:
            raise UserError(
                f"--columns {text}: expected FIELD=COLUMN,... with {', '.join(dict.fromkeys(_FIELDS.values()))}"
            )
        return {field: named[field] for field in _FIELDS.values() if field in named}
    parts = text.split(",")
    if len(parts) not in (1, 2, 4) or not all(part.strip().isdigit() and int(part) > 0 for part in parts):
        raise UserError(f"--columns {text}: expected {COLUMNS}")
    return [int(part) for part in parts]


def _records(
    tuned: FineTuned, encoder: PieceEncoder, name: str, stream: BinaryIO | None, args: argparse.Namespace, team: Team
) -> Iterator[dict[str, Any]]:
    """The records of this process's examples, one for each."""
    from xl_plugins.problems.raw import Given, source_rule

    problem, limits = tuned.task.problem.facts, batch_limits(args)
    _refuse_others(args, problem)
    given = Given(
        name, stream, source_rule(tuned), limits["batch_size"] or BATCH_SIZE, limits["max_tokens"],
        _columns(args.columns), given_layout(args.format, args.delimiter), args.probabilities, args.context_pieces,
        args.spans, args.segment, lambda note: say(f"xl-predict: {note}", file=sys.stderr),
        team,
    )  # fmt: skip
    return problem.load("raw")(tuned, encoder, given)


def _refuse_others(args: argparse.Namespace, problem: Facts) -> None:
    """UserError for an option that examples of another problem need."""
    for option in sorted({option for facts in PROBLEMS.values() for option in facts.raw_options}):
        if getattr(args, option) and option not in problem.raw_options:
            shown = flag(option)
            words = " and ".join(facts.plural for facts in PROBLEMS.values() if option in facts.raw_options)
            raise UserError(f"{shown} is read for {words} only, {args.path} is for {problem.name}; leave it out")


def main(argv: list[str] | None = None, team: Team = ALONE) -> int:
    args = make_parser().parse_args(argv)
    from xl_plugins.evaluation.checkpoint import load_fine_tuned
    from xl_plugins.evaluation.tokenizer import open_tokenizer

    logging.getLogger().setLevel(logging.WARNING)  # fairseq tells of every file it opens
    # mistakes show before the checkpoint is read
    columns, layout, _ = _columns(args.columns), given_layout(args.format, args.delimiter), batch_limits(args)
    if layout and not isinstance(columns, dict):
        raise UserError("--format, --delimiter: say where the texts are: --columns text1=COLUMN,text2=COLUMN")
    standard_input = args.input == "-"
    if standard_input and team.size > 1:
        raise UserError("INPUT: several processes cannot share standard input; name a file")
    if not standard_input and not os.path.isfile(args.input):
        raise UserError(f"INPUT: {args.input} does not exist; name a file, or - for standard input")
    if args.output and team.first:
        check_file(args.output, args.overwrite, "xl-predict", _is_ours)
    args.device = args.device or team.device()
    tuned = load_fine_tuned(args.path, args.data, **model_options(args))
    encoder = open_tokenizer(tuned, args.spm, lambda text: say(f"xl-predict: warning: {text}", file=sys.stderr))
    name = "standard input" if standard_input else args.input
    found = _records(tuned, encoder, name, sys.stdin.buffer if standard_input else None, args, team)
    lines = _in_turn((json.dumps(record, ensure_ascii=False) for record in found), args, team)
    if not team.first:
        list(lines)
        return 0
    if not args.output:
        for line in lines:
            print(line, flush=True)
        return 0
    os.makedirs(os.path.dirname(os.path.abspath(args.output)), exist_ok=True)
    with atomic_file(args.output) as file:
        for line in tqdm(lines, unit=" examples", disable=None):
            file.write(f"{line}\n")
        check_file(args.output, args.overwrite, "xl-predict", _is_ours)  # another one may have come meanwhile
    return 0


def _in_turn(lines: Iterator[str], args: argparse.Namespace, team: Team) -> Iterator[str]:
    """All lines in the order of the input, on the first process; the others hand theirs over and yield none.

    An error of a process comes at its turn, after what was good before it.
    """
    if team.size == 1:
        yield from lines
        return
    from xl_plugins.problems.raw import chunks

    size = batch_limits(args)["batch_size"] or BATCH_SIZE
    parts: Iterator[str] = map("\n".join, chunks(lines, size))
    if not team.first:
        try:
            for part in parts:
                team.send(part)
            team.send("")
        except UserError as error:
            team.send(f"{_MISTAKE}{error}")
        return
    going = list(range(team.size))
    while going:
        for rank in list(going):
            part = team.receive(rank) if rank else next(parts, "")
            if part.startswith(_MISTAKE):
                raise UserError(part.removeprefix(_MISTAKE))
            if part:
                yield from part.split("\n")
            else:
                going.remove(rank)


def _is_ours(path: str) -> bool:
    """Whether the first line of a file is a record of this command."""
    with open(path, "rb") as file:
        first = file.readline(1 << 24)
    try:
        record = json.loads(first)
    except (ValueError, RecursionError):
        return False
    keys = set(record) - {"id"} if isinstance(record, dict) else set()
    return keys - {"words", "spans", "probabilities"} == {"tags"} or keys in _RECORDS


def cli_main() -> None:
    clean_up_on_signals()
    run_cli(lambda: together(lambda team: main(team=team)))


if __name__ == "__main__":
    cli_main()
