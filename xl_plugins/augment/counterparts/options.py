"""Options that decide a training set's counterparts (SALT, Wang et al., Findings of ACL 2023, sections 2.1 and 2.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ...errors import UserError
from ...ranges import POSITIVE, UNIT, check_ranges

POSITIONS = ("whole-word", "all")
CASES = ("match", "any")
LANGUAGES = ("en", "fr", "es", "de")  # section 3.1: three targets and the source language, whose copies hold synonyms
TOP_K = 10_000  # footnote 2
SOURCE_THRESHOLD, THRESHOLD = 1e-3, 1e-7  # Appendix A
_TOP_KS = POSITIVE.said(f"at least 1 (SALT: {TOP_K})")
_TAUS = UNIT.said(
    f"a probability from 0 to 1 (SALT: {SOURCE_THRESHOLD} for the source language, {THRESHOLD} for others)"
)

MAX_TOKENS = 4096  # positions of a batch, padding included


@dataclass(frozen=True)
class CounterpartOptions:
    """Options of ``xl-augment counterparts``, and of a training task that has them under names of its own (``prefix``,
    ``languages_option``).

    source: language of the text; languages: L; word_lists: folder or pattern; thresholds: tau_L of single languages,
    others take ``source_threshold`` or ``threshold``; positions ``all`` takes every piece with a letter; case ``any``
    lets candidates differ from the word in case; source_in_list: only words of the source's list are substituted;
    exclude_identity: a word is no counterpart of itself; renormalize: probabilities within V_L.
    """

    source: str
    languages: Sequence[str] = LANGUAGES
    word_lists: str = ""
    top_k: int = field(default=TOP_K, metadata={"range": _TOP_KS})
    source_threshold: float = field(default=SOURCE_THRESHOLD, metadata={"range": _TAUS})
    threshold: float = field(default=THRESHOLD, metadata={"range": _TAUS})
    thresholds: dict[str, float] = field(default_factory=dict)
    positions: str = POSITIONS[0]
    case: str = CASES[0]
    source_in_list: bool = False
    exclude_identity: bool = False
    renormalize: bool = False
    prefix: str = "--"
    languages_option: str = field(default="--languages", compare=False)

    def __post_init__(self) -> None:
        if not self.languages:
            raise UserError(f"{self.languages_option}: no language given; write for example {','.join(LANGUAGES)}")
        for language in self.languages:
            if list(self.languages).count(language) > 1:
                raise UserError(f"{self.languages_option}: {language} is given twice; name each language once")
        check_ranges(self, prefix=self.prefix)
        for language, value in self.thresholds.items():
            _TAUS.check(f"{self.prefix}thresholds {language}", value)
            if language not in self.languages:
                raise UserError(
                    f"{self.prefix}thresholds {language}: not one of the languages {','.join(self.languages)}; leave it"
                    " out"
                )
        for name, choice, known in (("positions", self.positions, POSITIONS), ("case", self.case, CASES)):
            if choice not in known:
                raise UserError(f"{self.prefix}{name} {choice}: expected {' or '.join(known)}")

    def tau(self, language: str) -> float:
        """Threshold of a language."""
        default = self.source_threshold if language == self.source else self.threshold
        return self.thresholds.get(language, default)

    def check_sizes(self, sizes: dict[str, int]) -> None:
        """Within V_L the best of |V_L| candidates has at least 1/|V_L|: a lower threshold would reject nothing."""
        for language, size in sizes.items() if self.renormalize else ():
            if self.tau(language) < 1 / size:
                raise UserError(
                    f"{self.prefix}threshold {self.tau(language)} for {language}: with --renormalize the best of {size}"
                    f" words has at least {1 / size:.2g}, so that everything would be substituted; choose it anew"
                )


def parse_thresholds(text: str, option: str) -> dict[str, float]:
    """``fr=1e-6,de=1e-5``"""
    found: dict[str, float] = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        language, equal, value = entry.partition("=")
        try:
            if not equal or not language.strip():
                raise ValueError
            number = float(value)
        except ValueError:
            raise UserError(f"{option} {text}: '{entry}' is not LANGUAGE=PROBABILITY, such as fr=1e-6") from None
        if language.strip() in found:
            raise UserError(f"{option} {text}: {language.strip()} is given twice; name each language once")
        found[language.strip()] = number
    return found
