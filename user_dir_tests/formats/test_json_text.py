"""JSON from outside: values as they are, and one line with file and line for every fault."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xl_plugins.errors import UserError
from xl_plugins.formats.json_text import check_text, parse_json, parse_json_line, read_json

VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
)


@given(VALUE, st.booleans())
def test_values_come_back(value: object, ascii_only: bool) -> None:
    assert parse_json(json.dumps(value, ensure_ascii=ascii_only), "x", "a value") == value


DEEP = "[" * 100_000


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "x.json:1: not JSON (Expecting value, at the end); expected answers"),
        ('{"a":\n 1,\n}', "x.json:3: not JSON (Expecting property name enclosed in double quotes"),
        ('{"a":\n [1,', "x.json:2: not JSON (Expecting value, at the end)"),
        (DEEP, "x.json:1: not JSON (nested too deeply); expected answers"),
        (DEEP + "]" * 100_000, "x.json:1: not JSON (nested too deeply)"),
        ('{"a": ' + "9" * 5000 + "}", "x.json:1: not JSON (a number of too many digits)"),
        ('{"q1": "x", "q2": "y", "q1": "z"}', "x.json:1: not JSON (key 'q1' twice in one object)"),
        ('{"a": "x",\n "b": "\\ud83d"}', "x.json:2: not JSON (half of a surrogate pair, no character)"),
        ('["\\ude00"]', "x.json:1: not JSON (half of a surrogate pair"),
        ('["\\ud83d", "\\ude00"]', "x.json:1: not JSON (half of a surrogate pair"),
        ('["\\ud83d\\ud83d\\ude00"]', "x.json:1: not JSON (half of a surrogate pair"),
    ],
)
def test_faults(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        read_json(path, "answers")
    assert message in str(caught.value) and len(str(caught.value)) < 250 + len(str(path))


def test_whole_pairs_and_escaped_backslashes_are_text() -> None:
    assert parse_json(r'["\ud83d\ude00", "\\ud83d", "\\\ud83d\ude00"]', "x", "") == ["😀", r"\ud83d", "\\😀"]
    check_text(r'"\\ud83d"')


def test_a_line_is_an_object() -> None:
    assert parse_json_line('{"a": 1}', "a:b.jsonl:7") == {"a": 1}
    for text, message in (
        ("[1]", "a:b.jsonl:7: a JSON list, expected one object per line"),
        ("{", "a:b.jsonl:7: not JSON ("),
        ('{"a": "\\udc00"}', "a:b.jsonl:7: not JSON (half"),
    ):
        with pytest.raises(UserError) as caught:
            parse_json_line(text, "a:b.jsonl:7")
        assert str(caught.value).startswith(message)
