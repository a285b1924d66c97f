"""Three models of one kind that train each other (XLA, ACL 2021), in one fairseq model."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from fairseq.models import BaseFairseqModel, register_model
from torch import Tensor, nn

from xl_plugins.models.active import active_tables, share_frozen
from xl_plugins.models.config import XLMRConfig, XLMRLargeConfig
from xl_plugins.models.plain import XLMRModel

from ...errors import UserError

MEMBERS = 3  # theta_1, theta_2, theta_3
_SNAPSHOT = "snapshot."
_TABLE, _ACTIVE = (f"encoder.sentence_encoder.embed_tokens.{name}" for name in ("weight", "active"))


@dataclass
class CotrainConfig(XLMRConfig):
    """Shape and dropout of every member: XLM-R base (XLA used large)."""


@dataclass
class CotrainLargeConfig(XLMRLargeConfig):
    """Shape and dropout of every member: XLM-R large, as in the article."""


@register_model("xla_cotrain_xlmr", dataclass=CotrainConfig)
class CotrainModel(BaseFairseqModel):
    """Members with nothing in common but their shape. One is active: it alone takes gradients and answers ``forward``.

    All members require gradients until one is activated, so that an optimiser built before lists the parameters of all.
    ``best`` holds, in main memory, the weights of the active member that its stage may go back to; a checkpoint within
    a stage keeps them.
    """

    member_class = XLMRModel

    def __init__(self, args: Any, members: Sequence[XLMRModel], seeds: Sequence[int] = ()) -> None:
        super().__init__()
        self.args = args
        self.members: Any = nn.ModuleList(members)
        self.active = 0
        self.member_seeds = seeds or range(len(members))
        self.best: dict[str, Tensor] | None = None
        self._trainable: set[str] = set()  # names of a member's parameters that are not frozen, known once one trains

    @classmethod
    def build_model(cls, cfg: Any, task: Any) -> "CotrainModel":
        members = [cls.member_class.build_model(cfg, task) for _ in range(MEMBERS)]
        return cls(members[0].args, members, getattr(task, "member_seeds", ()))

    # -- heads: one per member, from seeds of their own --

    def register_classification_head(self, name: str, **kwargs: Any) -> None:
        for member in self._seeded():
            member.register_classification_head(name, **kwargs)

    def register_word_head(self, name: str, num_classes: int, pooling: str) -> None:
        for member in self._seeded():
            member.register_word_head(name, num_classes, pooling)

    def _seeded(self) -> Iterator[XLMRModel]:
        """The members, each under the random state of its seed (XLA's scripts: 1000, 3000, 4000)."""
        for member, seed in zip(self.members, self.member_seeds):
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                yield member

    def train_rows(self, rows: Tensor) -> None:
        """Train these rows of every member's word embeddings alone."""
        for member in self.members:
            member.train_rows(rows)

    # -- which one --

    @property
    def member(self) -> XLMRModel:
        """The active member."""
        return self.members[self.active]

    def activate(self, number: int) -> None:
        """Let member ``number`` (from 0) train, and no other."""
        self._trainable = self._trainable or {n for n, p in self.members[0].named_parameters() if p.requires_grad}
        self.active = number
        for index, member in enumerate(self.members):
            for name, parameter in member.named_parameters():
                if name in self._trainable:
                    parameter.requires_grad = index == number
                if index != number:
                    parameter.grad = None

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """All members in eval mode without gradients, and the model as it was afterwards."""
        was_training = self.training
        self.eval()
        try:
            with torch.no_grad():
                yield
        finally:
            self.train(was_training)

    def forward(self, *args: Any, **kwargs: Any) -> tuple[Tensor, dict]:
        """The active member's (see :class:`XLMRModel`)."""
        return self.member(*args, **kwargs)

    def max_positions(self) -> Any:
        return self.members[0].max_positions()

    # -- the best weights of a stage --

    def remember(self) -> None:
        """Copy the active member's weights into ``best``."""
        if self.best is None:
            self.best = {name: value.detach().to("cpu", copy=True) for name, value in _weights(self.member)}
            return
        for name, value in _weights(self.member):
            self.best[name].copy_(value)

    def go_back(self) -> None:
        """Give the active member the weights in ``best``, which is emptied."""
        assert self.best is not None
        with torch.no_grad():
            for table in active_tables(self.member):
                table.forget()  # of the updates that are taken back
            for name, value in _weights(self.member):
                value.copy_(self.best[name])
        self.best = None

    def share_frozen(self) -> None:
        """Keep the rows of the word embeddings that no update changes once for all members, if theirs are the same."""
        if share_frozen(active_tables(self)) and self.best is not None:
            self.best.pop(_TABLE, None)

    # -- checkpoints --

    @property
    def strict_restore(self) -> bool:
        return self.members[0].strict_restore

    @strict_restore.setter
    def strict_restore(self, value: bool) -> None:
        for member in self.members:
            member.strict_restore = value

    def state_dict(self, *args: Any, **kwargs: Any) -> dict[str, Any]:  # type: ignore[override]
        state = super().state_dict(*args, **kwargs)
        best = dict(self.best or {})
        if _ACTIVE in best:
            (table,) = active_tables(self.member)
            whole = best[_TABLE] if _TABLE in best else table.weight.data.to("cpu", copy=True)
            best[_TABLE] = whole.index_copy_(0, table.rows.cpu(), best.pop(_ACTIVE))
        return {**state, **{f"{_SNAPSHOT}{name}": value for name, value in best.items()}}

    def load_state_dict(self, state_dict: Any, *args: Any, **kwargs: Any) -> Any:  # type: ignore[override]
        best = {k.removeprefix(_SNAPSHOT): v for k, v in state_dict.items() if k.startswith(_SNAPSHOT)}
        state = {k: v for k, v in state_dict.items() if not k.startswith(_SNAPSHOT)}
        loaded = super().load_state_dict(state, *args, **kwargs)
        best = {name: value.to("cpu", copy=True) for name, value in best.items()}
        for table in active_tables(self.members[0]) if best else ():
            best[_ACTIVE] = best[_TABLE][table.rows.cpu()]
        self.best = best or None
        return loaded

    def upgrade_state_dict_named(self, state_dict: dict, name: str) -> None:
        """Every member checks and renames its own; a pre-trained model is what all of them start from."""
        if any(key.startswith("members.") for key in state_dict):
            states = [_part(state_dict, f"members.{index}.") for index in range(len(self.members))]
            if any(not state for state in states):
                raise UserError(f"the checkpoint holds fewer than {MEMBERS} members; start from a pre-trained model.pt")
        else:
            heads = [k for k in state_dict if k.startswith(("classification_heads.", "position_heads."))]
            if heads:
                raise UserError(
                    f"the checkpoint was fine-tuned (it has {heads[0]}), so that the three members would be the same;"
                    " start from a pre-trained model.pt, or give three checkpoints as --xla-init-members"
                )
            states = [dict(state_dict) for _ in self.members]
        state_dict.clear()
        for index, (member, state) in enumerate(zip(self.members, states)):
            member.upgrade_state_dict_named(state, "")
            state_dict.update({f"members.{index}.{key}": value for key, value in state.items()})


@register_model("xla_cotrain_xlmr_large", dataclass=CotrainLargeConfig)
class CotrainLargeModel(CotrainModel):
    """Members of the shape of XLM-R large."""


def _weights(member: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Parameters and buffers, shared ones once, without what no update changes."""
    for table in active_tables(member):
        table.settle()
    fixed = {id(tensor) for table in active_tables(member) for tensor in (table.rows, table.places)}
    fixed |= {id(table.weight) for table in active_tables(member) if table.shared}
    yield from ((name, value.data) for name, value in member.named_parameters() if id(value) not in fixed)
    yield from ((name, value) for name, value in member.named_buffers() if id(value) not in fixed)


def _part(state: dict, prefix: str) -> dict:
    return {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
