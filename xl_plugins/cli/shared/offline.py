"""Options that the commands share which run a pre-trained language model over training texts."""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...arguments import whole
from ...errors import UserError
from ...output import check_file, is_json, write_together
from ...ranges import POSITIVE, check_ranges
from .generation import add_job, check_shard

if TYPE_CHECKING:
    from ...data.binary.layout import DataBin


def add_running(running: Any, max_tokens: int, what: str) -> None:
    """``what``: what is made, for help texts."""
    running.add_argument("--json", metavar="FILE", help="write the report as JSON as well")
    add_job(running, f"{what} made with other options")
    running.add_argument(
        "--allow-finetuned", action="store_true", help="accept a checkpoint that was fine-tuned on a task"
    )
    running.add_argument(
        "--max-tokens", type=whole(), metavar="N",
        help=f"positions of a batch (default: {max_tokens}); less needs less memory",
    )  # fmt: skip
    running.add_argument("--device", metavar="DEVICE", help="cpu, cuda, cuda:1 (default: cuda when there is one)")
    precision = running.add_mutually_exclusive_group()
    precision.add_argument("--fp16", action="store_true", help="compute in float16 (CUDA only)")
    precision.add_argument("--bf16", action="store_true", help="compute in bfloat16")


def check_running(args: argparse.Namespace, numbers: tuple[str, ...], only_whole: tuple[str, ...]) -> None:
    """Options that contradict each other or are no numbers of anything.

    Args:
        numbers: options, with underscores, that must be at least 1.
        only_whole: options that a shard, which merges nothing, cannot serve.
    """
    check_ranges(args, dict.fromkeys(numbers, POSITIVE))
    check_shard(args, only_whole)
    if args.json:
        check_file(args.json, args.overwrite, "xl-augment", lambda path: is_json(path, _is_report))


def precision_of(args: argparse.Namespace) -> str:
    return "fp16" if args.fp16 else "bf16" if args.bf16 else "fp32"


def model_loader(args: argparse.Namespace, data: DataBin) -> Callable[[], Any]:
    """Loads the model of ``--path`` on its device, in its precision; what can be checked is checked at once."""
    from ...evaluation.checkpoint import PRECISIONS, find_device
    from ...huggingface.cached import hub_folder
    from ...models.pretrained import load_language_model

    precision = precision_of(args)
    device = find_device(args.device, precision)
    if not Path(args.path).is_file() and not hub_folder(args.path):
        raise UserError(f"--path {args.path}: no such file; give model.pt of the pre-trained model")
    logging.getLogger("xl_plugins").setLevel(logging.INFO)

    def load() -> Any:
        model = load_language_model(args.path, data.dictionary, args.allow_finetuned)
        return model.to(device=device, dtype=PRECISIONS[precision])

    return load


def write_report(path: str, content: Mapping[str, Any]) -> None:
    """``--json``"""
    write_together({path: json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"})


def _is_report(content: Any) -> bool:
    return (
        isinstance(content, dict)
        and bool(content)
        and all(isinstance(one, dict) and {"kind", "fingerprint"} <= one.keys() for one in content.values())
    )
