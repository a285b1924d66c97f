"""The X-Mixup objective of tagging and question answering against loops, and what remains when parts are off."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from user_dir_tests.helpers.positions import (
    ALPHA,
    PAD,
    PROBLEMS,
    PositionReference,
    draw_back_translation,
    draw_per_pair,
    make,
    make_folders,
)
from user_dir_tests.helpers.reference import parameters_of, real_tokens
from user_dir_tests.helpers.toys.tiny import Setup, batch, gradients, in_float64

IDS = [3, 18, 24, 42, 50]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return make_folders(tmp_path_factory.mktemp("objective"))


def run(setup: Setup, sample: dict | list[int], split: str = "train") -> tuple[float, dict[str, float], dict]:
    """Loss, logged sums and gradients of a batch."""
    setup.model.zero_grad()
    loss, size, logged = setup.criterion(
        setup.model, sample if isinstance(sample, dict) else batch(setup, sample, split)
    )
    assert size == logged["nsentences"] == logged["sample_size"]
    loss.backward()
    return loss.item(), {name: float(value) for name, value in logged.items()}, gradients(setup.model)


def assert_same_gradients(one: dict[str, Tensor], other: dict[str, Tensor], **tolerance: float) -> None:
    for name in one.keys() | other.keys():
        first, second = one.get(name), other.get(name)
        zero = torch.zeros_like(first if first is not None else second)
        torch.testing.assert_close(
            zero if first is None else first, zero if second is None else second,
            msg=lambda text, name=name: f"{name}: {text}",
            **(tolerance or {"atol": 1e-9, "rtol": 1e-6}),
        )  # fmt: skip


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


# -- what is never read --


@pytest.mark.parametrize("problem", PROBLEMS)
def test_labels_of_hidden_sources_do_not_leak(folders: dict[str, Path], problem: str) -> None:
    setup = draw_per_pair(make(folders, problem))
    ids = list(range(2, 50, 4))
    sample = batch(setup, ids)
    gold = setup.task.choose_source(sample).gold
    assert 2 <= int(gold.sum()) <= 10
    loss, _, grads = run(setup, sample)
    labels = sample["source_target"]
    for hidden, same in ((~gold, True), (gold, False)):
        changed = (labels + 1) % 5 if problem == "tagging" else torch.where(labels == 1, 2, 1)
        changed = torch.where(hidden[:, None] & (labels >= 0), changed, labels)
        assert not torch.equal(changed, labels)
        other, _, other_grads = run(setup, {**sample, "source_target": changed})
        assert (other == loss) == same
        if same:
            assert_same_gradients(other_grads, grads, atol=0, rtol=0)


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("drawn", ["gold", "back-translation"])
def test_only_the_drawn_source_text_is_read(folders: dict[str, Path], problem: str, drawn: str) -> None:
    setup = make(folders, problem)
    if drawn == "back-translation":
        draw_back_translation(setup)
    sample = batch(setup, IDS)
    loss = run(setup, sample)[0]
    other, read = ("back_translation", "source") if drawn == "gold" else ("source", "back_translation")
    changed = {name: torch.where(sample[name] > 10, sample[name] - 1, sample[name]) for name in (other, read)}
    assert run(setup, {**sample, other: changed[other]})[0] == loss
    assert run(setup, {**sample, read: changed[read]})[0] != loss


@pytest.mark.parametrize("problem", PROBLEMS)
def test_skipped_source_layers_change_nothing(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch, problem: str
) -> None:
    """MSE weight 0 and x_B drawn: the source ends at the mixup layer; same loss and gradients as with all layers."""
    setup = draw_back_translation(make(folders, problem, mse_weight=0.0))
    in_float64(setup.model)
    loss, logged, grads = run(setup, IDS)
    original, asked = setup.criterion._run, []

    def whole(model: object, sample: dict, target_only: bool = False) -> tuple:
        asked.append(target_only)
        return original(model, sample, False)

    monkeypatch.setattr(setup.criterion, "_run", whole)
    other, others, other_grads = run(setup, IDS)
    assert asked == [True] and other == pytest.approx(loss, rel=1e-12)
    assert logged == pytest.approx(others, rel=1e-12)
    assert_same_gradients(grads, other_grads, atol=1e-12, rtol=1e-9)


@pytest.mark.parametrize("options", [{"mse_weight": 1.0}, {"mse_weight": 0.0, "no_scheduled_sampling": True}], ids=str)
@pytest.mark.parametrize("problem", PROBLEMS)
def test_source_layers_that_are_needed_are_run(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch, problem: str, options: dict
) -> None:
    setup = draw_back_translation(make(folders, problem, **options))
    original, asked = setup.criterion._run, []
    monkeypatch.setattr(
        setup.criterion,
        "_run",
        lambda m, s, target_only=False: asked.append(target_only) or original(m, s, target_only),
    )
    run(setup, IDS)
    assert asked == [False]


# -- batches --


@pytest.mark.parametrize("drawn", ["gold", "back-translation", "per pair"])
def test_qa_batch_equals_accumulated_windows(folders: dict[str, Path], drawn: str) -> None:
    setup = make(folders, "qa")
    in_float64(setup.model)
    if drawn != "gold":
        (draw_back_translation if drawn == "back-translation" else draw_per_pair)(setup)
    loss, logged, whole = run(setup, IDS)
    parts = [run(setup, [i]) for i in IDS]
    assert sum(part[0] for part in parts) == pytest.approx(loss, rel=1e-12)
    for name in ("source_loss", "target_loss", "mse", "_correct", "_count", "gold_share"):
        assert sum(part[1][name] for part in parts) == pytest.approx(logged[name], rel=1e-9), name
    for name, value in whole.items():
        torch.testing.assert_close(sum(p[2][name] for p in parts), value, atol=1e-10, rtol=0, msg=name)


def test_tagging_batch_is_a_mean_over_words(folders: dict[str, Path]) -> None:
    """Loss of a batch over sentences, weighted by words: what the parts give."""
    setup = make(folders, "tagging", mse_weight=0.0, mixup_alpha=0.0, no_scheduled_sampling=True)
    train = setup.task.load_dataset("train")
    counts = [len(train[i]["labels"][0]) for i in IDS]
    parts = [run(setup, [i])[0] for i in IDS]
    expected = len(IDS) * sum(n * loss for n, loss in zip(counts, parts)) / sum(counts)
    assert len(set(counts)) > 1 and run(setup, IDS)[0] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("drawn", ["gold", "back-translation", "per pair"])
def test_order_and_padding_of_a_batch_change_nothing(folders: dict[str, Path], problem: str, drawn: str) -> None:
    setup = make(folders, problem)
    if drawn != "gold":
        (draw_back_translation if drawn == "back-translation" else draw_per_pair)(setup)
    sample = batch(setup, IDS)
    loss, logged, grads = run(setup, sample)
    wide = dict(sample)
    for name, value in (("source", PAD), ("back_translation", PAD), ("source_words", 0)):
        if name in sample:
            wide[name] = torch.nn.functional.pad(sample[name], (0, 6), value=value)
    wide["net_input"] = {
        name: torch.nn.functional.pad(value, (0, 3), value=PAD if name == "src_tokens" else 0)
        for name, value in sample["net_input"].items()
    }
    for other in (batch(setup, IDS[::-1]), wide):
        value, others, other_grads = run(setup, other)
        assert value == pytest.approx(loss, rel=2e-6)
        assert others == pytest.approx(logged, rel=2e-5, abs=1e-5)
        assert_same_gradients(other_grads, grads, atol=1e-4, rtol=1e-4)  # float32 sums in another order


def test_per_pair_draws_that_hide_the_longest_source(folders: dict[str, Path]) -> None:
    """The chosen texts may all be shorter than the hidden gold ones: every choice of two of four pairs works."""
    setup = draw_per_pair(make(folders, "tagging"))
    train = setup.task.load_dataset("train")
    draws = {i: bool(setup.task.choose_source(batch(setup, [i])).gold[0]) for i in range(len(train))}
    by_length = sorted(draws, key=lambda i: len(train[i]["source"][0]))
    hidden = [i for i in by_length if not draws[i]][-3:]
    shown = [i for i in by_length if draws[i] and len(train[i]["rows"][0][0]) < 8][:3]
    assert len(train[hidden[-1]]["source"][0]) > max(len(train[i]["source"][0]) for i in shown) + 3
    loss, logged, _ = run(setup, [*hidden, *shown])
    assert logged["gold_share"] == 3 and loss > 0 and logged["source_loss"] > 0


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("method", ["xl", "xmixup"])
def test_every_trained_parameter_gets_a_gradient(folders: dict[str, Path], problem: str, method: str) -> None:
    setup = make(folders, problem, method)
    run(setup, [1, 5])
    missing = [n for n, p in setup.model.named_parameters() if p.requires_grad and p.grad is None]
    assert missing == [] and not any(n.startswith("classification_heads") for n, _ in setup.model.named_parameters())


def test_a_batch_without_any_label_is_zero_not_nan(folders: dict[str, Path]) -> None:
    setup = make(folders, "tagging", mse_weight=0.0)
    sample = batch(setup, IDS)
    sample["soft"] = torch.zeros_like(sample["soft"])
    loss, logged, grads = run(draw_back_translation(setup), sample)
    assert loss == 0.0 and logged["_count"] == 0
    assert all(torch.isfinite(g).all() and g.abs().max() == 0 for g in grads.values())
