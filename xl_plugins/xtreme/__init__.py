"""Readers of raw data sets. A new data set is one module with the members of :class:`Reader` and one line here."""

from __future__ import annotations

from xl_plugins.xtreme import pairs, pawsx, xnli
from xl_plugins.xtreme.plan import Plan, Reader, Unit

READERS: dict[str, Reader] = {
    "xnli": xnli,
    "pawsx": pawsx,
    "pairs": pairs,
}

__all__ = ["READERS", "Plan", "Reader", "Unit"]
