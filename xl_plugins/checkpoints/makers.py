"""Checkpoints that say which command made them, so that it may replace them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..errors import UserError
from .checksums import is_zip
from .safe_load import load_restricted

MAKER = "written_by"  # entry of a checkpoint


def is_made_by(command: str) -> Callable[[str], bool]:
    """A function that tells whether a file is a checkpoint with this maker (for ``check_file``)."""

    def recognise(path: str) -> bool:
        try:
            state = load_restricted(path, mmap=is_zip(path))
        except UserError:
            return False
        return isinstance(state, Mapping) and state.get(MAKER) == command

    return recognise
