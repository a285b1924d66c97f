"""``xl-convert``: checkpoints as other kinds of checkpoints."""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys

from xl_plugins.arguments import Parser
from xl_plugins.errors import run_cli
from xl_plugins.interrupts import clean_up_on_signals
from xl_plugins.terminal import say

MEMBERS = "the three models of an XLA run, each as a checkpoint of its own"
MEMBERS_EPILOG = """\
PATH is a checkpoint of a run with --task xla_cotrain_task; DIR receives member-1.pt, member-2.pt and member-3.pt,
checkpoints of xl_tagging or xl_sentence_pair. In the middle of a training, the member that trains is written with the
best weights of it so far.

example:
  xl-convert members runs/xla-de/checkpoint_best.pt
  xl-evaluate data-bin/panx --languages en,de --path runs/xla-de/members/member-*.pt
  xl-evaluate data-bin/panx --languages en,de --path runs/xla-de/members/member-*.pt --ensemble
"""
FROM_HF = "a folder of Hugging Face as an encoder for fairseq, with its dictionary and tokenizer"
FROM_HF_EPILOG = """\
OUT receives model.pt, dict.txt and sentencepiece.bpe.model (tokenizer.json where that is WordPiece); give OUT to
xl-prepare as --model, and OUT/model.pt to training as --restore-file. DIR is a folder as the hub has it: config.json;
model.safetensors or pytorch_model.bin, in one file or in shards; sentencepiece.bpe.model, tokenizer.json or vocab.txt.
Read are XLM-R of any size, XLM-R XL, RoBERTa and BERT with XLM-R's kind of tokenizer (Multilingual-MiniLM,
multilingual-e5), mBERT and other BERTs with WordPiece. Hidden states are the same as there; no code of it is run.

example:
  xl-convert from-hf models/multilingual-e5-small e5
  xl-prepare xnli raw/xnli data-bin/xnli --model e5
  xl-train data-bin/xnli --task xl_sentence_pair --restore-file e5/model.pt --save-dir runs/e5
"""
TO_HF = "a fine-tuned checkpoint as a folder of Hugging Face"
TO_HF_EPILOG = """\
OUT receives config.json, model.safetensors, the tokenizer and a model card; AutoModelForSequenceClassification,
AutoModelForTokenClassification or AutoModelForQuestionAnswering reads it, and the pipelines. Logits are the same. The
data folder gives the tokenizer and the names of the labels.

example:
  xl-convert to-hf runs/panx/checkpoint_best.pt models/panx --scores panx.json
  python -c 'from transformers import pipeline; print(pipeline("token-classification", "models/panx")("Ana in Rio"))'
"""
TRIM = "an encoder with the pieces that given data need: smaller, faster on a CPU, the same numbers"
TRIM_EPILOG = """\
OUT receives model.pt, dict.txt and the tokenizer, to be used in the place of the originals from xl-prepare
on. All texts of the data are cut into the same pieces as before and have the same hidden states, bit for bit; other
texts may be cut into smaller pieces. --data takes raw files (text, tsv, csv, json, jsonl, CoNLL, Parquet, packed or
not), folders of them, and folders made by xl-prepare; name all that the experiments will read, dictionaries and word
lists as well. A fine-tuned checkpoint stays one.

example:
  xl-convert trim xlmr.base/model.pt --data raw/xnli raw/dictionaries --spm xlmr.base/sentencepiece.bpe.model \\
      --dict xlmr.base/dict.txt xlmr.xnli
  xl-prepare xnli raw/xnli data-bin/xnli --spm xlmr.xnli/sentencepiece.bpe.model --dict xlmr.xnli/dict.txt
"""
AVERAGE = "one checkpoint with the mean of the weights of several"
AVERAGE_EPILOG = """\
The checkpoints are of one run, or of runs that differ by their seeds. OUT has the options of the first, and no score.

example:
  xl-convert average runs/xnli/checkpoint_2_2000.pt runs/xnli/checkpoint_3_3000.pt runs/xnli/mean.pt
"""
INFO = "a checkpoint or a folder of Hugging Face"
INFO_EPILOG = """\
Sizes, task, labels, languages, how it was chosen, scores, updates, parameters; nothing in the file is run.

example:
  xl-convert info runs/xnli/checkpoint_best.pt
"""
UNTRIM = "a model with a trimmed vocabulary with the whole vocabulary again"
UNTRIM_EPILOG = """\
The rows of the pieces that were left out come from the model that was trimmed (--full); all else is CKPT's.

example:
  xl-convert untrim runs/zero-shot/checkpoint_best.pt --dict xlmr.xnli/dict.txt --full xlmr.base/model.pt \\
      --full-dict xlmr.base/dict.txt runs/zero-shot/whole.pt
"""


def make_parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="xl-convert",
        description=__doc__,
        epilog="example:\n  xl-convert members runs/xla-de/checkpoint_best.pt",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, summary: str, epilog: str, verb: str = "Write") -> argparse.ArgumentParser:
        return commands.add_parser(
            name, help=summary, description=f"{verb} {summary}.", epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )  # fmt: skip

    members = add("members", MEMBERS, MEMBERS_EPILOG)
    members.add_argument("path", metavar="PATH", help="checkpoint of the run")
    members.add_argument("--out", metavar="DIR", help="folder to write (default: members, beside PATH)")
    members.add_argument("--overwrite", action="store_true", help="replace files that are there")

    from_hf = add("from-hf", FROM_HF, FROM_HF_EPILOG)
    from_hf.add_argument("dir", metavar="DIR", help="folder with config.json")
    from_hf.add_argument("out", metavar="OUT", help="folder to write")
    from_hf.add_argument("--overwrite", action="store_true", help="replace OUT if xl-convert from-hf made it")

    to_hf = add("to-hf", TO_HF, TO_HF_EPILOG)
    to_hf.add_argument("path", metavar="CKPT", help="checkpoint of a task of this package")
    to_hf.add_argument("out", metavar="OUT", help="folder to write")
    to_hf.add_argument("--data", metavar="DATA", help="data folder (default: the one that it was trained on)")
    to_hf.add_argument("--plain", action="store_true", help="export X-Mixup's model without mixup inference")
    to_hf.add_argument("--scores", metavar="FILE", help="scores for the model card, from xl-evaluate --json")
    to_hf.add_argument("--overwrite", action="store_true", help="replace OUT if xl-convert to-hf made it")

    trim = add("trim", TRIM, TRIM_EPILOG)
    trim.add_argument("model", metavar="MODEL", help="model.pt of a pre-trained model, or a checkpoint")
    trim.add_argument("--data", required=True, nargs="+", metavar="PATH", help="files and folders with all texts")
    trim.add_argument(
        "--spm", required=True, metavar="FILE", help="tokenizer of MODEL: sentencepiece.bpe.model, tokenizer.json"
    )
    trim.add_argument("--dict", required=True, metavar="FILE", help="dict.txt of MODEL")
    trim.add_argument(
        "--sampling", action="store_true",
        help="keep every piece that is part of a word of the raw texts, so that subword sampling (xTune, S = SS) draws"
        " as it does with the whole vocabulary",
    )  # fmt: skip
    trim.add_argument("out", metavar="OUT", help="folder to write")
    trim.add_argument("--overwrite", action="store_true", help="replace OUT if xl-convert trim made it")

    untrim = add("untrim", UNTRIM, UNTRIM_EPILOG)
    untrim.add_argument("path", metavar="CKPT", help="model or checkpoint with the trimmed vocabulary")
    untrim.add_argument("--dict", required=True, metavar="FILE", help="dict.txt of CKPT, as xl-convert trim made it")
    untrim.add_argument("--full", required=True, metavar="MODEL", help="the model that was trimmed")
    untrim.add_argument("--full-dict", required=True, metavar="FILE", help="dict.txt of that model")
    untrim.add_argument("out", metavar="OUT", help="file to write")
    untrim.add_argument("--overwrite", action="store_true", help="replace OUT if xl-convert untrim made it")

    average = add("average", AVERAGE, AVERAGE_EPILOG)
    average.add_argument("paths", nargs="+", metavar="CKPT", help="two checkpoints or more")
    average.add_argument("out", metavar="OUT", help="file to write")
    average.add_argument("--overwrite", action="store_true", help="replace OUT if xl-convert average made it")

    info = add("info", INFO, INFO_EPILOG, verb="Describe")
    info.add_argument("path", metavar="PATH", help="checkpoint, or folder")
    info.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def members(args: argparse.Namespace) -> int:
    from xl_plugins.evaluation.members import export_members

    folder = args.out or os.path.join(os.path.dirname(args.path), "members")
    for member in export_members(args.path, folder, args.overwrite):
        score = "not scored yet" if member.score is None else f"dev score {member.score:.2f}"
        say(f"{member.path}: {score}{', in training, its best weights so far' if member.unfinished else ''}")
    return 0


def from_hf(args: argparse.Namespace) -> int:
    from xl_plugins.huggingface.from_hf import from_hf as write

    done = write(args.dir, args.out, args.overwrite)
    if done.left_out:
        more = f" and {len(done.left_out) - 3} more" if len(done.left_out) > 3 else ""
        say(f"warning: left out, not of the encoder: {', '.join(done.left_out[:3])}{more}", file=sys.stderr)
    head = "with its language-model head" if done.language_model else "no language-model head"
    rows = f"{done.rows[1]:,} pieces" + (f" of {done.rows[0]:,} rows" if done.rows[0] != done.rows[1] else "")
    say(f"{args.out}: {done.layers} layers of {done.width}, {rows}, {head}")
    return 0


def to_hf(args: argparse.Namespace) -> int:
    from xl_plugins.convert.to_hf import to_hf as write

    done = write(args.path, args.out, args.data, args.plain, args.scores, args.overwrite)
    for line in done.lost:
        say(f"warning: not in the folder: {line}", file=sys.stderr)
    say(f"{args.out}: {done.architecture}")
    return 0


def trim(args: argparse.Namespace) -> int:
    from xl_plugins.convert.trim import trim as write

    done = write(args.model, args.data, args.spm, args.dict, args.out, args.overwrite, args.sampling)
    if done.skipped:
        more = f" and {len(done.skipped) - 3} more" if len(done.skipped) > 3 else ""
        say(f"warning: left out, no text: {', '.join(done.skipped[:3])}{more}", file=sys.stderr)
    rows, size = ([f"{value:,}" for value in pair] for pair in (done.rows, [round(x / 2**20) for x in done.size]))
    say(f"{args.out}: {rows[1]} of {rows[0]} pieces, {size[1]} of {size[0]} MiB; {done.texts:,} raw texts read")
    return 0


def untrim(args: argparse.Namespace) -> int:
    from xl_plugins.convert.untrim import untrim as write

    before, after = write(args.path, args.dict, args.full, args.full_dict, args.out, args.overwrite)
    say(f"{args.out}: {after:,} pieces, {before:,} of them from {args.path}")
    return 0


def average(args: argparse.Namespace) -> int:
    from xl_plugins.convert.average import average as write

    count = write(args.paths, args.out, args.overwrite)
    say(f"{args.out}: mean of {count} checkpoints")
    return 0


def info(args: argparse.Namespace) -> int:
    from xl_plugins.convert.info import describe

    found = describe(args.path)
    if args.json:
        say(json.dumps(found))
        return 0
    for name, value in found.items():
        if isinstance(value, dict):
            say(*(f"{name}, {key}: {item}" for key, item in value.items()))
        else:
            say(f"{name}: {_shown(value)}")
    return 0


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:,}" if isinstance(value, int) else str(value)


COMMANDS = {
    "average": average, "from-hf": from_hf, "info": info, "members": members, "to-hf": to_hf, "trim": trim,
    "untrim": untrim,
}  # fmt: skip


def main(argv: list[str] | None = None) -> int:
    args = make_parser().parse_args(argv)
    logging.getLogger().setLevel(logging.WARNING)  # fairseq tells of every file it opens
    return COMMANDS[args.command](args)


def cli_main() -> None:
    clean_up_on_signals()
    run_cli(main)


if __name__ == "__main__":
    cli_main()
