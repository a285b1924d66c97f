"""Counterparts of a training set: what is to be scored, in blocks whose result depends on nothing but the data.

SALT (Wang et al., Findings of ACL 2023, section 2.3): every sentence is scored on its own, without masks, once for all
languages; every position that passes the threshold is substituted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from fairseq.data import Dictionary

from ...data.binary.layout import DataBin
from ...data.sentences import Sentences, distinct_texts, length_batches
from ...errors import UserError
from ...functional.substitution import eligible_positions, passes
from ..generation.texts import changeable
from ..primitives.piece_classes import PieceClasses
from ..primitives.vocabulary import LanguageVocabulary
from .dictionary import TranslationPairs
from .options import MAX_TOKENS, CounterpartOptions
from .report import Counts
from .scorer import CounterpartScorer

BLOCK = 4096  # texts that are batched by length together; what shards share out and resumed runs skip
_FIRST = 1000  # texts in which <unk> is looked for
_MAX_UNKNOWN = 0.1

Changes = tuple[np.ndarray, np.ndarray]  # flat positions, ascending, and the ids that come there


@dataclass
class TrainingTexts:
    """The different training texts of the source language; ``rows``: which of them each row of each field is."""

    texts: Sentences
    fields: Sequence[str]
    rows: list[np.ndarray]

    @classmethod
    def open(cls, data: DataBin) -> TrainingTexts:
        fields = changeable(data).texts
        columns = []
        for field in fields:
            opened = data.open_text(data.source_language, field, "train")
            empty = np.flatnonzero(np.asarray(opened.sizes) < 2)
            if len(empty):
                raise UserError(
                    f"{data.prefix(data.source_language, field, 'train')}.bin: row {int(empty[0]) + 1} has no piece;"
                    " remove the row from every file"
                )
            columns.append(Sentences.of(opened))
        if len({len(column) for column in columns}) > 1:
            counts = ", ".join(f"{len(column)} in {field}" for column, field in zip(columns, fields))
            raise UserError(f"{data.root}/{data.source_language}: rows differ: {counts}; prepare the data again")
        texts, rows = distinct_texts(columns)
        return cls(texts, fields, rows)

    def check_pieces(self, unknown: int, where: str) -> None:
        """UserError if the first texts are full of ``<unk>``: they were made with another tokenizer."""
        first = self.texts.ids[: int(self.texts.sizes[:_FIRST].sum())]
        share = float(np.mean(first == unknown)) if len(first) else 0.0
        if share > _MAX_UNKNOWN:
            raise UserError(
                f"{where}: {share:.0%} of the pieces of the first training texts are <unk>; SentencePiece model and"
                " dict.txt must be those of the checkpoint"
            )

    @property
    def blocks(self) -> int:
        return -(-len(self.texts) // BLOCK)

    def block(self, number: int) -> np.ndarray:
        """Numbers of the texts of a block."""
        return np.arange(number * BLOCK, min((number + 1) * BLOCK, len(self.texts)))

    def sample(self, count: int) -> np.ndarray:
        """``count`` text numbers at equal distances, or all."""
        if count >= len(self.texts):
            return np.arange(len(self.texts))
        return np.arange(count) * len(self.texts) // count


class CounterpartFinder:
    """Substitutes the texts of a block.

    Args:
        scorer: the model.
        max_length: positions of a sentence with ``<s>`` and ``</s>`` that the model takes; what a longer text has after
            them stays as it is.
        max_tokens: positions of a batch. Batches follow from the block and this number alone.
        listed: ids of the words that may be substituted; None: any.
    """

    def __init__(
        self, scorer: CounterpartScorer, texts: Sentences, classes: PieceClasses,
        vocabularies: Sequence[LanguageVocabulary], options: CounterpartOptions, dictionary: Dictionary,
        max_length: int, max_tokens: int = MAX_TOKENS, listed: np.ndarray | None = None,
    ) -> None:  # fmt: skip
        self.scorer, self.texts, self.classes, self.options = scorer, texts, classes, options
        self.vocabularies, self.dictionary = vocabularies, dictionary
        self.max_length, self.max_tokens, self.listed = max_length, max_tokens, listed
        self.judges: dict[str, TranslationPairs] = {}  # dictionaries that counterparts are compared with

    def find(
        self, numbers: np.ndarray, progress: Callable[[int], object] | None = None
    ) -> tuple[dict[str, Changes], dict[str, Counts]]:
        """Substitute some texts: changes by language, at flat positions of ``texts.take(numbers)``, and counts."""
        block = _packed(self.texts.take(numbers))
        eligible = self._eligible(block)
        names = [vocabulary.language for vocabulary in self.vocabularies]
        found: dict[str, list[Changes]] = {name: [] for name in names}
        counts = {name: Counts() for name in names}
        for rows in self._batches(block.sizes):
            batch = block.take(rows)
            lines, columns = self._positions(batch, eligible)
            places = batch.starts[lines] + columns
            tokens = batch.tokens(self.dictionary, self.max_length)
            ids, scores = self.scorer.score(tokens, torch.from_numpy(lines), torch.from_numpy(columns + 1))
            if bool(torch.isnan(scores).any()):
                raise UserError(
                    "the model's probabilities are not finite; leave --fp16 or --bf16 out, or give a sound checkpoint"
                )
            for number, name in enumerate(names):
                found[name].append(self._substitute(name, block, places, ids[:, number], scores[:, number], counts))
            if progress is not None:
                progress(len(rows))
        return {name: _sorted(parts) for name, parts in found.items()}, counts

    def _eligible(self, block: Sentences) -> np.ndarray:
        classes, ids = self.classes, block.ids
        unknown = ids == self.dictionary.unk()  # may be letters of the word that it stands in: ``dog<unk>`` is no dog
        eligible = eligible_positions(
            classes.starts[ids], classes.letter[ids] & ~unknown, classes.alnum[ids] | unknown,
            classes.special[ids] & ~unknown, self.options.positions == "whole-word",
        )  # fmt: skip
        return eligible & np.isin(ids, self.listed) if self.listed is not None else eligible

    def _batches(self, sizes: np.ndarray) -> Iterator[np.ndarray]:
        return length_batches(np.minimum(sizes + 1, self.max_length), self.max_tokens)

    def _positions(self, batch: Sentences, eligible: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rows and columns, in the text, of the eligible pieces that the model sees."""
        width = int(min(batch.sizes.max() - 1, self.max_length - 2))
        columns = np.arange(width)
        inside = columns[None] < batch.sizes[:, None] - 1
        flat = np.where(inside, batch.starts[:, None] + columns[None], 0)
        rows, places = np.nonzero(inside & eligible[flat])
        return rows, places

    def _substitute(
        self, name: str, block: Sentences, places: np.ndarray, ids: torch.Tensor, scores: torch.Tensor,
        counts: dict[str, Counts],
    ) -> Changes:  # fmt: skip
        passed = passes(scores, self.options.tau(name)).numpy()
        other = ids.numpy() != block.ids[places]
        changed = passed & other
        if name in self.judges:
            verdict = self.judges[name].judge(block.ids[places], ids.numpy())
            counts[name].judge(scores.numpy(), *verdict)
        counts[name].add(scores.numpy(), int(changed.sum()), int((passed & ~other).sum()))
        return places[changed], ids.numpy()[changed]


def _packed(texts: Sentences) -> Sentences:
    """The same texts one after the other."""
    starts = np.cumsum(texts.sizes) - texts.sizes
    places = np.arange(int(texts.sizes.sum())) + np.repeat(texts.starts - starts, texts.sizes)
    return Sentences(texts.ids[places], starts, texts.sizes)


def _sorted(parts: Sequence[Changes]) -> Changes:
    places, ids = np.concatenate([p for p, _ in parts]), np.concatenate([i for _, i in parts])
    order = np.argsort(places)
    return places[order], ids[order].astype(np.int32)
