"""Predictions for a data set, batched by length and returned in the order of the rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from fairseq import utils

from ..arguments import BATCH_SIZE
from ..data.binary.layout import SPLITS
from ..errors import UserError
from ..processes import ALONE, Team

Progress = Callable[[int], object]  # told how many examples are done since the last call
Starter = Callable[[str, int], Progress]  # called with each language and its number of examples


class Predictor(Protocol):
    """A model in eval mode with its task (of :class:`~xl_plugins.tasks.base.XLTask`), on its device."""

    path: str
    task: Any
    model: torch.nn.Module
    device: torch.device


@dataclass
class Predictions:
    """Predictions for one language, one per example in the order of the rows.

    ``predicted``: a label (pairs), a list of tags (tagging), an answer text (QA); ``gold`` the same, for QA a list of
    answers, None for a split without gold. ``keys``: question ids (QA). ``values`` (K, D) float32 are the probabilities
    behind them and ``sizes`` (N,) how many rows of ``values`` each example owns.
    """

    language: str
    predicted: list
    gold: list | None
    values: np.ndarray
    sizes: np.ndarray
    keys: list[str] | None = None

    @property
    def probabilities(self) -> np.ndarray:
        """Class probabilities (N, C) of pairs, (words, C) of tagged text."""
        return self.values

    @property
    def names(self) -> list:
        """The same as ``predicted``."""
        return self.predicted


def predict_values(
    tuned: Predictor, dataset: Any, batch_size: int | None = BATCH_SIZE, max_tokens: int | None = None,
    progress: Progress | None = None, team: Team = ALONE,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Probabilities of all examples, (K, D) float32 in the order of the data set, and the rows of each example (N,).

    Batches hold examples of like length, the longest first, so that too large a batch fails at once.

    Args:
        batch_size: most examples in a batch; None for no limit but ``max_tokens``.
        max_tokens: most positions in a batch, padding and the paired source text included.
        team: processes that share the batches; these are the same whatever their number, and so are their predictions.
    """
    batches = plan_batches(dataset, batch_size, max_tokens)
    columns = list(predict_batches(tuned, dataset, team.share(batches), progress))
    own = [np.concatenate(column) for column in zip(*columns)] if columns else _nothing(tuned, dataset, batches)
    units, values, sizes = (np.concatenate(column) for column in zip(*team.gather(own)))
    return _in_order(units, values, sizes)


def _nothing(tuned: Predictor, dataset: Any, batches: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Columns of a batch without their rows, for a process that has no batch."""
    (found,) = predict_batches(tuned, dataset, batches[-1:])
    return [column[:0] for column in found]


def plan_batches(dataset: Any, batch_size: int | None, max_tokens: int | None) -> list[np.ndarray]:
    """The examples of every batch, in the order in which batches are predicted."""
    order = dataset.ordered_indices()[::-1].copy()
    longest = int(dataset.num_tokens_vec(order).max())
    if max_tokens is not None and longest > max_tokens:
        raise UserError(f"--max-tokens {max_tokens}: an example has {longest} positions; pass at least that many")
    return list(dataset.batch_by_size(order, max_tokens=max_tokens, max_sentences=batch_size))


def predict_batches(
    tuned: Predictor, dataset: Any, batches: Sequence[np.ndarray], progress: Progress | None = None
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Batch by batch: examples (U,), their probabilities one after the other (K, D) float32, and rows of each (U,)."""
    for batch in batches:
        sample = dataset.collater([dataset[index] for index in batch])
        sample = utils.apply_to_sample(lambda tensor: tensor.to(tuned.device), sample)
        with torch.inference_mode():
            found, rows = tuned.task.predict(tuned.model, sample)
        if not bool(torch.isfinite(found).all()):
            raise UserError(
                f"predictions for {dataset.describe(batch[:3])} are not finite; run without --fp16, or check the"
                " checkpoint"
            )
        yield sample["unit"].cpu().numpy(), found.float().cpu().numpy(), rows.cpu().numpy()
        if progress is not None:
            progress(len(batch))


def _in_order(units: np.ndarray, values: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows of ``values``, which belong to ``units`` one after the other, sorted by unit."""
    order = np.argsort(units, kind="stable")
    starts = (np.cumsum(sizes) - sizes)[order]
    sizes = sizes[order]
    within = np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return values[np.repeat(starts, sizes) + within], sizes


def predict_dataset(
    tuned: Predictor, dataset: Any, batch_size: int | None = BATCH_SIZE, max_tokens: int | None = None,
    progress: Progress | None = None, team: Team = ALONE,
) -> np.ndarray:  # fmt: skip
    """The probabilities of :func:`predict_values` alone: of pairs (N, C), one row per pair."""
    return predict_values(tuned, dataset, batch_size, max_tokens, progress, team)[0]


def find_languages(tuned: Predictor, split: str, languages: Sequence[str] | None = None) -> list[str]:
    """Languages to predict, the source language first; UserError for one that has no data in ``split``."""
    task = tuned.task
    if split not in SPLITS or split == "train":
        raise UserError(f"--split {split}: expected valid or test")
    available = task.split_languages(split)
    missing = [language for language in languages or [] if language not in available]
    if missing or not available:
        raise UserError(
            f"{'--languages' if missing else '--split'}: {task.data_bin.root} has no {split} data"
            f"{' for ' + ', '.join(missing) if missing else ''}; it has {', '.join(available) or 'none'}"
        )
    return sorted(languages or available, key=lambda language: (language != task.source_language, language))


def build_datasets(tuned: Predictor, split: str, languages: Sequence[str]) -> dict[str, Any]:
    """One data set per language, opened before anything is computed so that a missing file is found at once."""
    task = tuned.task
    return {lang: task.problem.build_dataset([task.build_part(lang, split)], shuffle=False) for lang in languages}


def values_of_languages(
    tuned: Predictor, datasets: Mapping[str, Any], batch_size: int | None = BATCH_SIZE, max_tokens: int | None = None,
    progress: Starter | None = None, team: Team = ALONE,
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:  # fmt: skip
    """Language, probabilities and sizes (:func:`predict_values`) of each data set."""
    for language, dataset in datasets.items():
        count = progress(language, len(dataset)) if progress else None
        yield language, *predict_values(tuned, dataset, batch_size, max_tokens, count, team)


def decode(problem: Any, language: str, dataset: Any, values: np.ndarray, sizes: np.ndarray) -> Predictions:
    """Predictions from the probabilities of all examples of a language."""
    keys = problem.keys(dataset)
    predicted, gold = problem.decode(dataset, values, sizes), problem.gold(dataset)
    return Predictions(language, predicted, gold, values, sizes, keys)


def predict_languages(
    tuned: Predictor, split: str = "test", languages: Sequence[str] | None = None, batch_size: int | None = BATCH_SIZE,
    max_tokens: int | None = None, progress: Starter | None = None, team: Team = ALONE,
) -> dict[str, Predictions]:  # fmt: skip
    """Predict a split of every language (or of ``languages``), the source language first.

    ``progress`` is called with each language and its number of examples and returns what counts them; ``team``: see
    :func:`predict_values`.
    """
    datasets = build_datasets(tuned, split, find_languages(tuned, split, languages))
    found = values_of_languages(tuned, datasets, batch_size, max_tokens, progress, team)
    return {language: decode(tuned.task.problem, language, datasets[language], *values) for language, *values in found}
