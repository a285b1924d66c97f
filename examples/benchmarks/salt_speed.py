"""Time and memory of SALT: making counterparts with the pre-trained model, and training on them.

    python examples/benchmarks/salt_speed.py             # making counterparts, XLM-R base shape, all cores
    python examples/benchmarks/salt_speed.py --memory    # peak memory of that, for several sizes of batches
    python examples/benchmarks/salt_speed.py --online    # training step against plain fine-tuning

Sentences are drawn from an invented dictionary in which 70 % of the pieces are words, and weights are random. Making
counterparts is compared with what of it cannot be saved (``bare``: the encoder, and one output projection of the
eligible positions) and with a naive loop, which takes one sentence at a time, keeps the probabilities of the whole
vocabulary at every position, and makes a table of them with its candidates alone for every language. Rounds are
interleaved, in turned order every other time; medians and where the time goes are printed. ``--memory`` runs each size
in a process of its own: resident memory (on cuda what torch allocated) above that of the loaded model. ``--online``
measures as step_speed.py does; every piece has another counterpart.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from salt_parts import CLOCKS, Clock, bare, counterparts, disagreements, make_finder, naive
from step_speed import LABELS, compare, config, empty_data, shape_parser
from torch import Tensor, nn

import xl_plugins  # noqa: F401  (registers tasks, models and criterions)
from xl_plugins.augment.counterparts.finder import MAX_TOKENS
from xl_plugins.criterions.plain import PlainCriterion
from xl_plugins.methods.plain.tasks import SentencePairConfig, SentencePairTask
from xl_plugins.methods.salt.task import SaltConfig, SaltTask
from xl_plugins.models.config import XLMRConfig
from xl_plugins.models.plain import XLMRModel

LONG = 500  # pieces of a long sentence


def make_parser() -> argparse.ArgumentParser:
    parser = shape_parser(__doc__)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--memory", action="store_true", help="peak memory of making counterparts instead of time")
    what.add_argument("--online", action="store_true", help="training step instead of making counterparts")
    what.add_argument("--growth", action="store_true", help="make counterparts once and print what memory it takes")
    parser.add_argument("--sentences", type=int, default=75, help="sentences of a round (default: 75)")
    parser.add_argument("--naive", type=int, default=10, help="of them in the naive loop, 0 for none (default: 10)")
    parser.add_argument("--pieces", type=int, default=25, help="pieces of a sentence (default: 25)")
    parser.add_argument("--candidates", type=int, default=8000, help="pieces of each language (default: 8,000)")
    parser.add_argument("--max-tokens", type=int, default=MAX_TOKENS, help=f"as in xl-augment (default: {MAX_TOKENS})")
    parser.add_argument(
        "--clock", choices=tuple(CLOCKS), default="wall",
        help="of making counterparts; wall: seconds that pass (default); cpu: processor seconds, for a busy machine",
    )  # fmt: skip
    return parser


def compare_offline(args: argparse.Namespace) -> None:
    Clock.kind = args.clock
    model, finder = make_finder(args)
    numbers, few = np.arange(args.sentences), np.arange(min(args.naive, args.sentences))

    def timed_naive() -> dict[str, float]:
        start = Clock.now()
        naive(model, finder, few)
        return {"all": Clock.now() - start}

    jobs: dict[str, Callable[[], dict[str, float]]] = {
        "counterparts": lambda: counterparts(model, finder, numbers),
        "bare": lambda: bare(model, finder, numbers),
    }
    if len(few):
        jobs["naive"] = timed_naive
        count, differing = disagreements(model, finder, few)
        print(f"{len(few)} sentences, {count} substitutions; the naive loop differs at {differing} positions")
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in jobs}
    for repetition in range(args.repetitions + 1):
        for name, job in list(jobs.items())[:: -1 if repetition % 2 else 1]:  # nobody always comes first
            measured = job()
            if repetition:  # the first round warms up
                rounds[name].append(measured)
    eligible = finder._eligible(finder.texts).mean() * (args.pieces + 1) / args.pieces
    print(f"{args.sentences} sentences x {args.pieces} pieces, {eligible:.0%} eligible, {args.layers} layers,"
          f" {args.types} types, {args.device}, {torch.get_num_threads()} threads, {args.clock} time,"
          f" medians of {args.repetitions} interleaved rounds")  # fmt: skip
    report(rounds, {"counterparts": args.sentences, "bare": args.sentences, "naive": len(few)})


def report(rounds: dict[str, list[dict[str, float]]], sentences: dict[str, int]) -> None:
    """Milliseconds per sentence of everything and of the parts, and ratios of the rounds."""
    for name, results in rounds.items():
        medians = {part: 1e3 * statistics.median(r[part] for r in results) / sentences[name] for part in results[0]}
        whole = medians.pop("all")
        shares = ", ".join(f"{part} {value:.1f} ({value / whole:.1%})" for part, value in medians.items())
        print(f"{name:13s} {whole:7.1f} ms per sentence   {shares}")
    seconds = {name: [one["all"] / sentences[name] for one in results] for name, results in rounds.items()}
    for above, below in (("counterparts", "bare"), ("naive", "counterparts")):
        if above in seconds:
            ratios = sorted(map(float.__truediv__, seconds[above], seconds[below]))
            print(f"{above} / {below}: {statistics.median(ratios):.3f} (rounds {ratios[0]:.3f} to {ratios[-1]:.3f})")


def growth(args: argparse.Namespace) -> None:
    """Make counterparts once and print GiB: of the loaded model, and what came on top."""
    finder = make_finder(args)[1]
    if args.device != "cpu":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
    else:
        Path("/proc/self/clear_refs").write_text("5")  # forgets the peak of building the model
        before = resident("VmRSS")
    finder.find(np.arange(args.sentences))
    peak = torch.cuda.max_memory_allocated() if args.device != "cpu" else resident("VmHWM")
    print(f"{before / 2**30:.3f} {(peak - before) / 2**30:.3f}")


def resident(field: str) -> int:
    """Bytes, as Linux counts them for this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))


def compare_memory(args: argparse.Namespace) -> None:
    """One full batch each."""
    for pieces in (args.pieces, LONG):
        for max_tokens in (args.max_tokens // 4, args.max_tokens, 4 * args.max_tokens):
            sentences = max(1, max_tokens // (pieces + 2))
            words = [sys.executable, __file__, "--growth", "--pieces", str(pieces), "--max-tokens", str(max_tokens)]
            words += ["--sentences", str(sentences)]
            for name in ("layers", "types", "candidates", "device"):
                words += [f"--{name}", str(getattr(args, name))]
            done = subprocess.run(words + ["--half"] * args.half, check=True, capture_output=True, text=True)
            before, grown = map(float, done.stdout.split()[-2:])
            print(f"--max-tokens {max_tokens:5d}, {sentences:3d} x {pieces:3d} pieces: loaded {before:.2f} GiB, "
                  f"peak {grown:.2f} GiB above that", flush=True)  # fmt: skip


def make_step(kind: str, data: Path, batch: dict, layers: int) -> tuple[nn.Module, Callable[[], Tensor]]:
    """Model and a function that gives the loss of the batch, through the real task and criterion."""
    options = {"data": str(data), "train_languages": "all"}
    if kind == "plain":
        task = SentencePairTask(config(SentencePairConfig, **options))
    else:
        task = SaltTask(config(SaltConfig, **options))
    model = XLMRModel.build_model(config(XLMRConfig, encoder_layers=layers), task)
    criterion = PlainCriterion(task)
    task.problem.register_head(model)
    updates = iter(range(1 << 30))

    def loss() -> Tensor:
        sample = batch if kind == "plain" else task.mixed(batch, model, next(updates))
        return criterion(model, sample)[0] / batch["nsentences"]

    return model, loss


def compare_online(args: argparse.Namespace) -> None:
    def draw() -> Tensor:
        return torch.randint(4, args.types - 1, (args.batch, args.length), device=args.device)

    torch.manual_seed(1)
    batch = {
        "id": torch.arange(args.batch, device=args.device),
        "language": torch.zeros(args.batch, dtype=torch.long, device=args.device),
        "target": torch.randint(0, len(LABELS), (args.batch,), device=args.device),
        "net_input": {"src_tokens": draw()}, "counterpart": draw(),
        "nsentences": args.batch, "ntokens": args.batch * args.length,
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        data = empty_data(Path(folder), args.types)
        steps = {kind: make_step(kind, data, batch, args.layers) for kind in ("plain", "salt")}
    compare(steps, args)


def main() -> None:
    args = make_parser().parse_args()
    if args.memory:
        compare_memory(args)
    elif args.growth:
        growth(args)
    elif args.online:
        compare_online(args)
    else:
        compare_offline(args)


if __name__ == "__main__":
    main()
