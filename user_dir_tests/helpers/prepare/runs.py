"""Runs of xl-prepare in this process, and what they wrote as text again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fairseq.data import Dictionary, data_utils

from xl_plugins.cli import prepare


def tokenizer_options(tiny_spm: Any) -> list[str]:
    return ["--spm", str(tiny_spm.model), "--dict", str(tiny_spm.dict)]


def run(tiny_spm: Any, *args: object) -> None:
    assert prepare.main([*map(str, args), *tokenizer_options(tiny_spm)]) == 0


def meta(dest: Path) -> dict[str, Any]:
    return json.loads((dest / "meta.json").read_text(encoding="utf-8"))


def texts(dest: Path, folder: str, field: str, split: str) -> list[str]:
    """The binarised texts as text again."""
    dictionary = Dictionary.load(str(dest / "dict.txt"))
    data = data_utils.load_indexed_dataset(str(dest / folder / field / split), dictionary, "mmap")
    return [dictionary.string(row).replace(" ", "").replace("▁", " ").strip() for row in data]


def labels(dest: Path, folder: str, split: str) -> list[str]:
    dictionary = Dictionary.load(str(dest / "label" / "dict.txt"))
    data = data_utils.load_indexed_dataset(str(dest / folder / "label" / split), dictionary, "mmap")
    return [dictionary.string(row) for row in data]


def tree(folder: Path) -> dict[str, bytes]:
    """All files below a folder, hidden ones included."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
