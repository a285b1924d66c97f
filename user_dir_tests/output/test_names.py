"""Names of outputs, and the entries of meta.json: a component of a path or a line that says what is wrong."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xl_plugins.data.binary.meta import read_meta
from xl_plugins.errors import UserError
from xl_plugins.output import check_component


@pytest.mark.parametrize("name", ["xnli", "zh-CN", "sr_Latn", "panx.2", "PAWS-X", "名前"])
def test_names(name: str) -> None:
    assert check_component(name, "x") == name


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../victim", "/etc", "a/b", "a\\b", "a\0", "-rf", "\x1b[2J", "a\nb", "\udc80", "x" * 300,
             "\u202e", None, 3, ["a"]],
)  # fmt: skip
def test_no_names(name: object) -> None:
    with pytest.raises(UserError) as error:
        check_component(name, "meta.json: dataset")
    assert str(error.value).startswith("meta.json: dataset: ") and str(error.value).isprintable()


@given(st.text(max_size=12))
def test_a_name_stays_in_its_folder(name: str) -> None:
    try:
        check_component(name, "x")
    except UserError:
        return
    assert os.path.dirname(os.path.normpath(os.path.join("/a", name))) == "/a" and name.isprintable()


def meta(tmp_path: Path, **entries: Any) -> dict[str, Any]:
    (tmp_path / "meta.json").write_text(json.dumps(entries))
    return read_meta(tmp_path / "meta.json")


def test_meta(tmp_path: Path) -> None:
    assert read_meta(tmp_path / "meta.json") == {}
    entries = {"dataset": "xnli", "splits": {"zh-CN": {"train": 3}}, "unlabelled": {"de": ["test"]}, "more": [{}]}
    assert meta(tmp_path, **entries) == entries


@pytest.mark.parametrize(
    "entry, value, word",
    [("dataset", "../victim", "'../victim' cannot be the name"), ("dataset", "/abs", "cannot be"),
     ("dataset", "\x1b[2J", r"\x1b[2J"), ("dataset", 3, "is no name"), ("problem", [], "is no name"),
     ("source_language", "..", "cannot be"), ("source_language", {}, "is no name"), ("languages", "en", "is no list"),
     ("languages", ["a/b"], "cannot be"), ("languages", [1], "is no name"), ("splits", [], "is no object"),
     ("splits", {"../x": {"train": 1}}, "cannot be"), ("splits", {"de": {"a/b": 1}}, "cannot be"),
     ("splits", {"de": {"train": "x"}}, "no whole number"), ("splits", {"de": {"train": -1}}, "no whole number"),
     ("views", {"de": 3}, "is no object"), ("unlabelled", {"de": "test"}, "is no list"),
     ("unlabelled", ["de"], "is no object"), ("pools", {"de": 1}, "is no list"), ("pools", [None], "is no name"),
     ("tokenizer_sha256", 3, "is no text"), ("labels", "ab", "is no list"), ("answer_metric", [], "is no text")],
)  # fmt: skip
def test_entries_of_meta_that_are_wrong(tmp_path: Path, entry: str, value: Any, word: str) -> None:
    with pytest.raises(UserError) as error:
        meta(tmp_path, **{entry: value})
    assert str(error.value).startswith(f"{tmp_path}/meta.json: {entry}") and word in str(error.value)


@pytest.mark.parametrize("content", ["[]", "{", "[" * 99999, "\ufeff{}", "3"])
def test_files_that_are_no_meta(tmp_path: Path, content: str) -> None:
    (tmp_path / "meta.json").write_text(content)
    with pytest.raises(UserError, match="not JSON"):
        read_meta(tmp_path / "meta.json")
