"""``xl-prepare``: raw files of a data set to the binarised folder that the tasks read."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from xl_plugins.arguments import Parser, whole
from xl_plugins.cli.shared.hints import next_steps
from xl_plugins.data.binary.folder_check import verify
from xl_plugins.data.binary.meta import NAME, read_meta
from xl_plugins.datasets import READERS
from xl_plugins.errors import UserError, run_cli
from xl_plugins.evaluation.metrics.benchmark import task_name
from xl_plugins.formats.examples.plan import Part, Plan
from xl_plugins.interrupts import clean_up_on_signals
from xl_plugins.tables import print_table
from xl_plugins.terminal import say

if TYPE_CHECKING:
    from xl_plugins.problems.preparation import Preparation

MODEL = "model.pt"  # beside dict.txt in XLM-R's archives

EPILOG = """\
example:
  xl-prepare xnli raw/xnli data-bin/xnli --model models/xlm-roberta-base

  xl-prepare xnli raw/xnli data-bin/xnli --spm xlmr.base/sentencepiece.bpe.model --dict xlmr.base/dict.txt
  xl-train data-bin/xnli --task xmixup_sentence_pair --arch xmixup_xlmr --restore-file xlmr.base/model.pt --lr 5e-6 \\
      --save-dir outputs/xnli-xmixup

  xl-prepare --verify data-bin/xnli

Each data set has its own help: xl-prepare xnli --help
"""


def make_parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="xl-prepare", description=__doc__, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--verify", metavar="DATA", help="compare every byte of a data folder with its checksums, and prepare nothing"
    )
    commands = parser.add_subparsers(dest="dataset", metavar="DATASET")
    for name, reader in READERS.items():
        command = commands.add_parser(
            name,
            aliases=reader.BENCHMARK.old_names if reader.BENCHMARK else (),
            help=reader.HELP,
            description=f"Binarise {reader.HELP}.",
            epilog=reader.EPILOG,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        reader.add_arguments(command)
        _add_common(command)
    return parser


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model", metavar="DIR",
        help="folder of the encoder, whose tokenizer is used: XLM-R's archive, or one of Hugging Face",
    )  # fmt: skip
    parser.add_argument("--spm", metavar="FILE", help="instead: tokenizer (XLM-R: sentencepiece.bpe.model)")
    parser.add_argument(
        "--dict", metavar="FILE", help="and the fairseq dictionary that belongs to it (dict.txt of XLM-R)"
    )
    parser.add_argument(
        "--source-language", default="en", metavar="XX", help="language of the gold training labels (default: en)"
    )
    parser.add_argument("--workers", type=whole(), default=2, metavar="N", help="threads that tokenise (default: 2)")
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="replace DEST, with what xl-augment made in it, once the new data is complete",
    )
    parser.add_argument("--progress", action="store_true", help="show a progress bar even when not on a terminal")


class _Bar:
    """One progress bar over the bytes of all input files."""

    def __init__(self, plan: Plan, shown: bool) -> None:
        from xl_plugins.problems.preparation import part_size

        total = sum(part_size(part) for part in plan.parts)
        self.bar = tqdm(total=total, unit="B", unit_scale=True, disable=not shown, desc="prepare")
        self.done: dict[Part, int] = {}

    def __call__(self, part: Part, consumed: int) -> None:
        self.bar.update(consumed - self.done.get(part, 0))
        self.done[part] = consumed
        self.bar.set_postfix_str(f"{part.language} {part.split}{' view' if part.into_source else ''}", refresh=False)


def _print_summary(job: Preparation, meta: dict[str, Any]) -> None:
    rows = []
    for part, stats in sorted(
        job.stats.items(), key=lambda item: (item[0].language != meta["source_language"], item[0].language)
    ):
        unlabelled = part.split in meta["unlabelled"].get(part.language, []) and not part.into_source
        rows.append([
            part.language,
            part.split + (" (no labels)" if unlabelled else ""),
            f"{meta['source_language']}-view" if part.into_source else "own",
            *job.writer.summary(stats),
        ])  # fmt: skip
    header = ["language", "split", "text", *job.writer.columns]
    print_table(f"{meta['dataset']}: {job.dest}", header, [rows], sys.stdout, keys=3)
    if any(stats.get("replaced") for stats in job.stats.values()):
        say("replaced: training rows without a translation, which hold the source row instead")
    if any(stats.get("dropped") for stats in job.stats.values()):
        say("dropped: rows whose id is not in every file of the split")
    for note in job.writer.notes():
        say(note)


def _verify(data: Path) -> int:
    if not data.is_dir():
        raise UserError(f"--verify {data}: no such folder")
    count = verify(data, read_meta(data / NAME))
    say(f"{data}: {count} files are what xl-prepare and xl-augment wrote")
    return 0


def main(argv: list[str] | None = None) -> int:
    parser = make_parser()
    args = parser.parse_args(argv)
    if args.verify is not None:
        return _verify(Path(args.verify))
    if args.dataset is None:
        parser.error("the following arguments are required: DATASET")
    if args.workers < 1:
        raise UserError(f"--workers: {args.workers} given, at least 1 is needed")
    if args.model and (args.spm or args.dict):
        raise UserError("--model: is given with --spm or --dict, which name the same; leave out one of them")
    if not args.model and not (args.spm and args.dict):
        raise UserError("--model: not given; name the encoder's folder, or its files by --spm and --dict")
    if not args.model:
        return _prepare(args, args.spm, args.dict, os.path.join(os.path.dirname(args.dict), MODEL))
    from xl_plugins.huggingface.cached import tokenizer_files

    with tokenizer_files(args.model) as (spm, dictionary):
        inside = os.path.join(args.model, MODEL)
        return _prepare(args, spm, dictionary, inside if os.path.isfile(inside) else args.model)


def _prepare(args: argparse.Namespace, spm: str, dictionary: str, encoder: str) -> int:
    """``encoder``: what to train from, for the commands that are shown."""
    plan = READERS[task_name(args.dataset)].make_plan(args)
    bar = _Bar(plan, args.progress or sys.stderr.isatty())
    raw = getattr(args, "raw", None) or getattr(args, "folder", None)
    from xl_plugins.problems.preparation import Preparation

    job = Preparation(plan, args.dest, spm, dictionary, args.workers, args.overwrite, bar, raw)
    try:
        meta = job.run()
    finally:
        bar.bar.close()
    for warning in job.warnings:
        say(f"xl-prepare: warning: {warning}", file=sys.stderr)
    if job.resumed:
        say(f"Went on from an interrupted run: {job.resumed} of {len(plan.parts)} parts were complete.")
    _print_summary(job, meta)
    say(*next_steps(args.dest, meta, encoder))
    return 0


def cli_main() -> None:
    clean_up_on_signals()
    run_cli(main)


if __name__ == "__main__":
    cli_main()
