"""Readers of raw data sets. A new data set is one module with the members of :class:`Reader` and one line here;
XTREME's come first, in its order."""

from __future__ import annotations

from xl_plugins.datasets import (
    bucc,
    conll,
    conllu,
    mlqa,
    pairs,
    panx,
    pawsx,
    squad,
    tatoeba,
    texts,
    tydiqa,
    udpos,
    xnli,
    xquad,
)
from xl_plugins.formats.examples.plan import Part, Plan, Reader

READERS: dict[str, Reader] = {
    "xnli": xnli,
    "pawsx": pawsx,
    "udpos": udpos,
    "panx": panx,
    "xquad": xquad,
    "mlqa": mlqa,
    "tydiqa": tydiqa,
    "bucc2018": bucc,
    "tatoeba": tatoeba,
    "pairs": pairs,
    "texts": texts,
    "conllu": conllu,
    "conll": conll,
    "squad": squad,
}

__all__ = ["READERS", "Part", "Plan", "Reader"]
