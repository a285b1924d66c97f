"""Private parts of fairseq's memory-mapped data sets (0.12), read in this file alone."""

from __future__ import annotations

import numpy as np
from fairseq.data.indexed_dataset import MMapIndexedDataset, index_file_path

from .folder_check import check_index


def read_index(prefix: str) -> MMapIndexedDataset.Index:
    """The index of a file; its private parts are read by :func:`first_elements` alone."""
    return MMapIndexedDataset.Index(index_file_path(prefix))


def element_type(dataset: MMapIndexedDataset) -> np.dtype:
    """Type of the elements of all rows."""
    return np.dtype(dataset._index.dtype)


def first_elements(index: MMapIndexedDataset.Index) -> np.ndarray:
    """Where each row begins in the file (N,), counted in elements."""
    return index._pointers // np.dtype(index.dtype).itemsize


def elements(dataset: MMapIndexedDataset, start: int = 0, count: int = -1) -> np.ndarray:
    """``count`` elements of all rows in a line, from ``start`` on; all of them by default. Read-only, not copied, and
    gone with the data set."""
    dtype = element_type(dataset)
    return np.frombuffer(dataset._bin_buffer, dtype, count, start * dtype.itemsize)


def check(prefix: str, dataset: MMapIndexedDataset) -> None:
    """UserError for an index whose rows do not follow each other."""
    index = dataset._index
    check_index(f"{prefix}.idx", index._sizes, index._pointers, element_type(dataset).itemsize)


def starts(dataset: MMapIndexedDataset) -> np.ndarray:
    """Where each row begins (N,), counted in elements."""
    return first_elements(dataset._index)
