"""Several checkpoints as one system: their probabilities are averaged, then decoded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..arguments import BATCH_SIZE
from ..errors import UserError
from ..problems.predicting import (
    Predictions,
    Starter,
    build_datasets,
    decode,
    find_languages,
    values_of_languages,
)
from ..processes import ALONE, Team
from ..resuming.fitting import DICTIONARY, compare
from .checkpoint import FineTuned


def predict_ensemble(
    members: Sequence[str], load: Callable[[str], FineTuned], split: str = "test",
    languages: Sequence[str] | None = None, batch_size: int | None = BATCH_SIZE, max_tokens: int | None = None,
    progress: Callable[[str], Starter] | None = None, team: Team = ALONE,
) -> tuple[list[FineTuned], dict[str, Predictions]]:  # fmt: skip
    """Predictions of checkpoints ``members`` together, and the members without their models.

    One checkpoint is in memory at a time. Probabilities are averaged per pair, per word, and per start and end position
    of an answer. Raises UserError for members of different problems, labels or pieces, and for members that cut texts
    into different windows.

    Args:
        load: opens a checkpoint.
        progress: given a member's path, what :func:`~.predict.predict_languages` takes.
        team: processes that share the batches.
    """
    opened: list[FineTuned] = []
    total: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    datasets: dict[str, Any] = {}
    for path in members:
        tuned = load(path)
        if opened:
            check_same_outputs(opened[0], tuned)
        found = build_datasets(tuned, split, find_languages(tuned, split, languages))
        datasets = datasets or found
        started = progress(path) if progress else None
        for language, values, sizes in values_of_languages(tuned, found, batch_size, max_tokens, started, team):
            if language not in total:
                total[language] = values, sizes
                continue
            if not np.array_equal(total[language][1], sizes):
                raise UserError(
                    f"{opened[0].path} and {path} cut the texts of {language} differently, so their probabilities"
                    " cannot be averaged; give checkpoints trained with the same --max-length (QA: --doc-stride,"
                    " --max-question-length)"
                )
            total[language] = total[language][0] + values, sizes
        del tuned.model
        opened.append(tuned)
    problem = opened[0].task.problem
    return opened, {
        language: decode(problem, language, datasets[language], values / len(members), sizes)
        for language, (values, sizes) in total.items()
    }


def check_same_outputs(first: FineTuned, other: FineTuned) -> None:
    """UserError unless both predict the same classes from the same pieces."""
    parts = ("problem", "labels", "unanswerable", DICTIONARY)
    for found in compare(first.task.identity(), other.task.identity(), parts):
        detail = f" ({' and '.join(found.values)})" if found.values else ""
        raise UserError(f"--ensemble: {first.path} and {other.path} differ in their {found.word}{detail}")
