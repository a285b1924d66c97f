"""Time of a Tatoeba evaluation against the time of only encoding its sentences, in interleaved rounds.

    python examples/benchmarks/retrieval_speed.py                      # random sentences and weights, 34 languages
    python examples/benchmarks/retrieval_speed.py --data data-bin/tatoeba --path xlmr.base/model.pt

The evaluation is what xl-evaluate runs: reading the checkpoint, opening and checking files, encoding, nearest
neighbours in both directions, writing predictions. Encoding alone starts with the model in memory and the files open.
The smaller the encoder, the more everything else weighs.
"""

from __future__ import annotations

import argparse
import logging
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from fairseq.data import Dictionary

import xl_plugins  # noqa: F401  (registers tasks, models and criterions)
from xl_plugins.data.binary.layout import DataBin
from xl_plugins.data.binary.writer import IndexedWriter
from xl_plugins.evaluation.options import add_model_options
from xl_plugins.evaluation.retrieval import scores as retrieval
from xl_plugins.evaluation.retrieval.encode import SentenceEncoder, Sentences, load_sentence_encoder
from xl_plugins.models.plain import XLMRModel

LANGUAGES = "af ar bg bn de el es et eu fa fi fr he hi id it ja jv ka kk ml mr nl pt ru sw ta te th tl tr ur vi zh"

CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
clock = CLOCKS["wall"]


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="folder of xl-prepare tatoeba (default: random sentences)")
    parser.add_argument("--path", help="checkpoint that fits it (default: random weights)")
    parser.add_argument("--repetitions", type=int, default=5, help="rounds after one to warm up (default: 5)")
    parser.add_argument("--sentences", type=int, default=1000, help="pairs of a language (Tatoeba: 1000)")
    parser.add_argument("--pieces", type=float, default=10.0, help="mean pieces of a sentence (default: 10)")
    parser.add_argument("--layers", type=int, default=3, help="layers of the encoder (default: 3)")
    parser.add_argument("--width", type=int, default=128, help="its width, with width / 32 heads (default: 128)")
    parser.add_argument("--types", type=int, default=12000, help="vocabulary with special tokens (default: 12000)")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default: cpu)")
    parser.add_argument(
        "--clock", choices=tuple(CLOCKS), default="wall",
        help="wall: seconds that pass (default); cpu: processor seconds of this process, for a machine that is busy",
    )  # fmt: skip
    return parser


def make_data(root: Path, args: argparse.Namespace) -> None:
    """Random sentences; the English side is another order of the same ones."""
    dictionary = Dictionary()
    for number in range(args.types - dictionary.nspecial - 1):  # <mask> is added when it is read
        dictionary.add_symbol(f"p{number}")
    dictionary.save(str(root / "dict.txt"))
    draw = np.random.default_rng(1)
    for language in LANGUAGES.split():
        order = draw.permutation(args.sentences)
        rows = [draw.integers(4, args.types - 1, 2 + draw.poisson(args.pieces - 2)) for _ in order]
        for folder, made in ((language, rows), (f"{language}/en-view", [rows[i] for i in order])):
            (root / folder / "input0").mkdir(parents=True)
            writer = IndexedWriter(str(root / folder / "input0" / "test"), args.types)
            writer.append(np.concatenate([[*row, 2] for row in made]), np.array([len(row) + 1 for row in made]))
            writer.close()
        (root / language / "gold").mkdir()
        np.save(root / language / "gold" / "test.npy", np.stack([order, np.arange(len(order))], axis=1))


def make_checkpoint(path: Path, root: Path, args: argparse.Namespace) -> None:
    options = argparse.Namespace(
        encoder_layers=args.layers, encoder_embed_dim=args.width, encoder_ffn_embed_dim=4 * args.width,
        encoder_attention_heads=max(args.width // 32, 1), max_positions=512, arch="roberta_base", task="masked_lm",
        criterion="masked_lm", lr=[0.1], tokens_per_sample=512,
    )  # fmt: skip
    torch.manual_seed(1)
    holder = argparse.Namespace(source_dictionary=DataBin(root).dictionary)
    model = XLMRModel.build_model(argparse.Namespace(**vars(options)), holder)
    history = {"criterion_name": "", "optimizer_name": "", "num_updates": 0, "lr_scheduler_state": {}}
    state = {"args": options, "model": model.state_dict(), "optimizer_history": [history], "extra_state": {"epoch": 1}}
    torch.save(state, path)


def timed(seconds: dict[str, float], name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, its time added to ``seconds[name]``."""

    def measured(*args: Any, **kwargs: Any) -> Any:
        start = clock()
        try:
            return function(*args, **kwargs)
        finally:
            seconds[name] += clock() - start

    return measured


def evaluate(arguments: argparse.Namespace, seconds: dict[str, float]) -> None:
    """The whole evaluation, with the time of its parts."""
    kept = {name: getattr(retrieval, name) for name in ("load_sentence_encoder", "find_translations", "_sides")}
    encode = SentenceEncoder.encode
    parts = {"load_sentence_encoder": "checkpoint", "find_translations": "search", "_sides": "reading"}
    for name, function in kept.items():
        setattr(retrieval, name, timed(seconds, parts[name], function))
    SentenceEncoder.encode = timed(seconds, "encoding", encode)  # type: ignore[method-assign]
    try:
        timed(seconds, "evaluation", retrieval.run)(arguments)
    finally:
        SentenceEncoder.encode = encode  # type: ignore[method-assign]
        for name, function in kept.items():
            setattr(retrieval, name, function)


def encode_only(data: DataBin, encoder: SentenceEncoder, texts: list[Sentences], seconds: dict[str, float]) -> None:
    start = clock()
    for sentences in texts:
        encoder.encode(sentences, **retrieval.BATCH)
    if encoder.device.type == "cuda":
        torch.cuda.synchronize()
    seconds["encoding alone"] += clock() - start


def measure(args: argparse.Namespace, folder: Path) -> dict[str, list[float]]:
    root, path = Path(args.data or folder), args.path or str(folder / "model.pt")
    if not args.data:
        make_data(root, args)
    if not args.path:
        make_checkpoint(Path(path), root, args)
    parser = argparse.ArgumentParser()
    add_model_options(parser)
    retrieval.add_options(parser)
    arguments = parser.parse_args(["--device", args.device])
    vars(arguments).update(data=str(root), path=[path], names=None, split="test", task="tatoeba", languages=None,
                           output=str(folder / "out"), overwrite=True, source_language=None)  # fmt: skip
    data = DataBin(root)
    encoder = load_sentence_encoder(path, data.dictionary, device=args.device)
    languages = [language for language in data.languages if data.has(language, "test")]
    texts = [Sentences.of(data.open_text(lang, "input0", "test", view)) for lang in languages for view in (False, True)]
    print(
        f"{len(languages)} languages, {sum(map(len, texts))} sentences, {sum(t.sizes.sum() for t in texts)} pieces;"
        f" {encoder.describe()}, width {encoder.width}, {args.device}, {torch.get_num_threads()} threads,"
        f" {args.clock} time"
    )
    rounds: dict[str, list[float]] = defaultdict(list)
    for repetition in range(args.repetitions + 1):
        seconds: dict[str, float] = defaultdict(float)
        steps = [lambda: evaluate(arguments, seconds), lambda: encode_only(data, encoder, texts, seconds)]  # noqa: B023
        for step in steps[:: -1 if repetition % 2 else 1]:  # neither always comes first
            step()
        if repetition:  # the first round warms up
            for name, value in seconds.items():
                rounds[name].append(value)
    return rounds


def main() -> None:
    global clock
    args = make_parser().parse_args()
    clock = CLOCKS[args.clock]
    logging.getLogger().setLevel(logging.WARNING)  # fairseq tells of every file it opens
    with tempfile.TemporaryDirectory() as folder:
        rounds = measure(args, Path(folder))
    medians = {name: statistics.median(values) for name, values in rounds.items()}
    whole, alone = medians["evaluation"], medians["encoding alone"]
    print(f"medians of {args.repetitions} interleaved rounds")
    print(f"{'encoding alone':16s} {alone:8.3f} s")
    ratios = [one / other for one, other in zip(rounds["evaluation"], rounds["encoding alone"])]
    own = [one / other for one, other in zip(rounds["evaluation"], rounds["encoding"])]
    print(f"{'evaluation':16s} {whole:8.3f} s   {whole / alone:.3f} x encoding alone (rounds {min(ratios):.3f} to"
          f" {max(ratios):.3f}), {statistics.median(own):.3f} x the encoding inside it")  # fmt: skip
    parts = ("checkpoint", "reading", "encoding", "search")
    for name in parts:
        print(f"  {name:14s} {medians[name]:8.3f} s   {medians[name] / whole:6.1%}")
    print(f"  {'other':14s} {whole - sum(medians[name] for name in parts):8.3f} s")


if __name__ == "__main__":
    main()
