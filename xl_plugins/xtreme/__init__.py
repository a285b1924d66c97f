"""Readers of raw data sets. A new data set is one module with the members of :class:`plan.Reader` and one line below."""

from __future__ import annotations

from xl_plugins.xtreme import pawsx, xnli
from xl_plugins.xtreme.plan import Plan, Reader, Unit

READERS: dict[str, Reader] = {
    "xnli": xnli,  # type: ignore[dict-item]
    "pawsx": pawsx,  # type: ignore[dict-item]
}

__all__ = ["READERS", "Plan", "Reader", "Unit"]
