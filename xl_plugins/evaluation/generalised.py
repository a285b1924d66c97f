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

from ..arguments import BATCH_SIZE
from ..data.training.pairs import PairPart, PairTexts, truncated_lengths
from ..datasets import XTREME
from ..errors import UserError
from ..formats.examples.benchmark import BenchmarkTask
from ..functional.scores.metrics import METRICS
from ..problems.predicting import Progress, find_languages, predict_dataset
from ..problems.sentence_pair.problem import SentencePair
from ..processes import ALONE, Team
from .checkpoint import FineTuned
from .report.result import FORMAT
from .report.table import Table, points
from .scoring import provenance


class CrossedTexts(PairTexts):
    """First texts of one language with the second texts of another; truncation depends on both."""

    def __init__(self, first: PairTexts, second: PairTexts, max_length: int) -> None:
        # both are open already: nothing of the base class's reading is left to do
        self.path, self.split, self.frame = first.path, first.split, first.frame
        self.first, self.second = first.first, second.second
        sizes = [np.asarray(side.sizes, np.int32) - 1 for side in (self.first, self.second)]
        self.keep_first, self.keep_second = truncated_lengths(sizes[0], sizes[1], max_length - self.frame.of_two)
        self.lengths = (self.keep_first + self.keep_second + self.frame.of_two).astype(np.int32)


@dataclass
class Matrix:
    """Correct predictions of every pair of languages, (L, L): first text's language down, second text's across."""

    name: str
    task: str
    split: str
    languages: list[str]
    correct: np.ndarray
    count: int
    axes: tuple[str, str] = BenchmarkTask.texts
    provenance: dict[str, Any] = field(default_factory=dict)
    skipped: list[int] = field(default_factory=list)  # rows, from 1, that are not counted

    @property
    def accuracy(self) -> np.ndarray:
        """In percent."""
        counts = np.stack([self.correct, np.full_like(self.correct, self.count)], axis=-1)
        return METRICS["accuracy"].score(counts)

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
            "skipped": self.skipped,
            "accuracy": named(self.accuracy),
            "correct": named(self.correct),
            **self.summary(),
            **self.provenance,
        }
        return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Matrix:
        """Inverse of :meth:`to_json`; KeyError, TypeError or ValueError for anything else."""
        languages, count = content["languages"], content["count"]
        if content["kind"] != "generalised" or len(set(languages)) < len(languages) or not languages:
            raise ValueError("no languages, one twice, or another kind of result")
        correct = np.array([[content["correct"][a][b] for b in languages] for a in languages])
        if correct.dtype.kind not in "iu" or type(count) is not int or not 0 <= correct.min() <= correct.max() <= count:
            raise ValueError("impossible counts")
        first, second = content["axes"]
        own = {"format", "kind", "name", "task", "split", "metric", "axes", "languages", "count", "skipped", "accuracy"}
        own |= {"correct", "mean", "diagonal", "off_diagonal"}
        more = {key: value for key, value in content.items() if key not in own}
        name, task, split = (str(content[key]) for key in ("name", "task", "split"))
        skipped, axes = list(content["skipped"]), (str(first), str(second))
        return cls(name, task, split, [str(x) for x in languages], correct, count, axes, more, skipped)

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
        notes = [f"selection: {selection}", f"inference: {inference}"]
        if self.skipped:
            notes.append(f"{len(self.skipped)} of {self.count + len(self.skipped)} rows left out: their labels differ")
        return Table(
            f"{self.task} {self.split}, accuracy in percent: {self.name}; {first} down, {second} across",
            [f"{first} \\ {second}", *self.languages, "mean"],
            rows,
            totals,
            notes,
        )


def evaluate_matrix(
    tuned: FineTuned, split: str, languages: Sequence[str] | None, name: str, task: str,
    batch_size: int | None = BATCH_SIZE, max_tokens: int | None = None,
    progress: Callable[[int], Progress] | None = None, skip_unequal: bool = False,
    team: Team = ALONE,
) -> Matrix:  # fmt: skip
    """Accuracy of every pair of languages; each pair of languages is predicted once.

    ``progress`` is called with the number of all examples and returns what counts them. ``skip_unequal``: rows whose
    labels differ between languages are not counted. ``team``: processes that share the batches. Raises UserError for
    problems other than sentence pairs, splits without gold, and languages whose rows, or without ``skip_unequal``
    labels, are not the same.
    """
    problem, length = tuned.task.problem, tuned.task.cfg.max_length
    if not isinstance(problem, SentencePair):
        raise UserError(f"--generalised is for sentence pairs, the data is for problem '{problem.name}'; leave it out")
    if tuned.task.data_bin.single_text:
        raise UserError(
            f"--generalised is for sentence pairs, {tuned.task.data_bin.root} holds single texts; leave it out"
        )
    found = find_languages(tuned, split, languages)
    parts = {lang: tuned.task.build_part(lang, split) for lang in found}
    labels, equal = _check_parallel(tuned, parts, split, skip_unequal)
    count = progress(len(labels) * len(found) ** 2) if progress else None
    correct = np.zeros((len(found), len(found)), dtype=np.int64)
    for i, a in enumerate(found):
        for j, b in enumerate(found):
            dataset = problem.build_dataset([_cross(parts[a], parts[b], length)], shuffle=False)
            values = predict_dataset(tuned, dataset, batch_size, max_tokens, count, team)
            correct[i, j] = int(((values.argmax(axis=1) == labels) & equal).sum())
    return Matrix(
        name, task, split, found, correct, int(equal.sum()), (XTREME.get(task) or BenchmarkTask).texts,
        provenance(tuned),
        [int(row) + 1 for row in np.flatnonzero(~equal)],
    )  # fmt: skip


def _cross(first: PairPart, second: PairPart, max_length: int) -> PairPart:
    part = PairPart(
        f"{first.language}-{second.language}", first.language_index,
        CrossedTexts(first.target, second.target, max_length), first.labels,
    )  # fmt: skip
    if first.source is not None and second.source is not None:
        part.source = CrossedTexts(first.source, second.source, max_length)
    return part


def _check_parallel(
    tuned: FineTuned, parts: Mapping[str, PairPart], split: str, skip_unequal: bool
) -> tuple[np.ndarray, np.ndarray]:
    """The labels, and where they are those of every language: (N,), (N,) bool; UserError where rows do not correspond,
    and, unless ``skip_unequal``, where a label differs."""
    problem, languages = tuned.task.problem, list(parts)
    blind = [lang for lang, part in parts.items() if problem.gold(problem.build_dataset([part], shuffle=False)) is None]
    if blind:
        raise UserError(
            f"--generalised: no gold labels in {split} of {', '.join(blind)}; leave them out of --languages"
        )
    first = parts[languages[0]]
    equal = np.ones(len(first), dtype=bool)
    for lang, part in parts.items():
        part.check_rows()
        if len(part) != len(first):
            raise UserError(
                f"--generalised: {part.target.path}.idx has {len(part)} rows, {first.target.path}.idx {len(first)}; row"
                " i must be the same example in every language"
            )
        same = np.asarray(part.labels) == np.asarray(first.labels)
        equal &= same
        if not same.all() and not skip_unequal:
            row = int(np.flatnonzero(~same)[0])
            raise UserError(
                f"--generalised: row {row + 1} of {split} is '{problem.labels[part.labels[row]]}' in {lang}, but"
                f" '{problem.labels[first.labels[row]]}' in {languages[0]}; the files are not row-parallel, or these"
                " rows are not translations: pass --skip-unequal to leave out rows whose labels differ"
            )
    if not equal.any():
        raise UserError(f"--skip-unequal: no row of {split} has the same label in {', '.join(languages)}")
    return np.asarray(first.labels), equal
