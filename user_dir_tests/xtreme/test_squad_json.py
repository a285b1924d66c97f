"""SQuAD's JSON layout, read in pieces."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

import xl_plugins.xtreme.squad_json as module
from xl_plugins.errors import UserError
from xl_plugins.xtreme.squad_json import QaFile


def question(key: Any, text: str = "Wer?", answer: str = "Anna", start: int = 0, **more: Any) -> dict[str, Any]:
    return {"id": key, "question": text, "answers": [{"text": answer, "answer_start": start}], **more}


def articles(count: int) -> dict[str, Any]:
    return {
        "version": "1.1",
        "data": [
            {
                "title": f"t{a}",
                "paragraphs": [{"context": f"Anna {a} {p}", "qas": [question(f"q{a}-{p}")]} for p in (0, 1)],
            }
            for a in range(count)
        ],
    }


def write(path: Path, content: Any) -> str:
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    path.write_text(text, encoding="utf-8")
    return str(path)


def contexts(file: QaFile) -> list[str]:
    return [paragraph.context for paragraph in file.paragraphs()]


@pytest.mark.parametrize("chunk", [1, 7, 1 << 20])
def test_any_chunk_gives_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    monkeypatch.setattr(module, "_CHUNK", chunk)
    path = write(tmp_path / "a.json", articles(3))
    assert contexts(QaFile(path)) == [f"Anna {a} {p}" for a in range(3) for p in (0, 1)]


def test_order_of_keys_blanks_and_byte_order_mark(tmp_path: Path) -> None:
    content = articles(2)
    content["data"][0] = dict(reversed(content["data"][0].items()))
    turned = {"data": content["data"], "version": 1.0, "more": {"data": [1]}}
    path = write(tmp_path / "a.json", "\ufeff \n" + json.dumps(turned, indent=2))
    assert len(contexts(QaFile(path))) == 4


def test_gzip(tmp_path: Path) -> None:
    path = tmp_path / "a.json.gz"
    path.write_bytes(gzip.compress(json.dumps(articles(1)).encode()))
    assert contexts(QaFile(str(path))) == ["Anna 0 0", "Anna 0 1"]
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UserError, match="damaged gzip file"):
        contexts(QaFile(str(path)))


def test_ranges_count_articles(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", articles(4))
    assert contexts(QaFile(path, 1, 3)) == ["Anna 1 0", "Anna 1 1", "Anna 2 0", "Anna 2 1"]
    assert contexts(QaFile(path, 3)) == ["Anna 3 0", "Anna 3 1"]
    for start, end in ((4, None), (2, 5)):
        with pytest.raises(UserError, match="the file has only 4"):
            contexts(QaFile(path, start, end))


def test_what_a_question_holds(tmp_path: Path) -> None:
    qas = [
        question(7, "Was?"),
        question("v2", is_impossible=True) | {"answers": []},
        question("empty", answer="", start=0),
        {"id": "bare", "question": "Wo?"},
    ]
    path = write(tmp_path / "a.json", {"data": [{"paragraphs": [{"context": "Anna", "qas": qas}]}]})
    (paragraph,) = QaFile(path).paragraphs()
    assert [(q.key, q.answers, q.impossible) for q in paragraph.questions] == [
        ("7", [("Anna", 0)], False),
        ("v2", [], True),
        ("empty", [], False),
        ("bare", [], False),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"data": [', "a.json:1: not JSON of SQuAD's layout .* the end of the file"),
        ('{"data":\n [{"paragraphs": [{"context": "a"', "a.json:2: not JSON of SQuAD's layout"),
        ("[1]", r"a.json:1: not JSON of SQuAD's layout \(expected '{', found '\['\)"),
        ("", "expected '{', found the end of the file"),
        ('{"version": 1}', "an object without the list 'data'"),
        ('{"data": [{"title": "x"}]}', "an object without the list 'paragraphs'"),
        ('{"data": [{"paragraphs": [{"context": "a"}]}]}', "article 1, paragraph 1: 'qas' is missing"),
        ('{"data": [{"paragraphs": [{"qas": [{"id": "1", "question": "?"}]}]}]}', "paragraph 1: 'context' is missing"),
        (
            '{"data": [{"paragraphs": [{"context": " ", "qas": [{"id": "1", "question": "?"}]}]}]}',
            "the context is empty",
        ),
        (
            '{"data": [{"paragraphs": [{"context": "a", "qas": [{"id": "1", "question": ""}]}]}]}',
            "1: the question is empty",
        ),
        ('{"data": [{"paragraphs": [{"context": "a", "qas": [{"question": "?"}]}]}]}', "paragraph 1: 'id' is missing"),
        ('{"data": [{"paragraphs": [{"context": "a", "qas": [3]}]}]}', "paragraph 1: 'id' is missing"),
    ],
)
def test_errors(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        contexts(QaFile(write(tmp_path / "a.json", content)))


def test_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b'{"data": "\xe4"}')
    with pytest.raises(UserError, match="byte 0xe4"):
        contexts(QaFile(str(path)))
