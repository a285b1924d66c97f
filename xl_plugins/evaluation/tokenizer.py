"""The tokenizer of a fine-tuned checkpoint, for raw text."""

from __future__ import annotations

import os
from collections.abc import Callable

from ..data.binary.digest import file_digest
from ..data.binary.meta import DICT, SPM
from ..data.tokenizer import PieceEncoder, find_tokenizer
from ..errors import UserError
from .checkpoint import FineTuned


def open_tokenizer(tuned: FineTuned, spm: str | None = None, tell: Callable[[str], object] = print) -> PieceEncoder:
    """The tokenizer that a checkpoint's data were prepared with.

    Args:
        spm: tokenizer; None for the one in the data folder.
        tell: takes a warning.

    Raises:
        UserError: it is not there, or another one.
    """
    root = tuned.task.data_bin.root
    path = spm or str(find_tokenizer(root) or root / SPM)
    if not os.path.isfile(path):
        raise UserError(f"{path}: no tokenizer; name the one that the data was prepared with by --spm")
    digest = tuned.task.data_bin.meta.get("tokenizer_sha256")
    if digest and digest != file_digest(path):
        raise UserError(f"{path}: not the tokenizer that {root} was prepared with (meta.json); name that one by --spm")
    encoder = PieceEncoder(path, str(root / DICT))
    if encoder.warning:
        tell(encoder.warning)
    return encoder
