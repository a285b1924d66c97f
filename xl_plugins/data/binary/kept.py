"""Keep what a fine-tuned model needs to read raw text beside its checkpoints: a data folder without data.

``SAVE_DIR/xl_model`` holds dictionary, tokenizer, labels and ``meta.json``, so that the folder of a run can be moved
anywhere and predicts there.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from ...errors import UserError
from ...output import Staging, read_mark
from ...terminal import printable
from .digest import file_digest
from .meta import DICT, TOKENIZERS, read_meta
from .meta import NAME as META

FOLDER = "xl_model"
COMMAND = "fairseq-train"
_FILES = (DICT, f"label/{DICT}", *TOKENIZERS)
_OF_DATA = ("languages", "pools", "splits", "unlabelled", "views")  # of meta.json: what the folder has no files for


def keep(root: Path, save_dir: str, option: str = "--save-dir") -> None:
    """Put the files of the data folder ``root`` into ``save_dir``/xl_model, unless they are there.

    Raises:
        UserError: another folder of that name is there.
    """
    meta = {name: value for name, value in read_meta(root / META).items() if name not in _OF_DATA}
    facts: dict[str, Any] = {"made_of": {**_digests(root), META: meta}}
    out = Path(save_dir, FOLDER)
    mark = read_mark(out)
    staging = Staging(out, COMMAND, option, overwrite=True)
    if mark is not None and mark["command"] == COMMAND and mark.get("made_of") == facts["made_of"]:
        staging.clean()  # killed after the folder was complete
        return
    with staging:
        for name in facts["made_of"].keys() - {META}:
            (staging.new / name).parent.mkdir(exist_ok=True)
            shutil.copyfile(root / name, staging.new / name)
        if meta:
            text = json.dumps({**meta, "languages": [], "splits": {}}, indent=2, ensure_ascii=False, sort_keys=True)
            (staging.new / META).write_text(f"{text}\n", encoding="utf-8")
        staging.commit(**facts)


def check_along(checkpoint: str, out: str, option: str) -> None:
    """UserError where :func:`keep_along` could not keep anything: another folder of that name is beside ``out``, or one
    of a run with another dictionary, tokenizer or labels."""
    kept, there = find_kept(checkpoint), find_kept(out)
    if kept is None:
        return
    if there is None:
        Staging(Path(_folder(out), FOLDER), COMMAND, option, overwrite=True).check()
    elif _digests(Path(kept)) != _digests(Path(there)):
        raise UserError(
            f"{option} {out}: {there} is of a run with another dictionary, tokenizer or labels than {checkpoint};"
            " choose another folder"
        )


def keep_along(checkpoint: str, out: str, option: str) -> None:
    """Keep beside ``out``, made of ``checkpoint``, what is kept beside that; not where it is kept already.

    Raises:
        UserError: as :func:`check_along`.
    """
    check_along(checkpoint, out, option)
    kept = find_kept(checkpoint)
    if kept is not None and find_kept(out) is None:
        keep(Path(kept), _folder(out), option)


def kept_data(checkpoint: str, data: str) -> str:
    """The folder that a run kept of ``data``, which is gone; UserError where that is gone as well."""
    kept = find_kept(checkpoint)
    if kept is None:
        raise UserError(
            f"{checkpoint}: was trained on {printable(data)}, which is gone, and no xl_model is beside it; give a"
            " folder with its dictionary, labels and tokenizer: --data DATA"
        )
    return kept


def find_kept(checkpoint: str) -> str | None:
    """The folder beside a checkpoint, or beside the folder that it is in (members of XLA); None where there is none."""
    folder = _folder(checkpoint)
    places = (os.path.join(place, FOLDER) for place in (folder, os.path.dirname(folder)))
    return next((place for place in places if os.path.isfile(os.path.join(place, DICT))), None)


def _folder(file: str) -> str:
    return os.path.dirname(os.path.abspath(file))


def _digests(folder: Path) -> dict[str, str]:
    """SHA-256 of what reads text and names classes."""
    return {name: file_digest(str(folder / name)) for name in _FILES if (folder / name).is_file()}
