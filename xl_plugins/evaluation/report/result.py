"""The score of one system: counters and figures per language, figures over languages, and where it comes from."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...errors import UserError
from ...formats.json_text import read_json as load_json
from ...functional.scores.metrics import METRICS, Metric, macro_mean, mean_without, transfer_gap
from ...output import check_file, is_json
from .packing import pack, unpack

FORMAT = 2
OLD_FORMAT = 1  # accuracy only, without the counters of examples
Number = int | float


@dataclass
class Result:
    """Scores of one system on one split.

    ``counts``: language -> sums of the counters ``metric.fields``. ``examples``: language -> the counters of every
    example (N, K), rows in file order; empty in results of old files. ``missing``: languages that were expected and
    have no score; ``unlabelled``: languages predicted without gold. ``unanswered``: language -> questions without a
    prediction, scored 0. ``provenance``: checkpoint, inference, selection, ... for predictions made here.
    """

    name: str
    task: str
    split: str
    source_language: str
    counts: dict[str, tuple[Number, ...]]
    missing: list[str] = field(default_factory=list)
    unlabelled: list[str] = field(default_factory=list)
    provenance: dict[str, Any] = field(default_factory=dict)
    metric: Metric = METRICS["accuracy"]
    examples: dict[str, np.ndarray] = field(default_factory=dict, compare=False)
    unanswered: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of_examples(
        cls, name: str, task: str, split: str, source_language: str, metric: str, examples: Mapping[str, np.ndarray],
        **more: Any,
    ) -> Result:  # fmt: skip
        """From the counters of every example: language -> (N, K), columns as ``METRICS[metric].fields``."""
        counts = {language: totals(values) for language, values in examples.items()}
        return cls(name, task, split, source_language, counts, metric=METRICS[metric], examples=dict(examples), **more)

    @property
    def scores(self) -> dict[str, float]:
        """The score (first figure) in percent by language."""
        return self.figures(self.metric.primary)

    def figures(self, name: str) -> dict[str, float]:
        """A figure of the metric in percent by language."""
        return {language: float(self.metric.score(values, name)) for language, values in self.counts.items()}

    def count(self, language: str) -> int:
        """Size of the test set in what the metric counts."""
        return int(self.counts[language][self.metric.fields.index(self.metric.count)])

    def given(self, language: str) -> dict[str, Number]:
        """Counters that depend on the gold file only."""
        named = dict(zip(self.metric.fields, self.counts[language]))
        return {name: named[name] for name in self.metric.given}

    def summary(self, languages: Sequence[str] | None = None, figure: str | None = None) -> dict[str, float]:
        """Macro mean, mean without the source language and transfer gap, in points; nan where undefined.

        Without ``figure`` they are of the score, and the gap of the metric's own choice.
        """

        def over(name: str) -> dict[str, float]:
            values = self.figures(name)
            return values if languages is None else {language: values[language] for language in languages}

        scores = over(figure or self.metric.primary)
        return {
            "mean": macro_mean(scores),
            "mean_without_source": mean_without(scores, self.source_language),
            "transfer_gap": transfer_gap(over(figure or self.metric.gap), self.source_language),
        }

    @property
    def selection(self) -> dict[str, Any]:
        """How the checkpoint was selected, as the checkpoint says; empty for predictions made elsewhere."""
        return self.provenance.get("selection") or {}

    def to_dict(self) -> dict[str, Any]:
        content: dict[str, Any] = {
            "format": FORMAT,
            "name": self.name,
            "task": self.task,
            "split": self.split,
            "metric": self.metric.name,
            "source_language": self.source_language,
            "languages": {language: self._entry(language) for language in self.counts},
            **_numbers(self.summary()),
        }
        if len(self.metric.figures) > 1:
            content["figures"] = {f.name: _numbers(self.summary(figure=f.name)) for f in self.metric.figures}
        if self.unanswered:
            content["unanswered"] = self.unanswered
        return {**content, "missing": self.missing, "unlabelled": self.unlabelled, **self.provenance}

    def _entry(self, language: str) -> dict[str, Any]:
        values = self.counts[language]
        scores = {figure.name: float(self.metric.score(values, figure.name)) for figure in self.metric.figures}
        entry: dict[str, Any] = _numbers(scores)
        entry.update(zip(self.metric.fields, values))
        if language in self.examples:
            entry["examples"] = pack(self.examples[language])
        return entry

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Result:
        """Inverse of :meth:`to_dict`; KeyError, TypeError or ValueError for anything else."""
        if content["format"] not in (FORMAT, OLD_FORMAT):
            raise ValueError(f"format {content['format']}")
        metric = METRICS[content["metric"]]
        counts = {
            lang: tuple(_number(entry[name]) for name in metric.fields) for lang, entry in content["languages"].items()
        }
        examples = {lang: unpack(e["examples"]) for lang, e in content["languages"].items() if "examples" in e}
        if not all(metric.possible(values) for values in counts.values()):
            raise ValueError("impossible counts")
        for lang, values in examples.items():
            if values.shape[1] != len(metric.fields) or not np.allclose(values.sum(axis=0), counts[lang], atol=1e-6):
                raise ValueError(f"the examples of {lang} do not add up to its counts")
        own = {"name", "task", "split", "source_language", "missing", "unlabelled"}
        derived = {"format", "metric", "languages", "figures", "mean", "mean_without_source", "transfer_gap"}
        return cls(
            counts=counts,
            metric=metric,
            examples=examples,
            unanswered=dict(content.get("unanswered", {})),
            provenance={k: value for k, value in content.items() if k not in own | derived | {"unanswered"}},
            **{key: content[key] for key in own},
        )


def totals(examples: np.ndarray) -> tuple[Number, ...]:
    """Sums of counters (N, K), whole numbers as such."""
    return tuple(_number(value) for value in np.asarray(examples, dtype=np.float64).sum(axis=0).tolist())


def _number(value: Any) -> Number:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(f"{value!r} is not a count")
    return int(value) if value == int(value) else float(value)


def _numbers(figures: Mapping[str, float]) -> dict[str, float | None]:
    """JSON has no nan."""
    return {key: None if math.isnan(value) else value for key, value in figures.items()}


def to_json(results: list[Result]) -> str:
    """One result as an object; several (seeds of one system) as ``{"format": 2, "seeds": [...]}``."""
    content = results[0].to_dict() if len(results) == 1 else {"format": FORMAT, "seeds": [r.to_dict() for r in results]}
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def is_result(content: object) -> bool:
    """Whether the content of a JSON file is what ``xl-evaluate --json`` writes."""
    return (
        isinstance(content, dict)
        and content.get("format") in (OLD_FORMAT, FORMAT)
        and bool({"seeds", "task", "kind"} & content.keys())
    )


def check_json(path: str, overwrite: bool) -> None:
    """UserError unless ``--json`` may write there."""
    check_file(path, overwrite, "xl-evaluate", lambda name: is_json(name, is_result))


def read_json(path: str) -> list[Result]:
    """Results of a file that ``xl-evaluate --json`` wrote."""
    try:
        content = load_json(path, "a result of xl-evaluate --json")
        if content.get("kind"):
            raise ValueError(f"it is a matrix of the {content['kind']} setting, without scores per language")
        results = [Result.from_dict(entry) for entry in content.get("seeds", [content])]
        if not results:
            raise ValueError("no seeds")
        return results
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{path}: not a result of xl-evaluate --json ({type(error).__name__}: {error})") from None
