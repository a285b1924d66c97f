"""A folder of Hugging Face given where a checkpoint of fairseq belongs: converted once, beside what the run writes."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..checkpoints.writing import LAST
from ..data.binary.digest import file_digest
from ..data.binary.meta import DICT, SPM, TOKENIZERS
from ..data.tokenizer import find_tokenizer, load_dictionary
from ..errors import UserError
from ..output import Staging, read_mark
from .encoder import read_shape
from .folder import CONFIG, Folder, looks_like_one, open_folder
from .from_hf import COMMAND, MODEL, from_hf, write_tokenizer
from .tokenizer import read_tokenizer
from .weights import FILES, find_files
from .wordpiece import FAST, SETTINGS, VOCABULARY

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
    whole = mark is not None and mark["command"] == COMMAND and os.path.isfile(model)
    if mark is not None and whole and mark.get("made_of") == facts["made_of"]:
        Staging(out, COMMAND, "--save-dir").clean()  # killed after the folder was complete
        return model, False
    if mark is not None and whole and os.path.isfile(os.path.join(save_dir, LAST)):
        before = (mark.get("made_of") or [mark.get("source")])[0]
        raise UserError(
            f"{option} {source}: the run in {save_dir} began with another encoder (that of {before}, as it was then);"
            " give that, or another --save-dir"
        )
    os.makedirs(save_dir, exist_ok=True)
    from_hf(source, str(out), overwrite=True, name="--save-dir", **facts)
    return model, True


def model_digest(path: str) -> str:
    """SHA-256 of a checkpoint, or of all that is read of a folder of Hugging Face."""
    folder = hub_folder(path)
    if not folder:
        return file_digest(path)
    digest = hashlib.sha256()
    for file in _files(open_folder(folder, "--path")):
        digest.update(f"{file.name} {file_digest(str(file))}\n".encode())
    return digest.hexdigest()


def check_pieces(model: str, dictionary: Path, source: str, option: str) -> None:
    """UserError unless the data were prepared with the pieces of the encoder that was converted to ``model``."""
    own, data = (load_dictionary(str(path)).symbols for path in (Path(model).with_name(DICT), dictionary))
    if own != data:
        raise UserError(
            f"{option} {source}: its pieces are not those of {dictionary}; prepare the data with --model {source}"
        )


def _stamp(folder: Folder) -> list[Any]:
    """Where the folder is, and size and time of its files."""
    stats = [(file.name, file.stat()) for file in _files(folder)]
    return [str(folder.path.resolve()), *([name, found.st_size, found.st_mtime_ns] for name, found in stats)]


def _files(folder: Folder) -> list[Path]:
    """All that is read of a folder."""
    tokenizers = [path for name in (SPM, FAST, VOCABULARY, SETTINGS) if (path := folder.file(name)) is not None]
    return [folder.path / CONFIG, *find_files(folder), *tokenizers]


@contextlib.contextmanager
def tokenizer_files(model: str, option: str = "--model") -> Iterator[tuple[str, str]]:
    """Tokenizer and dictionary of an encoder's folder: Hugging Face's, or one that has both files already.

    Raises:
        UserError: the folder has neither, or files that do not fit.
    """
    home = model
    if os.path.isfile(model) and not hub_folder(model):  # model.pt of an archive
        home = os.path.dirname(model)
    own, dictionary = find_tokenizer(home), os.path.join(home, DICT)
    if own is not None and os.path.isfile(dictionary):
        yield str(own), dictionary
        return
    if os.path.isdir(model) and not looks_like_one(model):
        wanted = f"a tokenizer ({' or '.join(TOKENIZERS)}) and {DICT}"
        raise UserError(f"{option} {model}: holds neither {wanted} nor config.json; name an encoder's folder")
    folder_of = open_folder(hub_folder(model) or model, option)
    read_shape(folder_of)  # what training would refuse
    find_files(folder_of)
    tokenizer = read_tokenizer(folder_of)
    with tempfile.TemporaryDirectory() as folder:
        write_tokenizer(tokenizer, Path(folder))
        yield os.path.join(folder, tokenizer.name), os.path.join(folder, DICT)
