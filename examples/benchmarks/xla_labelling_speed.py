"""Time of labelling a pool of XLA: one batched pass of a member against one padded sentence at a time.

    python examples/benchmarks/xla_labelling_speed.py                           # XLM-R base shape, one thread
    python examples/benchmarks/xla_labelling_speed.py --pieces 1 --words 25     # one piece per word
    python examples/benchmarks/xla_labelling_speed.py --device cuda --clock wall

Sentences are invented, their words gamma distributed, and weights are random. ``batched`` is what co-training runs
before a stage, here on every sixteenth batch of the pool, as one of sixteen ranks would: a small pool would have more
padding than a real one. ``single`` takes one sentence at a time, padded to ``--padded`` positions, in two forward
passes, one for labels and confidences and one for losses (XLA's released code); the first alone is given as well.
Rounds are interleaved, in turned order every other time. Printed are medians of processor time per sentence, where
that of the batched pass goes, ratios of the rounds, and in how many words the labels of both differ.
"""

from __future__ import annotations

import argparse
import logging
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
import torch.nn.functional as F
from fairseq import utils
from salt_parts import CLOCKS, Clock, stopwatch
from step_speed import config
from xla_parts import tagging_data

import xl_plugins  # noqa: F401  (registers tasks, models and criterions)
from xl_plugins.functional.selection import unit_confidence
from xl_plugins.methods.plain.tasks import TaggingConfig, TaggingTask
from xl_plugins.methods.xla.cotraining import labelling
from xl_plugins.methods.xla.cotraining.labelling import Labeller
from xl_plugins.methods.xla.cotraining.pools import Pool
from xl_plugins.methods.xla.model import CotrainModel
from xl_plugins.models.config import XLMRConfig
from xl_plugins.models.plain import XLMRModel


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=5, help="rounds after one to warm up (default: 5)")
    parser.add_argument("--sentences", type=int, default=4096, help="of the pool (default: 4096)")
    parser.add_argument("--part", type=int, default=16, help="of the pool's batches, every so many (default: 16)")
    parser.add_argument("--single", type=int, default=5, help="of them one at a time in every round (default: 5)")
    parser.add_argument("--words", type=float, default=25, help="mean words of a sentence (default: 25)")
    parser.add_argument("--pieces", type=float, default=1.3, help="mean pieces of a word (default: 1.3)")
    parser.add_argument("--padded", type=int, default=280, help="positions of a single sentence (default: 280)")
    parser.add_argument("--label-tokens", type=int, default=2048, help="as --xla-label-tokens (default: 2048)")
    parser.add_argument("--layers", type=int, default=12, help="layers of the encoder (default: 12, XLM-R base)")
    parser.add_argument("--types", type=int, default=250002, help="vocabulary with special tokens (XLM-R: 250002)")
    parser.add_argument("--threads", type=int, default=1, help="of torch on the CPU (default: 1)")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default: cpu)")
    parser.add_argument(
        "--clock", choices=tuple(CLOCKS), default="cpu",
        help="cpu: processor seconds, for a busy machine (default); wall: seconds that pass",
    )  # fmt: skip
    return parser


def make_labeller(args: argparse.Namespace, root: Path) -> tuple[Labeller, Pool]:
    """A member with random weights, and the pool that it labels."""
    data = tagging_data(root, args.types, {"de/train": args.sentences}, args.words, args.pieces)
    task = TaggingTask(config(TaggingConfig, data=str(data), train_languages="all", max_length=args.padded))
    torch.manual_seed(1)
    member = XLMRModel.build_model(config(XLMRConfig, encoder_layers=args.layers), task)
    task.problem.register_head(member)
    model = CotrainModel(member.args, [member]).to(args.device)
    pool = Pool("tgt", "de", task.problem.pool_part("de", 0), task.problem)
    return Labeller(task, model, args.label_tokens, "none", 0), pool


def batches(labeller: Labeller, pool: Pool) -> list[np.ndarray]:
    """Numbers of the sentences in every batch that is labelled."""
    return [sample["unit"].numpy() for sample in labeller._samples(pool.dataset)]


def batched(labeller: Labeller, pool: Pool) -> tuple[dict[str, float], np.ndarray]:
    """Seconds of labelling the pool and of the parts of that, and its labels."""
    seconds: dict[str, float] = {"collating": 0.0}
    make, member = labeller._samples, labeller.model.members[0]

    def timed_samples(dataset: Any) -> Iterator[Any]:
        samples = iter(make(dataset))
        while True:
            start = Clock.now()
            sample = next(samples, None)
            seconds["collating"] += Clock.now() - start
            if sample is None:
                return
            yield sample

    labeller.changed(0)
    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(labeller, "_samples", timed_samples))
        stack.enter_context(stopwatch(seconds, "encoder", member.encoder, "forward"))
        start = Clock.now()
        found = labeller.labels(0, pool)
        seconds["all"] = Clock.now() - start
    seconds["head, confidences"] = seconds["all"] - seconds["encoder"] - seconds["collating"]
    return seconds, found.labels


def single(labeller: Labeller, pool: Pool, numbers: np.ndarray, padded: int) -> tuple[dict[str, float], list]:
    """Seconds of labelling these sentences one at a time, and their labels."""
    seconds, labels = {"one pass": 0.0, "all": 0.0}, []
    device = next(labeller.model.parameters()).device
    with labeller.model.evaluating():
        for number in numbers:
            start = Clock.now()
            sample = pool.dataset.collater([pool.dataset[int(number)]])
            inputs, missing = sample["net_input"], padded - sample["net_input"]["src_tokens"].size(1)
            inputs["src_tokens"] = F.pad(inputs["src_tokens"], (0, missing), value=pool.dataset.dictionary.pad())
            inputs["words"] = F.pad(inputs["words"], (0, missing))
            sample = utils.move_to_cuda(sample, device) if device.type == "cuda" else sample
            _, found, _ = forward(labeller, sample)
            middle = Clock.now()
            forward(labeller, sample)  # for the losses
            seconds["one pass"] += middle - start
            seconds["all"] += Clock.now() - start
            labels.append(found)
    return seconds, labels


def forward(labeller: Labeller, sample: dict) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    problem = labeller.problem
    output, _ = labeller.model.members[0](**sample["net_input"], classification_head_name=problem.head_name)
    probabilities, sizes = problem.values(output, sample)
    return unit_confidence(probabilities.cpu().numpy(), sizes.cpu().numpy())


def compare(args: argparse.Namespace, labeller: Labeller, pool: Pool) -> None:
    taken = batches(labeller, pool)
    order = np.random.default_rng(1).permutation(np.concatenate(taken))
    rounds: dict[str, list[dict[str, float]]] = {"batched": [], "single": []}
    words = differing = 0
    for repetition in range(args.repetitions + 1):
        numbers = np.roll(order, -repetition * args.single)[: args.single]
        for name in list(rounds)[:: -1 if repetition % 2 else 1]:  # nobody always comes first
            if name == "batched":
                measured, every = batched(labeller, pool)
            else:
                measured, some = single(labeller, pool, numbers, args.padded)
            if repetition:  # the first round warms up
                rounds[name].append(measured)
        for number, theirs in zip(numbers, some):
            ours = every[pool.starts[number] :][: pool.sizes[number]]
            words, differing = words + len(ours), differing + int((ours != theirs).sum())
    describe(args, pool, taken)
    report(rounds, {"batched": len(order), "single": len(numbers)})
    print(f"labels of {words} words compared: {differing} differ")


def describe(args: argparse.Namespace, pool: Pool, taken: list[np.ndarray]) -> None:
    units, sizes = np.concatenate(taken), pool.dataset.sizes
    widths = [len(batch) * sizes[batch].max() for batch in taken]
    print(f"{len(units)} of {len(pool)} sentences, {pool.sizes[units].mean():.1f} words ({pool.sizes[units].min()} to"
          f" {pool.sizes[units].max()}), {sizes[units].mean():.1f} positions ({sizes[units].min()} to"
          f" {sizes[units].max()}), in {len(taken)} batches of up to {args.label_tokens} positions, of which"
          f" {1 - sizes[units].sum() / sum(widths):.1%} are padding")  # fmt: skip
    print(f"{args.layers} layers, {args.types} types, {args.device}, {torch.get_num_threads()} threads,"
          f" {args.clock} time, medians of {args.repetitions} interleaved rounds")  # fmt: skip


def report(rounds: dict[str, list[dict[str, float]]], sentences: dict[str, int]) -> None:
    """Milliseconds per sentence of everything and of the parts, and ratios of the rounds."""
    for name, results in rounds.items():
        medians = {part: 1e3 * statistics.median(r[part] for r in results) / sentences[name] for part in results[0]}
        whole = medians.pop("all")
        shares = ", ".join(f"{part} {value:.2f} ({value / whole:.2%})" for part, value in medians.items())
        print(f"{name:8s} {whole:8.2f} ms per sentence   {shares}")
    for part, title in (("all", "two passes"), ("one pass", "one pass")):
        ratios = sorted(
            (theirs[part] / sentences["single"]) / (ours["all"] / sentences["batched"])
            for theirs, ours in zip(rounds["single"], rounds["batched"])
        )
        print(f"single ({title}) / batched: {statistics.median(ratios):.2f}"
              f" (rounds {ratios[0]:.2f} to {ratios[-1]:.2f})")  # fmt: skip


def main() -> None:
    args = make_parser().parse_args()
    Clock.kind = args.clock
    torch.set_num_threads(args.threads)
    logging.getLogger().setLevel(logging.WARNING)
    rank = args.part // 2, args.part
    with tempfile.TemporaryDirectory() as folder, mock.patch.object(labelling, "rank_and_size", lambda: rank):
        compare(args, *make_labeller(args, Path(folder)))


if __name__ == "__main__":
    main()
