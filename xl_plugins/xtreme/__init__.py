"""Readers of raw data sets. A new data set is one module with the members of :class:`Reader` and one line here."""

from __future__ import annotations

from xl_plugins.xtreme import conll, conllu, pairs, panx, pawsx, udpos, xnli
from xl_plugins.xtreme.plan import Plan, Reader, Unit

READERS: dict[str, Reader] = {
    "xnli": xnli,
    "pawsx": pawsx,
    "udpos": udpos,
    "panx": panx,
    "pairs": pairs,
    "conllu": conllu,
    "conll": conll,
}

__all__ = ["READERS", "Plan", "Reader", "Unit"]
