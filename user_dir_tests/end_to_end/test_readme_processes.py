"""docs/running.md: processes and their shares, and what runs in half precision resume from."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from fairseq import options
from fairseq.trainer import Trainer

from user_dir_tests.helpers.running.training import (
    REPO,
    environment,
    free_port,
    load,
    same_parameters,
    train_here,
    two_ranks,
    words,
)
from user_dir_tests.helpers.toys.tiny import SHAPE
from user_dir_tests.helpers.toys.toy import make_data
from user_dir_tests.helpers.toys.toy_positions import make_tagging

TASK = "xmixup_sentence_pair"
RUN = {
    "encoder_layers": 2, "batch_size": 6, "update_freq": 1, "lr": 1e-3, "sampling_k": 3, "disable_validation": True,
    "dropout": 0.1, "attention_dropout": 0.1, "pooler_dropout": 0.1, "lr_scheduler": "fixed", "fp16_init_scale": 4,
}  # fmt: skip
# steps in proportion to the gradient: Adam would hide a wrong scale and blow up noise near zero
PROPORTIONAL = {
    "encoder_layers": 2, "optimizer": "sgd", "lr": 0.1, "clip_norm": 0, "lr_scheduler": "fixed",
    "train_languages": "all", "disable_validation": True,
}  # fmt: skip
PAGE = (REPO / "docs" / "running.md").read_text(encoding="utf-8")
STOP, END = 6, 12  # updates; an epoch has 4, so the run stops within one


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_data(tmp_path_factory.mktemp("precision") / "data", train=8)


def updates(file: Path) -> int:
    return load(file)["optimizer_history"][-1]["num_updates"]


# -- several processes --


@pytest.mark.parametrize("gpus", [1, 2, 4, 8])
@pytest.mark.parametrize(
    "task, given, rows",
    [(f"{method}_{problem}", [], 64) for method in ("xl", "xmixup") for problem in ("sentence_pair", "tagging", "qa")]
    + [(f"xl_{problem}", ["--criterion", "xtune_criterion"], 32) for problem in ("sentence_pair", "tagging", "qa")]
    + [("salt_augment_task", ["--problem", problem], 32) for problem in ("sentence_pair", "tagging")]
    + [("xla_cotrain_task", ["--problem", "sentence_pair"], 32), ("xla_cotrain_task", ["--problem", "tagging"], 16)],
)
def test_as_many_rows_per_update_on_any_number_of_gpus(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, task: str, given: list[str], rows: int, gpus: int
) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    args = options.parse_args_and_arch(options.get_training_parser(), [str(tmp_path), "--task", task, *given])
    assert args.batch_size * args.update_freq[-1] * gpus == rows
    own = [*given, "--update-freq", "3"]
    assert options.parse_args_and_arch(
        options.get_training_parser(), [str(tmp_path), "--task", task, *own]
    ).update_freq == [3]


SPAWNED = """
import sys, torch
torch.cuda.device_count = lambda: 4
def spawn(fn, args, nprocs, **options):
    cfg = args[1]
    print("SPAWNED", nprocs, cfg.distributed_training.distributed_world_size, *cfg.optimization.update_freq)
torch.multiprocessing.spawn = spawn
from fairseq_cli.train import cli_main
cli_main()
"""


@pytest.mark.slow
def test_one_process_per_visible_gpu(run_python: Callable, tmp_path: Path) -> None:
    """Four GPUs: four processes of 16 pairs each, without accumulation."""
    shape = [str(word) for pair in SHAPE.items() for word in pair]
    done = run_python("-c", SPAWNED, tmp_path, "--user-dir", REPO / "xl_plugins", "--task", TASK, *shape)
    assert "SPAWNED 4 4 1" in done.out, done.out + done.err[-3000:]


@pytest.mark.slow
def test_the_line_for_cpus(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: Path) -> None:
    """As it stands in the document; the same parameters as one process with all pairs of an update."""
    [line] = re.findall(r"`(torchrun .*?)`", PAGE)
    given = words(data, tmp_path / "two", TASK, **PROPORTIONAL, batch_size=4, update_freq=1, max_update=6)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    env = {**environment(), "PATH": path, "PET_MASTER_PORT": str(free_port())}  # torchrun's own variable
    done = subprocess.run(
        ["bash", "-c", line.replace("...", shlex.join(given))], env=env, cwd=tmp_path, capture_output=True,
        encoding="utf-8", timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    one = words(data, tmp_path / "one", TASK, **PROPORTIONAL, batch_size=8, update_freq=1, max_update=6)
    train_here(monkeypatch, one)
    files = [tmp_path / name / "checkpoint_last.pt" for name in ("two", "one")]
    assert [updates(file) for file in files] == [6, 6]
    assert load(files[0])["cfg"]["distributed_training"]["distributed_world_size"] == 2
    same_parameters(*files, tolerance=1e-5)


@pytest.mark.slow
def test_ranks_equal_accumulation_by_tokens(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: Path) -> None:
    options = {**PROPORTIONAL, "batch_size": None, "max_tokens": 60, "max_epoch": 2}
    two_ranks(data, tmp_path / "two", TASK, **options, update_freq=1)
    train_here(monkeypatch, words(data, tmp_path / "one", TASK, **options, update_freq=2))
    files = [tmp_path / name / "checkpoint_last.pt" for name in ("two", "one")]
    assert updates(files[0]) == updates(files[1]) > 6
    same_parameters(*files, tolerance=1e-5)


def test_word_means_are_those_of_a_micro_batch(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Sentences of equal numbers of words would hide it: those of tagging differ."""
    folder = make_tagging(tmp_path / "data", train=8)
    for name, size, freq in (("big", 6, 1), ("parts", 3, 2)):
        given = {**PROPORTIONAL, "max_length": 14, "batch_size": size, "update_freq": freq, "max_update": 4}
        train_here(monkeypatch, words(folder, tmp_path / name, "xl_tagging", **given))
    with pytest.raises(AssertionError, match="differ by"):
        same_parameters(*(tmp_path / name / "checkpoint_last.pt" for name in ("big", "parts")), tolerance=1e-4)


# -- half precision --


def parts_and_whole(monkeypatch: pytest.MonkeyPatch, data: Path, tmp_path: Path, **precision: bool) -> list[Path]:
    """The last checkpoints of a run that stopped in between and of one that did not."""
    for name, limit in (("parts", STOP), ("parts", END), ("whole", END)):
        train_here(monkeypatch, words(data, tmp_path / name, TASK, **RUN, **precision, max_update=limit))
    files = [tmp_path / name / "checkpoint_last.pt" for name in ("parts", "whole")]
    assert [updates(file) for file in files] == [END, END]
    return files


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["fp16", "bf16"])
def test_memory_efficient_runs_resume_bit_for_bit(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: Path, kind: str
) -> None:
    files = parts_and_whole(monkeypatch, data, tmp_path, **{kind: True, f"memory_efficient_{kind}": True})
    same_parameters(*files)
    one, other = (load(file) for file in files)
    half = {"fp16": torch.float16, "bf16": torch.bfloat16}[kind]
    assert all(torch.equal(value, value.to(half).to(value.dtype)) for value in one["model"].values())
    moments, others = (end["last_optimizer_state"]["state"] for end in (one, other))
    assert moments.keys() == others.keys() and len(moments) > 10
    assert all(torch.equal(moments[i][name], others[i][name]) for i in moments for name in ("exp_avg", "exp_avg_sq"))


def copies(trainer: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """The float32 copy that a flat optimiser trains, and the half-precision weights, both as one float32 vector."""
    flat = trainer.optimizer.fp32_params  # a list, or a vector per device
    parts = list(flat.values()) if isinstance(flat, dict) else flat
    flat = torch.cat([part.detach().flatten() for part in parts])
    half = torch.cat([p.detach().float().flatten() for p in trainer.optimizer.fp16_params])
    return flat.clone(), half.clone()


@pytest.mark.slow
@pytest.mark.parametrize("kind, step", [("fp16", 2.0**-11), ("bf16", 2.0**-8)])
def test_flat_runs_go_on_from_the_rounded_weights(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: Path, kind: str, step: float
) -> None:
    """A checkpoint loses the rounding of every weight: at most ``step`` of it."""
    saved: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
    restored: list[tuple[torch.Tensor, torch.Tensor]] = []
    save_checkpoint, load_checkpoint = Trainer.save_checkpoint, Trainer.load_checkpoint

    def saving(self: Any, *args: Any, **kwargs: Any) -> Any:
        saved[self.get_num_updates()] = copies(self)
        return save_checkpoint(self, *args, **kwargs)

    def loading(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = load_checkpoint(self, *args, **kwargs)
        if result is not None and self.get_num_updates():
            restored.append(copies(self))
        return result

    monkeypatch.setattr(Trainer, "save_checkpoint", saving)
    monkeypatch.setattr(Trainer, "load_checkpoint", loading)
    files = parts_and_whole(monkeypatch, data, tmp_path, **{kind: True})
    [(rebuilt, half)], (flat, rounded) = (
        restored,
        saved[STOP],
    )  # the run that does not stop saves at the ends of its epochs
    assert torch.equal(rebuilt, half) and torch.equal(half, rounded)
    lost = (flat - rebuilt).abs()
    assert lost.max() > 0 and bool((lost <= step * flat.abs() + 2.0**-25).all())
    with pytest.raises(AssertionError, match="differ by"):
        same_parameters(*files)
    same_parameters(*files, tolerance=0.02)
