"""Tables as people have them: one content in all kinds, recognised or told; every fault in one line with its row."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from xl_plugins.errors import UserError
from xl_plugins.formats.examples.table import NamedSchema, PairFile, Row
from xl_plugins.formats.recognise import Layout, given_layout, recognise
from xl_plugins.formats.tables import csv_rows, json_rows

SCHEMA = NamedSchema("premise", "hypothesis", "label")
ROWS = [('Er sagt: "Ja", gut; so', "a | b", "x"), ("zwei  Wörter", "雪は白い 😀", "y"), ("1", "null", "x")]


def write_csv(path: Path, delimiter: str, encoding: str = "utf-8", header: str = "premise") -> Path:
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerows([(header, "hypothesis", "label"), *ROWS])
    return path


def objects() -> list[dict[str, str]]:
    return [dict(zip(("premise", "hypothesis", "label"), row)) for row in ROWS]


def write(folder: Path, name: str) -> Path:
    """The rows as the kind that ``name`` says."""
    path = folder / name
    kind = name.partition(".")[0]
    if kind in ("comma", "semicolon", "tab", "pipe"):
        return write_csv(path, {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}[kind])
    if kind == "utf16":
        return write_csv(path, ";", "utf-16")
    if kind == "excel":
        return write_csv(path, ";", "utf-8-sig", " premise ")
    if kind == "plain":
        rows = [("premise", "hypothesis", "label"), *ROWS]
        path.write_text("".join("\t".join(row) + "\n" for row in rows), encoding="utf-8")
    elif kind == "lines":
        path.write_text("".join(json.dumps(o, ensure_ascii=False) + "\n" for o in objects()), encoding="utf-8")
    elif kind == "list":
        path.write_text(json.dumps(objects(), indent=1), encoding="utf-8")
    else:
        pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        parquet.write_table(pyarrow.Table.from_pylist(objects()), path)
    return path


@pytest.mark.parametrize(
    ("name", "kind", "delimiter"),
    [
        ("comma.csv", "csv", ","), ("semicolon.csv", "csv", ";"), ("tab.csv", "csv", "\t"), ("pipe.csv", "csv", "|"),
        ("utf16.csv", "csv", ";"), ("excel.csv", "csv", ";"), ("semicolon.txt", "csv", ";"), ("comma.txt", "csv", ","),
        ("plain.tsv", "tsv", ","), ("plain.txt", "tsv", ","), ("lines.jsonl", "jsonl", ","),
        ("lines.json", "jsonl", ","),
        ("lines.txt", "jsonl", ","), ("list.json", "json", ","), ("list.txt", "json", ","),
        ("parquet.parquet", "parquet", ","), ("parquet.txt", "parquet", ","),
    ],
)  # fmt: skip
def test_every_kind_is_recognised_and_gives_the_same_rows(tmp_path: Path, name: str, kind: str, delimiter: str) -> None:
    path = str(write(tmp_path, name))
    found = recognise(path, SCHEMA.needed)
    assert (found.kind, found.delimiter) == (kind, delimiter)
    usual = name in ("comma.csv", "plain.tsv", "plain.txt", "lines.jsonl", "lines.json", "list.json", "parquet.parquet")
    assert (found.said == "") is usual
    rows = list(PairFile(path, SCHEMA, found.kind, delimiter=found.delimiter).rows())
    assert [row[1:4] for row in rows] == ROWS


def test_numbered_columns_need_rows_of_one_width(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("eins, zwei, drei;b;x\nvier;c;y\n")
    assert recognise(str(path), [0, 1, 2]).delimiter == ";"
    path.write_text('"eins; zwei",b,x\nvier,c,y\n')
    assert recognise(str(path), [0, 1, 2]) == Layout("csv", ",")


def test_line_ends_within_fields(tmp_path: Path) -> None:
    lines = enumerate('a,b\n"x\ny","p\r\n\nq"\nc,""'.replace("\r", "").split("\n"), 1)
    assert list(csv_rows(lines, "f", ",")) == [(1, ["a", "b"]), (2, ["x y", "p  q"]), (6, ["c", ""])]


def test_layouts_that_are_given() -> None:
    assert given_layout(None, None) is None
    assert given_layout(None, "semicolon") == given_layout("csv", ";") == Layout("csv", ";")
    assert given_layout(None, "tab") == Layout("tsv") and given_layout("csv", r"\t") == Layout("csv", "\t")
    for kind, delimiter, message in (
        ("jsonl", ";", "--delimiter: jsonl has none"),
        ("tsv", ",", "--delimiter: tsv is separated by tabs"),
        (None, "ab", "--delimiter 'ab': expected one character"),
        (None, '"', "expected one character"),
    ):
        with pytest.raises(UserError, match=message):
            given_layout(kind, delimiter)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", 'premise,hypothesis,label\n"a,b,x\nc,d,y\n', "a.csv:2: a quote is not closed; correct"),
        ("a.csv", 'premise,hypothesis,label\na,b,x\n"a"b,c,y\n', "a.csv:3: ',' expected after '\"'"),
        ("a.csv", "premise,hypothesis,label\na,b,x\n\nc,d,y\n", "a.csv:3: blank line between rows"),
        ("a.csv", "premise,hypothesis,label\na,b,c,x\n", "a.csv:2: 4 columns, expected 3 as in the first row; columns "
         "are separated by ','; quote"),
        ("a.csv", "premise,label,hypothesis,label\na,x,b,y\n", "a.csv:1: the header names 2 and 4 (counted from 1"),
        ("a.csv", "premise,text,label\na,b,x\n", "a.csv:1: no column 'hypothesis'; the file has columns premise, text"),
        ("a.tsv", 'premise\thypothesis\tlabel\n"a\nb"\tc\tx\n', "a.tsv:2: 1 columns, expected 3 as in the first row; "
         "columns are separated by single tabs (quoted fields: --format csv --delimiter tab)"),
        ("a.jsonl", '{"premise": "a", "hypothesis": null, "label": "x"}\n', "a.jsonl:1: key 'hypothesis' is missing"),
        ("a.jsonl", '{"premise": NaN, "hypothesis": "b", "label": "x"}\n', "a.jsonl:1: key 'premise' is missing"),
        ("a.jsonl", '{"premise": ["a"], "hypothesis": "b", "label": "x"}\n', "a.jsonl:1: column 'premise' holds a"),
        ("a.json", '[\n{"premise": "a", "hypothesis": "b", "label": "x"},\n\n{"premise": "a"}]', "a.json:4: key 'hypo"),
        ("a.json", '[\n{"premise": "a",\n "hypothesis": "b", "label": "x"},\n{"premise": "a", "prem', "a.json:4: not"),
        ("a.json", '[{"premise": "a", "hypothesis": "b", "label": "x"} {}]', "a.json:1: not JSON (expected ',' or"),
        ("a.json", '{\n"premise": {"0": "a"}}', "a.json:1: a JSON dict, expected a list of objects, or an object per"),
        ("a.json", "[" * 99999, "a.json:1: not JSON (nested too deeply)"),
        ("a.jsonl", '{"premise": "a", "hypothesis": "\\ud83d", "label": "x"}\n', "a.jsonl:1: not JSON (half of"),
        ("a.parquet", "PAR1 and more", "a.parquet: not a whole Parquet file"),
        ("a.parquet", "", "a.parquet: not a whole Parquet file"),
        ("a.csv", "", "a.csv: the file is empty"),
    ],
)  # fmt: skip
def test_faults(tmp_path: Path, name: str, text: str, message: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        found = recognise(str(path), SCHEMA.needed)
        list(PairFile(str(path), SCHEMA, found.kind, delimiter=found.delimiter).rows())
    assert message in str(caught.value)


def test_rows_without_a_value_can_be_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(
        '{"premise": null, "hypothesis": "b", "label": 1}\n{"premise": "a", "hypothesis": "b", "label": null}\n'
    )
    file = PairFile(str(path), SCHEMA, "jsonl", filters=(("premise", False, ""),))
    assert list(file.rows()) == [Row(2, "a", "b", None, None, None)]


def test_members_of_a_list_have_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('\n [ {"a": 1.5,\n"b": true},\n\n{"b": "x\\ny", "a": 2} ]\n\n')
    assert list(json_rows(str(path), ["a", 1])) == [(2, ["a", "b"]), (2, ["1.5", "true"]), (5, ["2", "x y"])]


def test_parquet_values_and_the_missing_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    table = pyarrow.table(
        {"premise": ["a\nb", None], "hypothesis": ["c", "d"], "label": [1.0, float("nan")], "other": [[1], [2]]}
    )
    path = str(tmp_path / "a.parquet")
    parquet.write_table(table, path)
    rows = PairFile(path, SCHEMA, "parquet").rows()
    assert next(rows) == Row(1, "a b", "c", "1.0", None, None)
    with pytest.raises(UserError, match=r"a.parquet:2: key 'premise' is missing or null"):
        next(rows)
    with pytest.raises(UserError, match="no column 'text'; the file has columns premise, hypothesis, label, other"):
        list(PairFile(path, NamedSchema("text", "hypothesis"), "parquet").rows())
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    with pytest.raises(UserError, match=r"a.parquet: Parquet files need the extra \[parquet\].*pip install"):
        list(PairFile(path, SCHEMA, "parquet").rows())
