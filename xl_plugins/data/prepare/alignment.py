"""Which rows of which files belong together: joins by id, and checks that two parts correspond row by row."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from xl_plugins.data.prepare.binarize import UNLABELLED, TextRows
from xl_plugins.errors import UserError
from xl_plugins.formats.examples.plan import Part
from xl_plugins.formats.examples.table import PairFile, PairPlan

_LEAK = 0.5  # share of translate-test rows equal to the source's test rows from which a parallel corpus is suspected


@dataclass
class Selection:
    """``keep`` (rows of the file, bool), then ``order`` (kept rows): output row i is kept row ``order[i]``."""

    keep: np.ndarray
    order: np.ndarray

    @property
    def dropped(self) -> int:
        return int(len(self.keep) - self.keep.sum())

    @property
    def in_order(self) -> bool:
        return bool((self.order == np.arange(len(self.order))).all())

    def digest(self) -> str:
        return hashlib.sha256(self.keep.tobytes() + self.order.tobytes()).hexdigest()


def _read_keys(file: PairFile) -> np.ndarray:
    """64-bit hashes of the ids, uint64 (rows); a repeated id is a UserError with both lines."""
    keys, lines = [], []
    for row in file.rows():
        if row.key is None:
            raise UserError(f"{file.path}: no id column to join rows by; name it with --align-on or --columns id=...")
        keys.append(int.from_bytes(hashlib.blake2b(row.key.encode("utf-8"), digest_size=8).digest(), "little"))
        lines.append(row.line)
    found = np.array(keys, dtype=np.uint64)
    _, first, inverse = np.unique(found, return_index=True, return_inverse=True)
    repeated = np.flatnonzero(first[inverse] != np.arange(len(found)))
    if len(repeated):
        again = int(repeated[0])
        raise UserError(
            f"{file.path}:{lines[again]}: the id of this row was used before, in line {lines[first[inverse[again]]]}; "
            "ids must be unique (--filter can pick one of several sets in a file)"
        )
    return found


def align(plan: PairPlan) -> dict[Part, Selection]:
    """Join all parts of a split by id: the rows every one of them has, in the order of the first (the source's)."""
    selections: dict[Part, Selection] = {}
    parts = [part for part in plan.ordered() if not part.pool]
    for split in dict.fromkeys(part.split for part in parts):
        group = [part for part in parts if part.split == split]
        by_file: dict[PairFile, np.ndarray] = {}
        for part in group:
            if part.file not in by_file:
                by_file[part.file] = _read_keys(part.file)
        common = by_file[group[0].file]
        for part in group[1:]:
            keys = by_file[part.file]
            joined = common[np.isin(common, keys)]
            if not len(joined):
                raise UserError(
                    f"{part.file.path}: no id in common with {group[0].file.path}; check the id column and --filter"
                )
            common = joined
        for part in group:
            keep = np.isin(by_file[part.file], common)
            kept = by_file[part.file][keep]
            rank = np.argsort(kept)
            selections[part] = Selection(keep, rank[np.searchsorted(kept, common, sorter=rank)])
    return selections


def check_partner(part: Part, rows: TextRows, reference_part: Part, reference: TextRows) -> list[str]:
    """UserError where ``part`` and ``reference`` cannot correspond row by row; returns warnings about doubtful texts.

    Counts must agree, and in training the labels wherever both have them (rows marked as untranslated aside): dev and
    test sets that are translations of each other may carry labels of their own (JSICK beside SICK), which is a warning.
    """
    path, other = part.file.path, reference_part.file.path
    if len(rows) != len(reference):
        raise UserError(
            f"{path}: {len(rows)} rows, but {other} has {len(reference)}; row i of both must be the same pair, "
            "so translate the missing rows or remove them from all files"
        )
    differs = (
        (rows.labels != reference.labels)
        & (rows.labels != UNLABELLED)
        & (reference.labels != UNLABELLED)
        & ~rows.missing
    )
    warnings = []
    if differs.any():
        row, where = int(np.argmax(differs)), f"{int(differs.sum())} of {len(rows)} rows"
        if part.split != "train":
            warnings.append(
                f"{path}:{rows.lines[row]}: the label differs from {other}:{reference.lines[row]} ({where}); right if"
                " the translations have labels of their own, wrong if rows are shifted"
            )
        else:
            raise UserError(
                f"{path}:{rows.lines[row]}: the label differs from {other}:{reference.lines[row]} "
                f"({where}); the files must hold the same pairs in the same order"
            )
    if not len(rows.check):
        return warnings
    strange = np.flatnonzero(rows.check != reference.text)
    if not len(strange):
        return warnings
    row = int(strange[0])
    return [
        *warnings,
        f"{path}:{rows.lines[row]}: the untranslated side is not the text of {other}:{reference.lines[row]} "
        f"({len(strange)} of {len(rows)} rows); harmless if only the spelling differs, wrong if rows are shifted",
    ]


def check_leak(part: Part, text: np.ndarray, source_test: np.ndarray | None) -> list[str]:
    """Warn when a translate-test text is the source's own test set: a human original instead of a translation.

    ``text``, ``source_test``: checksums of the rows, (N) and (M).
    """
    if source_test is None or not part.into_source or part.split != "test" or not 0 < len(text) == len(source_test):
        return []
    share = float((text == source_test).mean())
    if share < _LEAK:
        return []
    return [
        f"{part.file.path}: {share:.0%} of the translate-test rows equal the source language's own test set; "
        "these are originals of a parallel corpus, not translations, and make results look too good"
    ]


def check_same_splits(language: str, valid: np.ndarray, test: np.ndarray, what: str = "pairs") -> list[str]:
    """Warn when the valid and the test texts (checksums) of a language are the same."""
    if not np.array_equal(valid, test):
        return []
    return [f"{language}: valid and test hold the same {what}; do not select models on them"]
