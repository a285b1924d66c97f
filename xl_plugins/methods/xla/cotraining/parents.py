"""Which text each generated text of a pool was made from."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from ....data.binary.layout import DataBin
from ....errors import UserError

PARENTS, MANIFEST = "parents.npy", "manifest.json"


def read_parents(data: DataBin, folder: str) -> np.ndarray | None:
    """Row of the language's own text that each generated text was made from, (M,), after a look at the manifest; None
    where the folder has neither."""
    place, language = data.root / folder, folder.split("/")[0]
    if (place / MANIFEST).is_file():
        _check_manifest(data, place, language)
    path = place / PARENTS
    if not path.is_file():
        return None
    try:
        return np.load(path, allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise UserError(f"{path}: not a numpy array ({error}); make the pool again") from None


def _check_manifest(data: DataBin, place: Path, language: str) -> None:
    path = place / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        parents, dictionary = manifest.get("parents"), manifest.get("dictionary_sha256")
    except (ValueError, AttributeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not a manifest ({error}); make the pool again") from None
    if dictionary is not None and dictionary != data.dictionary_digest:
        raise UserError(f"{path}: made with another dictionary than {data.root}/dict.txt; make the pool again")
    rows = len(data.open_text(language, "input0", "train"))
    if parents is not None and parents != rows:
        raise UserError(
            f"{path}: made from {parents} texts, but {data.prefix(language, 'input0', 'train')} has {rows}; make the"
            " pool again"
        )
