"""Scheduled sampling in the task: what is drawn, on what it depends, what the model then sees."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fairseq.data.iterators import GroupedIterator

from user_dir_tests.helpers.toys.tiny import Setup, batch, build, build_trainer
from user_dir_tests.helpers.toys.toy import make_data
from xl_plugins.functional.schedule import draw_gold, gold_probability
from xl_plugins.methods.xmixup.task import SourceChoice

SMALL = {"encoder_layers": 1, "encoder_embed_dim": 8, "encoder_ffn_embed_dim": 8, "encoder_attention_heads": 2}
UNITS = ["update", "instance", "epoch"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_data(tmp_path_factory.mktemp("sampling") / "data", train=12)


class Recorder:
    """Notes (update, id, gold) of every pair that the task chooses a source for; checks the text against the data."""

    def __init__(self, setup: Setup) -> None:
        self.drawn: list[tuple[int, int, bool]] = []
        self.shares: list[float] = []
        self.progress = setup.task.progress
        task, choose = setup.task, setup.task.choose_source

        def recording(sample: dict) -> SourceChoice:
            choice = choose(sample)
            tokens, gold = choice.sample["source"], choice.gold
            for row, (index, is_gold) in enumerate(zip(sample["id"].tolist(), gold.tolist())):
                part, line = task.datasets["train"].locate(index)
                texts = part.source if is_gold else part.back_translation
                expected = texts.tokens(line)
                assert tokens[row, : len(expected)].tolist() == expected.tolist()
                assert tokens[row, len(expected) :].eq(1).all()
                self.drawn.append((task.update_num, index, is_gold))
            self.shares.append(choice.probability)
            return choice

        task.choose_source = recording


def run(data: Path, updates: int, restore: Path | None = None, save: Path | None = None, **options: object) -> Recorder:
    """Train with fairseq's trainer for ``updates`` updates in all."""
    given = {**SMALL, "sampling_k": 3.0, "batch_size": 6, "update_freq": [1], "lr": [1e-3], "max_epoch": 9, **options}
    setup = build(data, **given)
    setup.task.load_dataset("train")
    recorder, trainer = Recorder(setup), build_trainer(setup)
    iterator = trainer.get_train_iterator(epoch=1, load_dataset=False)
    if restore is not None:
        state = trainer.load_checkpoint(str(restore))
        iterator.load_state_dict(state["train_iterator"])
        iterator = trainer.get_train_iterator(epoch=iterator.epoch, load_dataset=False)
        iterator.load_state_dict(state["train_iterator"])
    setup.task.training_begins(trainer)
    freq = given["update_freq"][0]
    while trainer.get_num_updates() < updates:
        groups = GroupedIterator(iterator.next_epoch_itr(shuffle=True, fix_batches_to_gpus=False), freq)
        trainer.begin_epoch(iterator.epoch)
        for samples in groups:
            trainer.train_step(samples)
            if trainer.get_num_updates() == updates:
                break
        else:
            iterator = trainer.get_train_iterator(epoch=iterator.next_epoch_idx, load_dataset=False)
    if save is not None:
        trainer.consolidate_optimizer()
        trainer.save_checkpoint(str(save), {"train_iterator": iterator.state_dict()})
    return recorder


SLOW_TO_END = [pytest.param(unit, marks=pytest.mark.slow) for unit in ("instance", "epoch")]  # worker processes


@pytest.mark.parametrize("unit", ["update", *SLOW_TO_END])
def test_draws_do_not_depend_on_data_workers(data: Path, unit: str) -> None:
    none, two = (run(data, 12, sampling_unit=unit, num_workers=n).drawn for n in (0, 2))
    assert none == two
    assert {gold for _, _, gold in none} == {True, False}


@pytest.mark.parametrize("unit", UNITS)
def test_draws_do_not_depend_on_accumulation(data: Path, unit: str) -> None:
    """Micro-batches of one update see the same i: pairs get the same source as in one big batch."""
    whole = run(data, 9, sampling_unit=unit, batch_size=12).drawn
    parts = run(data, 9, sampling_unit=unit, batch_size=4, update_freq=[3]).drawn
    assert sorted(whole) == sorted(parts) and len(whole) == 108
    assert {gold for _, _, gold in whole} == {True, False}


@pytest.mark.parametrize("unit", UNITS)
def test_draws_after_a_resume(data: Path, unit: str, tmp_path: Path) -> None:
    options = {"sampling_unit": unit, "sampling_k": 6.0}
    whole = run(data, 19, **options)
    first = run(data, 8, save=tmp_path / "half.pt", **options)  # in the middle of an epoch of 6 updates
    second = run(data, 19, restore=tmp_path / "half.pt", **options)
    assert first.drawn + second.drawn == whole.drawn
    assert first.shares + second.shares == whole.shares
    assert unit == "epoch" or {gold for _, _, gold in second.drawn} == {True, False}


def test_one_draw_per_update(data: Path) -> None:
    drawn = run(data, 20, sampling_unit="update").drawn
    by_update: dict[int, set[bool]] = {}
    for update, _, gold in drawn:
        by_update.setdefault(update, set()).add(gold)
    assert [len(golds) for golds in by_update.values()] == [1] * 20
    assert list(by_update) == list(range(20))
    for update, golds in by_update.items():
        assert golds == {bool(draw_gold(1, update, 3.0))}


def test_one_draw_per_pair(data: Path) -> None:
    drawn = run(data, 12, sampling_unit="instance").drawn
    mixed = {update for update, _, gold in drawn if gold} & {update for update, _, gold in drawn if not gold}
    assert len(mixed) >= 3


def test_one_draw_per_epoch_at_its_first_update(data: Path) -> None:
    """36 pairs in batches of 6: 6 updates per epoch."""
    recorder = run(data, 18, sampling_unit="epoch", sampling_k=10.0)
    assert len({gold for update, _, gold in recorder.drawn if update < 6}) == 1
    expected = [gold_probability(6 * epoch, 10.0) for epoch in range(3) for _ in range(6)]
    assert recorder.shares == pytest.approx(expected)


def test_epoch_draw_counts_updates_not_batches(data: Path) -> None:
    recorder = run(data, 7, sampling_unit="epoch", sampling_k=10.0, update_freq=[2])
    assert [recorder.progress.updates_before(2, [freq]) for freq in (1, 2, 4)] == [6, 3, 2]
    expected = [gold_probability(i, 10.0) for i in (0, 3, 6) for _ in range(6)]
    assert recorder.shares == pytest.approx(expected[:14])


def test_seed_changes_the_draws(data: Path) -> None:
    one, other = ([g for _, _, g in run(data, 15, seed=seed, sampling_k=8.0).drawn] for seed in (1, 2))
    assert one != other


@pytest.mark.parametrize("unit", ["update", "instance"])
def test_frequencies(data: Path, unit: str) -> None:
    """Over 10^4 draws of the task the share of gold stays within 4 sigma of p*."""
    setup = build(data, sampling_unit=unit, sampling_k=7.0)
    sample, counts = batch(setup, list(range(20))), []
    updates = [9] * 500 if unit == "instance" else range(10_000)
    for number, update in enumerate(updates):
        setup.task.update_num = update if unit == "update" else 9
        if unit == "instance":
            sample["id"] = torch.arange(20) + 20 * number
        choice = setup.task.choose_source(sample)
        gold, p = choice.gold, choice.probability
        counts.append((gold.double().mean().item() if unit == "update" else gold.sum().item(), p))
    drawn = sum(c for c, _ in counts)
    size = 1 if unit == "update" else 20
    variance = sum(size * p * (1 - p) for _, p in counts)
    assert abs(drawn - sum(size * p for _, p in counts)) <= 4 * math.sqrt(variance)


def test_draws_leave_the_generators_alone(data: Path) -> None:
    setup = build(data, sampling_k=2.0, sampling_unit="instance")
    sample = batch(setup, [1, 2, 3])
    torch.manual_seed(4), np.random.seed(4)
    before = torch.get_rng_state(), np.random.get_state()[1]
    setup.task.choose_source(sample)
    assert torch.equal(torch.get_rng_state(), before[0]) and (np.random.get_state()[1] == before[1]).all()


def test_mixed_batches_are_cut_to_the_needed_width(data: Path) -> None:
    setup = build(data)
    pad = 1
    gold = torch.tensor([[0, 5, 2, 2, 6, 2], [0, 5, 2, 2, 2, pad]])
    back = torch.tensor([[0, 5, 2, 2, 6, 7, 8, 2], [0, 9, 2, pad, pad, pad, pad, pad]])
    select = setup.task._select_rows
    assert select(torch.tensor([True, True]), gold, back).tolist() == gold.tolist()
    assert select(torch.tensor([False, False]), gold, back).tolist() == back.tolist()
    mixed = select(torch.tensor([True, False]), gold, back)
    assert mixed.tolist() == [gold[0].tolist(), [0, 9, 2, pad, pad, pad]]
    assert select(torch.tensor([False, True]), gold, back)[1].tolist() == [0, 5, 2, 2, 2, pad, pad, pad]


def test_without_scheduled_sampling_the_source_is_gold(data: Path) -> None:
    setup = build(data, no_scheduled_sampling=True)
    sample = batch(setup, [0, 14, 30])
    assert "back_translation" not in sample
    setup.task.update_num = 10**9
    choice = setup.task.choose_source(sample)
    tokens, gold, p = choice.sample["source"], choice.gold, choice.probability
    assert torch.equal(tokens, sample["source"]) and gold.all() and p == 1.0


def test_validation_never_samples(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    setup = build(data, sampling_k=1.0)

    def fail(sample: Any) -> None:
        raise AssertionError("drawn in validation")

    monkeypatch.setattr(setup.task, "choose_source", fail)
    setup.task.update_num = 10**6
    sample = batch(setup, [0, 11, 29], "valid")
    setup.criterion.eval()
    _, _, logged = setup.task.valid_step(sample, setup.model, setup.criterion)
    assert "gold_share" not in logged


def test_back_translated_source_keeps_label_and_weights(data: Path) -> None:
    """When x_B was drawn, L_S is its cross entropy with the same label, and MSE and KL use it."""
    setup = build(data, sampling_k=1.0)
    setup.model.train(), setup.criterion.train()
    setup.task.update_num = 10**6
    sample = batch(setup, [2, 20, 31])
    _, _, drawn = setup.criterion(setup.model, sample)
    back_translation = sample.pop("back_translation")
    swapped = {**sample, "source": back_translation}
    _, _, direct = setup.criterion(setup.model, swapped)
    assert float(drawn["gold_share"]) == 0.0 and float(direct["gold_share"]) == 3.0
    for name in ("loss", "source_loss", "target_loss", "mse", "kl", "ratio"):
        assert float(drawn[name]) == pytest.approx(float(direct[name]), abs=1e-6), name
