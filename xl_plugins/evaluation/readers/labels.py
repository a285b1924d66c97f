"""Files of labels: predictions in XTREME's folder contract, and gold labels as XTREME's test files carry them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...datasets import XTREME
from ...errors import UserError
from ...formats.languages import CODE
from ...formats.packing import PACKED
from ...formats.tsv import LineReader, find_file, split_fields

STEMS = {"valid": "dev", "test": "test"}  # splits in XTREME's file names
MIN_CONSTANT = 10  # rows from which one label throughout a gold file of XTREME's is taken for a placeholder
PLACEHOLDERS = ("-", "_", "?")  # never a label when every line has it


@dataclass(frozen=True)
class LabelSet:
    """Names of the classes and other spellings of them; without names any label is accepted."""

    names: tuple[str, ...] = ()
    aliases: Mapping[str, str] | None = None

    def normal(self, label: str) -> str | None:
        """The class of ``label``, None when it is none."""
        label = label.strip()
        label = (self.aliases or {}).get(label, label)
        return label if label and (not self.names or label in self.names) else None


LABEL_SETS = {name: LabelSet(t.labels, t.aliases) for name, t in XTREME.items() if t.metric == "accuracy"}


def prediction_path(folder: str, task: str, split: str, language: str, suffix: str = "tsv") -> str:
    """``<folder>/<task>/test-<lang>.tsv`` (QA: .json), where XTREME's scorer looks."""
    return os.path.join(folder, task, f"{STEMS[split]}-{language}.{suffix}")


def languages_in(folder: str, split: str, suffix: str = "tsv") -> list[str]:
    """Languages with a file ``test-XX.tsv`` (plain or .gz) in a folder, sorted."""
    pattern = re.compile(rf"{STEMS[split]}-({CODE})\.{suffix}{PACKED}")
    return sorted({m.group(1) for name in os.listdir(folder) if (m := pattern.fullmatch(name))})


def task_folder(folder: str, task: str, option: str) -> str:
    """``folder/task`` when there is one, else ``folder`` itself; UserError when it is no folder."""
    if not os.path.isdir(folder):
        raise UserError(f"{option} {folder}: no such folder")
    names = [task, *(XTREME[task].old_names if task in XTREME else ())]
    found = (inner for name in names if os.path.isdir(inner := os.path.join(folder, name)))
    return next(found, folder)


def read_predictions(path: str, labels: LabelSet) -> list[str]:
    """One label per line; in a line with tabs the label is the last field."""
    return _normalise(path, [(line, split_fields(text)[-1]) for line, text in LineReader(path)], labels)


def read_gold(path: str, labels: LabelSet) -> list[str]:
    """Gold labels: the third column of XTREME's files (``text1 text2 label``), or one label per line.

    Raises UserError for files without labels or with placeholders: XTREME publishes its test files so.
    """
    found: list[tuple[int, str]] = []
    width = 0
    for line, text in LineReader(path):
        fields = split_fields(text)
        width = width or len(fields)
        if len(fields) != width:
            raise UserError(f"{path}:{line}: {len(fields)} columns, expected {width} as in the first line")
        if width not in (1, 3):
            raise UserError(
                f"{path}: {width} columns and so no gold labels; expected text1, text2, label or one label per line"
                " (XTREME publishes test files without labels: take them from the original data set"
                f"{'; a word and its tag per line are scored with --metric span_f1' if width == 2 else ''})"
            )
        found.append((line, fields[-1]))
    constant = len({label for _, label in found}) == 1
    official = bool(labels.names) and len(found) >= MIN_CONSTANT  # of other sets, one label may be the gold
    if constant and (official or labels.normal(found[0][1]) is None or found[0][1].strip() in PLACEHOLDERS):
        raise UserError(
            f"{path}: the label is '{found[0][1]}' in every line, a placeholder; scoring needs gold labels"
            " (XTREME publishes test files without them; a set of one label is scored under another name of --task)"
        )
    return _normalise(path, found, labels)


def _normalise(path: str, found: Sequence[tuple[int, str]], labels: LabelSet) -> list[str]:
    if not found:
        raise UserError(f"{path}: the file is empty; expected one label per line")
    result = []
    for line, text in found:
        label = labels.normal(text)
        if label is None:
            known = f"one of {', '.join(labels.names)}" if labels.names else "a label"
            raise UserError(f"{path}:{line}: label '{text.strip()[:60]}' is not {known}; correct the line or --task")
        result.append(label)
    return result


def read_lines(path: str, width: int) -> list[tuple[str, ...]]:
    """Rows of ``width`` tab-separated fields."""
    rows = []
    for line, text in LineReader(path):
        fields = tuple(split_fields(text))
        if len(fields) != width:
            raise UserError(f"{path}:{line}: {len(fields)} columns, expected {width}")
        rows.append(fields)
    if not rows:
        raise UserError(f"{path}: the file is empty; expected {width} columns per line")
    return rows


def find_labels(folder: str, split: str, language: str, suffix: str = "tsv") -> str | None:
    """Path of the file of one language, plain or .gz, else None."""
    return find_file(os.path.join(folder, f"{STEMS[split]}-{language}.{suffix}"))
