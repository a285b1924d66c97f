"""``xl-xtune``: both stages of xTune (Zheng et al., ACL 2021) with the hyper-parameters of its tables."""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from xl_plugins.arguments import Parser, seed
from xl_plugins.cli.shared.training import Record, fairseq_train, parse_options, run_child
from xl_plugins.cli.shared.xtune_stages import stage_words
from xl_plugins.errors import UserError, run_cli
from xl_plugins.methods.xtune.presets import (
    DATA_SETS,
    READINGS,
    SETTINGS,
    SIZES,
    STAGES,
)
from xl_plugins.output import FolderLock
from xl_plugins.problems import published_name
from xl_plugins.terminal import say

EPILOG = """\
Stage 1 trains in SAVE/stage1 with example consistency R1; stage 2 trains in SAVE/stage2, from the pre-trained model
again, with R1 and with model consistency R2 to the best checkpoint of stage 1. Started again, the command goes on where
it was stopped; a finished stage is not trained again.

examples:
  xl-xtune xnli data-bin/xnli --restore-file xlmr.base/model.pt --save-dir outputs/xnli/xtune \\
      --dictionaries raw/dictionaries
  xl-xtune panx data-bin/panx --setting translate-train-all --size large --restore-file xlmr.large/model.pt \\
      --save-dir outputs/panx/xtune-large -- --fp16
  data augmentation alone: stage 1 without R1, on D and its code-switched copy
    xl-xtune xnli data-bin/xnli --stage 1 --stage1 '--augment cs --second-view none --r1-weight 0' \\
        --restore-file xlmr.base/model.pt --save-dir outputs/xnli/augmented --dictionaries raw/dictionaries
"""


def make_parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="xl-xtune",
        usage="xl-xtune DATASET DATA --restore-file FILE --save-dir DIR [options] [-- options of fairseq-train]",
        description=__doc__, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False,
    )  # fmt: skip
    parser.add_argument("dataset", metavar="DATASET", choices=DATA_SETS, help=", ".join(DATA_SETS))
    parser.add_argument("data", metavar="DATA", help="data folder made by xl-prepare, of that kind of problem")
    parser.add_argument("--restore-file", required=True, metavar="FILE", help="pre-trained model, xlmr.base/model.pt")
    parser.add_argument("--save-dir", required=True, metavar="DIR", help="checkpoints go to DIR/stage1 and DIR/stage2")
    parser.add_argument(
        "--setting", choices=SETTINGS, default=SETTINGS[0],
        help="xTune 4.1: English training data alone, or with its translations in DATA (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--size", choices=SIZES, default="base", help="of the model (default: %(default)s)")
    parser.add_argument("--stage", choices=["1", "2", "both"], default="both", help="default: %(default)s")
    parser.add_argument(
        "--dictionaries", metavar="DIR", help="folder of en-de.txt and so on, for code-switch (xTune: MUSE)"
    )
    parser.add_argument("--teacher", metavar="FILE", help="stage 2: the model theta* (default: that of stage 1)")
    parser.add_argument("--seed", type=seed, default=1, metavar="N", help="default: %(default)s")
    parser.add_argument(
        "--xtune-compat", choices=READINGS, default="default",
        help="where article and released code differ: this package's choice, the code, the article",
    )  # fmt: skip
    parser.add_argument("--stage1", default="", metavar="'OPTIONS'", help="options of fairseq-train in stage 1 only")
    parser.add_argument("--stage2", default="", metavar="'OPTIONS'", help="options of fairseq-train in stage 2 only")
    parser.add_argument("--dry-run", action="store_true", help="print the commands and do nothing")
    return parser


def parse(argv: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """Our options, and fairseq-train's after ``--``."""
    words, further = list(argv), []
    if "--" in words:
        cut = words.index("--")
        words, further = words[:cut], words[cut + 1 :]
    for stage in STAGES:  # argparse takes a lone '--flag' for an option of ours
        for place, word in enumerate(words[:-1]):
            if word == f"--stage{stage}":
                words[place : place + 2] = [f"{word}={words[place + 1]}", ""]
    args, unknown = make_parser().parse_known_args([word for word in words if word])
    if unknown:
        raise UserError(f"{unknown[0]}: not an option of xl-xtune; options of fairseq-train come after --")
    return args, further


# -- running --


def check(args: argparse.Namespace) -> None:
    """Refuse what would only show after minutes, or in stage 2 after days."""
    from xl_plugins.data.binary.layout import DataBin
    from xl_plugins.huggingface.cached import hub_folder

    problem = DATA_SETS[args.dataset].problem
    found = DataBin(Path(args.data)).meta.get("problem", problem)
    if published_name(found) != problem:
        raise UserError(
            f"{args.data}: holds data of {found}, {args.dataset} is {problem}; name another DATASET or DATA"
        )
    for option, path, exists in (
        ("--restore-file", args.restore_file, lambda path: os.path.isfile(path) or bool(hub_folder(path))),
        ("--dictionaries", args.dictionaries, os.path.isdir),
        ("--teacher", args.teacher, os.path.isfile),
    ):
        if path and not exists(path):
            raise UserError(f"{option} {path}: no such {'folder' if exists is os.path.isdir else 'file'}")


def run_stage(args: argparse.Namespace, stage: int, words: list[str], lock: FolderLock | None = None) -> int:
    folder = Path(args.save_dir) / f"stage{stage}"
    record = Record(folder, words)
    if record.is_finished():
        _tell(f"stage {stage} is finished ({record.path}) and is not trained again")
        return 0
    path = parse_options(words).get("--teacher", [""])[0]
    if path and not os.path.isfile(path):
        raise UserError(f"{path}: no such checkpoint; run --stage 1 first, or name the model by --teacher")
    record.write(finished=False)
    _tell(f"stage {stage}: checkpoints go to {folder}")
    status = 1
    try:
        status = run_child([*fairseq_train(), *words], keep=[lock.fileno()] if lock else ())
    finally:
        if status:
            record.forget_failure()
    if status == 0:
        record.write(finished=True)
    return status


@contextlib.contextmanager
def save_folder(args: argparse.Namespace) -> Iterator[FolderLock | None]:
    """Keeps a second xl-xtune out of --save-dir; of the ranks of a distributed run the first one does."""
    if int(os.environ.get("RANK", 0)):
        yield None
        return
    folder = Path(args.save_dir)
    if folder.exists() and not folder.is_dir():
        raise UserError(f"--save-dir {folder}: is a file; choose a folder")
    was_there = folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FolderLock(folder / ".xl-xtune.xl-lock", "xl-xtune", f"--save-dir {folder}") as lock:
            yield lock
    finally:
        if not was_there:  # an empty folder of the user's is his
            with contextlib.suppress(OSError):
                folder.rmdir()  # only where nothing came about


def _tell(text: str) -> None:
    say(f"xl-xtune: {text}", file=sys.stderr)


def _show(words: Sequence[str]) -> str:
    """A command with an option per line, to be pasted into a shell."""
    lines = "\0".join(map(shlex.quote, words)).replace("\0--", " \\\n    --").replace("\0", " ")
    return f"fairseq-train {lines}"


def main(argv: list[str] | None = None) -> int:
    args, further = parse(sys.argv[1:] if argv is None else argv)
    stages = STAGES if args.stage == "both" else (int(args.stage),)
    if args.teacher and 1 in stages:
        raise UserError("--teacher takes the place of stage 1; add --stage 2")
    for stage in STAGES:
        if getattr(args, f"stage{stage}") and stage not in stages:
            raise UserError(f"--stage{stage} has no effect with --stage {args.stage}; leave it out")
    commands = {stage: stage_words(args, stage, further) for stage in stages}
    if args.dry_run:
        say(*map(_show, commands.values()))
        return 0
    check(args)
    with save_folder(args) as lock:
        for stage, words in commands.items():
            status = run_stage(args, stage, words, lock)
            if status:
                return status
    return 0


def cli_main() -> None:
    run_cli(main)


if __name__ == "__main__":
    cli_main()
