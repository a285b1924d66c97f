"""Command-line options of inference, the same for ``xl-evaluate`` and ``xl-predict``, and names of columns."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from typing import Any

from ..arguments import BATCH_SIZE, whole
from ..errors import UserError
from ..ranges import NUMBER, POSITIVE, check_ranges


def add_model_options(group: Any) -> None:
    """Add the options that :func:`model_options` and :func:`batch_limits` read."""
    group.add_argument("--batch-size", type=whole(), metavar="N", help=f"most pairs in a batch (default: {BATCH_SIZE})")
    group.add_argument("--max-tokens", type=whole(), metavar="N", help="most positions of a batch, sources included")
    group.add_argument(
        "--mixup-inference",
        action=argparse.BooleanOptionalAction,
        help="X-Mixup: with the text's translation into the source language, or the text alone (default: as trained)",
    )
    group.add_argument(
        "--inference-average", choices=("prob", "logit"), help="X-Mixup: what to average (default: as trained)"
    )
    group.add_argument(
        "--null-threshold", type=float, metavar="X",
        help="questions, checkpoints trained with unanswerable ones: no answer where its log score is more than X above"
        " the best answer's; inf: always an answer (default: as trained)",
    )  # fmt: skip
    group.add_argument("--device", metavar="DEVICE", help="cpu, cuda, cuda:1 (default: cuda when there is one)")
    precision = group.add_mutually_exclusive_group()
    precision.add_argument("--fp16", action="store_true", help="compute in float16 (CUDA only)")
    precision.add_argument("--bf16", action="store_true", help="compute in bfloat16")


def model_options(args: argparse.Namespace) -> dict[str, Any]:
    """Keyword arguments of :func:`~.checkpoint.load_fine_tuned`; UserError for options that contradict each other."""
    overrides: dict[str, object] = {}
    if args.mixup_inference is not None:
        overrides["no_mixup_inference"] = not args.mixup_inference
    if args.inference_average:
        if args.mixup_inference is False:
            raise UserError("--inference-average has no effect with --no-mixup-inference; drop one of the two")
        overrides["inference_average"] = args.inference_average
    if getattr(args, "tag_scheme", None):
        overrides["tag_scheme"] = args.tag_scheme
    if getattr(args, "null_threshold", None) is not None:
        NUMBER.check("--null-threshold", args.null_threshold)
        overrides["null_threshold"] = args.null_threshold
    if getattr(args, "source_language", None):
        overrides["source_language"] = args.source_language
    precision = "fp16" if args.fp16 else "bf16" if args.bf16 else "fp32"
    return {"overrides": overrides, "device": args.device, "precision": precision}


def batch_limits(args: argparse.Namespace) -> dict[str, int | None]:
    """Limits of a batch: the default number of pairs, unless only the number of positions is limited."""
    check_ranges(args, dict.fromkeys(("batch_size", "max_tokens"), POSITIVE))
    default = None if args.max_tokens else BATCH_SIZE
    return {"batch_size": args.batch_size or default, "max_tokens": args.max_tokens}


def short_names(paths: Sequence[str]) -> list[str]:
    """The parts of paths that tell them apart: ``runs/s1/best.pt``, ``runs/s2/best.pt`` give ``s1``, ``s2``."""
    split = [os.path.splitext(os.path.abspath(path))[0].split(os.sep) for path in paths]
    if len(split) == 1:
        *folders, name = split[0]
        return [folders[-1] if name.startswith("checkpoint") else name]
    while all(len(parts) > 1 for parts in split) and len({parts[0] for parts in split}) == 1:
        split = [parts[1:] for parts in split]
    while all(len(parts) > 1 for parts in split) and len({parts[-1] for parts in split}) == 1:
        split = [parts[:-1] for parts in split]
    return ["/".join(parts) for parts in split]


def column_names(names: str | None, paths: Sequence[str]) -> list[str]:
    """One name per path: those of ``--names``, else :func:`short_names`."""
    found = [name.strip() for name in names.split(",")] if names else short_names(paths)
    if len(found) != len(paths):
        raise UserError(f"--names {names}: {len(found)} names for {len(paths)} columns")
    wrong = [name for name in found if not name or found.count(name) > 1]
    if wrong:
        raise UserError(f"two columns would be called '{wrong[0]}'; pass different files and different --names")
    return found
