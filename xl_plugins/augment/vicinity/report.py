"""Counts of what became of the sentences of a text and of the samples that were made of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..generation.files import Examples
from ..primitives.words import text_of
from .texts import VicinityTexts

SKIPPED = {
    "short": "too few words", "long": "too many words", "unfit": "more pieces than the model takes",
    "ineligible": "no word to be masked",
}  # fmt: skip
DROPPED = {
    "glued": "the number of words changed", "empty": "a prediction spelt no word", "overlong": "grown too long",
    "duplicate": "equal to the original or to another sample", "repeated": "the same words drawn again",
}  # fmt: skip

_ADVICE = {  # for a text of which nothing came, by the commonest reason
    "short": "lower --genlm-min-words", "long": "raise --genlm-max-words", "ineligible": "lower --genlm-min-chars",
    "glued": "pass --genlm-word-start-only", "duplicate": "replace more words, or pass --genlm-keep-duplicates",
}  # fmt: skip
_MANY = 0.1  # share of the samples that is worth a hint


def summary(counts: Mapping[str, int]) -> dict[str, Any]:
    """For manifests and ``--json``. ``one_sided``: pairs of which one text has no sample; ``rows_used``: with a
    virtual example; ``changed``: predictions that differ from what they replaced."""
    names = ("rows", "sentences", "samples", "predictions", "changed", "one_sided", "rows_used", "written")
    return {
        **{name: int(counts.get(name, 0)) for name in names},
        "skipped": {name: int(counts.get(name, 0)) for name in SKIPPED},
        "dropped": {name: int(counts.get(name, 0)) for name in DROPPED},
    }


def why_none(counts: Mapping[str, int]) -> str:
    """The commonest reason why no example was made, and what to do."""
    reasons = {**SKIPPED, **DROPPED}
    name = max(reasons, key=lambda reason: counts.get(reason, 0))
    if not counts.get(name):
        return "there is no text; leave the language out"
    return f"{counts[name]} {name} ({reasons[name]}); {_ADVICE.get(name, 'leave the language out')}"


def lines(language: str, counts: Mapping[str, int]) -> list[str]:
    """The same for people."""
    found = summary(counts)
    out = [
        f"{language}: {found['written']} virtual examples of {found['rows_used']} of {found['rows']} rows;"
        f" {found['predictions']} predictions, {_share(found['changed'], found['predictions'])} of them another word"
    ]
    for what, names in (("skipped", SKIPPED), ("dropped", DROPPED)):
        parts = [f"{count} {name} ({names[name]})" for name, count in found[what].items() if count]
        total = found["sentences"] if what == "skipped" else found["samples"] + found["dropped"]["repeated"]
        noun = "sentences" if what == "skipped" else "samples"
        out.append(f"  {what} of {total} {noun}: {', '.join(parts) or 'none'}")
    if found["one_sided"]:
        out.append(f"  {found['one_sided']} times one text of a pair had no sample")
    if found["dropped"]["glued"] > _MANY * found["samples"]:
        out.append("  --genlm-word-start-only would keep the number of words")
    return out


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "-"


def example_lines(texts: VicinityTexts, examples: Examples, count: int) -> list[str]:
    """Some examples below their originals, as words; ``count`` of them, equally spaced."""
    total = len(examples.parents)
    chosen = np.unique(np.arange(min(count, total)) * total // max(1, min(count, total)))
    out = []
    for number in chosen.tolist():
        parent = int(examples.parents[number])
        out.append(f"row {parent + 1}")
        for field, (ids, sizes) in enumerate(examples.texts):
            begin = int(sizes[:number].sum())
            original = texts.slots(field, np.array([parent])).ids
            out.append(f"  - {text_of(original.tolist(), texts.data.dictionary)}")
            found = ids[begin : begin + int(sizes[number]) - 1].tolist()
            out.append(f"  + {text_of(found, texts.data.dictionary)}")
    return out
