"""xTune's objective: its weights, what remains when terms are off or views are the same, and what is refused."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from user_dir_tests.helpers.setups.views import CLASSES, PROBLEMS, R1, make, make_batch, run, same_gradients
from user_dir_tests.helpers.toys.tiny import Setup, batch, in_float64
from xl_plugins.errors import UserError
from xl_plugins.methods.xtune.criterion import XTuneCriterion

# -- weights --


@pytest.mark.parametrize("problem", PROBLEMS)
def test_terms_add_up_with_their_weights(full: Callable[..., Setup], folders: dict[str, Path], problem: str) -> None:
    sample = make_batch(folders, problem)
    loss, logged, _ = run(full(problem), sample)
    assert logged["r1"] > 0.01 and logged["r2"] > 0.01
    assert loss == logged["loss"] == pytest.approx(logged["ce_loss"] + 5 * logged["r1"] + 2 * logged["r2"], rel=1e-6)
    assert [logged[f"_view_{name}"] for name in ("words", "selected", "changed")] == [20, 8, 5]
    rows = run(full(problem, kl_norm="rows"), sample)[1]
    for name in ("r1", "r2"):
        assert rows[name] == pytest.approx(CLASSES[problem] * logged[name], rel=1e-5)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_weights_of_zero_are_plain_training(folders: dict[str, Path], problem: str) -> None:
    sample = make_batch(folders, problem)
    ours = run(make(folders, problem), sample)
    plain = run(make(folders, problem, criterion="xl_criterion"), sample)
    assert ours[0] == plain[0] and ours[1]["ce_loss"] == plain[1]["loss"]
    same_gradients(ours[2], plain[2], atol=0, rtol=0)
    assert ours[1].keys() - plain[1].keys() == {"ce_loss"}


@pytest.mark.parametrize("problem", PROBLEMS)
def test_the_same_view_twice_costs_nothing(folders: dict[str, Path], problem: str) -> None:
    sample = make_batch(folders, problem, change=0.0)
    assert torch.equal(sample["second"]["src_tokens"], sample["net_input"]["src_tokens"])
    setup = make(folders, problem, **R1)
    loss, logged, grads = run(setup, sample)
    plain = run(make(folders, problem), sample)
    assert logged["r1"] == 0.0 and loss == pytest.approx(plain[0], rel=1e-6)
    same_gradients(grads, plain[2])
    dropped = make(folders, problem, **R1, dropout=0.2)
    assert run(dropped, sample)[1]["r1"] > 0.01  # both passes have masks of their own


@pytest.mark.parametrize("problem", PROBLEMS)
def test_joint_pass_equals_separate_passes(full: Callable[..., Setup], folders: dict[str, Path], problem: str) -> None:
    setup, sample = full(problem), make_batch(folders, problem)
    in_float64(setup.model)
    part, head = setup.task.problem, setup.task.problem.head_name
    views = [sample["net_input"], {k: v for k, v in sample["second"].items() if k in ("src_tokens", "words")}]
    first, second = (setup.model(**view, classification_head_name=head)[0] for view in views)
    r1 = part.consistency(first, second, sample).sum() / CLASSES[problem]
    teacher = setup.criterion.consistency.teach(setup.model, sample)
    rows = sample["augmented"]
    r2 = part.distillation(teacher[rows], first[rows], part.select_rows(sample, rows) | {"net_input": {
        name: value[rows] for name, value in sample["net_input"].items()}}) / CLASSES[problem]  # fmt: skip
    expected = part.loss(first, sample).sum() + 5 * r1 + 2 * len(rows) / int(rows.sum()) * r2.sum()
    loss, logged, _ = run(setup, sample)
    assert loss == pytest.approx(expected.item(), rel=1e-9)
    assert logged["r1"] == pytest.approx(r1.item(), rel=1e-9)


def test_stop_gradient_changes_gradients_alone(folders: dict[str, Path]) -> None:
    sample = make_batch(folders, "tagging")
    stopped, free = (run(make(folders, "tagging", **R1, no_stop_gradient=free), sample) for free in (False, True))
    assert stopped[0] == free[0]
    assert (stopped[2]["position_heads.tagging_head.out_proj.weight"]
            - free[2]["position_heads.tagging_head.out_proj.weight"]).abs().max() > 1e-3  # fmt: skip


# -- validation, logging --


@pytest.mark.parametrize("problem", PROBLEMS)
def test_validation_is_that_of_plain_training(
    full: Callable[..., Setup], folders: dict[str, Path], problem: str
) -> None:
    results = []
    for setup in (full(problem), make(folders, problem, criterion="xl_criterion")):
        setup.model.eval(), setup.criterion.eval()
        with torch.no_grad():
            loss, _, logged = setup.criterion(setup.model, batch(setup, [0, 3, 9], "valid"))
        results.append((loss.item(), {name: float(value) for name, value in logged.items()}))
    assert results[0] == results[1]


def test_logged_shares_are_over_all_words() -> None:
    from fairseq.logging import metrics

    outputs = [
        {"sample_size": 2, "loss": 4.0, "_view_words": torch.tensor(10), "_view_selected": 4, "_view_changed": 1},
        {"sample_size": 2, "loss": 2.0, "_view_words": torch.tensor(30), "_view_selected": 6, "_view_changed": 3},
    ]
    with metrics.aggregate() as found:
        XTuneCriterion.reduce_metrics(outputs)
    assert found.get_smoothed_values() == {"loss": 1.5, "switched": 0.25, "changed": 0.1}


def test_effective_weights_are_logged(full: Callable[..., Setup], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        full("sentence_pair")
        full("tagging", r2_hard_labels=True)
        full("qa", xtune_compat="paper")
    for text in (
        "lambda_1 5 / 3 = 1.66667, lambda_2 2 / 3 = 0.666667 (--kl-norm elements, --r2-scope augmented)",
        "lambda_1 5 / 5 = 1, lambda_2 2 / 1 = 2 (--kl-norm elements, --r2-scope augmented)",
        "lambda_1 5 / 1 = 5, lambda_2 2 / 1 = 2 (--kl-norm rows, --r2-scope all)",
    ):
        assert text in caplog.text


@pytest.mark.parametrize("name, term", [("consistency", "r1"), ("distillation", "r2"), ("loss", "ce_loss")])
def test_rows_that_are_not_finite_are_named(
    full: Callable[..., Setup], folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch, name: str, term: str
) -> None:
    setup, sample = full("qa"), make_batch(folders, "qa")
    row = 3 if term == "r2" else 2
    setup.task.datasets["train"] = SimpleNamespace(describe=lambda ids: f"en:{ids[0]}")
    original = getattr(setup.task.problem, name)

    def broken(*args: object, **kwargs: object) -> Tensor:
        values = original(*args, **kwargs).clone()
        values[1 if term == "r2" else row] = float("nan")  # R2: the second of both copies
        return values

    monkeypatch.setattr(setup.task.problem, name, broken)
    with pytest.raises(
        UserError, match=rf"the {term} of 1 example\(s\) is not finite .* en:{int(sample['id'][row])}\)"
    ):
        run(setup, sample)


# -- refused --


@pytest.mark.parametrize("option", ["r1_weight", "r2_weight"])
@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
def test_weights_that_are_no_weights(folders: dict[str, Path], option: str, value: float) -> None:
    with pytest.raises(UserError, match=f"^--{option.replace('_', '-')} {value}: expected a finite number, 0 or more"):
        make(folders, "qa", **{option: value})


def test_what_a_weight_needs(folders: dict[str, Path], teachers: dict[str, str]) -> None:
    with pytest.raises(UserError, match="--r1-weight 5 compares two views, but --second-view is none"):
        make(folders, "qa", r1_weight=5.0, second_view="none")
    with pytest.raises(UserError, match="--r2-weight 1 needs --teacher"):
        make(folders, "qa", r2_weight=1.0)
    given = {"r2_weight": 1.0, "teacher": teachers["qa"], "augment": "none", "second_view": "none"}
    for scope in ({}, {"r2_scope": "augmented", "xtune_compat": "paper"}):
        with pytest.raises(UserError, match="--r2-scope augmented compares augmented copies, but --augment is none"):
            make(folders, "qa", **given, **scope)
    for scope in ({"r2_scope": "all"}, {"xtune_compat": "paper"}):
        make(folders, "qa", **given, **scope)
