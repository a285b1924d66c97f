"""BERT's token types (Devlin et al., NAACL 2019, section 3): a vector that tells the second text of a pair from the
first."""

from __future__ import annotations

from typing import Any, Optional

import torch
from fairseq.modules import LearnedPositionalEmbedding
from torch import Tensor, nn

from ..data.binary.frame import BERT
from ..errors import UserError
from ..huggingface.encoder import PAIR


def second_text(tokens: Tensor, separator: int) -> Tensor:
    """Which positions come after the first separator: (B, T) of 0 and 1.

    ``[CLS] a [SEP] b [SEP]`` is 0 up to the first ``[SEP]`` and 1 behind it, as BERT was trained. Behind a single text
    there is only padding, which nothing attends to.
    """
    ends = tokens.eq(separator).to(torch.int32)
    return (ends.cumsum(dim=1) > ends).long()


class TypedPositions(LearnedPositionalEmbedding):
    """Positions plus token types, which follow from the ids alone, so that every way through the encoder has them.

    Args:
        positions: the table to take over.
        separator: id of ``</s>``.
    """

    def __init__(self, positions: LearnedPositionalEmbedding, separator: int) -> None:
        super().__init__(positions.num_embeddings, positions.embedding_dim, positions.padding_idx)
        self.weight = positions.weight
        self.separator = separator
        self.token_types = nn.Embedding(PAIR, positions.embedding_dim)
        nn.init.normal_(self.token_types.weight, std=0.02)

    def forward(
        self, input: Tensor, incremental_state: Optional[Any] = None, positions: Optional[Tensor] = None
    ) -> Tensor:  # fmt: skip
        places = super().forward(input, incremental_state, positions)
        return places + self.token_types(second_text(input, self.separator))


def add_token_types(model: Any, types: int, dictionary: Any, frame: Any) -> Any:
    """The model, with token types where ``types`` asks for them.

    Args:
        frame: of the data's pairs; None where there are no data.

    Raises:
        UserError: pairs that are not joined as BERT's.
    """
    if types == 0:
        return model
    if frame is not None and frame.between != BERT:
        raise UserError(
            f"--token-types {types}: the encoder is a BERT, and the data were prepared with a SentencePiece tokenizer;"
            " prepare them with --model and the encoder's folder"
        )
    inner = model.encoder.sentence_encoder
    inner.embed_positions = TypedPositions(inner.embed_positions, dictionary.eos())
    return model
