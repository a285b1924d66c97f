"""Counters of every example of a test set as one short string, for JSON."""

from __future__ import annotations

import base64
import re
import zlib

import numpy as np

_FORM = re.compile(r"(u1|u2|u4|f8):(\d{1,9})x(\d{1,3}):(.*)", re.DOTALL)


def pack(values: np.ndarray) -> str:
    """Non-negative numbers (N, K) as ``<type>:<N>x<K>:<base85 of the deflated columns>``; exact."""
    values = np.asarray(values, dtype=np.float64)
    top = values.max(initial=0)
    whole = bool((values == np.floor(values)).all()) and top < 2**32
    kind = "f8" if not whole else "u1" if top < 2**8 else "u2" if top < 2**16 else "u4"
    columns = np.ascontiguousarray(values.T.astype(f"<{kind}"))
    text = base64.b85encode(zlib.compress(columns.tobytes(), 9)).decode("ascii")
    return f"{kind}:{values.shape[0]}x{values.shape[1]}:{text}"


def unpack(text: str) -> np.ndarray:
    """Inverse of :func:`pack`: (N, K) float64; ValueError for anything else."""
    match = _FORM.fullmatch(text)
    if match is None:
        raise ValueError("examples are not packed counters")
    kind, rows, columns = np.dtype(f"<{match[1]}"), int(match[2]), int(match[3])
    size = kind.itemsize * rows * columns
    try:
        content = zlib.decompressobj().decompress(base64.b85decode(match[4]), size + 1)
    except zlib.error as error:
        raise ValueError(f"examples are damaged ({error})") from None
    if len(content) != size:
        raise ValueError("examples are damaged (wrong length)")
    return np.frombuffer(content, kind).reshape(columns, rows).T.astype(np.float64)
