"""The strict tsv reader: lines end at \\n, fields at \\t, both quoting styles, exact places of faults."""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xl_plugins.errors import UserError
from xl_plugins.formats.tsv import LineReader, find_file, split_fields, unquote

FIELD = st.text(st.characters(exclude_characters="\t\n\r", exclude_categories=["Cs"]))


def written_by_csv(fields: list[str]) -> str:
    """One line as XTREME wrote it."""
    buffer = io.StringIO()
    csv.writer(buffer, delimiter="\t").writerow(fields)
    return buffer.getvalue().removesuffix("\r\n")


@given(st.lists(FIELD, min_size=2, max_size=5))
def test_unquoting_inverts_the_csv_writer(fields: list[str]) -> None:
    assert split_fields(written_by_csv(fields)) == fields


@given(FIELD.filter(lambda text: '"' not in text[1:-1]))
def test_plainly_written_fields_stay(field: str) -> None:
    assert unquote(field) == field


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ('"say ""hi"""', 'say "hi"'),
        ('"""hi"""', '"hi"'),
        ('""""', '"'),
        ('"hi"', '"hi"'),  # minimal quoting never wraps a field without inner quotes
        ('""', '""'),
        ('"', '"'),
        ('"a" and "b"', '"a" and "b"'),
        ('"a""', '"a""'),
        ('say "hi"', 'say "hi"'),
        ('"IPA"" ends', '"IPA"" ends'),
    ],
)
def test_both_quoting_styles(written: str, read: str) -> None:
    assert unquote(written) == read


@given(
    st.lists(
        st.text(st.characters(exclude_characters="\0\n\r\ufeff", exclude_categories=["Cs"]), min_size=1), min_size=1
    )
)
def test_lines_come_back(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> None:
    path = tmp_path_factory.mktemp("lines") / "a.tsv"
    for newline, packed in (("\n", False), ("\r\n", False), ("\n", True)):
        content = newline.join([*lines, ""]).encode()
        path.write_bytes(gzip.compress(content) if packed else content)
        assert list(LineReader(str(path))) == list(enumerate(lines, 1))


def test_unicode_separators_stay_inside_a_line(tmp_path: Path) -> None:
    path = tmp_path / "el.tsv"
    path.write_text("eins\u2028zwei\x85drei\x0bvier\tb\nc\td\n", encoding="utf-8")
    assert [text for _, text in LineReader(str(path))] == ["eins\u2028zwei\x85drei\x0bvier\tb", "c\td"]


def test_byte_order_mark_and_missing_last_newline(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_bytes(b"\xef\xbb\xbfa\tb\nc\td")
    assert list(LineReader(str(path))) == [(1, "a\tb"), (2, "c\td")]


def test_position_reaches_the_size_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text("ab\ncd\n")
    reader = LineReader(str(path))
    assert reader.position() == 0
    for _ in reader:
        last = reader.position()
    assert last == 6


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"ab\nc\xe9d\n", "a.tsv:2: not UTF-8 (byte 0xe9 at offset 4); convert"),
        (b"\xef\xbb\xbfa\xff\n", "a.tsv:1: not UTF-8 (byte 0xff at offset 4); convert"),
        (b"ab\n\n\nc\n", "a.tsv:2: blank line between rows"),
        (gzip.compress(b"ab\n" * 1000, mtime=0)[:-12], "a.tsv: damaged gzip file"),
        (b"\x1f\x8bnot gzip", "a.tsv: damaged gzip file"),
    ],
    ids=["not-utf8", "not-utf8-after-mark", "blank-line", "cut-gzip", "gzip-in-name-only"],
)
def test_faults_are_named_with_their_place(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "a.tsv"
    path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        list(LineReader(str(path)))
    assert message in str(caught.value)


def test_blank_lines_at_the_end_are_ignored(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_bytes(b"ab\ncd\n\n\r\n")
    assert [number for number, _ in LineReader(str(path))] == [1, 2]


def test_files_are_found_with_and_without_gz(tmp_path: Path) -> None:
    (tmp_path / "a.tsv.gz").write_bytes(gzip.compress(b"x"))
    (tmp_path / "b.tsv").write_bytes(b"x")
    a, b = str(tmp_path / "a.tsv"), str(tmp_path / "b.tsv")
    assert find_file(a) == a + ".gz" == find_file(a + ".gz")
    assert find_file(b) == b == find_file(b + ".gz")
    assert find_file(str(tmp_path / "c.tsv")) is None
    assert find_file(str(tmp_path)) is None
