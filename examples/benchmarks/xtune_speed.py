"""Time and memory of one training step of xTune's two stages against plain fine-tuning, on batches of one shape.

    python examples/benchmarks/xtune_speed.py                          # XLM-R base shape, all cores
    python examples/benchmarks/xtune_speed.py --device cuda --half --batch 32 --length 128

Stage 1 is CE + R1: both views in one forward. Stage 2 adds R2: half of the rows are augmented copies, which a teacher
of the same shape reads too. Steps are interleaved as in step_speed.py; medians and their ratios are printed, for the
whole step and for forward and backward alone. ``--memory`` instead runs each kind in a process of its own and prints
its peak: on cuda what torch allocated, else resident memory. loader_share.py measures how long training waits for data.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
from step_speed import LABELS, compare, config, empty_data, shape_parser, timed, with_optimizer
from torch import nn

import xl_plugins  # noqa: F401  (registers tasks, models and criterions)
from xl_plugins.methods.plain.tasks import SentencePairConfig, SentencePairTask
from xl_plugins.methods.xtune.criterion import XTuneCriterion, XTuneCriterionConfig
from xl_plugins.models.config import XLMRConfig
from xl_plugins.models.plain import XLMRModel

KINDS = ("plain", "stage 1", "stage 2")


def make_batch(args: argparse.Namespace) -> dict:
    def draw() -> torch.Tensor:
        return torch.randint(4, args.types - 1, (args.batch, args.length), device=args.device)

    return {
        "id": torch.arange(args.batch, device=args.device),
        "language": torch.zeros(args.batch, dtype=torch.long, device=args.device),
        "target": torch.randint(0, len(LABELS), (args.batch,), device=args.device),
        "net_input": {"src_tokens": draw()}, "second": {"src_tokens": draw()},
        "augmented": torch.arange(args.batch, device=args.device) % 2 == 1,
        "view_words": torch.zeros(3, dtype=torch.long),
        "nsentences": args.batch, "ntokens": args.batch * args.length,
    }  # fmt: skip


def make_step(kind: str, data: Path, batch: dict, args: argparse.Namespace) -> tuple[nn.Module, Callable]:
    """Model and a function that gives the loss of the batch, through the real task and criterion."""
    views = {} if kind == "plain" else {"second_view": "gn", "augment": "gn"}  # the batch is made by hand
    task = SentencePairTask(config(SentencePairConfig, data=str(data), train_languages="all", **views))
    model, teacher = (XLMRModel.build_model(config(XLMRConfig, encoder_layers=args.layers), task) for _ in range(2))
    criterion = XTuneCriterion(config(XTuneCriterionConfig, r1_weight=0.0 if kind == "plain" else 5.0), task)
    task.problem.register_head(model)
    if kind == "stage 2":
        task.problem.register_head(teacher)
        criterion.cfg.r2_weight = 5.0
        criterion.consistency._teacher = [teacher.eval().requires_grad_(False)]
    return model, lambda: criterion(model, batch)[0] / batch["nsentences"]


def peak(args: argparse.Namespace) -> float:
    """GiB."""
    if args.device != "cpu":
        return torch.cuda.max_memory_allocated() / 2**30
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def compare_memory(args: argparse.Namespace) -> None:
    found = {}
    for kind in KINDS:
        words = [sys.executable, __file__, "--only", kind]
        for name in ("batch", "length", "layers", "types", "device"):
            words += [f"--{name}", str(getattr(args, name))]
        done = subprocess.run(words + ["--half"] * args.half, check=True, capture_output=True, text=True)
        found[kind] = float(done.stdout.split()[-2])
        print(f"{kind:8s} peak {found[kind]:.2f} GiB   plain + {found[kind] - found['plain']:.2f} GiB", flush=True)


def main() -> None:
    parser = shape_parser(__doc__)
    parser.add_argument("--memory", action="store_true", help="peak memory of each kind instead of time")
    parser.add_argument("--only", choices=KINDS, help="two steps of one kind, and its peak memory")
    args = parser.parse_args()
    if args.memory:
        compare_memory(args)
        return
    torch.manual_seed(1)
    batch = make_batch(args)
    with tempfile.TemporaryDirectory() as folder:
        data = empty_data(Path(folder), args.types)
        steps = {kind: make_step(kind, data, batch, args) for kind in ([args.only] if args.only else KINDS)}
    if not args.only:
        compare(steps, args)
        return
    run = with_optimizer(steps[args.only], args)
    for _ in range(2):
        timed(*run, args)
    print(f"{args.only}: peak {peak(args):.3f} GiB")


if __name__ == "__main__":
    main()
