"""The meaning of a checkpoint's inputs and outputs, compared with the data at hand."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from ..errors import UserError
from .fitting import DICTIONARY, IDENTITY, compare

logger = logging.getLogger(__name__)

_FIELDS = ("input0", "input1", "label", "words", "answers", "spans")  # what a training text and its gold consist of
_WHOLE = 1 << 22  # bytes up to which a file counts as a whole, longer ones by both ends and the index
_TYPES = {
    "problem": str, "labels": list, "dictionary_sha256": str, "source_language": str, "train_languages": list,
    "select": str, "select_languages": list, "training_data": dict,
    "unanswerable": bool, "method": str, "versions": dict, "trained_rows": Tensor, "fused_adam": bool,
}  # fmt: skip


def read_record(state: Any, path: str) -> dict[str, Any]:
    """The notes of the package's tasks in a checkpoint (``task_state``), empty where there is none.

    Raises:
        UserError: a value of another type than the tasks write.
    """
    record = state if state is not None else {}
    if not isinstance(record, Mapping):
        raise UserError(
            f"{path}: task_state is {type(record).__name__}, expected a dictionary; save the checkpoint again"
        )
    for name, kind in _TYPES.items():
        value = record.get(name)
        wrong = value is not None and not isinstance(value, kind)
        if wrong or (kind is list and not all(isinstance(item, str) for item in value or [])):
            raise UserError(
                f"{path}: task_state.{name} is no {'list of names' if kind is list else kind.__name__}; save the"
                " checkpoint again"
            )
    return dict(record)


def refuse_other_identity(
    record: Mapping[str, Any], identity: Mapping[str, Any], root: Path, path: str,
    what: Sequence[str] = IDENTITY,
) -> None:  # fmt: skip
    """UserError unless the checkpoint ``path`` fits data with this identity (:meth:`XLTask.identity`).

    Args:
        record: of the checkpoint; what it lacks is not compared.
        root: the data folder.
        what: the parts of the identity that must agree.
    """
    for found in compare(record, identity, what):
        if not found.is_of_file():
            raise UserError(f"{path}: {found.than(str(root))}; use data and options of the same")
        raise UserError(
            f"{found.place(root)}: not the one {path} was trained with ({found.detail}); use data prepared with the"
            " same files"
        )


def fit_initial(record: Mapping[str, Any], identity: Mapping[str, Any], root: Path, path: str) -> None:
    """A fine-tuned checkpoint that initialises a run must read the same pieces; other labels only get a warning."""
    refuse_other_identity(record, identity, root, path, (DICTIONARY,))
    before, now = record.get("labels"), identity["labels"]
    same_problem = record.get("problem", identity["problem"]) == identity["problem"]  # a classifier has labels alone
    if same_problem and before is not None and before != now and len(before) == len(now):
        logger.warning(
            "%s was fine-tuned for %s; its head initialises that of %s", path, ", ".join(before), ", ".join(now)
        )


def training_digests(root: Path, languages: Sequence[str]) -> dict[str, str]:
    """A digest of each language's training texts and labels, whatever the folder's name."""
    return {language: _digest(root / language) for language in languages}


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for name in _FIELDS:
        for suffix in (".idx", ".bin"):
            path = folder / name / f"train{suffix}"
            if not path.is_file():
                continue
            size = path.stat().st_size
            digest.update(f"{name}{suffix} {size}\n".encode())
            with open(path, "rb") as file:
                if size <= _WHOLE or suffix == ".idx":
                    digest.update(file.read())
                else:
                    digest.update(file.read(_WHOLE // 4))
                    file.seek(size - _WHOLE // 4)
                    digest.update(file.read())
    return digest.hexdigest()
