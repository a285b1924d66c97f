"""Options that decide the code-switched copies of a text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ...errors import UserError
from ..primitives.base import CHOICES, check_ratio
from ..primitives.dictionaries import ALL

NAME = "code-switch"  # of the command, and of the folder below that of the language
RATIO = 0.3  # xTune's scripts; 0.5 for PAWS-X
SEEDS = 2**32


@dataclass(frozen=True)
class SwitchOptions:
    """Options of ``xl-augment code-switch``, as those of code-switch in training.

    samples: copies of a row; keep_duplicates: also of the row itself.
    """

    languages: str = ALL
    ratio: float = RATIO
    samples: int = 1
    choice: str = CHOICES[0]
    lower: bool = False
    sentence_ratio: float = 1.0
    keep_duplicates: bool = False
    seed: int = 1

    def __post_init__(self) -> None:
        check_ratio("--ratio", self.ratio)
        check_ratio("--sentence-ratio", self.sentence_ratio)
        if self.samples < 1:
            raise UserError(f"--samples {self.samples}: expected at least 1")
        if not 0 <= self.seed < SEEDS:
            raise UserError(f"--seed {self.seed}: expected a number from 0 to {SEEDS - 1}")

    def describe(self, languages: Iterable[str]) -> dict[str, Any]:
        """For manifests and fingerprints. ``languages``: those with a dictionary, in the order they are drawn from."""
        return {
            "languages": list(languages), "ratio": self.ratio, "samples": self.samples, "choice": self.choice,
            "lower": self.lower, "sentence_ratio": self.sentence_ratio, "keep_duplicates": self.keep_duplicates,
            "seed": self.seed,
        }  # fmt: skip
