"""``meta.json``: names and numbers in it are checked once, where the file is read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...errors import UserError
from ...output import check_component, printable

NAME = "meta.json"
DICT, SPM, WORDPIECE = "dict.txt", "sentencepiece.bpe.model", "tokenizer.json"  # beside it
TOKENIZERS = (SPM, WORDPIECE)  # a folder has one of them
BERTS = "wordpiece"  # the entry tokenizer where it is the second
_AGAIN = "run xl-prepare again or remove the file"


def read_meta(path: Path) -> dict[str, Any]:
    """Content of a data folder's ``meta.json``, empty where there is none.

    Raises:
        UserError: no JSON object, an entry of another type, or a name that cannot be a component of a path.
    """
    if not path.is_file():
        return {}
    try:
        meta = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(meta, dict):
            raise ValueError("no object")
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else printable(error)
        raise UserError(f"{path}: not JSON ({reason}); {_AGAIN}") from None
    for key, check in _ENTRIES.items():
        if key in meta:
            check(meta[key], f"{path}: {key}")
    return meta


def _text(value: Any, where: str) -> None:
    if not isinstance(value, str) or not value.isprintable():
        raise UserError(f"{where}: {_shown(value)} is no text; {_AGAIN}")


def _count(value: Any, where: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise UserError(f"{where}: {_shown(value)} is no whole number; {_AGAIN}")


def _flag(value: Any, where: str) -> None:
    if not isinstance(value, bool):
        raise UserError(f"{where}: {_shown(value)} is neither true nor false; {_AGAIN}")


def _list(check: Callable[[Any, str], object]) -> Callable[[Any, str], None]:
    def checked(value: Any, where: str) -> None:
        if not isinstance(value, list):
            raise UserError(f"{where}: {_shown(value)} is no list; {_AGAIN}")
        for item in value:
            check(item, where)

    return checked


def _by_name(check: Callable[[Any, str], object]) -> Callable[[Any, str], None]:
    """An object whose keys are names."""

    def checked(value: Any, where: str) -> None:
        if not isinstance(value, dict):
            raise UserError(f"{where}: {_shown(value)} is no object; {_AGAIN}")
        for name, item in value.items():
            check(item, f"{where}.{check_component(name, where)}")

    return checked


def _anything(value: Any, where: str) -> None:
    if not isinstance(value, str):
        raise UserError(f"{where}: {_shown(value)} is no text; {_AGAIN}")


def _shown(value: Any) -> str:
    text = printable(repr(value))
    return text if len(text) <= 60 else text[:60] + "..."


_ENTRIES: dict[str, Callable[[Any, str], object]] = {
    "format": _count,
    "problem": check_component,
    "dataset": check_component,
    "source_language": check_component,
    "languages": _list(check_component),
    "pools": _list(check_component),
    "splits": _by_name(_by_name(_count)),
    "views": _by_name(_by_name(_count)),
    "unlabelled": _by_name(_list(check_component)),
    "labels": _list(_anything),
    "texts": _count,
    "tokenizer": _text,
    "tokenizer_sha256": _text,
    "dictionary_sha256": _text,
    "answer_metric": _text,
    "context_pieces": _text,
    "unanswerable": _flag,
}
