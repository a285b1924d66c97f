"""Batches of tagging and question answering under X-Mixup: what is never read, what may be skipped, sums over rows."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from user_dir_tests.helpers.setups.objective import IDS, assert_same_gradients, run
from user_dir_tests.helpers.setups.positions import PAD, PROBLEMS, draw_back_translation, draw_per_pair, make
from user_dir_tests.helpers.toys.tiny import batch, in_float64

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
