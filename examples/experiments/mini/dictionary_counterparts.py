"""Counterparts from dictionaries in place of the language model's: what SALT's training gives when every counterpart
is a translation.

    python examples/experiments/mini/dictionary_counterparts.py DATA WORDLISTS DICTIONARIES MODEL fr,es,de

Writes DATA/<source>/counterparts/<language>/ for a data folder without counterparts. Of the positions that
``xl-augment counterparts`` looks at, those whose word has a translation of one piece get it, the dictionary's first.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import xl_plugins  # noqa: F401  repairs what it needs of fairseq
from xl_plugins.augment.counterparts.files import write_counterparts
from xl_plugins.augment.counterparts.finder import Changes
from xl_plugins.augment.counterparts.job import CounterpartJob
from xl_plugins.augment.counterparts.options import CounterpartOptions
from xl_plugins.augment.primitives.dictionaries import Table, load_dictionaries
from xl_plugins.augment.primitives.words import BOUNDARY
from xl_plugins.data.binary.layout import DataBin
from xl_plugins.data.wordpiece import WordPieceModel
from xl_plugins.errors import run_cli
from xl_plugins.functional.substitution import eligible_positions


def main() -> int:
    root, lists, folder, model, languages = sys.argv[1:]
    logging.getLogger().setLevel(logging.WARNING)
    data = DataBin(Path(root))
    job = CounterpartJob(data, CounterpartOptions(data.source_language, languages.split(","), lists), model)
    texts, classes = job.texts.texts, job.classes
    eligible = eligible_positions(
        *(part[texts.ids] for part in (classes.starts, classes.letter, classes.alnum, classes.special))
    )
    made = {}
    for language, table in load_dictionaries(folder, data.source_language, languages, "DICTIONARIES").items():
        translation = translations(table, job)
        changed = eligible & (translation[texts.ids] >= 0)
        made[language] = changes(job, changed, translation), {"kind": "dictionary counterparts"}
        print(f"{language}: {changed.sum() / eligible.sum():.1%} of {eligible.sum()} eligible positions")
    write_counterparts(data, job.texts, made)
    return 0


def translations(table: Table, job: CounterpartJob) -> np.ndarray:
    """For every piece the piece of its first translation that is one, -1 for none: (V,). Words are met as the pieces
    spell them, by an uncased WordPiece without accents."""
    find, model = job.data.dictionary.indices.get, job.pieces.model
    spell = model.normalise if isinstance(model, WordPieceModel) else str
    found = np.full(len(job.data.dictionary), -1, dtype=np.int64)
    for word, entry in table.items():
        texts = [entry] if isinstance(entry, str) else entry
        pieces = [find(BOUNDARY + spell(text), -1) for text in texts]
        source = find(BOUNDARY + spell(word), -1)
        if source >= 0:
            found[source] = next((piece for piece in pieces if piece >= 0), -1)
    return found


def changes(job: CounterpartJob, changed: np.ndarray, translation: np.ndarray) -> Iterator[Changes]:
    """Changes of every block."""
    texts = job.texts.texts
    for number in range(job.texts.blocks):
        numbers = job.texts.block(number)
        start, stop = int(texts.starts[numbers[0]]), int(texts.starts[numbers[-1]] + texts.sizes[numbers[-1]])
        places = np.flatnonzero(changed[start:stop])
        yield places, translation[texts.ids[start:stop][places]]


if __name__ == "__main__":
    run_cli(main)
