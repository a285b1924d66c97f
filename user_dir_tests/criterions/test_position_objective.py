"""The X-Mixup objective of tagging and question answering against loops, and what remains when parts are off."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from user_dir_tests.helpers.references.xmixup import parameters_of, real_tokens
from user_dir_tests.helpers.setups.objective import IDS, assert_same_gradients, run
from user_dir_tests.helpers.setups.positions import (
    ALPHA,
    PROBLEMS,
    PositionReference,
    draw_back_translation,
    draw_per_pair,
    make,
)
from user_dir_tests.helpers.toys.tiny import Setup, batch, in_float64

# -- against loops over words and pairs --


def slow_objective(
    setup: Setup, sample: dict, gold: list[bool], problem: str, sums: bool = False
) -> tuple[Tensor, dict]:
    """L of a batch: alpha L_S + (1 - alpha) L_T + MSE for pairs with gold source, L_T + MSE for the others."""
    parameters = parameters_of(setup.model)
    slow = PositionReference(parameters, 4, 2)
    alpha, rows = setup.criterion.alpha, len(gold)
    total, words = torch.zeros((), dtype=torch.float64), {"source": 0, "target": 0}
    losses: dict[str, list[Tensor]] = {"source": [], "target": []}
    for row in range(rows):
        chosen = sample["source" if gold[row] else "back_translation"][row]
        pair = slow.pair(real_tokens(sample["net_input"]["src_tokens"][row]), real_tokens(chosen))
        length = setup.task.cfg.max_length - 2
        total = total + slow.squared_distance(pair, (length, length) if sums else None)
        if problem == "qa":
            losses["target"].append(slow.span_loss(pair.target[-1], *sample["target"][row].tolist()))
            if gold[row]:
                losses["source"].append(slow.span_loss(pair.source[-1], *sample["source_target"][row].tolist()))
            continue
        pooling = setup.task.problem.pooling
        numbers = sample["net_input"]["words"][row, : len(pair.target[-1])].tolist()
        logits = slow.word_logits(pair.target[-1], numbers, pooling)
        losses["target"].append(slow.word_loss(logits, sample["soft"][row].double()))
        words["target"] += len(logits)
        if gold[row]:
            logits = slow.word_logits(pair.source[-1], sample["source_words"][row, : len(chosen)].tolist(), pooling)
            labels = torch.eye(logits.size(1), dtype=torch.float64)[sample["source_target"][row, : len(logits)]]
            losses["source"].append(slow.word_loss(logits, labels))
            words["source"] += len(logits)
    shares = {"source": sum(gold), "target": rows}
    scale = {name: shares[name] / words[name] if words[name] else 1.0 for name in words}
    source = iter(losses["source"])
    for row in range(rows):
        target = scale["target"] * losses["target"][row]
        total = total + (alpha * scale["source"] * next(source) + (1 - alpha) * target if gold[row] else target)
    total.backward()
    return total, {name: p.grad for name, p in parameters.items() if p.grad is not None}


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("drawn", ["gold", "back-translation", "per pair"])
def test_loss_and_gradients_equal_the_formulas(folders: dict[str, Path], problem: str, drawn: str) -> None:
    setup = make(folders, problem)
    in_float64(setup.model)
    if drawn != "gold":
        (draw_back_translation if drawn == "back-translation" else draw_per_pair)(setup)
    sample = batch(setup, IDS)
    gold = setup.task.choose_source(sample).gold.tolist()
    assert sum(gold) == {"gold": 5, "back-translation": 0}.get(drawn, sum(gold)) and (
        drawn != "per pair" or 0 < sum(gold) < 5
    )
    expected, slow = slow_objective(setup, sample, gold, problem)
    loss, logged, fast = run(setup, sample)
    assert loss == pytest.approx(expected.item(), rel=1e-9)
    assert logged["gold_share"] == sum(gold) and logged["mse"] > 0.01
    assert_same_gradients(fast, slow)
    assert fast["mixup_gate.weight"].abs() > 1e-6


@pytest.mark.parametrize("problem", PROBLEMS)
def test_official_preset(folders: dict[str, Path], problem: str) -> None:
    """Inner positions are summed over a constant length; words are the sums of their pieces."""
    setup = make(folders, problem, preset="official", no_scheduled_sampling=True)
    in_float64(setup.model)
    sample = batch(setup, IDS)
    assert setup.criterion.representation == "sum"
    if problem == "tagging":
        assert setup.task.problem.pooling == setup.model.position_heads["tagging_head"].pooling == "sum"
    expected, slow = slow_objective(setup, sample, [True] * 5, problem, sums=True)
    loss, _, fast = run(setup, sample)
    assert loss == pytest.approx(expected.item(), rel=1e-9)
    assert_same_gradients(fast, slow)


def test_a_given_pooling_wins_over_the_preset(folders: dict[str, Path]) -> None:
    setup = make(folders, "tagging", preset="official", word_pooling="first", representation="mean")
    assert setup.model.position_heads["tagging_head"].pooling == "first" and setup.criterion.representation == "mean"


# -- weights --


@pytest.mark.parametrize("problem", PROBLEMS)
def test_terms_add_up_with_their_weights(folders: dict[str, Path], problem: str) -> None:
    alpha = ALPHA[problem]
    _, one, _ = run(make(folders, problem), IDS)
    assert one["task_loss"] == pytest.approx(alpha * one["source_loss"] + (1 - alpha) * one["target_loss"], rel=1e-6)
    assert one["loss"] == pytest.approx(one["task_loss"] + one["mse"], rel=1e-6) and "kl" not in one
    _, other, _ = run(make(folders, problem, mixup_alpha=0.35, mse_weight=2.5), IDS)
    expected = 0.35 * one["source_loss"] + 0.65 * one["target_loss"] + 2.5 * one["mse"]
    assert other["loss"] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_with_a_back_translation_alpha_has_no_influence(folders: dict[str, Path], problem: str) -> None:
    results = [run(draw_back_translation(make(folders, problem, mixup_alpha=a)), IDS) for a in (0.0, 0.4, 1.0)]
    for loss, logged, grads in results:
        assert loss == results[0][0] and logged["source_loss"] == 0.0
        assert logged["loss"] == pytest.approx(logged["target_loss"] + logged["mse"], rel=1e-6)
        assert_same_gradients(grads, results[0][2], atol=0, rtol=0)
    assert run(make(folders, problem, mixup_alpha=0.0), IDS)[0] != results[0][0]


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("alpha, still", [(0.0, "source_loss"), (1.0, "target_loss")])
def test_extreme_alpha_leaves_one_task_term(folders: dict[str, Path], problem: str, alpha: float, still: str) -> None:
    loss, logged, _ = run(make(folders, problem, mixup_alpha=alpha, mse_weight=0.0), IDS)
    other = {"source_loss": "target_loss", "target_loss": "source_loss"}[still]
    assert loss == pytest.approx(logged[other], rel=1e-6) and logged[still] > 0 and "mse" not in logged


# -- reductions to plain training --


@pytest.mark.parametrize("problem, labels", [("tagging", "gold"), ("tagging", "soft"), ("qa", None)])
@pytest.mark.parametrize("drawn", ["gold", "back-translation"])
def test_without_mixup_and_consistency_only_plain_training_remains(
    folders: dict[str, Path], problem: str, labels: str | None, drawn: str
) -> None:
    """alpha 0, no mixup, MSE weight 0: loss and gradients of translate-train-all, exactly."""
    given = {"target_labels": labels} if labels else {}
    plain = make(folders, problem, "xl", train_languages="all", **given)
    mixup = make(folders, problem, no_mixup=True, mse_weight=0.0, mixup_alpha=0.0, **given)
    if drawn == "back-translation":
        draw_back_translation(mixup)
    for setup in (plain, mixup):
        in_float64(setup.model)
    mixup.model.load_state_dict(plain.model.state_dict())
    loss, logged, grads = run(plain, IDS)
    other, others, other_grads = run(mixup, IDS)
    assert other == pytest.approx(loss, rel=1e-12) and logged["loss"] == pytest.approx(others["target_loss"])
    assert_same_gradients(other_grads, grads, atol=1e-12, rtol=1e-9)
    assert (logged["_correct"], logged["_count"]) == (others["_correct"], others["_count"])


@pytest.mark.parametrize("problem", PROBLEMS)
def test_without_mixup_each_stream_is_a_plain_example(folders: dict[str, Path], problem: str) -> None:
    """Any alpha: the weighted sum of plain losses of target and gold English text."""
    options = {"no_mixup": True, "mse_weight": 0.0, "no_scheduled_sampling": True, "mixup_alpha": 0.3}
    options |= {"qa_source_window": "aligned"} if problem == "qa" else {}
    mixup, plain = make(folders, problem, **options), make(folders, problem, "xl", train_languages="all")
    mixup.model.load_state_dict(plain.model.state_dict())
    train = mixup.task.load_dataset("train")
    english = range(int(train.offsets[1]), int(train.offsets[2]))
    ids = [english[0], english[3]]  # a pair of English with itself
    loss, logged, _ = run(mixup, ids)
    expected = run(plain, ids)[0]
    assert logged["source_loss"] == pytest.approx(expected, rel=1e-5)
    assert logged["target_loss"] == pytest.approx(expected, rel=1e-5) and loss == pytest.approx(expected, rel=1e-5)
    assert not {"ratio", "entropy", "gate_weight"} & logged.keys()


def test_one_hot_soft_labels_are_hard_labels(folders: dict[str, Path]) -> None:
    soft, hard = make(folders, "tagging"), make(folders, "tagging", target_labels="gold")
    sample = batch(soft, IDS)
    sample["soft"] = torch.zeros_like(sample["soft"])
    active = sample["target"] >= 0
    sample["soft"][active] = torch.nn.functional.one_hot(sample["target"][active], 5).float()
    loss, logged, grads = run(soft, sample)
    other, others, other_grads = run(hard, IDS)
    assert loss == pytest.approx(other, rel=1e-6) and logged["_correct"] == others["_correct"]
    assert_same_gradients(grads, other_grads, atol=2e-6, rtol=1e-4)
