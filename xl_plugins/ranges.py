"""Which numbers an option may have: stated once, in the metadata of its field, and checked by one function.

    ss_ratio: float = field(default=0.3, metadata={"help": ..., "range": UNIT.said("a share from 0 to 1")})

What the command line makes of a dataclass, and what hydra makes of it, read other keys of the metadata and leave this.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

from .errors import UserError, flag

LARGEST = 2**31 - 1  # counts beyond it overflow in the libraries
LARGEST_SEED = 2**32 - 1  # of numpy's generator


@dataclass(frozen=True)
class Range:
    """Numbers from ``low`` to ``high``, both included unless ``open_low`` or ``open_high``.

    without: numbers between them that are none of it. infinite: infinity is one of it. words: how a message says what
    is expected, with the published value; without them the bounds are named.
    """

    low: float
    high: float = math.inf
    open_low: bool = False
    open_high: bool = False
    without: tuple[int, ...] = ()
    infinite: bool = False
    words: str = ""

    def holds(self, value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or math.isnan(value):
            return False
        if value in self.without or (math.isinf(value) and not self.infinite):
            return False
        above = value > self.low if self.open_low else value >= self.low
        return above and (value < self.high if self.open_high else value <= self.high)

    def __str__(self) -> str:
        if self.words:
            return self.words
        low = f"more than {self.low:g}" if self.open_low else f"at least {self.low:g}"
        if self.high in (math.inf, LARGEST):
            return low if self.high is not math.inf or self.open_low else f"{low} and finite"
        return f"{low} and {'less than' if self.open_high else 'at most'} {self.high:.10g}"

    def said(self, words: str) -> Range:
        """The same numbers, told in these words: ``expected`` stands before them."""
        return replace(self, words=words)

    def check(self, option: str, value: Any) -> None:
        """UserError naming the option unless its value is in the range, each of them where it has several.

        None, for an option that was left out, and an interpolation that is not resolved yet, pass.
        """
        if value is None or _is_interpolation(value):
            return
        numbers = list(_numbers(value))
        if not numbers or not all(map(self.holds, numbers)):
            several = isinstance(value, (list, tuple)) or hasattr(value, "_content")
            shown = ",".join(map(str, value)) if several else value
            raise UserError(f"{option} {shown}: expected {self}{' for each' if several else ''}")


NUMBER = Range(-math.inf, infinite=True, words="a number")
COUNT = Range(0, LARGEST)
POSITIVE = Range(1, LARGEST)
WEIGHT = Range(0)
MORE_THAN_0 = Range(0, open_low=True)
UNIT = Range(0, 1)
SHARE = Range(0, 1, open_high=True)
SEED = Range(0, LARGEST_SEED)


def ranges_of(kind: type | None) -> dict[str, Range]:
    """Ranges that the fields of a dataclass state, by name; none where there is no dataclass.

    A field that a subclass declares anew, with another default, keeps its range unless it states one.
    """
    found: dict[str, Range] = {}
    for each in reversed(kind.__mro__ if kind else ()):
        declared = fields(each) if is_dataclass(each) else ()
        found |= {part.name: part.metadata["range"] for part in declared if "range" in part.metadata}
    return found


def check_ranges(options: Any, ranges: type | Mapping[str, Range] | None = None, prefix: str = "--") -> None:
    """UserError for the first option outside of its range.

    Args:
        options: a configuration or parsed arguments; what it lacks is not checked.
        ranges: by name, or the dataclass whose fields state them; None for the options' own class.
        prefix: of the options on the command line.
    """
    if not isinstance(ranges, Mapping):
        ranges = ranges_of(ranges or type(options))
    for name, allowed in ranges.items():
        allowed.check(flag(name, prefix), getattr(options, name, None))


def _is_interpolation(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("${")


def _numbers(value: Any) -> Iterator[Any]:
    """The numbers of an option, of a list or of one written as text; the text itself where it is none."""
    if isinstance(value, str):
        try:
            value = ast.literal_eval(value)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            yield value
            return
    if isinstance(value, (int, float, str)) or value is None:
        yield value
    else:
        yield from value
