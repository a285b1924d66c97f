"""Scores per language of earlier results, and their rank correlation with what an analysis found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ..evaluation.report.result import Result, read_json
from ..functional.analysis.counting import spearman


class Scores:
    """The scores of a file of ``xl-evaluate --json``, the mean where it holds several seeds."""

    def __init__(self, path: str) -> None:
        results: list[Result] = read_json(path)
        self.path, self.source = path, results[0].source_language
        self.metric = results[0].metric.primary
        tables = [result.scores for result in results]
        shared = [lang for lang in tables[0] if all(lang in table for table in tables)]
        self.scores = {lang: sum(table[lang] for table in tables) / len(tables) for lang in shared}

    def gaps(self) -> dict[str, float]:
        """How far every other language is behind the source language, in points; empty without the source's score."""
        top = self.scores.get(self.source)
        return {} if top is None else {lang: top - score for lang, score in self.scores.items() if lang != self.source}


def correlate(found: Mapping[str, float], other: Mapping[str, float], without: str = "") -> dict[str, Any]:
    """Spearman's rho of the languages that both have, the source language ``without`` left out: its value is fixed."""
    shared = [lang for lang in found if lang in other and lang != without]
    return {**asdict(spearman([found[x] for x in shared], [other[x] for x in shared])), "languages": shared}
