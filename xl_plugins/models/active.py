"""Word embeddings of which a run trains only the rows that its training data can touch.

The gradient of every other row is zero in each update, so that Adam leaves it where it is but for weight decay, which
is made up for when the row is read or saved. The optimiser, its state, half precision's float32 copies and the exchange
between processes then know the active rows alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import UserError
from ..functional.decay import decay_

WHOLE = "--train-whole-vocabulary"
_ACTIVE = "active"


class ActiveEmbedding(nn.Embedding):
    """A table of V rows, A of which are trained, as the parameter ``active``; ``weight`` has the others.

    What a checkpoint holds and takes is the whole table, under the name that it always has. The rows of ``weight`` that
    are active are not read.

    Args:
        table: to take over; its parameter stays the same object, which a language-model head may share.
        rows: (A,) int64, ids that are trained, in ascending order.
    """

    rows: Tensor
    places: Tensor

    def __init__(self, table: nn.Embedding, rows: Tensor) -> None:
        weight = table.weight
        super().__init__(table.num_embeddings, table.embedding_dim, table.padding_idx, _weight=weight.data)
        self.weight = weight
        weight.requires_grad, weight.grad = False, None
        places = torch.full((table.num_embeddings,), -1, dtype=torch.int64)
        places[rows] = torch.arange(len(rows))
        self.register_buffer("rows", rows.to(weight.device), persistent=False)
        self.register_buffer("places", places.to(weight.device), persistent=False)
        self.active = nn.Parameter(weight.data[self.rows])
        self.shared = False  # whether other tables have the same frozen rows in the same memory
        self._rates: list[float] = []  # weight decay that the frozen rows still lack
        self._exact: Tensor | None = None  # float32 copy of the frozen rows of half precision, under weight decay alone
        padding = -1 if table.padding_idx is None else int(places[table.padding_idx])
        self._padding = padding if padding >= 0 else None

    def forward(self, input: Tensor) -> Tensor:
        """Ids of any shape to (..., C).

        Raises:
            UserError: in training, an id whose row is not trained: its gradient would be lost.
        """
        places = self.places[input]
        frozen = places < 0
        if not bool(frozen.any()):
            return F.embedding(places, self.active, self._padding)
        if self.training and torch.is_grad_enabled():
            ids = sorted(set(input[frozen].tolist()))
            raise UserError(
                f"a training batch holds pieces that the scan of the training data did not find (ids"
                f" {', '.join(map(str, ids[:8]))}); pass {WHOLE}"
            )
        self.settle()
        found = F.embedding(places.clamp(min=0), self.active, self._padding)
        return torch.where(frozen.unsqueeze(-1), F.embedding(input, self.weight), found)

    # -- weight decay of the frozen rows --

    def decayed(self, rate: float, copies: bool) -> None:
        """Note an update whose weight decay takes the share ``rate`` of every row.

        Args:
            copies: whether the optimiser rounds float32 copies to half precision, instead of rounding each update.
        """
        if copies and self._exact is None and self.weight.dtype != torch.float32:
            self._exact = self.weight.data.float()
        if rate:
            self._rates.append(rate)

    def settle(self) -> None:
        """Apply the weight decay that is due to the frozen rows."""
        if not self._rates:
            return
        decay_(self.weight.data if self._exact is None else self._exact, self._rates)
        if self._exact is not None:
            self.weight.data.copy_(self._exact)
        self._rates.clear()

    # -- the whole table --

    def whole(self) -> Tensor:
        """The table (V, C) as training all of its rows would have left it, in the memory of ``weight`` unless that is
        shared."""
        self.settle()
        table = self.weight.data.clone() if self.shared else self.weight.data
        return table.index_copy_(0, self.rows, self.active.data)

    def forget(self) -> None:
        """Other frozen rows stand in ``weight`` now, to which no weight decay is due."""
        self._rates.clear()
        self._exact = None

    def refill(self) -> None:
        """Take the active rows from ``weight``, into which a whole table was put."""
        self.forget()
        self.active.data.copy_(self.weight.data[self.rows])

    def own(self) -> None:
        """Give this table memory of its own, where it was shared."""
        if self.shared:
            self.weight.data, self.shared = self.weight.data.clone(), False

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        del destination[prefix + _ACTIVE]
        destination[prefix + "weight"] = self.whole()

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *args: Any) -> None:
        self.own()
        super()._load_from_state_dict({**state_dict, prefix + _ACTIVE: self.active.data}, prefix, *args)
        self.refill()


def active_tables(model: nn.Module) -> list[ActiveEmbedding]:
    """The tables of a model of which only some rows are trained."""
    return [module for module in model.modules() if isinstance(module, ActiveEmbedding)]


def train_rows(model: Any, rows: Tensor) -> None:
    """Let a model with fairseq's RoBERTa encoder train only these rows of its word embeddings.

    Call it before an optimiser or a distributed wrapper lists the parameters.
    """
    inner, head = model.encoder.sentence_encoder, model.encoder.lm_head
    inner.embed_tokens = ActiveEmbedding(inner.embed_tokens, rows)
    if head.weight is not inner.embed_tokens.weight:
        return

    def tie(module: Any, state: dict, prefix: str, meta: Any) -> None:
        state[f"{prefix}encoder.lm_head.weight"] = state[f"{prefix}encoder.sentence_encoder.embed_tokens.weight"]

    def refill(module: Any, keys: Any) -> None:
        module.encoder.sentence_encoder.embed_tokens.refill()  # the head is loaded last

    def refuse(module: Any, inputs: Any) -> None:
        raise RuntimeError(f"the language-model head reads every row of the word embeddings; pass {WHOLE}")

    model._register_state_dict_hook(tie)
    model.register_load_state_dict_post_hook(refill)
    head.register_forward_pre_hook(refuse)


def share_frozen(tables: Sequence[ActiveEmbedding]) -> bool:
    """Keep the frozen rows of several tables once, where they are the same and weight decay changes none of them;
    returns whether they are."""
    if not tables:
        return False
    first, *others = tables
    for table in tables:
        table.weight.data.index_fill_(0, table.rows, 0)  # not read
    if not all(torch.equal(first.weight, table.weight) for table in others):
        return False
    for table in tables:
        table.weight.data, table.shared = first.weight.data, True
    return True
