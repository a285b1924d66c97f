"""A folder of Hugging Face given where a checkpoint of fairseq belongs: converted once, beside what the run writes."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..output import read_mark
from .folder import Folder, looks_like_one, open_folder
from .from_hf import COMMAND, DICT, MODEL, SPM, from_hf, write_tokenizer
from .tokenizer import read_tokenizer
from .weights import FILES, find_files

NAME = "encoder"


def hub_folder(path: str | None) -> str:
    """The folder that a path names, itself or by its file of weights; empty for anything else."""
    if not path:
        return ""
    if os.path.isfile(path) and os.path.basename(path) in FILES:
        path = os.path.dirname(path) or os.curdir
    return path if looks_like_one(path) else ""


def cached_encoder(source: str, save_dir: str, option: str) -> tuple[str, bool]:
    """``save_dir``/encoder/model.pt, made of a folder unless that has been done, and whether it was made now.

    Args:
        option: how the user named the folder, for messages.

    Raises:
        UserError: as :func:`from_hf`.
    """
    folder = open_folder(source, option)
    out = Path(save_dir, NAME)
    facts = {"made_of": _stamp(folder)}
    mark = read_mark(out)
    model = str(out / MODEL)
    if mark is not None and mark["command"] == COMMAND and mark.get("made_of") == facts["made_of"]:
        return model, False
    os.makedirs(save_dir, exist_ok=True)
    from_hf(source, str(out), overwrite=True, **facts)
    return model, True


def check_pieces(model: str, dictionary: Path, source: str, option: str) -> None:
    """UserError unless the data were prepared with the pieces of the encoder that was converted to ``model``."""
    if Path(model).with_name(DICT).read_bytes() != dictionary.read_bytes():
        raise UserError(
            f"{option} {source}: its pieces are not those of {dictionary}; prepare the data with --model {source}"
        )


def _stamp(folder: Folder) -> list[Any]:
    """Where the folder is, and size and time of its files."""
    files = [folder.path / "config.json", *find_files(folder)]
    stats = [(file.name, file.stat()) for file in files]
    return [str(folder.path.resolve()), *([name, found.st_size, found.st_mtime_ns] for name, found in stats)]


@contextlib.contextmanager
def tokenizer_files(model: str, option: str = "--model") -> Iterator[tuple[str, str]]:
    """SentencePiece model and dictionary of an encoder's folder: Hugging Face's, or one that has both files already.

    Raises:
        UserError: the folder has neither, or files that do not fit.
    """
    own = (os.path.join(model, SPM), os.path.join(model, DICT))
    if all(os.path.isfile(path) for path in own):
        yield own
        return
    if os.path.isdir(model) and not looks_like_one(model):
        raise UserError(f"{option} {model}: holds neither {SPM} and {DICT} nor config.json; name an encoder's folder")
    tokenizer = read_tokenizer(open_folder(model, option))
    with tempfile.TemporaryDirectory() as folder:
        write_tokenizer(tokenizer, Path(folder))
        yield os.path.join(folder, SPM), os.path.join(folder, DICT)
