"""Time of GEN-LM (XLA's virtual sentences): batches of masks against one mask at a time.

    python examples/benchmarks/genlm_speed.py --threads 1 --clock cpu       # XLM-R base shape
    python examples/benchmarks/genlm_speed.py --device cuda --batch 1024 --sentences 2000 --single 20

Sentences of words of one piece are drawn from an invented dictionary, weights are random. ``batched`` is what
``xl-augment vicinity`` does; ``fill-mask`` is one call of the model per prediction for one sentence, with the
language-model head on every position, as fairseq's and Hugging Face's mask filling do it (without their tokenisation);
``one position`` is the same with the head on the mask alone. Predictions that would change the number of words are
ruled out in all three, so that all make the same ones. Rounds are interleaved, in turned order every other time.
Medians are printed, and how many virtual sentences of ``fill-mask`` and ``batched`` are equal.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import torch
from salt_parts import CLOCKS, Clock, make_dictionary
from step_speed import config, shape_parser

import xl_plugins  # noqa: F401  (registers tasks, models and criterions)
from xl_plugins.augment.primitives.piece_classes import PieceClasses
from xl_plugins.augment.primitives.words import BOUNDARY
from xl_plugins.augment.vicinity.generator import Samples, Vicinity
from xl_plugins.augment.vicinity.mask_filler import MaskFiller
from xl_plugins.augment.vicinity.sites import draw_sites, site_count
from xl_plugins.augment.vicinity.texts import Slots
from xl_plugins.models.config import XLMRConfig
from xl_plugins.models.plain import XLMRModel

Sentence = list[int]


def make_parser() -> argparse.ArgumentParser:
    parser = shape_parser(__doc__)
    parser.set_defaults(repetitions=10, batch=64)
    parser.add_argument("--sentences", type=int, default=22, help="sentences of a round (default: 22)")
    parser.add_argument("--single", type=int, default=1, help="of them one mask at a time (default: 1)")
    parser.add_argument("--words", type=int, default=25, help="words of a sentence (default: 25)")
    parser.add_argument("--percent", default="30", help="words that are replaced (default: 30)")
    parser.add_argument("--samples", type=int, default=3, help="virtual sentences per sentence (default: 3)")
    parser.add_argument("--threads", type=int, help="of torch (default: as torch has it)")
    parser.add_argument(
        "--clock", choices=tuple(CLOCKS), default="wall",
        help="wall: seconds that pass (default); cpu: processor seconds, for a busy machine",
    )  # fmt: skip
    return parser


class Bench:
    """A model with random weights in eval mode, sentences, and the words to be replaced; ``--batch`` virtual sentences
    at most."""

    def __init__(self, args: argparse.Namespace) -> None:
        torch.manual_seed(1)
        self.dictionary = make_dictionary(args.types)
        task = SimpleNamespace(source_dictionary=self.dictionary)
        model = XLMRModel.build_model(config(XLMRConfig, encoder_layers=args.layers), task).eval()
        half = torch.float16 if args.device != "cpu" else torch.bfloat16
        self.model = model.to(device=args.device, dtype=half if args.half else torch.float32)
        self.device = args.device
        self.classes = PieceClasses(self.dictionary)
        # words are pieces, so that the tokenizer would give them back; the dictionary alone does here
        pieces = SimpleNamespace(
            dictionary=self.dictionary, encode=lambda text: (self.dictionary.index(BOUNDARY + text),)
        )
        self.filler = MaskFiller(self.model, self.classes, keep_boundaries=True)
        self.vicinity = Vicinity(self.filler, pieces, self.classes, True, 512, max_tokens=args.batch * (args.words + 2))  # type: ignore[arg-type]
        known = np.flatnonzero(self.classes.starts & self.classes.letter)
        self.texts = np.random.default_rng(1).choice(known, (args.sentences, args.words))
        count = site_count(args.words, args.percent)
        drawn = [draw_sites(np.arange(args.words), count, args.samples, (1, i, 0, 0)) for i in range(args.sentences)]
        self.items = [(sentence, sites) for sentence, all_sites in enumerate(drawn) for sites in all_sites]
        self.few = [item for item in self.items if item[0] < args.single]

    def batched(self, items: list[tuple[int, np.ndarray]]) -> list[Sentence]:
        rows, words = self.texts.shape
        sizes = np.ones(rows * words, dtype=np.int64)
        slots = Slots(self.texts.ravel(), np.full(rows, words), sizes, np.full(rows, words))
        samples: Samples = self.vicinity.replace(
            slots, np.array([sentence for sentence, _ in items]), [sites for _, sites in items]
        )
        assert not samples.state.any()
        return [samples.sentence(number).tolist() for number in range(len(items))]

    @torch.inference_mode()
    def single(self, items: list[tuple[int, np.ndarray]], everywhere: bool) -> list[Sentence]:
        found = []
        head, bias = self.filler.head, self.filler.biases[1]
        for sentence, sites in items:
            tokens = torch.from_numpy(np.concatenate([[0], self.texts[sentence], [2]])).to(self.device)
            for site in sites.tolist():
                tokens[site + 1] = self.vicinity.mask
                features, _ = self.model.encoder.extract_features(tokens[None])
                chosen = features[0] if everywhere else features[0, site + 1 : site + 2]
                states = head.layer_norm(head.activation_fn(head.dense(chosen)))
                logits = torch.nn.functional.linear(states, head.weight, bias)
                tokens[site + 1] = logits[site + 1 if everywhere else 0].argmax()
            found.append(tokens[1:-1].tolist())
        return found


def main() -> None:
    args = make_parser().parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    Clock.kind = args.clock
    bench = Bench(args)
    every, few = bench.items[: max(args.batch, len(bench.few))], bench.few
    jobs: dict[str, tuple[Callable[[], list[Sentence]], int]] = {
        "fill-mask": (lambda: bench.single(few, True), len(few)),
        "one position": (lambda: bench.single(few, False), len(few)),
        "batched": (lambda: bench.batched(every), len(every)),
    }
    rounds: dict[str, list[float]] = {name: [] for name in jobs}
    found: dict[str, list[Sentence]] = {}
    for repetition in range(args.repetitions + 1):
        for name, (job, count) in list(jobs.items())[:: -1 if repetition % 2 else 1]:  # nobody always comes first
            start = Clock.now()
            found[name] = job()
            if repetition:  # the first round warms up
                rounds[name].append((Clock.now() - start) / count)
    equal = sum(map(list.__eq__, found["fill-mask"], found["batched"]))
    print(f"{equal} of {len(few)} virtual sentences equal")
    print(f"{args.words} words, {site_count(args.words, args.percent)} replaced, batches of {args.batch},"
          f" {args.layers} layers, {args.types} types, {args.device}, {torch.get_num_threads()} threads, {args.clock}"
          f" time, medians of {args.repetitions} interleaved rounds")  # fmt: skip
    for name, seconds in rounds.items():
        ratios = sorted(map(float.__truediv__, rounds["fill-mask"], seconds))
        print(f"{name:13s} {1 / statistics.median(seconds):8.3f} virtual sentences/s, {statistics.median(ratios):.2f}"
              f" times fill-mask (rounds {ratios[0]:.2f} to {ratios[-1]:.2f})")  # fmt: skip


if __name__ == "__main__":
    main()
