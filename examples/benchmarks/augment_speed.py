"""Augmentation of text during training: examples per second of one core.

    python examples/benchmarks/augment_speed.py corpus.txt.gz --spm sentencepiece.bpe.model --dict dict.txt \\
        --dictionaries muse

Tokenises the text, cuts it into examples of 128 pieces and augments them as a data worker does: split into words, draw
by code-switch, draw by subword sampling. The first epoch (tables of words not yet cached) stands apart from the later
ones, of which the median counts. Processor time is measured, so other work on the machine hardly matters.
"""

from __future__ import annotations

import argparse
import gzip
import resource
import statistics
import time
from pathlib import Path
from typing import Callable

import xl_plugins  # noqa: F401  (fairseq's repairs)
from xl_plugins.augment.primitives.base import generator
from xl_plugins.augment.primitives.code_switch import CodeSwitch
from xl_plugins.augment.primitives.dictionaries import load_dictionaries
from xl_plugins.augment.primitives.subword import SubwordSampling
from xl_plugins.augment.primitives.words import WordPieces
from xl_plugins.data.tokenizer import load_dictionary

Examples = list[list[int]]


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", type=Path, help="source text, plain or gzip; tabs count as blanks")
    parser.add_argument("--spm", required=True, help="SentencePiece model (unigram)")
    parser.add_argument("--dict", required=True, help="its dict.txt")
    parser.add_argument("--dictionaries", required=True, help="folder with en-xx.txt or en-xx.txt.gz")
    parser.add_argument("--source", default="en", help="language of the text (default: en)")
    parser.add_argument("--cs-languages", default="all", help="as in fairseq-train (default: all)")
    parser.add_argument("--cs-ratio", type=float, default=0.3, help="as in fairseq-train (default: 0.3)")
    parser.add_argument("--ss-ratio", type=float, default=0.5, help="as in fairseq-train (default: 0.5)")
    parser.add_argument("--ss-nbest", type=int, default=-1, help="as in fairseq-train (default: -1)")
    parser.add_argument("--pieces", type=int, default=128, help="pieces of an example (default: 128)")
    parser.add_argument("--examples", type=int, default=5000, help="at most so many examples (default: 5,000)")
    parser.add_argument("--repetitions", type=int, default=5, help="epochs after the first (default: 5)")
    return parser


def read_examples(args: argparse.Namespace, pieces: WordPieces) -> Examples:
    """Pieces of the text in a row, cut into examples of equal length."""
    opener = gzip.open if args.text.suffix == ".gz" else open
    ids: list[int] = []
    with opener(args.text, "rt", encoding="utf-8") as file:
        for line in file:
            ids += pieces.encode(line)
            if len(ids) >= args.pieces * args.examples:
                break
    return [ids[i : i + args.pieces] for i in range(0, len(ids) - args.pieces + 1, args.pieces)][: args.examples]


def make_jobs(
    args: argparse.Namespace, pieces: WordPieces, dictionaries: dict
) -> dict[str, Callable[[list[int], int, int], None]]:
    """The augmentations that are compared, by name; each has augmentations, and so caches, of its own."""

    def switch() -> CodeSwitch:
        return CodeSwitch(pieces, dictionaries, args.cs_ratio)

    def sample() -> SubwordSampling:
        return SubwordSampling(pieces, args.ss_ratio, nbest=args.ss_nbest)

    def job(*augmentations: Callable) -> Callable[[list[int], int, int], None]:
        def run(ids: list[int], epoch: int, example: int) -> None:
            words = pieces.split(ids)
            for view, augment in enumerate(augmentations):
                words = augment(words, generator(1, epoch, example, view)).words

        return run

    return {
        "splitting into words alone": job(),
        "code-switch": job(switch()),
        "subword sampling": job(sample()),
        "code-switch, then subword sampling": job(switch(), sample()),
    }


def seconds(run: Callable[[list[int], int, int], None], examples: Examples, epoch: int) -> float:
    start = time.process_time()
    for example, ids in enumerate(examples):
        run(ids, epoch, example)
    return time.process_time() - start


def main() -> None:
    args = make_parser().parse_args()
    pieces = WordPieces(load_dictionary(args.dict), args.spm)
    start = time.process_time()
    dictionaries = load_dictionaries(args.dictionaries, args.source, args.cs_languages)
    loading = time.process_time() - start
    examples = read_examples(args, pieces)
    if not examples:
        raise SystemExit(f"{args.text}: less than {args.pieces} pieces")
    words = sum(len(pieces.split(ids)) for ids in examples) / len(examples)
    print(f"{len(examples):,} examples of {args.pieces} pieces, {words:.0f} words; {len(pieces.dictionary):,} types")
    entries = sum(map(len, dictionaries.values()))
    print(f"{len(dictionaries)} dictionaries, {entries:,} source words, read in {loading:.2f} s")
    jobs = make_jobs(args, pieces, dictionaries)
    first = {name: seconds(run, examples, 0) for name, run in jobs.items()}
    later: dict[str, list[float]] = {name: [] for name in jobs}
    for epoch in range(1, args.repetitions + 1):
        for name, run in jobs.items():
            later[name].append(seconds(run, examples, epoch))
    print(f"{'examples per second':36} {'first epoch':>12} {'later':>9} {'(range)':>17} {'us each':>8}")
    for name, times in later.items():
        rates = [len(examples) / value for value in (first[name], statistics.median(times), max(times), min(times))]
        span = f"({rates[2]:,.0f}-{rates[3]:,.0f})"
        print(f"{name:36} {rates[0]:12,.0f} {rates[1]:9,.0f} {span:>17} {1e6 / rates[1]:8.1f}")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MiB")


if __name__ == "__main__":
    main()
