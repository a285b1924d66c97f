"""Small files of tagged sentences in the format of udpos, with translations and soft labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np


def write(path: Path, sentences: list[list[str]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join("".join(f"{line}\n" for line in rows) + "\n" for rows in sentences), encoding="utf-8")
    return path


def tagged(language: str, split: str, row: int, tag: bool = True) -> list[str]:
    """Three to five words; the first one names language, split and row."""
    words = [f"{language}{split}{row}", "kabo", "nami", "tu", "."][: 3 + row % 3]
    kinds = ["NOUN", "VERB", "ADJ", "DET", "PUNCT"]
    return [f"{word}\t{kind}" if tag else word for word, kind in zip(words, kinds)]


def make_udpos(raw: Path, train: int = 6, test: int = 12) -> Path:
    write(raw / "train-en.tsv", [tagged("en", "train", i) for i in range(train)])
    for lang in ("en", "de"):
        write(raw / f"dev-{lang}.tsv", [tagged(lang, "dev", i) for i in range(4)])
    for lang in ("en", "de", "kk"):
        write(raw / f"test-{lang}.tsv", [tagged(lang, "test", i) for i in range(test)])
    return raw


def add_source_texts(raw: Path, train: int = 6, test: int = 12) -> Path:
    def sentence(language: str, split: str, row: int) -> str:
        return " ".join(tagged(language, split, row, tag=False))

    (raw / "translate-train").mkdir()
    (raw / "translate-train/en-de.txt").write_text("".join(sentence("de", "train", i) + "\n" for i in range(train)))
    rows = [f"{sentence('en', 'train', i)}\t{sentence('bt', 'train', i)}\n" for i in range(train)]
    (raw / "back-translation").mkdir()
    (raw / "back-translation/en-de.tsv").write_text("".join(rows))
    rows = [f"{sentence('de', 'test', i)}\t{sentence('tt', 'test', i)}\n" for i in range(test)]
    (raw / "translate-test").mkdir()
    (raw / "translate-test/de-en.tsv").write_text("".join(rows))
    write(raw / "translate-dev/de-en.tsv", [tagged("td", "dev", i, tag=False) for i in range(4)])
    return raw


def soft_labels(path: Path, count: int = 6) -> Path:
    vectors = [";".join(f"{x:.6f}" for x in np.eye(18)[(i + j) % 18]) for i in range(count) for j in range(5)]
    rows = [
        [f"{word}\t{vectors[5 * i + j]}" for j, word in enumerate(tagged("de", "train", i, tag=False))]
        for i in range(count)
    ]
    return write(path, rows)
