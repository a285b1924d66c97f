#!/usr/bin/env python3
"""Multilingual text for a language-model head: real sentences, binarised for fairseq's masked language model.

    examples/experiments/study/lm_text.py --data DATA --spm FILE --dict FILE --languages en,de,fr --sentences 300000 OUT

DATA holds parallel/{ntrex,flores200,newstest}, udpos/ and panx/; every language gets the same share, as far as it has
text. OUT receives dict.txt, train, valid (2 %) and valid.LANG for each language, and raw/LANG.txt, by which a
vocabulary can be trimmed; with the trimmed one the script gives the same sentences again.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from fairseq.data.indexed_dataset import MMapIndexedDatasetBuilder, best_fitting_int_dtype

from xl_plugins.arguments import Parser, whole
from xl_plugins.data.tokenizer import PieceEncoder
from xl_plugins.errors import UserError, run_cli
from xl_plugins.formats.languages import parse_languages
from xl_plugins.formats.text import read_lines
from xl_plugins.output import Staging
from xl_plugins.terminal import say

COMMAND = "lm_text.py"
_LINES = (
    "parallel/ntrex/newstest2019.{}.gz",
    "parallel/flores200/devtest.{}.gz",
    "parallel/newstest/**/*.{}.gz",
    "parallel/bible_nt/{}.tsv.gz",  # number of the verse, tab, verse
)
# no test sets: an encoder that has read them would be another kind of transfer
_WORDS = ("udpos/train-{}.tsv.gz", "udpos/dev-{}.tsv.gz", "panx/train-{}.tsv.gz", "panx/dev-{}.tsv.gz")
_UNSPACED = ("ja", "zh", "th", "my")  # their words are written together


def make_parser() -> argparse.ArgumentParser:
    parser = Parser(prog=COMMAND, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, metavar="DATA", help="folder of the data sets")
    parser.add_argument("--spm", required=True, metavar="FILE", help="sentencepiece.bpe.model of the encoder")
    parser.add_argument("--dict", required=True, metavar="FILE", help="dict.txt of the encoder")
    parser.add_argument("--languages", required=True, metavar="en,de,...", help="languages of the text")
    parser.add_argument("--sentences", type=whole(1), default=300_000, metavar="N", help="default: %(default)s")
    parser.add_argument("--length", type=whole(8), default=64, metavar="N", help="most pieces (default: %(default)s)")
    parser.add_argument("--seed", type=whole(0), default=1, metavar="S", help="default: %(default)s")
    parser.add_argument("--overwrite", action="store_true", help="replace OUT if this script made it")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to write")
    return parser


def sentences(data: Path, language: str) -> list[str]:
    """All different sentences of a language, sorted."""
    found: set[str] = set()
    for pattern in _LINES:
        for path in sorted(data.glob(pattern.format(language))):
            found.update(" ".join(line.rpartition("\t")[2].split()) for line in read_lines(path))
    for pattern in _WORDS:
        for path in sorted(data.glob(pattern.format(language))):
            found.update(_joined(read_lines(path), "" if language in _UNSPACED else " "))
    return sorted(found - {""})


def _joined(lines: list[str], blank: str) -> Iterator[str]:
    """Sentences of a file with a word and a tag per line."""
    words: list[str] = []
    for line in [*lines, ""]:
        if line.strip():
            words.append(line.split("\t")[0])
        elif words:
            yield blank.join(words)
            words = []


def balanced(texts: dict[str, list[str]], count: int, seed: int) -> dict[str, list[str]]:
    """About ``count`` sentences in all, the same number of every language where it has so many; drawn at random."""
    chosen: dict[str, list[str]] = {}
    left = count
    for number, language in enumerate(sorted(texts, key=lambda name: len(texts[name]))):
        share = left // (len(texts) - number)
        drawn = random.Random(f"{seed} {language}").sample(texts[language], min(share, len(texts[language])))
        chosen[language] = drawn
        left -= len(drawn)
    return chosen


def write(prefix: Path, texts: list[str], encoder: PieceEncoder, length: int) -> None:
    ids, sizes = encoder.encode(texts)
    kind = best_fitting_int_dtype(len(encoder.dictionary) + 1)
    builder = MMapIndexedDatasetBuilder(f"{prefix}.bin", dtype=kind)
    for row in np.split(ids, np.cumsum(sizes)[:-1]):
        builder.add_item(torch.from_numpy(row if len(row) <= length else np.append(row[: length - 1], row[-1])))
    builder.finalize(f"{prefix}.idx")


def main(argv: list[str] | None = None) -> int:
    args = make_parser().parse_args(argv)
    languages = parse_languages(args.languages, "--languages")
    texts = {language: sentences(args.data, language) for language in languages}
    if missing := [language for language, found in texts.items() if not found]:
        raise UserError(f"--data {args.data}: no text of {', '.join(missing)}; give the folder of the data sets")
    encoder = PieceEncoder(args.spm, args.dict)
    with Staging(args.out, COMMAND, "OUT", args.overwrite, [args.data, args.spm, args.dict]) as staging:
        training, valid = [], []
        (staging.new / "raw").mkdir()
        for language, drawn in sorted(balanced(texts, args.sentences, args.seed).items()):
            held_out = max(1, len(drawn) // 50)
            write(staging.new / f"valid.{language}", drawn[:held_out], encoder, args.length)
            with open(staging.new / "raw" / f"{language}.txt", "w", encoding="utf-8") as file:
                file.writelines(f"{sentence}\n" for sentence in drawn)
            valid += drawn[:held_out]
            training += drawn[held_out:]
            say(f"{language}: {len(drawn)} of {len(texts[language])} sentences")
        random.Random(f"{args.seed} order").shuffle(training)
        write(staging.new / "train", training, encoder, args.length)
        write(staging.new / "valid", valid, encoder, args.length)
        (staging.new / "dict.txt").write_bytes(Path(args.dict).read_bytes())
        staging.commit()
    return 0


if __name__ == "__main__":
    run_cli(main)
