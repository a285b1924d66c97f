"""``xl-convert from-hf``: a folder of Hugging Face as an encoder for fairseq, with dictionary and tokenizer."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, NamedTuple

from ..checkpoints.writing import save_whole
from ..data.binary.meta import DICT
from ..data.tokenizer import PieceEncoder
from ..output import Staging
from .encoder import convert, has_language_model, read_shape
from .folder import open_folder
from .heads import read_head
from .tokenizer import MASK, SPECIAL, Tokenizer, read_tokenizer
from .weights import Weights

COMMAND = "xl-convert from-hf"
MODEL = "model.pt"


class Converted(NamedTuple):
    """Sizes of what was written.

    rows: of the folder's embedding table, and those kept; language_model: whether it has a head that predicts words;
    left_out: weights that neither encoder nor head needs; head: architecture of a classifier whose head came along.
    """

    layers: int
    width: int
    rows: tuple[int, int]
    language_model: bool
    left_out: list[str]
    head: str = ""


def from_hf(source: str, out: str, overwrite: bool = False, name: str = "OUT", **facts: Any) -> Converted:
    """Write ``out``/model.pt, dict.txt and sentencepiece.bpe.model, or tokenizer.json where that is WordPiece.

    Hidden states are those of transformers' model: positions that BERT counts from 0 are moved, the first token type's
    vector is added to them, the epsilon of the layer norms is kept. Rows of the table that no piece has are left out.

    Args:
        name: how the user named ``out``, for messages.
        facts: for the mark of the folder.

    Raises:
        UserError: no such folder, one of another architecture, damaged or missing files, a tokenizer that does not fit.
    """
    folder = open_folder(source)
    shape = read_shape(folder)
    tokenizer = read_tokenizer(folder)
    staging = Staging(out, COMMAND, name, overwrite, [source])
    staging.check()
    with Weights(folder) as weights:
        model = convert(weights, shape, tokenizer.rows, folder.kind == "bert")
        head = read_head(weights, shape.width)
        used = (*_USED, *(HEADS if head is not None else ()))
        left_out = sorted(name for name in weights if not name.startswith(used))
    if head is not None:
        model |= head.weights
    with staging:
        write_tokenizer(tokenizer, staging.new)
        save_whole(_checkpoint(model, shape.options(), head.labels if head else []), staging.new / MODEL)
        staging.commit(rows=len(tokenizer.rows), source=os.path.basename(os.path.abspath(source)), **facts)
    rows = (shape.vocabulary, len(tokenizer.rows))
    architecture = folder.config["architectures"][0] if head else ""
    return Converted(shape.layers, shape.width, rows, has_language_model(model), left_out, architecture)


def read_folder(source: str, option: str = "--path") -> tuple[dict[str, Any], list[str]]:
    """The encoder of a folder as a checkpoint of fairseq, without writing it, and the symbols of its dictionary.

    Raises:
        UserError: as :func:`from_hf`.
    """
    folder = open_folder(source, option)
    shape, tokenizer = read_shape(folder), read_tokenizer(folder)
    with Weights(folder) as weights:
        model = convert(weights, shape, tokenizer.rows, folder.kind == "bert")
    return _checkpoint(model, shape.options()), [*SPECIAL, *tokenizer.pieces, MASK]


_USED = ("embeddings.", "encoder.", "lm_head.", "cls.predictions.")
HEADS = ("classifier.", "qa_outputs.", "pooler.dense.")


def write_tokenizer(tokenizer: Tokenizer, folder: Any) -> None:
    """``dict.txt`` and the tokenizer's file; UserError if they do not fit each other."""
    (folder / tokenizer.name).write_bytes(tokenizer.content)
    lines = "".join(f"{piece} 1\n" for piece in tokenizer.pieces)
    (folder / DICT).write_text(lines, encoding="utf-8", newline="\n")
    PieceEncoder(str(folder / tokenizer.name), str(folder / DICT))


def _checkpoint(model: dict[str, Any], options: Any, labels: Sequence[str] = ()) -> dict[str, Any]:
    """A pre-trained archive, as fairseq saves one; ``labels``: of its head."""
    history = [{"criterion_name": "", "optimizer_name": "", "lr_scheduler_state": {}, "num_updates": 0}]
    return {
        "args": options, "cfg": None, "model": model, "optimizer_history": history,
        "task_state": {"labels": list(labels)} if labels else {},
        "extra_state": {"epoch": 1, "train_iterator": {"epoch": 1, "iterations_in_epoch": 0}},
    }  # fmt: skip
