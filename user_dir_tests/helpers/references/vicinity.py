"""GEN-LM (Bari et al., ACL 2021, section 3.2) a second time: one sentence after the other in float64, by the strings of
pieces, one call of the model per mask and the logits of every piece."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import sentencepiece
import torch

from user_dir_tests.helpers.references.counterparts import float64_model
from user_dir_tests.helpers.toys.toy_vicinity import POSITIONS, World
from xl_plugins.augment.primitives.piece_classes import PieceClasses
from xl_plugins.augment.primitives.words import WordPieces
from xl_plugins.augment.vicinity.examples import ExampleMaker
from xl_plugins.augment.vicinity.generator import Vicinity
from xl_plugins.augment.vicinity.mask_filler import MaskFiller
from xl_plugins.augment.vicinity.options import VicinityOptions
from xl_plugins.augment.vicinity.texts import VicinityTexts
from xl_plugins.data.binary.layout import DataBin, load_with_mask
from xl_plugins.models.pretrained import load_language_model

MARK = "\u2581"
SPECIAL = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
Words = list[list[str]]


class Sample(NamedTuple):
    """Words of a virtual sentence, or why there is none; ``gap``: the smallest one between the best two logits."""

    words: Words | None
    reason: str
    gap: float
    sites: list[int]


@dataclass
class Oracle:
    """Rules as the article and its released code have them, without what the latter does wrong."""

    world: World
    percent: int = 30
    min_chars: int = 3
    min_words: int = 5
    max_words: int = 150
    word_start_only: bool = False
    keep_duplicates: bool = False
    seed: int = 1
    calls: int = 0
    counts: Counter = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.dictionary = load_with_mask(self.world.tagged / "dict.txt")
        self.symbols: list[str] = self.dictionary.symbols
        self.spm = sentencepiece.SentencePieceProcessor(model_file=str(self.world.spm.model))
        self.model = float64_model(self.world.state, self.dictionary, POSITIONS)
        self.candidates = [number for number, piece in enumerate(self.symbols) if piece not in SPECIAL]
        if self.word_start_only:
            self.candidates = [
                n for n in self.candidates if self.symbols[n].startswith(MARK) and self.symbols[n] != MARK
            ]

    # -- one sentence --

    def eligible(self, words: Words) -> list[int]:
        return [number for number, word in enumerate(words) if len(surface(word)) >= self.min_chars]

    def skipped(self, words: Words) -> str | None:
        """Why nothing is made of a sentence."""
        if len(words) < self.min_words:
            return "short"
        if len(words) > self.max_words:
            return "long"
        if sum(map(len, words)) + 2 > POSITIONS:
            return "unfit"
        return None if self.eligible(words) else "ineligible"

    def sites(self, words: Words, samples: int, seed: Sequence[int]) -> list[list[int]]:
        """Words that are replaced in each sample, in that order."""
        draw = np.random.RandomState(list(seed))
        want = min(len(self.eligible(words)), max(1, len(words) * self.percent // 100))
        stock: list[int] = []
        found: list[list[int]] = []
        for _ in range(samples):
            mine: list[int] = []
            while len(mine) < want:
                if not any(word not in mine for word in stock):
                    stock = draw.permutation(self.eligible(words)).tolist()
                place = next(place for place, word in enumerate(stock) if word not in mine)
                mine.append(stock.pop(place))
            found.append(mine)
        return [mine for number, mine in enumerate(found) if sorted(mine) not in map(sorted, found[:number])]

    def predict(self, words: Words, site: int) -> tuple[str, float]:
        """Best piece in the place of a word, and by how much."""
        pieces = ["<s>"]
        for number, word in enumerate(words):
            if number == site:
                place = len(pieces)
            pieces += ["<mask>"] if number == site else word
        ids = [self.dictionary.index(piece) for piece in [*pieces, "</s>"]]
        with torch.no_grad():
            logits = self.model(torch.tensor([ids]))[0][0, place].tolist()
        self.calls += 1
        ranked = sorted(self.candidates, key=lambda number: (-logits[number], number))
        return self.symbols[ranked[0]], logits[ranked[0]] - logits[ranked[1]]

    def sample(self, words: Words, sites: list[int]) -> Sample:
        """Replace words one at a time."""
        words, gap = [list(word) for word in words], math.inf
        for site in sites:
            piece, lead = self.predict(words, site)
            gap = min(gap, lead)
            if not piece.startswith(MARK) and site > 0:
                return Sample(None, "glued", gap, sites)
            spelt = [self.known(one) for one in self.spm.encode(piece.replace(MARK, ""), out_type=str)]
            if not spelt:
                return Sample(None, "empty", gap, sites)
            words[site] = spelt
            if sum(map(len, words)) + 2 > POSITIONS:
                return Sample(None, "overlong", gap, sites)
        return Sample(words, "", gap, sites)

    def known(self, piece: str) -> str:
        return piece if piece in self.dictionary.indices else "<unk>"

    # -- one text --

    def samples(self, words: Words, row: int, side: int, samples: int) -> list[Sample]:
        """Samples of a sentence that are kept."""
        reason = self.skipped(words)
        if reason:
            self.counts[reason] += 1
            return []
        drawn = self.sites(words, samples, (self.seed, row, side, 0))
        self.counts["repeated"] += samples - len(drawn)
        kept: list[Sample] = []
        for sites in drawn:
            one = self.sample(words, sites)
            if one.words is not None and not self.keep_duplicates and one.words in [words, *(k.words for k in kept)]:
                one = one._replace(words=None, reason="duplicate")
            if one.words is None:
                self.counts[one.reason] += 1
            else:
                kept.append(one)
        return kept

    def tagged(self, language: str, samples: int = 3) -> list[tuple[int, Sample]]:
        """Row and sample of every virtual sentence of the tagged folder."""
        rows = words_of(DataBin(self.world.tagged), language)
        return [(row, one) for row, words in enumerate(rows) for one in self.samples(words, row, 0, samples)]

    def pairs(self, language: str, samples: tuple[int, int] = (2, 2)) -> list[tuple[int, Sample, Sample]]:
        """Row and both samples of every virtual pair."""
        data, found = DataBin(self.world.pairs), []
        sides = [words_of(data, language, f"input{side}") for side in (0, 1)]
        for row, both in enumerate(zip(*sides)):
            made = [self.samples(words, row, side, samples[side]) for side, words in enumerate(both)]
            self.counts["one_sided"] += (not made[0]) != (not made[1])
            found += [(row, left, right) for left in made[0] for right in made[1]]
        return found


def surface(word: list[str]) -> str:
    """The spelling of a word; of what the tokenizer does not know only the length matters."""
    return "".join("?" if piece == "<unk>" else piece for piece in word).replace(MARK, "")


def words_of(data: DataBin, language: str, column: str = "input0", folder: str = "") -> list[Words]:
    """Sentences as words as pieces: by U+2581, which in the toy world is what the ``words`` files say too."""
    opened = data.open_text(f"{language}/{folder}" if folder else language, column, "train")
    return [split([data.dictionary.symbols[i] for i in opened[row].tolist()[:-1]]) for row in range(len(opened))]


def split(pieces: list[str]) -> Words:
    words: Words = []
    for piece in pieces:
        if piece.startswith(MARK) or not words:
            words.append([])
        words[-1].append(piece)
    return words


# -- the package's own, put together --


def maker(world: World, data: Path, language: str, max_tokens: int, window: int, **changed: Any) -> ExampleMaker:
    """The job that makes virtual examples of a data folder of the world."""
    opened = DataBin(data)
    classes = PieceClasses(opened.dictionary)
    model = load_language_model(str(world.model), opened.dictionary)
    problem = "tagging" if data == world.tagged else "sentence_pair"
    options = VicinityOptions(problem, (3,) if problem == "tagging" else (2, 2), **changed)
    filler = MaskFiller(model, classes, options.word_start_only, chunk_bytes=1000)
    engine = Vicinity(filler, WordPieces.of(opened), classes, options.slot == "word", POSITIONS, max_tokens, window)
    return ExampleMaker(VicinityTexts(opened, language, classes, options.slot), options, engine)


def sentences(made: ExampleMaker, rows: np.ndarray, field: int = 0) -> list[tuple[int, list[list[str]]]]:
    """Row and words of every virtual sentence."""
    examples, _ = made.make(rows)
    ids, sizes = examples.texts[field]
    symbols, ends = made.texts.data.dictionary.symbols, np.cumsum(sizes)
    texts = [[symbols[i] for i in ids[end - size : end - 1].tolist()] for end, size in zip(ends, sizes)]
    return [(int(row), split(text)) for row, text in zip(examples.parents, texts)]
