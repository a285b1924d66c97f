"""``xl-convert untrim``: a model with a trimmed vocabulary, fine-tuned or not, with the whole vocabulary again."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from fairseq.data import Dictionary
from torch import Tensor, tensor

from ..checkpoints.makers import MAKER, is_made_by
from ..checkpoints.writing import save_whole
from ..data.binary.layout import load_with_mask
from ..errors import UserError
from ..output import check_file
from .vocabulary import TABLES, read_model, replace_tables, table_kind

COMMAND = "xl-convert untrim"


def untrim(
    model: str, dictionary: str, full_model: str, full_dictionary: str, out: str, overwrite: bool = False
) -> tuple[int, int]:
    """Write ``out``: the trimmed ``model`` with the rows it lacks from ``full_model``; returns rows before and after.

    Raises:
        UserError: a mistake in the paths, a piece that the full dictionary lacks, tables of other widths.
    """
    check_file(out, overwrite, COMMAND, is_made_by(COMMAND))
    small, full = load_with_mask(Path(dictionary)), load_with_mask(Path(full_dictionary))
    places = tensor([_place(symbol, full, dictionary, full_dictionary) for symbol in small.symbols])
    state = read_model(model, "CKPT", small, dictionary)
    whole = _tables(read_model(full_model, "--full", full, full_dictionary)["model"])

    def fill(name: str, table: Tensor) -> Tensor:
        base = whole.get(table_kind(name))
        if base is None or base.shape[1:] != table.shape[1:]:
            raise UserError(
                f"--full {full_model}: {'has no' if base is None else 'another width of'} {table_kind(name)};"
                " give the model that was trimmed"
            )
        return base.to(table.dtype).clone().index_copy_(0, places, table)

    content = {**replace_tables(state, full, fill), MAKER: COMMAND}
    os.makedirs(os.path.dirname(os.path.abspath(out)), exist_ok=True)
    check_file(out, overwrite, COMMAND, is_made_by(COMMAND))  # another one may have come meanwhile
    save_whole(content, out)
    return len(small), len(full)


def _place(symbol: str, full: Dictionary, name: str, full_name: str) -> int:
    if symbol not in full:
        raise UserError(f"--dict {name}: {symbol!r} is not in {full_name}; give the dict.txt before trimming there")
    return full.index(symbol)


def _tables(model: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tables by the end of their names: fairseq's archives begin them in another way than our checkpoints."""
    return {end: table for name, table in model.items() for end in TABLES if table_kind(name) == end}
