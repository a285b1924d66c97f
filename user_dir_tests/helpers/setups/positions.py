"""Small X-Mixup models for tagging and question answering, and their objective written a second time, one pair and one
word at a time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from user_dir_tests.helpers.references.xmixup import PairResult, Reference, softmax
from user_dir_tests.helpers.toys.tiny import Setup, build
from user_dir_tests.helpers.toys.toy_positions import make_qa, make_tagging

PROBLEMS = ["tagging", "qa"]
OPTIONS: dict[str, dict] = {
    "tagging": {},
    "qa": {"max_length": 20, "max_question_length": 4, "doc_stride": 6},  # contexts of several windows
}
ALPHA = {"tagging": 0.8, "qa": 0.2}
PAD = 1


def make_folders(root: Path) -> dict[str, Path]:
    """A data folder of each problem."""
    return {"tagging": make_tagging(root / "tagging"), "qa": make_qa(root / "qa")}


def make(folders: Mapping[str, Path], problem: str, method: str = "xmixup", **options: object) -> Setup:
    """A setup whose head and gate are not near zero, in training mode, without dropout."""
    mixup = {"mixup_layer": 2} if method == "xmixup" else {}
    setup = build(folders[problem], f"{method}_{problem}", **{**OPTIONS[problem], **mixup, **options})
    generator = torch.Generator().manual_seed(9)
    for name, parameter in setup.model.position_heads.named_parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator) * (0.5 if name.endswith("bias") else 0.7)
    if getattr(setup.model, "mixup_gate", None) is not None:
        setup.model.mixup_gate.weight.data.fill_(-0.6)
        setup.model.mixup_gate.bias.data.fill_(1.4)
    setup.model.train(), setup.criterion.train()
    return setup


def draw_back_translation(setup: Setup) -> Setup:
    """p* is 0 after a million updates: from here every draw is x_B."""
    setup.task.update_num = 10**6
    return setup


def draw_per_pair(setup: Setup) -> Setup:
    """``instance`` draws at p* = 1/2."""
    setup.task.cfg.sampling_unit, setup.task.cfg.sampling_k, setup.task.update_num = "instance", 1000.0, 6908
    return setup


class PositionReference(Reference):
    """The forward pass of single pairs (see :class:`Reference`) with the losses of heads that read positions."""

    def head(self, states: Tensor) -> Tensor:
        return states[:0]  # pairs' heads; those of positions follow

    def outputs(self, states: Tensor, name: str) -> Tensor:
        weight, bias = (self.state[f"position_heads.{name}.out_proj.{kind}"] for kind in ("weight", "bias"))
        return torch.stack([weight @ state + bias for state in states])

    def word_logits(self, states: Tensor, words: list[int], pooling: str = "mean") -> Tensor:
        vectors = []
        for word in range(1, max(words) + 1):
            pieces = [states[i] for i, number in enumerate(words) if number == word]
            total = pieces[0] if pooling == "first" else sum(pieces)
            vectors.append(total / len(pieces) if pooling == "mean" else total)
        return self.outputs(torch.stack(vectors), "tagging_head")

    def span_loss(self, states: Tensor, first: int, last: int) -> Tensor:
        scores = self.outputs(states, "span_head")
        return -(torch.log(softmax(scores[:, 0])[first]) + torch.log(softmax(scores[:, 1])[last])) / 2

    @staticmethod
    def word_loss(logits: Tensor, target: Tensor) -> Tensor:
        """Sum over words of the cross entropy against label vectors (W, C)."""
        return sum(-(q * torch.log(softmax(row))).sum() for row, q in zip(logits, target))

    @staticmethod
    def squared_distance(pair: PairResult, divisors: tuple[float, float] | None = None) -> Tensor:
        """Mean over features of the squared difference of the means (or sums over a constant) of inner positions."""
        pooled = []
        for states in (pair.source[-1], pair.target[-1]):
            inner = states[1:-1]
            pooled.append(sum(inner) / (len(inner) if divisors is None else divisors[len(pooled)]))
        return ((pooled[0] - pooled[1]) ** 2).sum() / len(pooled[0])
