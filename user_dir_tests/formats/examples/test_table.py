"""Tables of pairs: columns by count, by header, by number; ranges, filters, csv and jsonl."""

from __future__ import annotations

from pathlib import Path

import pytest

from xl_plugins.datasets.layouts.xtreme_pairs import GOLD_TEST, GOLD_TRAIN, TRANSLATED, role_schema
from xl_plugins.errors import UserError
from xl_plugins.formats.examples.table import NamedSchema, PairFile, Row

NAMED = NamedSchema("premise", "hypothesis", "label", "id")


def make(tmp_path: Path, text: str, name: str = "a.tsv") -> str:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def texts(file: PairFile) -> list[str]:
    return [row.first for row in file.rows()]


def test_gold_and_translated_layouts(tmp_path: Path) -> None:
    gold = PairFile(make(tmp_path, "a\tb\tneutral\n"), GOLD_TRAIN)
    assert list(gold.rows()) == [Row(1, "a", "b", "neutral", None, None)]
    bare = PairFile(make(tmp_path, "a\tb\n"), GOLD_TEST)
    assert list(bare.rows()) == [Row(1, "a", "b", None, None, None)]
    translated = PairFile(make(tmp_path, "a\tb\tx\ty\tneutral\n"), TRANSLATED)
    assert list(translated.rows()) == [Row(1, "x", "y", "neutral", None, "a\tb")]


@pytest.mark.parametrize(
    ("line", "row"),
    [
        ("x\ty\ta\tb\tneutral", Row(1, "a", "b", "neutral", None, "x\ty")),
        ("x\ty\ta\tb", Row(1, "a", "b", None, None, "x\ty")),
        ("a\tb\tneutral", Row(1, "a", "b", "neutral", None, None)),
        ("a\tb", Row(1, "a", "b", None, None, None)),
    ],
)
def test_translate_test_without_header(tmp_path: Path, line: str, row: Row) -> None:
    file = PairFile(make(tmp_path, line + "\n"), role_schema("translate_test", "sw", "en"))
    assert list(file.rows()) == [row]


def test_translate_test_with_header(tmp_path: Path) -> None:
    text = "label\tsentence1_en\tsentence2_en\tsentence1_sw\tsentence2_sw\nneutral\ta\tb\tx\ty\n"
    file = PairFile(make(tmp_path, text), role_schema("translate_test", "sw", "en"))
    assert list(file.rows()) == [Row(2, "a", "b", "neutral", None, "x\ty")]


def test_header_range_and_filters(tmp_path: Path) -> None:
    rows = "".join(f"{i}\tp{i}\th{i}\t{'ab'[i % 2]}\n" for i in range(6))
    path = make(tmp_path, "id\tpremise\thypothesis\tlabel\n" + rows)
    assert texts(PairFile(path, NAMED)) == ["p0", "p1", "p2", "p3", "p4", "p5"]
    assert texts(PairFile(path, NAMED, start=1, end=4)) == ["p1", "p2", "p3"]
    assert texts(PairFile(path, NAMED, start=4)) == ["p4", "p5"]
    assert texts(PairFile(path, NAMED, start=1, end=5, filters=(("label", True, "a"),))) == ["p2", "p4"]
    assert texts(PairFile(path, NAMED, filters=(("label", False, "a"), (0, False, "5")))) == ["p1", "p3"]
    assert next(iter(PairFile(path, NAMED).rows())) == Row(2, "p0", "h0", "a", "0", None)


def test_numbered_columns_have_no_header(tmp_path: Path) -> None:
    path = make(tmp_path, "l\ta\tb\nl\tc\td\n")
    assert [row[:4] for row in PairFile(path, NamedSchema(1, 2, 0)).rows()] == [(1, "a", "b", "l"), (2, "c", "d", "l")]


def test_csv_with_commas_quotes_and_line_ends(tmp_path: Path) -> None:
    path = make(tmp_path, 'id,premise,hypothesis,label\n1,"a, ""b""\nc",d,x\n2,e,f,y\n', "a.csv")
    rows = list(PairFile(path, NAMED, "csv").rows())
    assert rows == [Row(2, 'a, "b" c', "d", "x", "1", None), Row(4, "e", "f", "y", "2", None)]


def test_jsonl_keys_may_vary_where_they_are_not_read(tmp_path: Path) -> None:
    text = '{"premise": "a\\u2028b", "hypothesis": "c", "label": "e", "id": 7, "extra": 1}\n'
    text += '{"id": 8, "label": "n", "hypothesis": "x", "premise": "y\\nz", "other": null}\n'
    rows = list(PairFile(make(tmp_path, text), NAMED, "jsonl").rows())
    assert rows == [Row(1, "a\u2028b", "c", "e", "7", None), Row(2, "y z", "x", "n", "8", None)]


def test_missing_label_column_of_a_translation_is_no_mistake(tmp_path: Path) -> None:
    path = make(tmp_path, "premise\thypothesis\na\tb\n")
    schema = NamedSchema("premise", "hypothesis", "label", None, optional_label=True)
    assert list(PairFile(path, schema).rows()) == [Row(2, "a", "b", None, None, None)]


@pytest.mark.parametrize(
    ("name", "text", "schema", "message"),
    [
        ("a.tsv", "", GOLD_TRAIN, "a.tsv: the file is empty"),
        ("a.tsv", "a\tb\n", GOLD_TRAIN, "a.tsv:1: 2 columns, expected 3"),
        ("a.tsv", "a\tb\tx\nc\td\te\tf\n", GOLD_TRAIN, "a.tsv:2: 4 columns, expected 3 as in the first row"),
        (
            "a.tsv",
            "id\tpremise\tlabel\n",
            NAMED,
            "a.tsv:1: no column 'hypothesis'; the file has columns id, premise, label",
        ),
        ("a.tsv", "a\tb\n", NamedSchema(0, 4), "a.tsv:1: no column '5'; the file has columns 1 to 2"),
        ("a.tsv", "id\tpremise\thypothesis\tlabel\n", NAMED, "a.tsv: no row left of 0 read"),
        ("a.jsonl", "{bad\n", NAMED, "a.jsonl:1: not JSON ("),
        ("a.jsonl", "[1]\n", NAMED, "a.jsonl:1: a JSON list, expected an object"),
        ("a.jsonl", '{"premise": "a"}\n', NAMED, "a.jsonl:1: no column 'hypothesis'; the file has columns premise"),
        (
            "a.jsonl",
            '{"premise":"a","hypothesis":"b","label":"e","id":1}\n{"premise":"a","label":"e","id":1}\n',
            NAMED,
            "a.jsonl:2: key 'hypothesis' is missing",
        ),
    ],
)
def test_faults(tmp_path: Path, name: str, text: str, schema: NamedSchema, message: str) -> None:
    file = PairFile(make(tmp_path, text, name), schema, name.rpartition(".")[2])
    with pytest.raises(UserError) as caught:
        list(file.rows())
    assert message in str(caught.value)


def test_a_range_beyond_the_file_is_a_fault(tmp_path: Path) -> None:
    path = make(tmp_path, "a\tb\tc\n")
    with pytest.raises(UserError, match=r"rows \[0:5\] asked for, the file has only 1"):
        list(PairFile(path, GOLD_TRAIN, end=5).rows())
