"""The words: one module of tables per language, read by :func:`load`.

A table is text, ``key = fields`` with entries separated by ``;`` or line ends and fields by ``,``. Keys are the
concepts of :mod:`xl_plugins.mini.concepts`; a key ``child#2`` gives a synonym, drawn now and then instead of ``child``.
In adverbial phrases ``*`` marks the content word ("in der *Küche"). What the fields mean is said in each module.
"""

from __future__ import annotations

import importlib
from functools import cache
from typing import NamedTuple

from xl_plugins.mini import concepts

LANGUAGES: dict[str, str] = {
    "en": "English",
    "de": "German",
    "es": "Spanish",
    "fr": "French",
    "hi": "Hindi",
    "id": "Indonesian",
    "sw": "Swahili",
    "tr": "Turkish",
}
SOURCE = "en"

Table = dict[str, tuple[str, ...]]


class Lexicon(NamedTuple):
    """Tables of one language; ``synonyms`` maps "n:child" (noun), "v:buy", "a:big" to the other keys of that table."""

    nouns: Table
    verbs: Table
    adjectives: Table
    places: Table
    times: Table
    counts: Table
    synonyms: dict[str, tuple[str, ...]]


def each(words: str) -> dict[str, str]:
    """One word (or phrase) per language from a comma-separated list in the order of LANGUAGES."""
    return dict(zip(LANGUAGES, words.split(", "), strict=True))


def parse(text: str) -> Table:
    """Read one table. Raises ValueError for an entry without ``=`` and for a key given twice."""
    table: Table = {}
    for entry in text.replace("\n", ";").split(";"):
        if not entry.strip():
            continue
        key, separator, fields = entry.partition("=")
        key = key.strip()
        if not separator or key in table:
            raise ValueError(f"bad lexicon entry {entry.strip()!r}: expected a new 'key = fields'")
        table[key] = tuple(field.strip() for field in fields.split(","))
    return table


@cache
def load(code: str) -> Lexicon:
    """Tables of language ``code`` (a key of LANGUAGES), checked to cover every concept."""
    module = importlib.import_module(f"{__name__}.{code}")
    nouns, verbs, adjectives, places, times, counts = tables = [
        parse(getattr(module, name)) for name in ("NOUNS", "VERBS", "ADJECTIVES", "PLACES", "TIMES", "COUNTS")
    ]
    wanted = (concepts.NOUNS, concepts.VERBS, concepts.ADJECTIVES, concepts.PLACES, concepts.TIMES, concepts.COUNTS)
    synonyms: dict[str, tuple[str, ...]] = {}
    for letter, table, keys in zip("nvaptc", tables, wanted):
        if {key.partition("#")[0] for key in table} != set(keys):
            odd = sorted({key.partition("#")[0] for key in table} ^ set(keys))
            raise ValueError(f"lexicon of {code}: tables and concepts differ in {odd}")
        for key in table:
            base, marker, _ = key.partition("#")
            if marker:
                synonyms[f"{letter}:{base}"] = (*synonyms.get(f"{letter}:{base}", ()), key)
    return Lexicon(nouns, verbs, adjectives, places, times, counts, synonyms)
