"""Reads raw single texts."""

from __future__ import annotations

from typing import Any

from ..labelled_texts.raw import records
from ..raw import named_texts


def example(given: Any) -> dict[str, Any] | None:
    """A text of a Python program as a record, perhaps with its translation."""
    return named_texts(("text", "source"), given, (1, 2))


RAW, EXAMPLE = records, example
