"""xl-prepare texts on MARC's layout: one csv of reviews for all languages, of which a filter keeps each one's rows."""

from __future__ import annotations

import csv
import re
import shlex
from pathlib import Path

import pytest

from user_dir_tests.helpers.prepare.raw import sentence
from user_dir_tests.helpers.prepare.runs import labels, meta, run, texts
from xl_plugins.datasets.generic.texts import EPILOG
from xl_plugins.errors import UserError

HEADER = ("review_id", "product_id", "stars", "review_body", "review_title", "language", "product_category")
PAGE = Path(__file__).resolve().parents[3] / "docs" / "data.md"
LANGUAGES = ("ja", "en", "de", "en", "en", "de", "en", "ja")


def rows(split: str) -> list[tuple[str, ...]]:
    """Made-up reviews in the order of ``LANGUAGES``, which is no order of languages."""
    return [
        (f"r{i}", "p1", str(1 + (i * 3) % 5), sentence(language, split, i, 0), 'gut, "ja"', language, "toy")
        for i, language in enumerate(LANGUAGES)
    ]


@pytest.fixture
def marc(tmp_path: Path) -> Path:
    folder = tmp_path / "marc"
    folder.mkdir()
    for split in ("train", "validation", "test"):
        with (folder / f"{split}.csv").open("w", encoding="utf-8", newline="") as file:
            # a review may have several lines
            written = [(*row[:3], row[3].replace(" ", "\n", 1), *row[4:]) for row in rows(split)]
            csv.writer(file).writerows([HEADER, *written])
    return folder


def command(text: str) -> list[str]:
    """The words after the folder and the encoder's files of the command that prepares MARC."""
    found = re.search(r"xl-prepare texts data-bin/marc (?:M|--spm \S+ --dict \S+) (.*?)(?<!\\)\n", text, re.DOTALL)
    assert found
    return shlex.split(found.group(1).replace("\\\n", " "))


def expected(split: str, language: str) -> tuple[list[str], list[str]]:
    """Texts and labels of a language, in the order of the file."""
    own = [row for row in rows(split) if row[5] == language]
    return [row[3] for row in own], [row[2] for row in own]


@pytest.mark.parametrize(("text", "languages"), [(EPILOG, "de en ja"), (PAGE.read_text(encoding="utf-8"), "de en")])
def test_the_documented_command(tiny_spm, tmp_path: Path, marc: Path, text: str, languages: str) -> None:
    """That of ``--help``, and that of the page on data, which names two languages alone."""
    run(tiny_spm, "texts", tmp_path / "bin", *(word.replace("marc/", f"{marc}/") for word in command(text)))
    found = meta(tmp_path / "bin")
    assert (found["problem"], found["languages"]) == ("text", languages.split())
    assert found["splits"]["de"] == {"test": 2, "valid": 2} and found["splits"]["en"]["train"] == 4
    for split, file in (("train", "train"), ("valid", "validation"), ("test", "test")):
        for language in ["en"] if split == "train" else languages.split():
            words = texts(tmp_path / "bin", language, "input0", split)
            assert (words, labels(tmp_path / "bin", language, split)) == expected(file, language)
    assert (tmp_path / "bin" / "label" / "dict.txt").read_text().split()[::2] == ["1", "2", "3", "4", "5"]


def test_a_language_that_the_file_lacks(tiny_spm, tmp_path: Path, marc: Path) -> None:
    options = ["--columns", "text=review_body,label=stars", "--labels", "1,2,3,4,5", "--train", f"en={marc}/train.csv"]
    with pytest.raises(UserError, match=r"train\.csv: no row left of 8 read; correct the row range or --filter"):
        run(tiny_spm, "texts", tmp_path / "bin", *options, "--filter", "en:language=fr")
    assert not (tmp_path / "bin").exists()
