"""Reads raw sentence pairs."""

from __future__ import annotations

from typing import Any

from ..labelled_texts.raw import FIELDS, records
from ..raw import named_texts


def example(given: Any) -> dict[str, Any] | None:
    """A pair of a Python program as a record: two texts, and perhaps their translations."""
    return named_texts(FIELDS, given, (2, 4))


RAW, EXAMPLE = records, example
