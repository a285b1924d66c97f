"""The embedding table of which some rows are trained: lookups, gradients, weight decay, checkpoints, sharing."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from user_dir_tests.helpers.toys.tiny import build
from user_dir_tests.helpers.toys.toy import make_data
from xl_plugins.errors import UserError
from xl_plugins.functional.decay import decay_
from xl_plugins.models.active import ActiveEmbedding, active_tables, share_frozen, train_rows

ROWS = torch.tensor([0, 1, 2, 5, 7])
IDS = torch.tensor([[0, 5, 7, 2, 1], [0, 7, 7, 2, 1]])
OUTSIDE = torch.tensor([[0, 3, 9, 5, 2, 1]])
HEAD, TABLE = "encoder.lm_head.weight", "encoder.sentence_encoder.embed_tokens.weight"


@pytest.fixture
def dense() -> nn.Embedding:
    torch.manual_seed(1)
    return nn.Embedding(10, 6, padding_idx=1)


@pytest.fixture
def table(dense: nn.Embedding) -> ActiveEmbedding:
    return ActiveEmbedding(copy.deepcopy(dense), ROWS)


def test_same_vectors_and_gradients(dense: nn.Embedding, table: ActiveEmbedding) -> None:
    factors = torch.randn(2, 5, 6)
    for module in (dense, table):
        (module(IDS) * factors).sum().backward()
    assert torch.equal(table(IDS), dense(IDS))
    assert dense.weight.grad is not None and table.active.grad is not None and table.weight.grad is None
    assert torch.equal(table.active.grad, dense.weight.grad[ROWS])
    assert table.active.grad[1].eq(0).all() and table.active.grad[3].ne(0).any()  # padding has none
    assert dense.weight.grad[[3, 4, 6, 8, 9]].eq(0).all()


def test_pieces_outside_are_read_and_never_trained(dense: nn.Embedding, table: ActiveEmbedding) -> None:
    with pytest.raises(UserError, match=r"a training batch holds pieces .*\(ids 3, 9\); pass --train-whole-vocabulary"):
        table(OUTSIDE)
    with torch.no_grad():
        table.active += 1
        dense.weight[ROWS] += 1
        assert torch.equal(table(OUTSIDE), dense(OUTSIDE))
    assert torch.equal(table.eval()(OUTSIDE), dense(OUTSIDE))


def test_checkpoints_hold_the_whole_table(dense: nn.Embedding, table: ActiveEmbedding) -> None:
    with torch.no_grad():
        table.active += 1
        dense.weight[ROWS] += 1
    state = table.state_dict()
    assert state.keys() == {"weight"} and torch.equal(state["weight"], dense.weight)
    other = ActiveEmbedding(nn.Embedding(10, 6, padding_idx=1), torch.tensor([0, 1, 4]))
    assert str(other.load_state_dict(state)) == "<All keys matched successfully>"
    assert torch.equal(other(torch.tensor([4])), dense(torch.tensor([4])))
    assert torch.equal(other.eval()(OUTSIDE), dense(OUTSIDE))


@pytest.mark.parametrize("dtype, copies", [(torch.float32, False), (torch.float16, True), (torch.bfloat16, True),
                                           (torch.bfloat16, False)])  # fmt: skip
def test_weight_decay(dense: nn.Embedding, dtype: torch.dtype, copies: bool) -> None:
    """As updates one by one, wherever it is read in between; float32 copies are rounded once per reading."""
    dense = dense.to(dtype)
    table = ActiveEmbedding(copy.deepcopy(dense), ROWS).eval()
    exact, rates = dense.weight.data.float().clone(), [0.01 / (1 + number) for number in range(40)]
    for number, rate in enumerate(rates):
        table.decayed(rate, copies)
        exact.add_(exact, alpha=-rate)
        if not copies:
            exact = exact.to(dtype).float()
        if number % 7 == 3:
            assert torch.equal(table(OUTSIDE)[0, 1], exact[3].to(dtype))
    whole = table.state_dict()["weight"]
    frozen = [3, 4, 6, 8, 9]
    assert torch.equal(whole[frozen], exact.to(dtype)[frozen])
    assert torch.equal(whole[ROWS], dense.weight[ROWS])  # the optimiser's own business
    assert not torch.equal(whole[frozen], dense.weight[frozen])


def test_many_updates_at_once() -> None:
    """More numbers than a block holds, with a rest."""
    torch.manual_seed(2)
    table = torch.randn(70_001, 3)
    one_by_one = table.clone()
    for rate in (0.1, 0.0, 1e-3, 0.25):
        one_by_one.add_(one_by_one, alpha=-rate)
    decay_(table, (0.1, 0.0, 1e-3, 0.25))
    assert torch.equal(table, one_by_one)


def tables(*seeds: int) -> list[ActiveEmbedding]:
    made = []
    for seed in seeds:
        torch.manual_seed(seed)
        made.append(ActiveEmbedding(nn.Embedding(10, 6, padding_idx=1), ROWS))
    return made


def test_sharing() -> None:
    first, second = tables(1, 1)
    with torch.no_grad():
        second.active += 1
    before = [table.state_dict()["weight"].clone() for table in (first, second)]
    assert share_frozen([first, second])
    assert first.weight.data_ptr() == second.weight.data_ptr()
    for table, whole in zip((first, second), before):
        assert torch.equal(table.state_dict()["weight"], whole)
        assert torch.equal(table.eval()(OUTSIDE), nn.functional.embedding(OUTSIDE, whole))
    second.load_state_dict({"weight": torch.zeros(10, 6)})
    assert torch.equal(first.state_dict()["weight"], before[0]) and second.state_dict()["weight"].eq(0).all()
    assert not share_frozen(tables(1, 2)) and not share_frozen([])


@pytest.fixture(scope="module")
def setup(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return build(make_data(tmp_path_factory.mktemp("active") / "data"), "xl_sentence_pair")


def test_in_a_model(setup: Any) -> None:
    """The tied head goes with the table, into a checkpoint and out of it."""
    model = copy.deepcopy(setup.model)
    state = {name: value.clone() for name, value in model.state_dict().items()}
    train_rows(model, torch.arange(40))
    (table,) = active_tables(model)
    named = dict(model.named_parameters())
    assert not named[TABLE].requires_grad and named[TABLE.replace("weight", "active")].shape == (40, 16)
    with torch.no_grad():
        table.active += 1
    saved = model.state_dict()
    assert saved.keys() == state.keys() and torch.equal(saved[HEAD], saved[TABLE])
    assert torch.equal(saved[TABLE][:40], state[TABLE][:40] + 1) and torch.equal(saved[TABLE][40:], state[TABLE][40:])
    model.load_state_dict({name: value.clone() for name, value in state.items()})
    assert torch.equal(table.active, state[TABLE][:40])
    model.load_state_dict({**state, HEAD: state[HEAD] * 2})  # of two that are tied the one that is loaded last counts
    assert torch.equal(table.active, 2 * state[TABLE][:40])
    assert torch.equal(model.state_dict()[TABLE], 2 * state[TABLE])


def test_shared_tables_and_the_head(setup: Any) -> None:
    models = [copy.deepcopy(setup.model) for _ in range(2)]
    for number, model in enumerate(models):
        train_rows(model, torch.arange(40))
        with torch.no_grad():
            active_tables(model)[0].active.fill_(number)
    assert share_frozen([table for model in models for table in active_tables(model)])
    for number, model in enumerate(models):
        state: dict[str, Tensor] = model.state_dict()
        assert torch.equal(state[HEAD], state[TABLE]) and state[TABLE][:40].eq(number).all()


def test_the_language_model_reads_all_rows(setup: Any) -> None:
    model = copy.deepcopy(setup.model)
    train_rows(model, torch.arange(40))
    with pytest.raises(RuntimeError, match=r"reads every row .*--train-whole-vocabulary"):
        model(torch.tensor([[0, 5, 2]]))
