"""The fused update and norm against fairseq's own, in every form that a run may have them."""

from __future__ import annotations

import copy
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from fairseq import utils
from fairseq.optim.adam import Adam
from torch import Tensor, nn

from user_dir_tests.helpers.toys.tiny import batch, build, build_trainer
from user_dir_tests.helpers.toys.toy import make_data
from xl_plugins.functional.decay import decay_
from xl_plugins.optim.fused import FusedAdam, clip, fuse

SHAPES = ((40, 16), (7,), (5, 3, 2))
SETTINGS: dict[str, Any] = {"lr": 1e-2, "betas": (0.9, 0.98), "eps": 1e-6}


def pair(**settings: object) -> tuple[list[nn.Parameter], Adam, list[nn.Parameter], Adam]:
    """Equal parameters under fairseq's Adam and the fused one."""
    torch.manual_seed(1)
    first = [nn.Parameter(torch.randn(shape)) for shape in SHAPES]
    second = [nn.Parameter(p.detach().clone()) for p in first]
    given = {**SETTINGS, **settings}
    return first, Adam(first, **given), second, FusedAdam(second, **given)


def go(updates: range, *runs: tuple[list[nn.Parameter], Adam], absent: int = -1) -> None:
    """The same gradients, of very different sizes, in every run; parameter ``absent`` has none."""
    for update in updates:
        for parameters, optimizer in runs:
            generator = torch.Generator().manual_seed(update)
            for number, p in enumerate(parameters):
                grad = torch.randn(p.shape, generator=generator) * 10.0 ** -(update % 9)
                p.grad = None if number == absent else grad
            optimizer.step()


def close(first: list, second: list) -> None:
    for one, other in zip(first, second):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=5e-7)


@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("eps", [1e-8, 1e-2])
def test_same_updates(decay: float, eps: float) -> None:
    """A large epsilon, in which the two forms of Adam differ most at the beginning."""
    first, plain, second, fused = pair(weight_decay=decay, eps=eps)
    start = [p.detach().clone() for p in first]
    go(range(40), (first, plain), (second, fused))
    close(first, second)
    assert all((p - old).abs().max() > 0.05 for p, old in zip(first, start))
    for p, q in zip(first, second):
        assert plain.state[p]["step"] == fused.state[q]["step"] == 40
        close([plain.state[p]["exp_avg_sq"]], [fused.state[q]["exp_avg_sq"]])


def test_states_are_exchanged_and_begin_at_different_times() -> None:
    """A checkpoint of either goes on with the other; a parameter without a gradient keeps its place."""
    first, plain, second, fused = pair()
    go(range(3), (first, plain), (second, fused), absent=1)
    assert first[1] not in plain.state and second[1] not in fused.state
    states = [copy.deepcopy(optimizer.state_dict()) for optimizer in (plain, fused)]
    plain.load_state_dict(states[1]), fused.load_state_dict(states[0])
    go(range(3, 9), (first, plain), (second, fused))
    close(first, second)
    assert [fused.state[p]["step"] for p in second] == [9, 6, 9]


def test_weight_decay_of_rows_without_gradient_is_that_of_rows_that_are_not_trained() -> None:
    _, _, parameters, fused = pair(weight_decay=0.3)
    table = parameters[0].detach().clone()
    for _ in range(5):
        for p in parameters:
            p.grad = torch.zeros_like(p)
        fused.step()
    decay_(table, [0.3 * SETTINGS["lr"]] * 5)
    assert torch.equal(parameters[0], table) and table.ne(0).any()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_parameters_take_the_other_way(dtype: torch.dtype) -> None:
    """Updates of memory-efficient runs are computed in float32 and rounded."""
    first, second = ([nn.Parameter(torch.linspace(-1, 1, 50).to(dtype))] for _ in range(2))
    for parameters, kind in ((first, Adam), (second, FusedAdam)):
        optimizer = kind(parameters, **SETTINGS)
        for update in range(4):
            parameters[0].grad = torch.linspace(1, 2, 50).to(dtype) * (update - 1)
            optimizer.step()
    assert torch.equal(first[0], second[0]) and second[0].dtype == dtype


@pytest.mark.parametrize("limit", [0.0, 0.5, 1e4])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_norm(limit: float, dtype: torch.dtype) -> None:
    torch.manual_seed(4)
    made = [[nn.Parameter(torch.ones(shape, dtype=dtype)) for shape in SHAPES] for _ in range(2)]
    for one, other in list(zip(*made))[:2]:
        one.grad = torch.randn_like(one)
        other.grad = one.grad.clone()
    norms = [function(parameters, limit) for function, parameters in zip((utils.clip_grad_norm_, clip), made)]
    torch.testing.assert_close(*norms, rtol=1e-6, atol=0)
    for one, other in list(zip(*made))[:2]:
        assert one.grad is not None and other.grad is not None
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-6, atol=0)
    assert made[1][2].grad is None and clip([], 1.0) == 0
    assert torch.equal(clip(made[1], 0, lambda norm: 2 * norm), 2 * clip(made[1], 0))


def test_which_optimizers() -> None:
    """fairseq's Adam alone, and none twice."""
    parameters = [nn.Parameter(torch.ones(2))]
    for inner in (torch.optim.SGD(parameters, lr=1.0), Adam(parameters, amsgrad=True)):
        optimizer = SimpleNamespace(optimizer=inner, params=parameters)
        fuse(optimizer)
        assert type(optimizer.optimizer) is type(inner) and not hasattr(optimizer, "clip_grad_norm")


@pytest.mark.parametrize(
    "precision", [{}, {"fp16": True}, {"bf16": True}, {"fp16": True, "memory_efficient_fp16": True}]
)
def test_in_a_trainer(tmp_path_factory: pytest.TempPathFactory, precision: dict) -> None:
    """With fairseq's wrappers of every precision: the same parameters after some updates."""
    data = make_data(tmp_path_factory.mktemp("fused") / "data")
    found: list[dict[str, Tensor]] = []
    for old in (True, False):
        setup = build(data, "xl_sentence_pair", use_old_adam=old, lr=[1e-2], weight_decay=0.1, clip_norm=0.5,
                      fp16_init_scale=4, batch_size=8, max_update=9, **precision)  # fmt: skip
        trainer = build_trainer(setup)
        setup.task.load_dataset("train")
        trainer.get_train_iterator(1)
        setup.task.training_begins(trainer)
        assert (type(trainer.optimizer.optimizer) is FusedAdam) is not old
        for update in range(4):
            trainer.train_step([batch(setup, list(range(6 * update, 6 * update + 6)))])
        found.append({name: value.float() for name, value in setup.model.state_dict().items()})
    tolerance = 2e-6 if not precision else 2e-2
    for name, value in found[0].items():
        if name.endswith("k_proj.bias"):
            continue  # its gradient is 0 but for rounding, which Adam makes as large as any
        torch.testing.assert_close(value, found[1][name], rtol=0, atol=tolerance, msg=name)
