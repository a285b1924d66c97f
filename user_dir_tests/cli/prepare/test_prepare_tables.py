"""xl-prepare pairs: the same data set from every kind of table; numbers of classes, other labels and no labels."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from user_dir_tests.helpers.prepare.raw import sentence
from user_dir_tests.helpers.prepare.runs import labels, meta, run, texts
from xl_plugins.errors import UserError

NAMES = ("no", "yes")
ROWS = [(sentence("en", "train", i, 0), sentence("en", "train", i, 1), i % 2) for i in range(6)]
COLUMNS = ["--columns", "first=one,second=two,label=answer"]


def write(path: Path, kind: str, rows=ROWS) -> Path:  # type: ignore[no-untyped-def]
    objects = [dict(zip(("one", "two", "answer"), row)) for row in rows]
    if kind == "parquet":
        pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        parquet.write_table(pyarrow.Table.from_pylist(objects), path)
    elif kind == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in objects))
    else:
        with path.open("w", encoding="utf-16" if kind == "utf16" else "utf-8", newline="") as file:
            writer = csv.writer(file, delimiter=";" if kind == "semicolon" else ",")
            writer.writerows([("one", " two", "answer "), *rows])
    return path


def content(dest: Path) -> dict[str, bytes]:
    return {str(path.relative_to(dest)): path.read_bytes() for path in sorted(dest.rglob("train.*"))}


def test_one_data_set_from_all_kinds(tiny_spm, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = tmp_path / "names.txt"
    names.write_text("\n".join(NAMES))
    found = []
    for kind in ("comma", "semicolon", "utf16", "jsonl", "parquet"):
        suffix = kind if kind in ("jsonl", "parquet") else "csv"
        path = write(tmp_path / f"{kind}.{suffix}", kind)
        dest = tmp_path / "bin" / kind
        run(tiny_spm, "pairs", dest, *COLUMNS, "--label-names", names, "--train", f"en={path}")
        assert texts(dest, "en", "input1", "train") == [row[1] for row in ROWS]
        assert labels(dest, "en", "train") == [NAMES[row[2]] for row in ROWS]
        found.append(content(dest))
        told = capsys.readouterr().err
        assert ("1 file read as values separated by semicolons, as header" in told) is (kind == "semicolon")
    assert all(other == found[0] for other in found)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('["no", "yes"]', NAMES),
        (json.dumps({"features": {"one": {"dtype": "string"}, "answer": {"names": ["no", "yes"]}}}), NAMES),
        (json.dumps({"features": {"x": {"names": ["a", "b"]}, "answer": {"names": ["no", "yes"]}}}), NAMES),
        (json.dumps({"id2label": {"1": "yes", "0": "no"}, "vocab_size": 3}), NAMES),
        ("no\r\nyes\r\n", NAMES),
    ],
)
def test_names_of_labels(tiny_spm, tmp_path: Path, text: str, names: tuple[str, ...]) -> None:
    (tmp_path / "names.json").write_text(text)
    path = write(tmp_path / "a.jsonl", "jsonl", [(*ROWS[0][:2], 1), (*ROWS[1][:2], 0.0), (*ROWS[2][:2], "yes")])
    run(
        tiny_spm, "pairs", tmp_path / "bin", *COLUMNS, "--label-names", tmp_path / "names.json", "--labels", "yes,no",
        "--train", f"en={path}",
    )  # fmt: skip
    assert labels(tmp_path / "bin", "en", "train") == ["yes", "no", "yes"]
    assert (tmp_path / "bin" / "label" / "dict.txt").read_text().split()[::2] == ["yes", "no"]


@pytest.mark.parametrize(
    ("label", "options", "message"),
    [
        (7, ["--label-names", "NAMES"], "a.jsonl:1: label 7 is out of range, --label-names names 0 to 1"),
        (-1, ["--label-names", "NAMES"], "a.jsonl:1: label -1 is out of range, .*-1 marks rows without one"),
        (4.2, ["--labels", "no,yes"], r"a.jsonl:1: label '4.2' is a number: regression is not supported"),
        (1, ["--labels", "no,yes"], "a.jsonl:1: label '1' is not one of no, yes; if it is the number of a class, give"),
        ("Yes", ["--labels", "no,yes"], "a.jsonl:1: label 'Yes' is not one of no, yes, spelling counts; pass "
         "--label-map 'Yes=yes'"),
        ("maybe", ["--labels", "no,yes"], "a.jsonl:1: label 'maybe' is not one of no, yes; correct the line"),
        ("no", [], "--labels is missing"),
        ("no", ["--labels", "no,x", "--label-names", "NAMES"], "--label-names: 'yes' in .* is not one of the --labels"),
        ("no", ["--labels", "1,0", "--label-map", "no=1,yes=0", "--label-names", "NAMES"], "--label-names: 0 stands "
         "for '1', but is a label itself"),
        ("no", ["--label-names", "none"], "--label-names: none does not exist"),
        (None, ["--labels", "no,yes"], "a.jsonl:1: no label; train pairs need one of no, yes"),
    ],
)  # fmt: skip
def test_labels_that_are_none(tiny_spm, tmp_path: Path, label: object, options: list[str], message: str) -> None:
    (tmp_path / "names.txt").write_text("no\nyes\n")
    path = write(tmp_path / "a.jsonl", "jsonl", [(*ROWS[0][:2], label)])
    options = [str(tmp_path / "names.txt") if option == "NAMES" else option for option in options]
    with pytest.raises(UserError, match=message):
        run(tiny_spm, "pairs", tmp_path / "bin", *COLUMNS, *options, "--train", f"en={path}")
    assert not (tmp_path / "bin").exists()


def test_minus_one_and_null_throughout_a_test_file_are_no_labels(tiny_spm, tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("no\nyes\n")
    for number, value in enumerate((-1, None)):
        train = write(tmp_path / "a.jsonl", "jsonl")
        test = write(tmp_path / "b.jsonl", "jsonl", [(*row[:2], value) for row in ROWS])
        dest = tmp_path / f"bin{number}"
        names = ["--label-names", tmp_path / "names.txt"]
        run(tiny_spm, "pairs", dest, *COLUMNS, *names, "--train", f"en={train}", "--test", f"en={test}")
        assert meta(dest)["unlabelled"] == {"en": ["test"]}
