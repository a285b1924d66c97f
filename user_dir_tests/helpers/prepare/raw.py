"""Small raw data of XNLI in XTREME's format, and a way to spoil a line of any file."""

from __future__ import annotations

import random
from pathlib import Path

LABELS = ("contradiction", "entailment", "neutral")


def sentence(language: str, split: str, row: int, which: int) -> str:
    """A text that says whose it is; letters that the test tokenizer knows."""
    draw = random.Random(f"{language} {split} {row} {which}")
    return " ".join(
        "".join(draw.choices("bdgklmnprst", k=1) + draw.choices("aeiou", k=1)) for _ in range(draw.randint(2, 8))
    )


def pair(language: str, split: str, row: int) -> list[str]:
    return [sentence(language, split, row, 0), sentence(language, split, row, 1)]


def label(split: str, row: int) -> str:
    return LABELS[(row * 7 + len(split)) % 3]


def write_rows(path: Path, rows: list[list[str]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join("\t".join(row) + "\n" for row in rows), encoding="utf-8")
    return path


def make_xnli(
    raw: Path, languages: tuple[str, ...] = ("de", "sw"), train: int = 12, dev: int = 5, test: int = 6
) -> Path:
    """XNLI as xl-mini writes it: gold files and all four kinds of translations."""
    write_rows(raw / "train-en.tsv", [[*pair("en", "train", i), label("train", i)] for i in range(train)])
    for lang in ("en", *languages):
        write_rows(raw / f"dev-{lang}.tsv", [[*pair(lang, "dev", i), label("dev", i)] for i in range(dev)])
        write_rows(raw / f"test-{lang}.tsv", [[*pair(lang, "test", i), label("test", i)] for i in range(test)])
    for lang in languages:
        for kind in ("translate-train", "back-translation"):
            text = lang if kind == "translate-train" else f"bt{lang}"
            rows = [[*pair("en", "train", i), *pair(text, "train", i), label("train", i)] for i in range(train)]
            write_rows(raw / kind / f"en-{lang}.tsv", rows)
        for split, count in (("dev", dev), ("test", test)):
            rows = [[*pair(lang, split, i), *pair(f"tt{lang}", split, i), label(split, i)] for i in range(count)]
            write_rows(raw / f"translate-{split}" / f"{lang}-en.tsv", rows)
    return raw


def edit(path: Path, line: int, text: str | bytes) -> None:
    """Replace one line (from 1) of a file."""
    lines = path.read_bytes().split(b"\n")
    lines[line - 1] = text.encode() if isinstance(text, str) else text
    path.write_bytes(b"\n".join(lines))
