"""``xl-convert trim``: an encoder whose vocabulary is no larger than given data need."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch

from ..checkpoints.writing import save_whole
from ..data.binary.layout import load_with_mask
from ..data.binary.meta import DICT
from ..data.tokenizer import PieceEncoder, tokenizer_name
from ..huggingface.from_hf import MODEL
from ..output import Staging
from .small_tokenizer import reduce_dictionary, reduce_tokenizer
from .used_pieces import find_pieces
from .vocabulary import read_model, replace_tables

COMMAND = "xl-convert trim"


class Trimmed(NamedTuple):
    """Rows of the embedding table before and after, bytes of all parameters before and after; see ``Found``."""

    rows: tuple[int, int]
    size: tuple[int, int]
    texts: int
    skipped: list[str]


def trim(
    model: str, data: Sequence[str], spm: str, dictionary: str, out: str, overwrite: bool = False,
    sampling: bool = False,
) -> Trimmed:  # fmt: skip
    """Write ``out``/model.pt, dict.txt and the tokenizer with the pieces that the data need.

    The data are cut into the same pieces as before, and the hidden states of every text of them are the same bit for
    bit: rows of the embedding table are copied. The head of the language model, tied or not, has the same rows.

    Args:
        data: raw files, folders of them, folders made by xl-prepare.
        sampling: keep all pieces that subword sampling can draw from the raw texts, not the best segmentation's alone.

    Raises:
        UserError: a mistake in the paths, files that do not belong together, or ``out`` is there.
    """
    staging = Staging(out, COMMAND, "OUT", overwrite, [model, spm, dictionary, *data])
    staging.check()
    PieceEncoder(spm, dictionary)  # they have to fit
    full = load_with_mask(Path(dictionary))
    state = read_model(model, "MODEL", full, dictionary)
    found = find_pieces(data, spm, sampling)
    content, kept = reduce_tokenizer(spm, found.pieces)
    with staging:
        name = tokenizer_name(spm)
        (staging.new / name).write_bytes(content)
        text = reduce_dictionary(dictionary, kept, found.pieces)
        (staging.new / DICT).write_text(text, encoding="utf-8", newline="\n")
        PieceEncoder(str(staging.new / name), str(staging.new / DICT))
        small = load_with_mask(staging.new / DICT)
        rows = torch.tensor([full.index(symbol) for symbol in small.symbols])
        result = replace_tables(state, small, lambda name, table: table[rows])
        save_whole(result, staging.new / MODEL)
        staging.commit(rows=len(small), rows_before=len(full))
    sizes = (_bytes(state["model"]), _bytes(result["model"]))
    return Trimmed((len(full), len(small)), sizes, found.texts, found.skipped)


def _bytes(model: dict[str, torch.Tensor]) -> int:
    """Bytes of all tensors; what is one tensor under two names counts once."""
    return sum({tensor.data_ptr(): tensor.nbytes for tensor in model.values()}.values())
