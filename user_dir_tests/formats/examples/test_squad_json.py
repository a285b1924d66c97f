"""SQuAD's JSON layout, read in pieces."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

import xl_plugins.formats.json_stream as module
from xl_plugins.errors import UserError
from xl_plugins.formats.examples.squad_json import QaFile, Question


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
        ('{"data": [', "a.json:1: not JSON .* the end of the file"),
        ('{"data":\n [{"paragraphs": [{"context": "a"', "a.json:2: not JSON"),
        ("[1]", "a.json:1: a number; expected SQuAD's layout"),
        ("", "expected '{' or '\\[', found the end of the file"),
        ('{"version": 1}', "a.json:1: an object with the keys version; expected SQuAD's layout"),
        ('{"data": [{"title": "x"}]}', "a.json:1: an object with the keys title; expected SQuAD's layout"),
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
        ('{"data": [{"paragraphs": [{"context": "a", "qas": [3]}]}]}', "paragraph 1: a number, expected an object"),
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


CONTEXT = "Anna lives in Bern. She was born in Oslo in 1990."
HUB = {"text": ["Bern"], "answer_start": [14]}
ROW = {"id": "1", "title": "t", "context": CONTEXT, "question": "Where does Anna live?", "answers": HUB}
QUESTION = {"id": "1", "question": "Where does Anna live?", "answers": HUB}
ARTICLE = {"title": "t", "paragraphs": [{"context": CONTEXT, "qas": [QUESTION]}]}


def viewer(*rows: dict[str, Any], cut: tuple[str, ...] = ()) -> dict[str, Any]:
    entries = [{"row_idx": number, "row": row, "truncated_cells": list(cut)} for number, row in enumerate(rows)]
    return {"features": [{"feature_idx": 0, "name": "id"}], "rows": entries, "num_rows_total": len(rows)}


@pytest.mark.parametrize("chunk", [1, 1 << 20])
@pytest.mark.parametrize(
    "content",
    [
        {"version": "2", "data": [ROW]},
        [ROW],
        json.dumps(ROW) + "\n",
        {"version": "1.1", "data": [ARTICLE]},
        [ARTICLE],
        json.dumps(ARTICLE),
        ARTICLE["paragraphs"],
        viewer(ROW),
        {"data": [ROW | {"answers": [{"text": "Bern", "answer_start": 14}]}]},
        {"data": [ROW | {"answers": {"text": "Bern", "answer_start": 14}}]},
    ],
    ids=["flat", "list", "lines", "nested", "articles", "article", "paragraphs", "viewer", "squad-answers", "single"],
)
def test_every_layout_of_one_question(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: Any, chunk: int
) -> None:
    monkeypatch.setattr(module, "_CHUNK", chunk)
    (paragraph,) = QaFile(write(tmp_path / "a.json", content)).paragraphs()
    assert paragraph.context == CONTEXT
    assert paragraph.questions == [Question("1", "Where does Anna live?", [("Bern", 14)], False)]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_lines_share_the_context_of_the_line_before(tmp_path: Path, encoding: str) -> None:
    lines = [ROW, ROW | {"id": 2}, ROW | {"id": "3", "context": "Anna"}, ROW | {"id": "4"}]
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in lines), encoding=encoding)
    found = list(QaFile(str(path)).paragraphs())
    assert [[q.key for q in p.questions] for p in found] == [["1", "2"], ["3"], ["4"]]
    (part,) = QaFile(str(path), 2, 3).paragraphs()  # questions are counted where there are no articles
    assert part.context == "Anna"
    with pytest.raises(UserError, match=r"questions \[2:9\] asked for, the file has only 4"):
        list(QaFile(str(path), 2, 9).paragraphs())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"data": {"id": ["1"]}}, "a.json:1: an object with the keys data; expected .* or one object per"),
        ({"id": ["1"], "question": ["?"], "context": ["c"]}, "a.json:1: a table column by column"),
        ([ROW, "text"], "a.json:1: a text; expected SQuAD's layout"),
        ([ROW, {"header": {"dataset": "x"}}], "a.json:1: an object with the keys header; expected"),
        (json.dumps(ROW) + "\n" + json.dumps(ROW | {"id": None}), "a.json:2: 'id' is missing"),
        (json.dumps(ROW) + "\n" + json.dumps(ROW | {"id": True}), "a.json:2: 'id' is true or false, of the wrong kind"),
        ([ROW | {"context": None}], "a.json:1: 'context' is missing"),
        ([ROW | {"question": 3}], "question 1: 'question' is a number, of the wrong kind"),
        ([ROW | {"answers": "Bern"}], "question 1: 'answers' is a text, expected a list"),
        ([ROW | {"answers": ["Bern"]}], "question 1: a text, expected an object with 'text'"),
        ([ROW | {"answers": {"text": ["a", "b"], "answer_start": [1]}}], "answers has 2 text but 1 answer_start"),
        ([ROW | {"answers": {"text": [1], "answer_start": [1]}}], "'text' is a number, of the wrong kind"),
        ([ROW | {"answers": {"text": ["a"], "answer_start": ["1"]}}], "'answer_start' is a text, of the wrong kind"),
        ([ROW | {"answers": {"text": ["a"], "answer_start": [True]}}], "'answer_start' is true or false"),
        ([ROW | {"is_impossible": "false"}], "'is_impossible' is a text, expected true or false"),
        ([ROW | {"id": "a\u001b[2Jb", "is_impossible": 0}], r"question a\\x1b\[2Jb: 'is_impossible'"),
        (viewer(ROW, cut=("context",)), "row 1: the viewer cut its cells short"),
        ("[" * 100000, "a.json:1: not JSON .nested too deeply"),
        ('[{"id": "\\ud83d"}]', "a.json:1: not JSON .half of a surrogate pair"),
        ('\n[{"id": 1, "id": 2}]', "a.json:2: not JSON .key 'id' twice"),
        (f'[{{"id": {"9" * 5000}}}]', "a.json:1: not JSON .a number of too many digits"),
        ('{"data": [],}', "a.json:1: not JSON .a comma before '}'"),
        ("[1,]", "a.json:1: a number; expected"),
        (json.dumps([ROW]) + " x", "a.json:1: not JSON .expected '{' or '\\[', found 'x'"),
        ([], "a.json: no question; expected SQuAD's layout"),
        ({"data": []}, "a.json: no question; expected SQuAD's layout"),
    ],
)
def test_other_layouts_and_wrong_kinds_are_named(tmp_path: Path, content: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        contexts(QaFile(write(tmp_path / "a.json", content)))


def test_parquet(tmp_path: Path) -> None:
    parquet, arrow = pytest.importorskip("pyarrow.parquet"), pytest.importorskip("pyarrow")
    path = str(tmp_path / "a.parquet")
    parquet.write_table(arrow.Table.from_pylist([ROW, ROW | {"id": "2"}]), path)
    (paragraph,) = QaFile(path).paragraphs()
    assert [(q.key, q.answers) for q in paragraph.questions] == [("1", [("Bern", 14)]), ("2", [("Bern", 14)])]
    parquet.write_table(arrow.table({"text": ["x"]}), path)
    with pytest.raises(UserError, match="an object with the keys text; expected SQuAD's layout"):
        contexts(QaFile(path))
