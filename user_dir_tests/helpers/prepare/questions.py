"""Small files of questions in SQuAD's format, and XQuAD with all its translations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

NAMES = ("kabo", "nami", "tuga", "rilo", "sema")


def question(key: str, context: str, answer: str, language: str = "en") -> dict[str, Any]:
    return {
        "id": key,
        "question": f"{language} kabo {key}?",
        "answers": [{"text": answer, "answer_start": context.index(answer)}],
    }


def paragraph(language: str, split: str, number: int) -> dict[str, Any]:
    """A context of five names and two questions."""
    context = f"{language} {split} {number}: " + ", ".join(f"{name}{language}" for name in NAMES) + "."
    qas = [
        question(f"{split}-{number}-{k}", context, f"{NAMES[(number + k) % 5]}{language}", language) for k in range(2)
    ]
    return {"context": context, "qas": qas}


def article(language: str, split: str, number: int) -> dict[str, Any]:
    return {"title": str(number), "paragraphs": [paragraph(language, split, 2 * number + k) for k in range(2)]}


def content(language: str, split: str, count: int) -> dict[str, Any]:
    return {"version": "1.1", "data": [article(language, split, number) for number in range(count)]}


def write(path: Path, data: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")
    return path


def all_questions(data: dict[str, Any]) -> list[dict[str, Any]]:
    return [q for a in data["data"] for p in a["paragraphs"] for q in p["qas"]]


def make_xquad(raw: Path) -> Path:
    write(raw / "squad/train-v1.1.json", content("en", "train", 3))
    for lang in ("en", "de"):
        write(raw / f"xquad/xquad.{lang}.json", content(lang, "test", 2))
        write(raw / f"dev-{lang}.json", content(lang, "dev", 1))
    part = content("de", "train", 3)
    del part["data"][1]  # a part of the training questions
    write(raw / "xquad/translate-train/squad.translate.train.en-de.json", part)
    back = content("bt", "train", 3)
    back["data"].reverse()  # another order
    write(raw / "xquad/back-translation/en-de.json", back)
    turned = content("tt", "test", 2)
    turned["data"].reverse()
    for q in all_questions(turned):
        del q["answers"]
    write(raw / "xquad/translate-test/xquad.translate.test.de-en.json", turned)
    write(raw / "xquad/translate-dev/de-en.json", content("td", "dev", 1))
    return raw


def squad(tmp_path: Path, qas: list[dict[str, Any]], context: str = "Anna und Otto") -> Path:
    return write(tmp_path / "squad.json", {"data": [{"paragraphs": [{"context": context, "qas": qas}]}]})


def plain(key: str, answer: str = "Anna", start: int = 0, **more: Any) -> dict[str, Any]:
    return {"id": key, "question": "Wer?", "answers": [{"text": answer, "answer_start": start}], **more}
