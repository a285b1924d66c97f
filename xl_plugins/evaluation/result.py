"""The score of one system: accuracy per language with its counts, figures over languages, and where it comes from."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..functional.metrics import macro_mean, mean_without, transfer_gap

FORMAT = 1


@dataclass
class Result:
    """Accuracy of one system on one split.

    ``counts``: language -> (correct, examples). ``missing``: languages that were expected and have no score;
    ``unlabelled``: languages predicted without gold labels. ``provenance``: checkpoint, inference, selection, ... for
    predictions made here.
    """

    name: str
    task: str
    split: str
    source_language: str
    counts: dict[str, tuple[int, int]]
    missing: list[str] = field(default_factory=list)
    unlabelled: list[str] = field(default_factory=list)
    provenance: dict[str, Any] = field(default_factory=dict)

    @property
    def scores(self) -> dict[str, float]:
        """Accuracy in percent by language."""
        return {language: 100.0 * correct / count for language, (correct, count) in self.counts.items()}

    def summary(self, languages: list[str] | None = None) -> dict[str, float]:
        """Macro mean, mean without the source language and transfer gap, in points; nan where undefined."""
        scores = self.scores if languages is None else {lang: self.scores[lang] for lang in languages}
        return {
            "mean": macro_mean(scores),
            "mean_without_source": mean_without(scores, self.source_language),
            "transfer_gap": transfer_gap(scores, self.source_language),
        }

    @property
    def selection(self) -> dict[str, Any]:
        """How the checkpoint was selected, as the checkpoint says; empty for predictions made elsewhere."""
        return self.provenance.get("selection") or {}

    def to_dict(self) -> dict[str, Any]:
        scores = self.scores
        return {
            "format": FORMAT,
            "name": self.name,
            "task": self.task,
            "split": self.split,
            "metric": "accuracy",
            "source_language": self.source_language,
            "languages": {
                lang: {"accuracy": scores[lang], "correct": correct, "count": count}
                for lang, (correct, count) in self.counts.items()
            },
            **{key: None if math.isnan(value) else value for key, value in self.summary().items()},
            "missing": self.missing,
            "unlabelled": self.unlabelled,
            **self.provenance,
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Result:
        """Inverse of :meth:`to_dict`; KeyError, TypeError or ValueError for anything else."""
        if content["format"] != FORMAT:
            raise ValueError(f"format {content['format']}")
        counts = {lang: (int(entry["correct"]), int(entry["count"])) for lang, entry in content["languages"].items()}
        if any(not 0 <= correct <= count or count < 1 for correct, count in counts.values()):
            raise ValueError("impossible counts")
        own = {"name", "task", "split", "source_language", "missing", "unlabelled"}
        derived = {"format", "metric", "languages", "mean", "mean_without_source", "transfer_gap"}
        return cls(
            counts=counts,
            provenance={key: value for key, value in content.items() if key not in own | derived},
            **{key: content[key] for key in own},
        )


def to_json(results: list[Result]) -> str:
    """One result as an object; several (seeds of one system) as ``{"format": 1, "seeds": [...]}``."""
    content = results[0].to_dict() if len(results) == 1 else {"format": FORMAT, "seeds": [r.to_dict() for r in results]}
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def read_json(path: str) -> list[Result]:
    """Results of a file that ``xl-evaluate --json`` wrote."""
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        return [Result.from_dict(entry) for entry in content.get("seeds", [content])]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{path}: not a result of xl-evaluate --json ({type(error).__name__}: {error})") from None
