"""The generalised setting: the two texts of a pair in different languages, every language against every other.

Nothing is written out: row i of the parallel test files gives the first text of pair (a, b) in language a, the second
in language b. With mixup inference the source text is the translation of a's first and of b's second text.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..data.pairs import SPECIALS_PER_PAIR, PairPart, PairTexts, truncated_lengths
from ..errors import UserError
from .checkpoint import FineTuned
from .predict import BATCH_SIZE, Progress, find_languages, predict_dataset
from .result import FORMAT
from .scoring import provenance
from .table import Table, points

_AXES = {"xnli": ("premise", "hypothesis")}


class CrossedTexts(PairTexts):
    """First texts of one language with the second texts of another; truncation depends on both."""

    def __init__(self, first: PairTexts, second: PairTexts, max_length: int) -> None:
        # both are open already: nothing of the base class's reading is left to do
        self.path, self.split, self.bos, self.eos = first.path, first.split, first.bos, first.eos
        self.first, self.second = first.first, second.second
        sizes = [np.asarray(side.sizes, np.int32) - 1 for side in (self.first, self.second)]
        self.keep_first, self.keep_second = truncated_lengths(sizes[0], sizes[1], max_length)
        self.lengths = (self.keep_first + self.keep_second + SPECIALS_PER_PAIR).astype(np.int32)


@dataclass
class Matrix:
    """Correct predictions of every pair of languages, (L, L): first text's language down, second text's across."""

    name: str
    task: str
    split: str
    languages: list[str]
    correct: np.ndarray
    count: int
    axes: tuple[str, str] = ("first text", "second text")
    provenance: dict[str, Any] = field(default_factory=dict)

    @property
    def accuracy(self) -> np.ndarray:
        """In percent."""
        return 100.0 * self.correct / self.count

    def summary(self) -> dict[str, float | None]:
        """Means over all pairs of languages, over those of one language, and over those of two."""
        same = np.eye(len(self.languages), dtype=bool)
        cells = {"mean": same | ~same, "diagonal": same, "off_diagonal": ~same}
        return {name: statistics.fmean(self.accuracy[mask]) if mask.any() else None for name, mask in cells.items()}

    def to_json(self) -> str:
        def named(values: np.ndarray) -> dict[str, dict[str, Any]]:
            return {a: dict(zip(self.languages, row)) for a, row in zip(self.languages, values.tolist())}

        content = {
            "format": FORMAT,
            "kind": "generalised",
            "name": self.name,
            "task": self.task,
            "split": self.split,
            "metric": "accuracy",
            "axes": list(self.axes),
            "languages": self.languages,
            "count": self.count,
            "accuracy": named(self.accuracy),
            "correct": named(self.correct),
            **self.summary(),
            **self.provenance,
        }
        return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    def table(self) -> Table:
        first, second = self.axes
        rows = [
            [a, *(points(value) for value in row), points(statistics.fmean(row))]
            for a, row in zip(self.languages, self.accuracy.tolist())
        ]
        rows.append(["mean", *(points(value) for value in self.accuracy.mean(axis=0).tolist()), ""])
        blank = [""] * len(self.languages)
        names = {"mean": "all pairs of languages", "diagonal": "one language", "off_diagonal": "two languages"}
        totals = [[names[key], points(value), *blank] for key, value in self.summary().items()]
        selection = self.provenance.get("selection", {}).get("description", "not known")
        inference = self.provenance.get("inference", {}).get("description", "not known")
        return Table(
            f"{self.task} {self.split}, accuracy in percent: {self.name}; {first} down, {second} across",
            [f"{first} \\ {second}", *self.languages, "mean"],
            rows,
            totals,
            [f"selection: {selection}", f"inference: {inference}"],
        )


def evaluate_matrix(
    tuned: FineTuned, split: str, languages: Sequence[str] | None, name: str, task: str,
    batch_size: int | None = BATCH_SIZE, max_tokens: int | None = None,
    progress: Callable[[int], Progress] | None = None,
) -> Matrix:  # fmt: skip
    """Accuracy of every pair of languages; each pair of languages is predicted once.

    ``progress`` is called with the number of all examples and returns what counts them. Raises UserError for problems
    other than sentence pairs, splits without gold, and languages whose rows or labels are not the same.
    """
    problem, length = tuned.task.problem, tuned.task.cfg.max_length
    if problem.name != "sentence_pair":
        raise UserError(f"--generalised is for sentence pairs, the data is for problem '{problem.name}'; leave it out")
    found = find_languages(tuned, split, languages)
    parts = {lang: tuned.task.build_part(lang, split) for lang in found}
    labels = _check_parallel(tuned, parts, split)
    count = progress(len(labels) * len(found) ** 2) if progress else None
    correct = np.zeros((len(found), len(found)), dtype=np.int64)
    for i, a in enumerate(found):
        for j, b in enumerate(found):
            dataset = problem.build_dataset([_cross(parts[a], parts[b], length)], shuffle=False)
            values = predict_dataset(tuned, dataset, batch_size, max_tokens, count)
            correct[i, j] = int((values.argmax(axis=1) == labels).sum())
    return Matrix(
        name, task, split, found, correct, len(labels), _AXES.get(task, Matrix.axes), provenance=provenance(tuned)
    )


def _cross(first: PairPart, second: PairPart, max_length: int) -> PairPart:
    part = PairPart(
        f"{first.language}-{second.language}", first.language_index,
        CrossedTexts(first.target, second.target, max_length), first.labels,
    )  # fmt: skip
    if first.source is not None and second.source is not None:
        part.source = CrossedTexts(first.source, second.source, max_length)
    return part


def _check_parallel(tuned: FineTuned, parts: Mapping[str, PairPart], split: str) -> np.ndarray:
    """The labels, which are those of every language; UserError where rows do not correspond."""
    problem, languages = tuned.task.problem, list(parts)
    blind = [lang for lang, part in parts.items() if problem.gold(problem.build_dataset([part], shuffle=False)) is None]
    if blind:
        raise UserError(
            f"--generalised: no gold labels in {split} of {', '.join(blind)}; leave them out of --languages"
        )
    first = parts[languages[0]]
    for lang, part in parts.items():
        part.check_rows()
        if len(part) != len(first):
            raise UserError(
                f"--generalised: {part.target.path}.idx has {len(part)} rows, {first.target.path}.idx {len(first)}; row"
                " i must be the same example in every language"
            )
        differs = np.flatnonzero(np.asarray(part.labels) != np.asarray(first.labels))
        if len(differs):
            row = int(differs[0])
            raise UserError(
                f"--generalised: row {row + 1} of {split} is '{problem.labels[part.labels[row]]}' in {lang}, but"
                f" '{problem.labels[first.labels[row]]}' in {languages[0]}; the files are not row-parallel"
            )
    return np.asarray(first.labels)
