"""The special symbols around the texts of an example, which differ by encoder."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from fairseq.data import Dictionary
from torch import Tensor

OF_ONE = 2  # <s> a </s>
XLMR, BERT = 2, 1  # </s> between two texts


@dataclass(frozen=True)
class Frame:
    """``<s> a </s> </s> b </s>`` as XLM-R was trained to see pairs, or ``<s> a </s> b </s>``, BERT's ``[CLS] a [SEP] b
    [SEP]``.

    bos, eos: ids of ``<s>`` and ``</s>``; between: how many ``</s>`` part two texts.
    """

    bos: int
    eos: int
    between: int = XLMR

    @classmethod
    def of(cls, dictionary: Dictionary, between: int) -> Frame:
        return cls(dictionary.bos(), dictionary.eos(), between)

    @property
    def of_two(self) -> int:
        """Special symbols of a pair."""
        return OF_ONE + self.between

    def second(self, first: int) -> int:
        """Position of the second text's first piece behind ``first`` pieces of the first text."""
        return 1 + first + self.between

    def enclose(self, first: Tensor, second: Tensor | None = None) -> Tensor:
        """Ids of an example, (T,), of one or two texts without special symbols."""
        end = first.new_tensor([self.eos])
        rest = [end] if second is None else [end.repeat(self.between), second, end]
        return torch.cat([first.new_tensor([self.bos]), first, *rest])

    def enclose_ids(self, first: list[int], second: list[int] | None = None) -> Tensor:
        """:meth:`enclose` for lists of ids."""
        texts = [torch.tensor(ids, dtype=torch.int64) for ids in (first, second) if ids is not None]
        return self.enclose(*texts)
