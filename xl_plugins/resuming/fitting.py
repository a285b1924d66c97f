"""Whether a checkpoint fits a run, the data or another checkpoint: the one place that compares, and says what differs.

Who asks names the option or file in front, and the way out behind.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ..errors import flag
from ..starting.encoder_shape import differing

DICTIONARY = "dictionary_sha256"
IDENTITY = ("problem", "labels", DICTIONARY)  # what inputs and outputs mean, whatever the problem
_FILES = {"labels": "label/dict.txt", DICTIONARY: "dict.txt"}
_WORDS = {DICTIONARY: "dictionary", "unanswerable": "unanswerable questions"}


class Difference(NamedTuple):
    """A part of a checkpoint's record, or an option (``--word-pooling``), whose value is another one here."""

    name: str
    before: Any
    now: Any

    @property
    def word(self) -> str:
        """Its name in a message."""
        return _WORDS.get(self.name, self.name.replace("_", " "))

    @property
    def values(self) -> tuple[str, str] | None:
        """Both values as text; None for digests, which tell nobody anything."""
        if self.name == DICTIONARY:
            return None
        before, now = (", ".join(value) if isinstance(value, list) else str(value) for value in (self.before, self.now))
        return before, now

    @property
    def detail(self) -> str:
        return "other pieces or order" if self.values is None else "{} there, {} here".format(*self.values)

    def is_of_file(self) -> bool:
        """Whether a file of the data folder states it."""
        return self.name in _FILES

    def place(self, root: Any) -> str:
        """The file of the data folder that states it, or the folder."""
        return f"{root}/{_FILES[self.name]}" if self.is_of_file() else str(root)

    def than(self, place: str) -> str:
        """``was trained with another problem (tagging there, qa here) than`` this place."""
        which = "other" if self.name == "labels" else "another"
        detail = "" if self.values is None else f" ({self.detail})"
        return f"was trained with {which} {self.word}{detail} than {place}"

    def told(self) -> str:
        """The same of an option, which a run has."""
        return f"was trained with {self.name} {self.before}, this run has {self.now}"


def compare(
    record: Mapping[str, Any], expected: Mapping[str, Any], names: Sequence[str] = IDENTITY
) -> Iterator[Difference]:
    """Parts of a checkpoint's record that are not as expected; what one of both lacks is not compared.

    Args:
        record: ``task_state`` of the checkpoint.
        expected: of a task or another checkpoint, as :meth:`XLTask.identity` has it.
        names: which parts, in the order in which they are told.
    """
    for name in names:
        before, now = record.get(name), expected.get(name)
        if before is not None and now is not None and before != now:
            yield Difference(name, before, now)


def compare_heads(problem: Any, saved: Any, current: Any) -> Iterator[Difference]:
    """Options that decide what the problem's head reads. ``saved``, ``current``: options of both tasks."""
    theirs = problem.head_options(saved)
    for option, now in problem.head_options(current).items():
        if theirs[option] != now:
            yield Difference(option, theirs[option], now)


def compare_encoders(saved: Mapping[str, Any], current: Any) -> Iterator[tuple[str, Difference]]:
    """Options of the model that no weight's shape betrays, each with its name in the configuration."""
    for name, before, now in differing(saved, current):
        yield name, Difference(flag(name), before, now)
