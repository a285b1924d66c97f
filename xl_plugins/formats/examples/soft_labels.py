"""Files of soft labels: ``word TAB p1;p2;...;pC`` per line, a blank line between sentences (X-Mixup, section 4.2)."""

from __future__ import annotations

from typing import Iterator, Sequence

import numpy as np

from xl_plugins.errors import UserError
from xl_plugins.formats.examples.words import tidy
from xl_plugins.formats.tsv import LineReader

_TOLERANCE = 1e-3  # of the sum of a distribution


def _sentences(path: str) -> Iterator[list[tuple[int, str]]]:
    block: list[tuple[int, str]] = []
    for line, text in LineReader(path, blank=True):
        if text:
            block.append((line, text))
        elif block:
            yield block
            block = []
    if block:
        yield block


class SoftLabels:
    """Reads a file of soft labels beside the sentences it belongs to."""

    def __init__(self, path: str, labels: tuple[str, ...], partner: str) -> None:
        self.path, self.labels, self.partner = path, labels, partner
        self._blocks = _sentences(path)
        self._count = 0

    def take(self, sentences: Sequence[list[str]]) -> np.ndarray:
        """Vectors of the next ``sentences`` (words of each), float32 (words, C); UserError where they do not fit."""
        lines: list[int] = []
        vectors: list[str] = []
        for words in sentences:
            block = next(self._blocks, None)
            if block is None:
                raise UserError(f"{self.path}: {self._count} sentences, but {self.partner} has more; each needs one")
            self._count += 1
            if len(block) != len(words):
                raise UserError(
                    f"{self.path}:{block[0][0]}: {len(block)} vectors, but the sentence has {len(words)} words in "
                    f"{self.partner}; make the soft labels from the same text"
                )
            for (line, text), word in zip(block, words):
                found, tab, vector = text.partition("\t")
                vector = vector.rstrip("\t ")
                if not tab:
                    raise UserError(f"{self.path}:{line}: expected 'word TAB p1;p2;...', found {text[:60]!r}")
                if tidy(found, xtreme=False) != word and tidy(found, xtreme=True) != tidy(word, xtreme=True):
                    raise UserError(f"{self.path}:{line}: the word is '{found}', but '{word}' in {self.partner}")
                lines.append(line)
                vectors.append(vector)
        return self._numbers(lines, vectors)

    def _numbers(self, lines: list[int], vectors: list[str]) -> np.ndarray:
        width = len(self.labels)
        for line, vector in zip(lines, vectors):
            if vector.count(";") != width - 1:
                raise UserError(
                    f"{self.path}:{line}: {vector.count(';') + 1} probabilities, but there are {width} labels "
                    f"({', '.join(self.labels)}); give one for each, in this order, joined by ';'"
                )
        try:
            values = np.array(";".join(vectors).split(";"), dtype=np.float64).reshape(-1, width)
        except ValueError:
            raise self._not_a_number(lines, vectors) from None
        for wrong, reason in (
            (~np.isfinite(values).all(axis=1), "is not finite"),
            ((values < 0).any(axis=1), "is negative; these look like logits, apply the softmax first"),
        ):
            if wrong.any():
                row = int(np.argmax(wrong))
                value = values[row][~np.isfinite(values[row]) if "finite" in reason else values[row] < 0][0]
                raise UserError(f"{self.path}:{lines[row]}: probability {value:g} {reason}")
        sums = values.sum(axis=1)
        far = np.abs(sums - 1) > _TOLERANCE
        if far.any():
            row = int(np.argmax(far))
            raise UserError(
                f"{self.path}:{lines[row]}: the probabilities sum to {sums[row]:.6g}, not to 1; these look like "
                "logits, apply the softmax first"
            )
        return values.astype(np.float32)

    def _not_a_number(self, lines: list[int], vectors: list[str]) -> UserError:
        for line, vector in zip(lines, vectors):
            for text in vector.split(";"):
                try:
                    float(text)
                except ValueError:
                    return UserError(f"{self.path}:{line}: '{text}' is not a number")
        return UserError(f"{self.path}: holds something that is not a number")

    def finish(self) -> None:
        """UserError if the file has further sentences."""
        block = next(self._blocks, None)
        if block is not None:
            raise UserError(
                f"{self.path}:{block[0][0]}: more sentences than the {self._count} of {self.partner}; each needs one"
            )
