"""Options that decide the code-switched copies of a text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ...ranges import POSITIVE, check_ranges
from ..primitives.base import CHOICES, PROBABILITY, SEEDS
from ..primitives.dictionaries import ALL

NAME = "code-switch"  # of the command, and of the folder below that of the language
RATIO = 0.3  # xTune's scripts; 0.5 for PAWS-X


@dataclass(frozen=True)
class SwitchOptions:
    """Options of ``xl-augment code-switch``, as those of code-switch in training.

    samples: copies of a row; keep_duplicates: also of the row itself.
    """

    languages: str = ALL
    ratio: float = field(default=RATIO, metadata={"range": PROBABILITY})
    samples: int = field(default=1, metadata={"range": POSITIVE})
    choice: str = CHOICES[0]
    lower: bool = False
    sentence_ratio: float = field(default=1.0, metadata={"range": PROBABILITY})
    keep_duplicates: bool = False
    seed: int = field(default=1, metadata={"range": SEEDS})

    def __post_init__(self) -> None:
        check_ranges(self)

    def describe(self, languages: Iterable[str]) -> dict[str, Any]:
        """For manifests and fingerprints. ``languages``: those with a dictionary, in the order they are drawn from."""
        return {
            "languages": list(languages), "ratio": self.ratio, "samples": self.samples, "choice": self.choice,
            "lower": self.lower, "sentence_ratio": self.sentence_ratio, "keep_duplicates": self.keep_duplicates,
            "seed": self.seed,
        }  # fmt: skip
