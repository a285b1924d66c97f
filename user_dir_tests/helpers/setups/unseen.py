"""Toy data folders whose training texts lack pieces that their dev sets have."""

from __future__ import annotations

from pathlib import Path

from fairseq.data import Dictionary

from user_dir_tests.helpers.setups.salt import read_rows
from user_dir_tests.helpers.toys.toy import write_rows
from xl_plugins.data.binary.layout import DataBin

UNSEEN = 40  # pieces, more than half as many as the others


def add_unseen(data: Path, into_dev: bool = True) -> Path:
    """Pieces that no text holds at the end of the dictionary; then dev texts begin with one of them in turn."""
    with open(data / "dict.txt", "a", encoding="utf-8") as file:
        file.writelines(f"unseen{number} 1\n" for number in range(UNSEEN))
    size = len(Dictionary.load(str(data / "dict.txt")))
    folder = DataBin(data)
    for language in folder.languages if into_dev else ():
        for field in ("input0", "input1"):
            if (data / language / field / "valid.idx").is_file():
                rows = read_rows(data, language, field, "valid")
                changed = [[size - 1 - number % UNSEEN, *row[1:]] for number, row in enumerate(rows)]
                write_rows(data / language / field / "valid", changed, size)
    return data
