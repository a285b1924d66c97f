"""Memory-mapped columns of a data folder that are not piece ids: counts, bytes, offsets, vectors."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import torch
from fairseq.data.indexed_dataset import MMapIndexedDataset, dataset_exists

from ...errors import UserError
from . import mapped


class Rows:
    """Ragged rows of integers, memory mapped: ``rows[i]`` is a read-only array. ``expected``: their type."""

    def __init__(self, prefix: str, expected: np.dtype | type | None = None) -> None:
        self.prefix = prefix
        if not dataset_exists(prefix, "mmap"):
            raise UserError(f"{prefix}.idx: missing; run xl-prepare again")
        try:
            file = MMapIndexedDataset(prefix)
            self.dtype = mapped.element_type(file)
            mapped.check(prefix, file)
            self.row_sizes = np.array(file.sizes, dtype=np.int64)
            # a map of our own, which lives as long as any row of it; fairseq's is closed with its data set
            whole = np.memmap(f"{prefix}.bin", self.dtype, "r") if self.row_sizes.sum() else np.zeros(0, self.dtype)
            self.flat = whole.view(np.ndarray)
        except (ValueError, AssertionError, OSError, KeyError, struct.error) as error:
            raise UserError(f"{prefix}.idx: cannot be read ({error}); run xl-prepare again") from None
        if expected is not None and self.dtype != np.dtype(expected):
            raise UserError(f"{prefix}.idx: holds {self.dtype}, expected {np.dtype(expected)}; run xl-prepare again")
        if len(self.flat) != self.row_sizes.sum():
            raise UserError(f"{prefix}.bin: does not fit {prefix}.idx; the file is truncated, run xl-prepare again")
        self.starts = np.concatenate([[0], np.cumsum(self.row_sizes)])

    def __reduce__(self) -> tuple:
        return Rows, (self.prefix, self.dtype)  # a worker process maps the file again

    def __len__(self) -> int:
        return len(self.row_sizes)

    def __getitem__(self, row: int) -> np.ndarray:
        return self.flat[self.starts[row] : self.starts[row + 1]]

    def text(self, row: int) -> str:
        """A row of UTF-8 bytes as text."""
        try:
            return self[row].tobytes().decode("utf-8")
        except UnicodeDecodeError as error:
            raise UserError(f"{self.prefix}.bin: row {row + 1} is not UTF-8 ({error}); run xl-prepare again") from None


class Ragged:
    """Ragged rows of integers in memory: ``flat`` (sum of sizes,), ``row_sizes`` (N,)."""

    def __init__(self, flat: np.ndarray, row_sizes: np.ndarray) -> None:
        self.flat, self.row_sizes = flat, np.asarray(row_sizes, dtype=np.int64)
        self.starts = np.concatenate([[0], np.cumsum(self.row_sizes)])

    def __len__(self) -> int:
        return len(self.row_sizes)

    def __getitem__(self, row: int) -> np.ndarray:
        return self.flat[self.starts[row] : self.starts[row + 1]]


def take_rows(rows: Rows | Ragged, chosen: np.ndarray) -> Ragged:
    """Some ragged rows in the order of ``chosen``, copied into memory."""
    sizes = rows.row_sizes[chosen]
    return Ragged(rows.flat[spread(rows.starts[chosen], sizes)], sizes)


def spread(starts: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Places start, start + 1, ... of every row one after the other: (N,), (N,) -> (sum of sizes,)."""
    ends = np.cumsum(sizes)
    return np.repeat(starts - (ends - sizes), sizes) + np.arange(int(ends[-1]) if len(ends) else 0)


class Taken:
    """Some rows of a mapped file of pieces: ``taken[i]`` is row ``rows[i]`` of it."""

    def __init__(self, file: Any, rows: np.ndarray) -> None:
        self.file, self.rows = file, np.asarray(rows, dtype=np.int64)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, row: int) -> torch.Tensor:
        return self.file[int(self.rows[row])]


def open_array(path: str, columns: int, dtype: np.dtype | type) -> np.ndarray:
    """A two-dimensional ``.npy`` file, memory mapped (never unpickled)."""
    if not Path(path).is_file():
        raise UserError(f"{path}: missing; run xl-prepare again")
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise UserError(f"{path}: not a numpy array ({error}); run xl-prepare again") from None
    if array.ndim != 2 or array.shape[1] != columns or array.dtype != np.dtype(dtype):
        raise UserError(
            f"{path}: {array.dtype} of shape {array.shape}, expected {np.dtype(dtype)} with {columns} columns; run"
            " xl-prepare again"
        )
    return array
