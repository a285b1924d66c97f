"""Tables of single texts: those of sentence pairs with one column of text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from xl_plugins.formats.examples.table import PairPlan
from xl_plugins.problems import TEXT


@dataclass
class TextPlan(PairPlan):
    """Single texts, each with a label."""

    problem: ClassVar[str] = TEXT.name
    single: bool = True
