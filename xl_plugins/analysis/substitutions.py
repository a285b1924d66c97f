"""``xl-analyze substitutions``: what took the place of what in counterparts (SALT), with examples."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from fairseq.data.indexed_dataset import dataset_exists

from ..augment.counterparts.files import language_folder, prefix, read_manifest
from ..augment.primitives.words import text_of
from ..data.binary.layout import TEXTS, DataBin
from ..data.sentences import Sentences
from ..errors import UserError
from ..formats.languages import parse_languages
from ..output import Staging
from ..terminal import say
from .folder import Analysis
from .pictures import charts
from .pictures.style import check_available

COMMAND = "xl-analyze substitutions"


def run(args: argparse.Namespace, command: str) -> int:
    """The command on parsed arguments; returns the exit status."""
    check_available()
    with Staging(args.out, COMMAND, "--out", args.overwrite, [args.data]) as staging:
        data = DataBin(Path(args.data), args.source_language)
        languages = _languages(data, args.languages)
        analysis = Analysis("substitutions", command, data=args.data, source_language=data.source_language)
        pairs: list[list[Any]] = []
        examples: list[list[Any]] = []
        for language in languages:
            entry = _compare(data, language, args)
            analysis.numbers[language] = entry
            pairs += [[language, *pair.values()] for pair in entry["frequent"]]
            examples += [[language, *example.values()] for example in entry["examples"]]
        analysis.add_table("substitutions", ["language", "original", "counterpart", "count"], pairs)
        analysis.add_table("examples", ["language", "row", "field", "original", "counterpart", "changes"], examples)
        rates = {language: entry["changed_percent"] for language, entry in analysis.numbers.items()}
        title = f"Pieces of {data.source_language} that another took the place of"
        analysis.add_picture("rates", charts.bars(rates, title, "share of all pieces (%)"))
        analysis.write(staging)
    for language, entry in analysis.numbers.items():
        say(f"  {language}  {entry['changed_percent']:.1f} % of the pieces, {entry['rows_percent']:.1f} % of the texts")
        for one in entry["examples"][: args.show]:
            say(f"    {one['changes']}: {one['counterpart']}")
    say(f"written: {args.out}")
    return 0


def _languages(data: DataBin, asked: str | None) -> list[str]:
    folder = language_folder(data, "x").parent
    there = sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    there = [language for language in there if dataset_exists(prefix(data, language, TEXTS[0]), "mmap")]
    wanted = list(parse_languages(asked, "--languages")) if asked else there
    missing = [language for language in wanted if language not in there]
    if missing or not there:
        raise UserError(
            f"{'--languages' if missing else 'DATA'}: {data.root} has no counterparts"
            f"{' in ' + ', '.join(missing) if missing else ''}; make them by xl-augment counterparts. It has"
            f" {', '.join(there) or 'none'}"
        )
    return wanted


def _compare(data: DataBin, language: str, args: argparse.Namespace) -> dict[str, Any]:
    """Counts over all texts, the most frequent pairs, and equally spaced examples of texts that changed."""
    types = len(data.dictionary)
    pairs: dict[int, int] = {}
    pieces = changed = rows = touched = 0
    places: list[tuple[str, Sentences, Sentences, np.ndarray]] = []
    for field in TEXTS:
        if not dataset_exists(prefix(data, language, field), "mmap"):
            continue
        original = Sentences.of(data.open_text(data.source_language, field, "train"))
        other = Sentences.of(data.open_text(f"{data.source_language}/counterparts/{language}", field, "train"))
        if not np.array_equal(original.sizes, other.sizes):
            raise UserError(
                f"{prefix(data, language, field)}.bin: not as long as the training text; make the counterparts again"
            )
        spots = np.flatnonzero(original.ids != other.ids)
        numbers = original.ids[spots].astype(np.int64) * types + other.ids[spots]
        for number, count in zip(*(part.tolist() for part in np.unique(numbers, return_counts=True))):
            pairs[number] = pairs.get(number, 0) + count
        where = np.unique(np.searchsorted(original.starts, spots, side="right") - 1)
        places.append((field, original, other, where))
        pieces += int(original.sizes.sum()) - len(original)
        changed, rows, touched = changed + len(spots), rows + len(original), touched + len(where)
    frequent = sorted(pairs.items(), key=lambda item: (-item[1], item[0]))[: args.pairs]
    return {
        "pieces": pieces, "changed": changed, "changed_percent": 100 * changed / max(pieces, 1), "rows": rows,
        "rows_percent": 100 * touched / max(rows, 1),
        "frequent": [
            {
                "original": text_of([number // types], data.dictionary),
                "counterpart": text_of([number % types], data.dictionary), "count": count,
            }
            for number, count in frequent
        ],
        "examples": [one for place in places for one in _examples(data, place, -(-args.examples // len(places)))],
        "made_with": read_manifest(data, language),
    }  # fmt: skip


def _examples(
    data: DataBin, place: tuple[str, Sentences, Sentences, np.ndarray], count: int
) -> list[dict[str, Any]]:  # fmt: skip
    field, original, other, where = place
    if not len(where) or not count:
        return []
    found = []
    for row in where[np.unique(np.linspace(0, len(where) - 1, min(count, len(where))).astype(np.int64))].tolist():
        start, size = int(original.starts[row]), int(original.sizes[row])
        before, after = (side.ids[start : start + size] for side in (original, other))
        changes = [
            f"{text_of([old], data.dictionary)} -> {text_of([new], data.dictionary)}"
            for old, new in zip(before.tolist(), after.tolist())
            if old != new
        ]
        found.append({
            "row": row + 1, "field": field, "original": text_of(before, data.dictionary),
            "counterpart": text_of(after, data.dictionary), "changes": ", ".join(changes),
        })  # fmt: skip
    return found
