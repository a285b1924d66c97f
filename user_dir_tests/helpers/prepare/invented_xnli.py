"""XNLI of invented words with all its translations, raw and binarised."""

from __future__ import annotations

import random
from pathlib import Path

from user_dir_tests.conftest import TinySpm, made_up_text
from xl_plugins.cli import prepare

LABELS = ("contradiction", "entailment", "neutral")


def write_raw(folder: Path, languages: tuple[str, ...] = ("en", "de", "sw"), rows: int = 30) -> Path:
    """XNLI files of invented words, translations included."""
    draw = random.Random(5)
    for part in ("", "translate-train", "translate-dev", "translate-test", "back-translation"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for stem in ("train", "dev", "test"):
        gold = [draw.choice(LABELS) for _ in range(rows)]
        column = {lang: list(zip(*(made_up_text(rows, draw.randrange(10**6)) for _ in "12"))) for lang in languages}
        for lang in languages:
            own = [(*pair, label) for pair, label in zip(column[lang], gold)]
            if stem != "train" or lang == "en":
                _write(folder / f"{stem}-{lang}.tsv", own)
            if lang == "en":
                continue
            back = list(zip(*(made_up_text(rows, draw.randrange(10**6)) for _ in "12")))
            if stem == "train":
                triples = list(zip(column["en"], column[lang], back, gold))
                _write(
                    folder / "translate-train" / f"en-{lang}.tsv", [(*en, *xx, label) for en, xx, _, label in triples]
                )
                _write(
                    folder / "back-translation" / f"en-{lang}.tsv", [(*en, *bt, label) for en, _, bt, label in triples]
                )
            else:
                _write(folder / f"translate-{stem}" / f"{lang}-en.tsv", [(*a, *b) for a, b in zip(column[lang], back)])
    return folder


def _write(path: Path, rows: list[tuple[str, ...]]) -> None:
    path.write_text("".join("\t".join(row) + "\n" for row in rows), encoding="utf-8")


def prepare_raw(raw: Path, dest: Path, spm: TinySpm) -> Path:
    """Binarise with ``xl-prepare``."""
    assert prepare.main(["xnli", str(raw), str(dest), "--spm", str(spm.model), "--dict", str(spm.dict)]) == 0
    return dest
