"""``xl-convert``: checkpoints as other kinds of checkpoints."""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys

from xl_plugins.arguments import Parser
from xl_plugins.cli.shared.convert_help import (
    AVERAGE,
    AVERAGE_EPILOG,
    FROM_HF,
    FROM_HF_EPILOG,
    INFO,
    INFO_EPILOG,
    MEMBERS,
    MEMBERS_EPILOG,
    ONNX,
    ONNX_EPILOG,
    TO_HF,
    TO_HF_EPILOG,
    TRIM,
    TRIM_EPILOG,
    UNTRIM,
    UNTRIM_EPILOG,
)
from xl_plugins.errors import run_cli
from xl_plugins.interrupts import clean_up_on_signals
from xl_plugins.terminal import say


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
    onnx = add("onnx", ONNX, ONNX_EPILOG)
    for exporting in (to_hf, onnx):
        exporting.add_argument("path", metavar="CKPT", help="checkpoint of a task of this package")
        exporting.add_argument("out", metavar="OUT", help="folder to write")
        exporting.add_argument("--data", metavar="DATA", help="data folder (default: the one that it was trained on)")
        exporting.add_argument(
            "--plain", action="store_true",
            help="export X-Mixup's model without mixup inference, of XLA's members the best on the dev set alone",
        )  # fmt: skip
    to_hf.add_argument("--scores", metavar="FILE", help="scores for the model card, from xl-evaluate --json")
    to_hf.add_argument("--overwrite", action="store_true", help="replace OUT if xl-convert to-hf made it")

    onnx.add_argument("--int8", action="store_true", help="write a second model, with weights of 8 bits")
    onnx.add_argument("--overwrite", action="store_true", help="replace OUT if xl-convert onnx made it")

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
    from xl_plugins.data.binary.kept import check_along, keep_along
    from xl_plugins.evaluation.members import export_members

    folder = args.out or os.path.join(os.path.dirname(args.path), "members")
    check_along(args.path, os.path.join(folder, "member-1.pt"), "--out")
    made = export_members(args.path, folder, args.overwrite)
    keep_along(args.path, made[0].path, "--out")
    for member in made:
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
    head = f"{head}, with the head of {done.head}" if done.head else head
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


def onnx(args: argparse.Namespace) -> int:
    from xl_plugins.convert.onnx import to_onnx

    done = to_onnx(args.path, args.out, args.data, args.plain, args.int8, args.overwrite)
    for line in done.lost:
        say(f"warning: not in the folder: {line}", file=sys.stderr)
    for name, most in done.differences.items():
        say(f"{os.path.join(args.out, name)}: {done.architecture}; logits within {most:.1e} of the checkpoint's")
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
    "average": average, "from-hf": from_hf, "info": info, "members": members, "onnx": onnx, "to-hf": to_hf,
    "trim": trim, "untrim": untrim,
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
