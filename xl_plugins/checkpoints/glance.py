"""Read what a checkpoint says of itself, without the numbers: options, and the shapes of its weights.

Files in torch's zip format are mapped. The older format, that of the published XLM-R archives, has a pickle before the
numbers; it is read with a harmless stand-in for every class, so that nothing is imported, called or read twice.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from typing import Any, NamedTuple

from torch import Tensor

from .checksums import is_zip
from .safe_load import load_restricted

_MAGIC = 0x1950A86A20F9469CFC6C  # torch's, of its older format
_HEADER = 3  # pickles before the content: magic number, protocol, machine


class Glance(NamedTuple):
    """Options of the model, empty where there are none, and the shape of every weight."""

    options: dict[str, Any]
    shapes: dict[str, tuple[int, ...]]


class _StandIn:
    """Takes the place of an object of any class."""

    args: tuple[Any, ...] = ()

    def __init__(self, *args: Any) -> None:
        self.args = args

    def __setstate__(self, state: Any) -> None:
        if isinstance(state, dict):
            self.__dict__.update(state)

    def __setitem__(self, key: Any, value: Any) -> None:
        self.__dict__.setdefault("items_", {})[key] = value


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        return dict if (module, name) == ("collections", "OrderedDict") else _StandIn

    def persistent_load(self, key: Any) -> Any:
        return _StandIn(key)


def glance(path: str) -> Glance | None:
    """Options and shapes in a checkpoint of fairseq; None for a file that is none, which says so when it is read.

    Raises:
        OSError: the file cannot be read.
    """
    try:
        state = load_restricted(path, mmap=True) if is_zip(path) else _read_old(path)
    except Exception as error:  # a damaged pickle raises nearly anything
        if isinstance(error, OSError):
            raise
        return None
    if not isinstance(state, Mapping) or not isinstance(state.get("model"), Mapping):
        return None
    shapes = {str(name): shape for name, value in state["model"].items() if (shape := _shape(value)) is not None}
    given = state.get("args")
    if not given:
        cfg = state.get("cfg")
        given = cfg.get("model") if isinstance(cfg, Mapping) else None
    options = given if isinstance(given, Mapping) else getattr(given, "__dict__", {})
    return Glance(dict(options), shapes)


def _read_old(path: str) -> Any:
    with open(path, "rb") as file:
        if _Reader(file).load() != _MAGIC:
            raise ValueError("not torch's")
        for _ in range(_HEADER - 1):
            _Reader(file).load()
        return _Reader(file).load()


def _shape(value: Any) -> tuple[int, ...] | None:
    """The shape of a tensor, or of the arguments that would rebuild one: storage, offset, size, stride."""
    if isinstance(value, Tensor):
        return tuple(value.shape)
    size = value.args[2] if isinstance(value, _StandIn) and len(value.args) > 3 else None
    return tuple(size) if isinstance(size, tuple) and all(isinstance(n, int) for n in size) else None
