"""Which encoding a file has: by its byte order mark, else UTF-8; what other bytes look like, for messages."""

from __future__ import annotations

import codecs
import re

# The longer marks first: UTF-32's begins with UTF-16's.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_HIGH = re.compile(rb"[\x80-\xff]+")


def by_mark(head: bytes) -> tuple[str, int]:
    """Encoding that the byte order mark at the start of ``head`` says (none: UTF-8), and the length of the mark."""
    return next(((name, len(mark)) for mark, name in _MARKS if head.startswith(mark)), ("utf-8", 0))


def unmarked(head: bytes) -> str | None:
    """``UTF-16LE`` or the like where ``head``, which begins with no mark, is of such an encoding; else None."""
    zeros = head.count(0)
    if not zeros:
        return None
    odd = head[1::2].count(0)
    order = "LE" if 2 * odd >= zeros else "BE"
    if zeros > 0.6 * len(head):
        return f"UTF-32{order}"
    line_end = b"\n\0" if order == "LE" else b"\0\n"
    if 2 * head.count(line_end) < head.count(b"\n"):
        return None  # single zero bytes in other text
    aligned = max(odd, zeros - odd) >= 0.9 * zeros and zeros >= max(2, 0.01 * len(head))
    return f"UTF-16{order}" if aligned or not _is_utf8(head) else None


def _is_utf8(head: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)  # the last character may be cut
        return True
    except UnicodeDecodeError:
        return False


def iconv(encoding: str) -> str:
    """Advice for a file of another encoding."""
    return f"iconv -f {encoding} -t UTF-8 OLD > NEW"


def advice(data: bytes, start: int) -> str:
    """A guess at text that is no UTF-8 from ``start`` on, and what to do."""
    runs = [len(run) for run in _HIGH.findall(data[max(0, start - 1) :])]
    if sum(runs) > 1.5 * len(runs):  # letters of two bytes, or a script of letters beyond ASCII
        return (
            "convert the file from the encoding of its language (GB18030, Shift_JIS, EUC-KR, WINDOWS-1251, ...), for"
            f" example with {iconv('GB18030')}"
        )
    windows = re.search(rb"[\x80-\x9f]", data[start:]) is not None
    return f"convert the file, which looks like {'Windows-1252' if windows else 'Latin-1 or Windows-1252'}: " + iconv(
        "WINDOWS-1252"
    )
