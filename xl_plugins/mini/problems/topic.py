"""Topics of sentences: what kind of thing a clause's object is, in one text and one label per row.

A topic is said by many nouns, each with several words per language, so a model has to know words rather than one word;
order, number and the verb say little about it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

from xl_plugins.mini.concepts import KIND_OF
from xl_plugins.mini.files import SPLITS, Options, split_of, stream, write_lines
from xl_plugins.mini.grammar import grammar, text
from xl_plugins.mini.lexicon import SOURCE
from xl_plugins.mini.meaning import Clause, draw_clause
from xl_plugins.mini.noise import corrupt

NAME = "topics"
LABELS = ("animal", "clothing", "food", "person", "plaything", "transport")


def draw_topic(rng: Random, label: str) -> Clause:
    """A clause whose object is of the kind ``label``."""
    while True:
        clause = draw_clause(rng)
        if clause.object is not None and KIND_OF[clause.object.noun] == label:
            return clause


def draw_rows(options: Options, split: str) -> list[tuple[Clause, str]]:
    """Clause and label of every row, in shuffled blocks that hold each label once."""
    rng, rows = stream(options, NAME, split), list[tuple[Clause, str]]()
    while len(rows) < options.rows(split):
        for label in rng.sample(LABELS, len(LABELS)):
            clause = draw_topic(rng, label)
            while split_of(clause) != split:
                clause = draw_topic(rng, label)
            rows.append((clause, label))
    return rows[: options.rows(split)]


def write_topics(folder: Path, options: Options, progress: Callable[[str], None]) -> None:
    """``topics/`` with all translations: a text and its label per line, in files that ``xl-prepare texts`` finds."""
    progress(NAME)
    for split in SPLITS:
        _write_split(folder / NAME, options, split)


def _write_split(folder: Path, options: Options, split: str) -> None:
    rows = draw_rows(options, split)

    def write(name: str, code: str, *keys: str, passes: int = 0) -> None:
        rng, speaker = stream(options, NAME, split, code, *keys), grammar(code)
        lines = []
        for clause, label in rows:
            tokens = speaker.say(speaker.restyle(clause, rng))
            for _ in range(passes):
                tokens = corrupt(tokens, code, options.noise, rng)
            lines.append(f"{text(tokens)}\t{label}")
        write_lines(folder / f"{name}.tsv", lines)

    write(f"{split}-{SOURCE}", SOURCE)
    for code in options.targets:
        if split == "train":
            write(f"translate-train/{SOURCE}-{code}", code, "machine", passes=1)
            write(f"back-translation/{SOURCE}-{code}", SOURCE, "back", code, passes=2)
        else:
            write(f"{split}-{code}", code)
            write(f"translate-{split}/{code}-{SOURCE}", SOURCE, "machine", code, passes=1)
