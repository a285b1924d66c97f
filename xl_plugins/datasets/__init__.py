"""Readers of raw data sets. A new data set is one module with the members of :class:`Reader` and one line here;
XTREME's come first, in its order."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from xl_plugins.formats.examples.benchmark import BenchmarkTask
from xl_plugins.formats.examples.plan import Part, Plan, Reader

_NAMED = (
    "xnli",
    "pawsx",
    "udpos",
    "panx",
    "xquad",
    "mlqa",
    "tydiqa",
    "bucc2018",
    "tatoeba",
)
_GENERIC = ("pairs", "texts", "conllu", "conll", "squad")  # files of a format, whatever data set they hold


def _reader(module: str) -> Reader:
    found: Any = import_module(f"{__name__}.{module}")
    return found


READERS: dict[str, Reader] = {
    **{name: _reader(name) for name in _NAMED},
    **{name: _reader(f"generic.{name}") for name in _GENERIC},
}
# what the modules of XTREME's tasks say of them
XTREME: dict[str, BenchmarkTask] = {name: reader.BENCHMARK for name, reader in READERS.items() if reader.BENCHMARK}

__all__ = ["READERS", "XTREME", "Part", "Plan", "Reader"]
