"""fairseq's memory-mapped data set format, written in bulk with numpy.

The files equal byte for byte what ``fairseq-preprocess --dataset-impl mmap`` writes; fairseq's own builder adds one row
at a time and keeps Python lists, which is several times slower and larger.
"""

from __future__ import annotations

import struct
from typing import Any, BinaryIO

import numpy as np
from fairseq.data.indexed_dataset import (
    MMapIndexedDataset,
    _dtype_header_code,
    best_fitting_int_dtype,
    data_file_path,
    index_file_path,
)

from . import mapped

_BLOCK = 1 << 16  # rows handled at once where a whole file is walked


class IndexedWriter:
    """Write ``prefix.bin`` and ``prefix.idx``; ``vocabulary`` is the dictionary size that decides the integer type.

    What is no piece of the dictionary (bytes of text, counts, offsets) is written as ``dtype`` instead.
    """

    def __init__(self, prefix: str, vocabulary: int, dtype: Any = None) -> None:
        self.prefix = prefix
        self.dtype = dtype or best_fitting_int_dtype(vocabulary)
        self._sizes: list[np.ndarray] = []
        self._data: BinaryIO = open(data_file_path(prefix), "wb")  # noqa: SIM115  (see close and abandon)

    def append(self, ids: np.ndarray, sizes: np.ndarray) -> None:
        """Add rows: ``ids`` (sum of sizes) flat, ``sizes`` (rows)."""
        self._data.write(ids.astype(self.dtype).tobytes())
        self._sizes.append(sizes.astype(np.int32))

    def close(self) -> np.ndarray:
        """Write the index and return all sizes, int32 (rows)."""
        self._data.close()
        sizes = np.concatenate(self._sizes) if self._sizes else np.zeros(0, dtype=np.int32)
        with open(index_file_path(self.prefix), "wb") as file:
            file.write(MMapIndexedDataset.Index._HDR_MAGIC)
            file.write(struct.pack("<QBQ", 1, _dtype_header_code(self.dtype), len(sizes)))
            file.write(sizes.tobytes())
            address = 0
            for start in range(0, len(sizes), _BLOCK):
                ends = address + np.cumsum(sizes[start : start + _BLOCK], dtype=np.int64) * self.dtype().itemsize
                file.write(np.concatenate([np.array([address]), ends[:-1]]).astype(np.int64).tobytes())
                address = int(ends[-1])
        return sizes

    def abandon(self) -> None:
        """Close the data file without an index, after an error."""
        self._data.close()


class IndexedRows:
    """Flat access to a written file: ``take(rows)`` gives ids and sizes of any rows, in the order asked for."""

    def __init__(self, prefix: str) -> None:
        self.index = mapped.read_index(prefix)
        self.sizes = self.index.sizes
        self._data = np.memmap(data_file_path(prefix), mode="r", dtype=self.index.dtype)
        self._starts = mapped.first_elements(self.index)

    def take(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        sizes = self.sizes[rows].astype(np.int64)
        offset = np.repeat(self._starts[rows] - (np.cumsum(sizes) - sizes), sizes)
        return self._data[offset + np.arange(len(offset))], sizes


def gather(
    prefix: str,
    order: np.ndarray,
    out_prefix: str,
    vocabulary: int,
    other: str = "",
    from_other: np.ndarray | None = None,
    dtype: Any = None,
) -> None:
    """Copy rows ``order`` of ``prefix`` to ``out_prefix``, in constant memory.

    Where ``from_other`` (rows, bool) is set, row i of the file ``other`` takes the place of row i.
    """
    writer = IndexedWriter(out_prefix, vocabulary, dtype)
    own, source = IndexedRows(prefix), IndexedRows(other) if other else None
    for start in range(0, len(order), _BLOCK):
        block = order[start : start + _BLOCK]
        ids, sizes = own.take(block)
        if source is not None and from_other is not None and from_other[start : start + _BLOCK].any():
            ids, sizes = _replace(ids, sizes, source, np.flatnonzero(from_other[start : start + _BLOCK]), start)
        writer.append(ids, sizes)
    writer.close()


def _replace(
    ids: np.ndarray, sizes: np.ndarray, source: IndexedRows, rows: np.ndarray, start: int
) -> tuple[np.ndarray, np.ndarray]:
    parts = np.split(ids, np.cumsum(sizes)[:-1])
    for row in rows:
        parts[row] = source.take(np.array([start + row]))[0]
    return np.concatenate(parts), np.fromiter(map(len, parts), dtype=np.int64, count=len(parts))
