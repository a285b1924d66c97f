"""Batches with second views, made by hand of the examples of toy data folders, and setups that train on them."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from user_dir_tests.helpers.evaluation.checkpoints import checkpoint_state
from user_dir_tests.helpers.setups.positions import OPTIONS
from user_dir_tests.helpers.toys.tiny import Setup, batch, build, gradients
from user_dir_tests.helpers.toys.toy import make_data
from user_dir_tests.helpers.toys.toy_positions import make_qa, make_tagging

PROBLEMS = ["sentence_pair", "tagging", "qa"]
CLASSES = {"sentence_pair": 3, "tagging": 5, "qa": 1}
PAD = 1
IDS = [3, 8, 11, 16]
R1 = {"r1_weight": 5.0}


def make_folders(root: Path) -> dict[str, Path]:
    """A data folder of each problem."""
    makers = {"sentence_pair": make_data, "tagging": make_tagging, "qa": make_qa}
    return {problem: maker(root / problem) for problem, maker in makers.items()}


def make(folders: Mapping[str, Path], problem: str, method: str = "xl", **options: object) -> Setup:
    """A setup with heads that are not near zero, in training mode, without dropout. Plain tasks get xTune's criterion;
    a weight of R1 or R2 brings the augmentations it needs."""
    given = dict(OPTIONS.get(problem, {}))
    given |= {"mixup_layer": 2} if method == "xmixup" else {"criterion": "xtune_criterion", "r1_weight": 0.0}
    if options.get("criterion"):
        given.pop("r1_weight")
    if options.get("r1_weight") or options.get("r2_weight"):
        given |= {"augment": "ss", "second_view": "ss"}
    setup = build(folders[problem], f"{method}_{problem}", **{**given, **options})
    generator = torch.Generator().manual_seed(9)
    for name, parameter in setup.model.position_heads.named_parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator) * (0.5 if name.endswith("bias") else 0.7)
    setup.model.train(), setup.criterion.train()
    setup.task.update_num = 3
    return setup


def save_teachers(folder: Path, folders: Mapping[str, Path]) -> dict[str, str]:
    """A checkpoint of other weights for each problem."""
    paths = {problem: str(folder / f"{problem}.pt") for problem in PROBLEMS}
    for problem, path in paths.items():
        torch.save(checkpoint_state(make(folders, problem, weights=7)), path)
    return paths


def make_batch(
    folders: Mapping[str, Path], problem: str, method: str = "xl", ids: Sequence[int] = IDS, change: float = 0.4,
    seed: int = 0, **options: object,
) -> dict:  # fmt: skip
    """Examples with second views, in which words change with probability ``change``; every second row is a copy."""
    sample = batch(make(folders, problem, method, **options), list(ids))
    draw = random.Random(seed)
    tokens = [row[row != PAD].tolist() for row in sample["net_input"]["src_tokens"]]
    if problem == "tagging":
        views = [_tagged(row, sample["net_input"]["words"][i].tolist(), change, draw) for i, row in enumerate(tokens)]
    else:
        begins = sample["window"][:, 0].tolist() if problem == "qa" else [1] * len(tokens)
        views = [_changed(row, begin, change, draw) for row, begin in zip(tokens, begins)]
    second = {"src_tokens": pad([view[0] for view in views], PAD)}
    if problem == "tagging":
        second["words"] = pad([view[1] for view in views], 0)
    if problem == "qa":
        sample["aligned"], second["aligned"] = (pad([view[i] for view in views], -1) for i in (1, 2))
    copies = torch.arange(len(tokens)) % 2 == 1
    return {**sample, "second": second, "augmented": copies, "view_words": torch.tensor([20, 8, 5])}


def pad(rows: Sequence[Sequence[int]], value: int) -> Tensor:
    return pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=value)


def _tagged(tokens: list[int], words: list[int], change: float, draw: random.Random) -> tuple[list[int], list[int]]:
    """Pieces and word numbers of a sentence whose words were cut differently."""
    ids, numbers = [tokens[0]], [0]
    for word in range(1, max(words) + 1):
        pieces = [t for t, w in zip(tokens, words) if w == word]
        if draw.random() < change:
            pieces = [draw.randrange(4, 60) for _ in range(draw.randint(1, 3))]
        ids, numbers = ids + pieces, numbers + [word] * len(pieces)
    return [*ids, tokens[-1]], [*numbers, 0]


def _changed(tokens: list[int], begin: int, change: float, draw: random.Random) -> tuple[list[int], ...]:
    """Tokens of x', and the positions in x and x' of <s> and the unchanged pieces from ``begin``."""
    view, one, other = tokens[:begin], [0], [0]
    for place in range(begin, len(tokens) - 1):
        if draw.random() < change:
            view = view + [draw.randrange(4, 60) for _ in range(draw.randint(1, 2))]
            continue
        one, other = [*one, place], [*other, len(view)]
        view = [*view, tokens[place]]
    return [*view, tokens[-1]], one, other


def run(setup: Setup, sample: dict) -> tuple[float, dict[str, float], dict[str, Tensor]]:
    """Loss, logged sums and gradients of a batch."""
    setup.model.zero_grad()
    loss, size, logged = setup.criterion(setup.model, sample)
    assert size == logged["nsentences"] == logged["sample_size"] == len(sample["id"])
    loss.backward()
    return loss.item(), {name: float(value) for name, value in logged.items()}, gradients(setup.model)


def same_gradients(one: dict[str, Tensor], other: dict[str, Tensor], **tolerance: float) -> None:
    """Compare the gradients of two runs."""
    assert one.keys() == other.keys()
    for name, value in one.items():
        torch.testing.assert_close(value, other[name], **(tolerance or {"atol": 2e-5, "rtol": 1e-4}), msg=name)
