"""Reading checkpoints without running what they may carry.

A pickle can call any function while it is read. torch's restricted reader yields tensors and plain Python values only;
here it learns the few harmless classes that fairseq checkpoints hold besides, and speaks to users when it refuses.
"""

from __future__ import annotations

import argparse
import errno
import os
import re
from collections.abc import Iterable
from typing import Any, BinaryIO, Union

import numpy as np
import torch
from torch.serialization import safe_globals

from xl_plugins.checkpoints.checksums import UNREADABLE, find_damage
from xl_plugins.checkpoints.kinds import check_entries, foreign_kind
from xl_plugins.errors import UserError

# How torch.load(weights_only=True) names a class or function that it refuses.
_REFUSED = re.compile(r"GLOBAL (\S+) (?:was not|whose)|unrecognized function (.+)|`add_safe_globals`,? but got (.+)")


class DamagedFile(UserError):
    """A file that is not what was once written: cut, overwritten, with a flipped bit, or no checkpoint at all."""


def checkpoint_classes() -> list[Any]:
    """Classes and functions beyond torch's own list that fairseq checkpoints may hold; none of them runs foreign code.

    ``argparse.Namespace`` holds the options in the published archives and in old checkpoints; numpy scalars get into
    meters and the best score. numpy 2 moved ``numpy.core``, and each version must read what the other wrote.
    """
    scalar = np.float64(0.0).__reduce__()[0]  # multiarray.scalar, whichever module holds it
    dtypes = {type(np.dtype(code)) for code in "?bBhHiIlLqQefd"}
    return [
        argparse.Namespace,
        (scalar, "numpy.core.multiarray.scalar"),
        (scalar, "numpy._core.multiarray.scalar"),
        np.dtype,
        *sorted(dtypes, key=lambda kind: kind.__name__),
    ]


def _is_of_the_machine(error: Exception) -> bool:
    """Whether memory or disk failed rather than the file; a cut zip makes torch seek to before its start (EINVAL)."""
    if isinstance(error, OSError):
        return error.errno not in (None, errno.EINVAL)
    return isinstance(error, MemoryError) or "can't allocate memory" in str(error)


def load_restricted(
    file: Union[str, os.PathLike[str], BinaryIO], map_location: Any = "cpu", more: Iterable[Any] = (),
    mmap: bool = False, **ignored: Any,
) -> Any:  # fmt: skip
    """``torch.load`` that yields nothing but tensors, plain Python values and :func:`checkpoint_classes`.

    A file's checksums are verified, once per process (:func:`find_damage`); the old format, that of the published
    XLM-R archives, has none.

    Args:
        more: further classes to allow.
        mmap: map the tensors instead of reading them (a path in the zip format), for a look at the other values: the
            tensors' checksums are not verified.
        ignored: other arguments of ``torch.load``; ``weights_only=False`` among them has no effect.

    Raises:
        UserError: the file holds another class (which is named; nothing of it has run).
        DamagedFile: it is damaged or no checkpoint.
    """
    name = getattr(file, "name", "checkpoint received from rank 0") if hasattr(file, "read") else os.fspath(file)
    if isinstance(name, str) and os.path.isfile(name) and (damage := find_damage(name, tensors=not mmap)):
        raise DamagedFile(f"{name}: {damage}; download or save it again")
    try:
        with safe_globals([*checkpoint_classes(), *more]):
            return torch.load(file, map_location=map_location, weights_only=True, mmap=mmap)
    except Exception as error:  # damaged files raise nearly anything
        if _is_of_the_machine(error):
            raise
        refused = _REFUSED.search(str(error))
        if refused:
            culprit = next(filter(None, refused.groups()))
            raise UserError(
                f"{name}: refused: it needs {culprit}, which is not part of a fairseq checkpoint and could run foreign "
                "code; use a checkpoint saved by fairseq, with an argparse.Namespace or plain values as its options"
            ) from error
        kind = None if hasattr(file, "read") and not hasattr(file, "name") else foreign_kind(name)
        if kind is not None:
            raise UserError(f"{name}: {kind}") from error
        raise DamagedFile(f"{name}: {UNREADABLE}; download or save it again") from error


def load_checkpoint(file: BinaryIO, *args: Any, **kwargs: Any) -> Any:
    """:func:`load_restricted` for a file that has to hold a fairseq checkpoint."""
    state = load_restricted(file, *args, **kwargs)
    try:
        check_entries(state, file.name)
    except UserError as error:
        raise DamagedFile(str(error)) from None
    return state
