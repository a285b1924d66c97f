"""Options that decide the virtual sentences of a text (XLA: Bari et al., ACL 2021, section 3.2 and Table 8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from ...errors import UserError
from ...problems import PROBLEMS
from ...ranges import POSITIVE, check_ranges
from ..primitives.base import SEEDS

SLOTS = ("word", "piece")
PERCENT = "30"  # Table 8; PAWS-X 40
SAMPLES = {1: (3,), 2: (2, 2)}  # Table 8, by the number of an example's texts
MIN_CHARS = {"word": 3, "piece": 1}  # the released code masks words only
MIN_WORDS, MAX_WORDS = 5, 150  # the released code

NAME = "vicinity"  # of the command, and of the folder below that of the language
MAX_TOKENS = 4096  # positions of a batch, padding included


@dataclass(frozen=True)
class VicinityOptions:
    """Options of ``xl-augment vicinity``.

    samples: delta, one per text of an example; percent: P; slot: what is masked; min_chars: of a slot that may be
    masked; min_words, max_words: slots of a sentence; word_start_only: predictions never drop a sample for its number
    of words; keep_duplicates: also of the original; rounds: how often all of it is done.
    """

    problem: str
    samples: Sequence[int]
    percent: Decimal = Decimal(PERCENT)
    slot: str = "word"
    min_chars: int = MIN_CHARS["word"]
    min_words: int = MIN_WORDS
    max_words: int = MAX_WORDS
    word_start_only: bool = False
    keep_duplicates: bool = False
    seed: int = field(default=1, metadata={"range": SEEDS})
    rounds: int = field(default=1, metadata={"range": POSITIVE})

    def __post_init__(self) -> None:
        if not (self.percent.is_finite() and 0 < self.percent <= 100):
            raise UserError(f"--percent {self.percent}: expected a percentage above 0, up to 100 (XLA: 30; PAWS-X 40)")
        sides = len(PROBLEMS[self.problem].texts)
        if len(self.samples) != sides or min(self.samples) < 1:
            expected = "two numbers from 1, such as 2,2" if sides == 2 else "one number from 1, such as 3"
            raise UserError(
                f"--samples {','.join(map(str, self.samples))}: expected {expected}, for data of {self.problem}"
            )
        if self.slot not in SLOTS:
            raise UserError(f"--genlm-unit {self.slot}: expected {' or '.join(SLOTS)}")
        if self.slot == "piece" and PROBLEMS[self.problem].words:
            raise UserError("--genlm-unit piece: the words of tagged sentences are labelled as wholes; use word")
        check_ranges(self, dict.fromkeys(("min_chars", "min_words"), POSITIVE), "--genlm-")
        if self.max_words < self.min_words:
            raise UserError(f"--genlm-max-words {self.max_words}: expected at least {self.min_words}, the minimum")
        check_ranges(self)

    def describe(self) -> dict[str, Any]:
        """For manifests and fingerprints."""
        return {
            "percent": str(self.percent), "samples": list(self.samples), "unit": self.slot,
            "method": "successive cross" if len(self.samples) > 1 else "successive max", "min_chars": self.min_chars,
            "min_words": self.min_words, "max_words": self.max_words, "word_start_only": self.word_start_only,
            "keep_duplicates": self.keep_duplicates, "seed": self.seed, "rounds": self.rounds,
        }  # fmt: skip


def parse_percent(text: str) -> Decimal:
    """``--percent``, as it is written."""
    try:
        return Decimal(text)
    except InvalidOperation:
        raise UserError(f"--percent {text}: expected a percentage above 0, up to 100 (XLA: 30; PAWS-X 40)") from None


def parse_samples(text: str | None, problem: str) -> tuple[int, ...]:
    """``--samples``: ``3`` for sentences; ``2,2`` for pairs."""
    if text is None:
        return SAMPLES[len(PROBLEMS[problem].texts)]
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise UserError(f"--samples {text}: expected numbers, such as 3 for tagging or 2,2 for pairs") from None
