"""Class probabilities of a data set, batched by length and returned in the order of the rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from fairseq import utils

from ..data.layout import SPLITS, DataBin
from ..errors import UserError
from .checkpoint import FineTuned
from .labels import MIN_CONSTANT

BATCH_SIZE = 64
Progress = Callable[[int], object]  # told how many examples are done since the last call


@dataclass
class Predictions:
    """Predictions for one language, row by row.

    ``probabilities`` (N, C) float32; ``gold`` (N,) label indices, None for a split without gold labels.
    """

    language: str
    labels: list[str]
    probabilities: np.ndarray
    gold: np.ndarray | None

    @property
    def classes(self) -> np.ndarray:
        """Predicted label indices (N,)."""
        return self.probabilities.argmax(axis=1)

    @property
    def names(self) -> list[str]:
        """Predicted labels, one per row."""
        return [self.labels[index] for index in self.classes]


def predict_dataset(
    tuned: FineTuned, dataset: Any, batch_size: int | None = BATCH_SIZE, max_tokens: int | None = None,
    progress: Progress | None = None,
) -> np.ndarray:  # fmt: skip
    """Class probabilities of all examples: (N, C) float32, in the order of the data set.

    Batches hold examples of like length, the longest first, so that too large a batch fails at once.

    Args:
        batch_size: most examples in a batch; None for no limit but ``max_tokens``.
        max_tokens: most positions in a batch, padding and the paired source text included.
    """
    result = np.zeros((len(dataset), len(tuned.task.problem.labels)), dtype=np.float32)
    order = dataset.ordered_indices()[::-1].copy()
    longest = int(dataset.num_tokens_vec(order).max())
    if max_tokens is not None and longest > max_tokens:
        raise UserError(f"--max-tokens {max_tokens}: an example has {longest} positions; pass at least that many")
    for batch in dataset.batch_by_size(order, max_tokens=max_tokens, max_sentences=batch_size):
        sample = dataset.collater([dataset[index] for index in batch])
        sample = utils.apply_to_sample(lambda tensor: tensor.to(tuned.device), sample)
        with torch.inference_mode():
            probabilities = tuned.task.predict(tuned.model, sample).float()
        if not bool(torch.isfinite(probabilities).all()):
            raise UserError(
                f"predictions for {dataset.describe(batch[:3])} are not finite; run without --fp16, or check the"
                " checkpoint"
            )
        result[sample["id"].cpu().numpy()] = probabilities.cpu().numpy()
        if progress is not None:
            progress(len(batch))
    return result


def find_languages(tuned: FineTuned, split: str, languages: Sequence[str] | None = None) -> list[str]:
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


def build_datasets(tuned: FineTuned, split: str, languages: Sequence[str]) -> dict[str, Any]:
    """One data set per language, opened before anything is computed so that a missing file is found at once."""
    task = tuned.task
    return {lang: task.problem.build_dataset([task.build_part(lang, split)], shuffle=False) for lang in languages}


def predict_languages(
    tuned: FineTuned, split: str = "test", languages: Sequence[str] | None = None, batch_size: int | None = BATCH_SIZE,
    max_tokens: int | None = None, progress: Callable[[str, int], Progress] | None = None,
) -> dict[str, Predictions]:  # fmt: skip
    """Predict a split of every language (or of ``languages``), the source language first.

    ``progress`` is called with each language and its number of examples and returns what counts them.
    """
    datasets = build_datasets(tuned, split, find_languages(tuned, split, languages))
    result = {}
    for language, dataset in datasets.items():
        count = progress(language, len(dataset)) if progress else None
        probabilities = predict_dataset(tuned, dataset, batch_size, max_tokens, count)
        gold = _gold(tuned.task.data_bin, language, split, np.asarray(dataset.parts[0].labels))
        result[language] = Predictions(language, tuned.task.problem.labels, probabilities, gold)
    return result


def _gold(data: DataBin, language: str, split: str, labels: np.ndarray) -> np.ndarray | None:
    """``labels``, or None where they are placeholders: in a folder made by hand, one label throughout."""
    constant = len(labels) >= MIN_CONSTANT and bool((labels == labels[0]).all())
    return None if data.is_unlabelled(language, split) or (constant and not data.meta) else labels
