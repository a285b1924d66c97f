"""Decoupled weight decay (Loshchilov and Hutter, ICLR 2019) of many updates, made up for at once."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

_BLOCK = 1 << 16  # numbers that stay in a processor's cache while all updates pass over them


def decay_(table: Tensor, rates: Sequence[float]) -> None:
    """``table <- table - rate table`` for each rate in turn, in place.

    The result is that of the same updates made one by one, rounded after each in the table's type, which a product of
    all factors would not be.

    Args:
        table: contiguous, of any shape; half precision is computed in float32.
        rates: learning rate times weight decay of each update.
    """
    flat = table.view(-1)
    for block in [flat] if flat.is_cuda else flat.split(_BLOCK):
        for rate in rates:
            exact = block.float()
            exact.add_(exact, alpha=-rate)
            if exact.data_ptr() != block.data_ptr():
                block.copy_(exact)
