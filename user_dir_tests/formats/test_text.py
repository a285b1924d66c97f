"""Text from outside: equal content is equal text however it is encoded and packed; what is no text has its place."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xl_plugins.errors import UserError
from xl_plugins.formats.packing import find_file, stem
from xl_plugins.formats.text import TextStream, read_lines, read_text
from xl_plugins.formats.tsv import LineReader

TEXT = 'Schnee\tnieve\n雪は白い\t\u200cя 😀\u2028x\x85y\n"q"\ta\ufeffb\n'
PACKED = {"": bytes, ".gz": gzip.compress, ".xz": lzma.compress, ".bz2": bz2.compress}
MARKED = {
    "utf-8": b"\xef\xbb\xbf", "utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff", "utf-32-le": b"\xff\xfe\0\0",
    "utf-32-be": b"\0\0\xfe\xff",
}  # fmt: skip


@pytest.mark.parametrize("suffix", PACKED)
@pytest.mark.parametrize("encoding", ["plain", *MARKED])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_equal_content_is_equal_text(tmp_path: Path, suffix: str, encoding: str, ending: str) -> None:
    text = TEXT.replace("\n", ending)
    raw = text.encode() if encoding == "plain" else MARKED[encoding] + text.encode(encoding)
    path = tmp_path / f"a.tsv{suffix}"
    path.write_bytes(PACKED[suffix](raw))
    assert read_text(path) == text
    assert read_lines(path) == TEXT.split("\n")[:-1]
    assert list(LineReader(str(path))) == list(enumerate(TEXT.split("\n")[:-1], 1))
    assert find_file(str(tmp_path / "a.tsv")) == str(path)
    assert stem(str(path)) == str(tmp_path / "a.tsv")


class Dribble(io.RawIOBase):
    """A pipe that gives a few bytes at a time."""

    def __init__(self, data: bytes, size: int) -> None:
        self.data, self.size = data, size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:  # type: ignore[no-untyped-def]
        part, self.data = self.data[: self.size], self.data[self.size :]
        buffer[: len(part)] = part
        return len(part)


@given(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), st.sampled_from(["utf-8", "utf-16-be"]),
    st.integers(4, 9),
)  # fmt: skip
def test_pieces_of_any_size_join(text: str, encoding: str, size: int) -> None:
    stream = io.BufferedReader(Dribble(MARKED[encoding] + text.encode(encoding), size))
    assert "".join(iter(TextStream(stream, "x").read, "")) == text  # type: ignore[arg-type]


@pytest.mark.parametrize("cut", [2, 1000, 1 << 16, (1 << 16) + 1])
def test_long_lines_and_carriage_returns_within(cut: int) -> None:
    lines = ["a" * cut, "b\rc", "é" * cut]
    stream = TextStream(io.BytesIO("\r\n".join(lines).encode()), "x")
    assert list(stream.lines()) == lines and stream.line == 3


LATIN = "Größe\tÄpfel\n".encode("latin-1")


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"ab\n" + LATIN, "x:2: not UTF-8 (byte 0xf6 at offset 5); convert the file, which looks like Latin-1 or "
         "Windows-1252: iconv -f WINDOWS-1252 -t UTF-8 OLD > NEW"),
        ("it’s „so“\n".encode("cp1252"), "x:1: not UTF-8 (byte 0x92 at offset 2); convert the file, which looks like "
         "Windows-1252: iconv"),
        ("Снег белый\n".encode("cp1251"), "x:1: not UTF-8 (byte 0xd1 at offset 0); convert the file from the encoding"),
        ("雪は白い\n".encode("shift_jis"), "convert the file from the encoding of its language"),
        ("a\tb\nyes\n".encode("utf-16-le"), "x:1: UTF-16LE without a byte order mark; convert the file: iconv -f "
         "UTF-16LE"),
        ("Снег белый\tа\n".encode("utf-16-be"), "x:1: UTF-16BE without a byte order mark"),
        ("一雪は白い\n一\n".encode("utf-16-le"), "x:1: UTF-16LE without a byte order mark"),
        ("ab\ncd\n".encode("utf-32-le"), "x:1: UTF-32LE without a byte order mark"),
        (b"ab\ncd\nef\0gh\nij and more text\n", "x:3: a NUL byte"),
        (b"ab\ncd\xe9", "x:2: the file ends in the middle of a character; is it complete?"),
        (b"\xff\xfea\0\n\0b", "x:2: the file ends in the middle of a character"),
        (b"\xff\xfea\0\n\0\0\xdcb\0", "x:2: begins with the byte order mark of UTF-16 but is none (offset 6)"),
        (b"Hi\tO\rAnna\tB-PER\r", "x:1: lines end in carriage returns alone"),
        (gzip.compress(b"ab\n" * 999, mtime=0)[:-9], "x: damaged gzip file"),
        (lzma.compress(b"ab\n" * 999)[:-9], "x: damaged xz file"),
        (bz2.compress(b"ab\n" * 999)[:-9], "x: damaged bzip2 file"),
        (b"\x28\xb5\x2f\xfdxyz", "x: compressed by Zstandard; unpack it first: zstd -d"),
        (b"PK\x03\x04xyz", "x: a zip archive"),
        (b"PAR1xyz", "x: a Parquet file, not text; xl-prepare pairs reads"),
    ],
)  # fmt: skip
def test_what_is_no_text_has_its_place(raw: bytes, message: str) -> None:
    with pytest.raises(UserError) as caught:
        list(TextStream(io.BytesIO(raw), "x").lines())
    assert message in str(caught.value)


def test_the_lines_before_a_fault_come_first() -> None:
    lines = TextStream(io.BytesIO(b"ab\ncd\n\xff\nef\n"), "x").lines()
    assert [next(lines), next(lines)] == ["ab", "cd"]
    with pytest.raises(UserError, match=r"^x:3: not UTF-8"):
        next(lines)


def test_a_stray_zero_byte_is_not_another_encoding() -> None:
    with pytest.raises(UserError, match=r"^x:2: a NUL byte"):
        list(TextStream(io.BytesIO(b"a\tb\nab\0cdefgh\n" * 20), "x").lines())
