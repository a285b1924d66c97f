"""Small files of Tatoeba and BUCC."""

from __future__ import annotations

from pathlib import Path

GERMAN = ["der hund", "die katze", "das haus"]
ENGLISH = ["the dog", "a cat", "the house"]


def write(path: Path, lines: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def make_tatoeba(raw: Path) -> Path:
    write(raw / "de-en.de", GERMAN)
    write(raw / "de-en.en", ENGLISH)
    write(raw / "tatoeba.cmn-eng.cmn", ["狗", "猫"])
    write(raw / "tatoeba.cmn-eng.eng", ENGLISH[:2])
    return raw


def make_bucc(raw: Path, folder: str = "") -> Path:
    base = raw / folder
    write(base / "de-en.training.de", [f"de-{i}\t{text}" for i, text in enumerate(GERMAN)])
    write(base / "de-en.training.en", [f"en-{i}\t{text}" for i, text in enumerate([*ENGLISH, "more"])])
    write(base / "de-en.training.gold", ["de-2\ten-0", "de-0\ten-3"])
    write(base / "de-en.test.de", ["de-9\tdie katze"])
    write(base / "de-en.test.en", ["en-8\ta cat", "en-9\tthe dog"])
    return raw
