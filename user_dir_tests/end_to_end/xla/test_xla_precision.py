"""``--xla-autocast``: products in bf16 or fp16, weights in float32, and float16's loss scale."""

from __future__ import annotations

import contextlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from user_dir_tests.helpers.cotrain import TASK, begin, make, members, run, small, stage_log
from user_dir_tests.helpers.cotrain import folders as folders  # a fixture
from user_dir_tests.helpers.cotrain import problem as problem
from user_dir_tests.helpers.running.training import load, same_parameters, train_here, words
from user_dir_tests.helpers.toys.tiny import batch
from xl_plugins.errors import UserError, find_user_error
from xl_plugins.methods.xla.cotraining.autocast import TYPES, GradientScale, autocast

SHORT = {"max_update": 9, "xla_warmup_passes": 1, "no_epoch_checkpoints": True, "validate_interval_updates": 4}


@pytest.fixture
def in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the option says, products are float32: what remains of fp16 is its loss scale."""
    monkeypatch.setattr("xl_plugins.methods.xla.task.autocast", lambda *_: contextlib.nullcontext())
    monkeypatch.setattr("xl_plugins.methods.xla.cotraining.labelling.autocast", lambda *_: contextlib.nullcontext())


# -- arithmetic --


@pytest.mark.parametrize("precision", list(TYPES))
def test_type_of_products(precision: str) -> None:
    a = torch.randn(4, 4)
    with autocast(precision, a.device):
        assert (a @ a).dtype == (TYPES[precision] or torch.float32)
    assert (a @ a).dtype == torch.float32


@pytest.mark.parametrize("precision, bits", [("bf16", 8), ("fp16", 11)])
def test_labels_are_close_to_those_in_float32(folders: dict, problem: str, precision: str, bits: int) -> None:
    plain, half = (make(folders, problem, xla_autocast=name).task.stages for name in ("none", precision))
    for name in ("tgt", "src_virt"):
        one, other = plain.labeller.labels(1, plain.pools[name]), half.labeller.labels(1, half.pools[name])
        assert other.confidence.dtype == np.float64 and np.isfinite(other.losses).all()
        worst = np.abs(one.confidence - other.confidence).max()
        assert 0 < worst < 40 * 2.0**-bits
        assert (one.labels == other.labels).mean() > 0.9


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_losses_and_gradients_are_close_and_float32(folders: dict, problem: str, precision: str) -> None:
    """The loss is computed in float32 from half-precision logits; gradients are those of the float32 weights."""
    found = []
    for name in ("none", precision):
        setup = make(folders, problem, xla_autocast=name)
        begin(setup).next_epoch_itr()
        sample = batch(setup, [0, 3, 5, 8])
        optimizer = SimpleNamespace(
            optimizer=SimpleNamespace(state={}), clip_grad_norm=None, backward=lambda loss: loss.backward()
        )
        loss, size, logged = setup.task.train_step(sample, setup.model, setup.criterion, optimizer, 0)
        assert loss.dtype == torch.float32 and logged["sample_size"] * setup.task.scale.factor == size
        grads = {n: p.grad / size for n, p in setup.model.named_parameters() if p.grad is not None}
        assert all(grad.dtype == torch.float32 for grad in grads.values())
        found.append((loss.item() / size, float(logged["loss"]), grads))
    (loss, logged, grads), (half_loss, half_logged, half_grads) = found
    assert 0 < abs(loss - half_loss) < 0.02 and logged == pytest.approx(half_logged, rel=0.05)
    assert grads.keys() == half_grads.keys()
    one, other = (torch.cat([g.flatten() for g in each.values()]) for each in (grads, half_grads))
    assert torch.nn.functional.cosine_similarity(one, other, dim=0) > 0.99


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_runs(monkeypatch: pytest.MonkeyPatch, folders: dict, problem: str, tmp_path: Path, precision: str) -> None:
    """Weights, moments and snapshot stay float32; they move as in float32, but not exactly."""
    saved = {}
    options = {**SHORT, "max_update": 15, "save_interval_updates": 5}
    for name in ("none", precision):
        path = run(monkeypatch, folders, problem, tmp_path / name, xla_autocast=name, **options)
        saved[name] = load(path)
        assert len(stage_log(tmp_path / name)) >= 3
    half = saved[precision]
    assert any(name.startswith("snapshot.") for name in half["model"])
    assert {value.dtype for value in half["model"].values() if value.is_floating_point()} == {torch.float32}
    moments = half["last_optimizer_state"]["state"].values()
    assert moments and {state[name].dtype for state in moments for name in ("exp_avg", "exp_avg_sq")} == {torch.float32}
    start = load(folders[problem].parent / f"{problem}.pt")["model"]
    one, other = (members(saved[name]["model"])[0] for name in ("none", precision))
    name = "encoder.sentence_encoder.embed_tokens.weight"
    first = start[name.replace("encoder.", "decoder.", 1)]
    moved, apart = (one[name] - first).norm(), (one[name] - other[name]).norm()
    assert moved > 0 and 0 < apart < 0.3 * moved


# -- the loss scale --


def test_only_float16_is_scaled() -> None:
    loss, size, logged = torch.tensor(3.0), 5, {"loss": 3.0}
    for scale, factor in ((GradientScale(False), 1.0), (GradientScale(True), 128.0), (GradientScale(True, 4.0), 4.0)):
        assert scale.factor == factor
        assert scale.scaled(loss, size, logged) == (3.0 * factor, size, logged)


class Optimizer:
    """Answers with given norms."""

    def __init__(self, *norms: float) -> None:
        self.norms = list(norms)

    def clip_grad_norm(self, max_norm: float, aggregate_norm_fn: Any = None) -> torch.Tensor:
        return torch.tensor(self.norms.pop(0))


def test_overflow_halves_the_factor() -> None:
    scale, optimizer = GradientScale(True), Optimizer(1.5, float("inf"), 2.5, float("nan"))
    for _ in range(3):
        scale.watch(optimizer)  # before every micro-batch
    assert optimizer.clip_grad_norm(1.0) == 1.5 and scale.factor == 128
    with pytest.raises(OverflowError, match="loss scale reduced to 64"):
        optimizer.clip_grad_norm(1.0, aggregate_norm_fn=None)
    assert optimizer.clip_grad_norm(1.0) == 2.5 and scale.factor == 64
    with pytest.raises(OverflowError, match="loss scale reduced to 32"):
        optimizer.clip_grad_norm(1.0)
    other = Optimizer(float("inf"))  # of a resumed run
    scale.watch(other)
    with pytest.raises(OverflowError):
        other.clip_grad_norm(1.0)
    assert scale.factor == 16


def test_other_types_leave_the_optimizer_alone() -> None:
    scale, optimizer = GradientScale(False), Optimizer(float("inf"))
    scale.watch(optimizer)
    assert optimizer.clip_grad_norm(1.0) == float("inf") and scale.factor == 1


def test_overflow_without_end() -> None:
    scale, optimizer = GradientScale(True), Optimizer(*[float("nan")] * 30)
    scale.watch(optimizer)
    for _ in range(21):
        with pytest.raises(OverflowError):
            optimizer.clip_grad_norm(1.0)
    with pytest.raises(UserError, match=r"^--xla-autocast fp16: gradients overflow whatever the loss scale"):
        optimizer.clip_grad_norm(1.0)


@pytest.mark.slow
def test_updates_do_not_depend_on_the_scale(
    monkeypatch: pytest.MonkeyPatch, folders: dict, problem: str, tmp_path: Path, in_float32: None
) -> None:
    """Bit by bit, clipping and Adam's epsilon included: a power of two scales every float exactly."""
    given = {"none": {"xla_autocast": "none"}, "128": {"xla_autocast": "fp16"},
             "1024": {"xla_autocast": "fp16", "fp16_init_scale": 1024}}  # fmt: skip
    common = {**SHORT, "clip_norm": 0.5, "adam_eps": 1e-3}
    files = {name: run(monkeypatch, folders, problem, tmp_path / name, **common, **options)
             for name, options in given.items()}  # fmt: skip
    for name in ("128", "1024"):
        same_parameters(files["none"], files[name])
        assert load(files[name])["extra_state"]["train_iterator"]["loss_scale"] == float(name)


@pytest.mark.slow
def test_overflow_skips_an_update(
    monkeypatch: pytest.MonkeyPatch, folders: dict, tmp_path: Path, in_float32: None
) -> None:
    """The third micro-batch overflows: no weight moves, the count neither, and the stage's other updates follow."""
    scaled, seen = GradientScale.scaled, []

    def overflowing(self: GradientScale, loss: Any, size: Any, logged: Any) -> tuple:
        loss, size, logged = scaled(self, loss, size, logged)
        if torch.is_grad_enabled():
            seen.append(self.factor)
        return (loss * 3e38 * 3e38 if len(seen) == 3 and torch.is_grad_enabled() else loss), size, logged

    monkeypatch.setattr(GradientScale, "scaled", overflowing)
    monkeypatch.setattr(torch.Tensor, "cuda", lambda self: self)  # fairseq notes the overflow on a GPU
    options = {**SHORT, "max_update": 11, "save_interval_updates": 1, "keep_interval_updates": -1, "xla_select": "last"}
    path = run(monkeypatch, folders, "tagging", tmp_path / "run", xla_autocast="fp16", **options)
    assert seen == 3 * [128.0] + 9 * [64.0]
    last = load(path)
    assert last["extra_state"]["train_iterator"]["loss_scale"] == 64
    assert all(torch.isfinite(value).all() for value in last["model"].values())
    log = stage_log(tmp_path / "run")
    assert [line["updates"] for line in log[:2]] == [4, 4]  # the first made three of them
    second = load(tmp_path / "run" / "checkpoint_2_4.pt")["extra_state"]["train_iterator"]
    assert second["stage"]["clock"]["start"] == 3 and second["iterations_in_epoch"] == 1


def test_the_scale_survives_a_resume(folders: dict) -> None:
    setup = make(folders, "tagging", xla_autocast="fp16")
    stages = begin(setup)
    stages.next_epoch_itr()
    setup.task.scale.factor = 16.0
    state = stages.state_dict()
    other = make(folders, "tagging", xla_autocast="fp16")
    begin(other).load_state_dict({k: v for k, v in state.items() if k != "stage"})
    assert other.task.scale.factor == 16.0


# -- fairseq's own flags --


@pytest.mark.parametrize("flag", ["fp16", "bf16", "amp", "memory_efficient_fp16", "memory_efficient_bf16"])
def test_flags_of_fairseq_are_refused(
    monkeypatch: pytest.MonkeyPatch, folders: dict, tmp_path: Path, flag: str
) -> None:
    """By the flag that was given, before anything is trained."""
    with pytest.raises(BaseException) as caught:
        train_here(monkeypatch, words(folders["tagging"], tmp_path, TASK, **small(folders, "tagging", **{flag: True})))
    text = find_user_error(caught.value)
    assert text is not None and text.startswith(
        f"--{flag.replace('_', '-')}: fairseq's copies of half-precision weights"
    )
    assert "pass --xla-autocast bf16 (or fp16), which keeps the weights in float32" in text
