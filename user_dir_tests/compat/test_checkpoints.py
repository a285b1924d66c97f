"""Restricted loading of checkpoints, as fairseq's own reader uses it: the fault without the repair, its end with it."""

from __future__ import annotations

import argparse
import contextlib
import inspect
import io
import os
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from fairseq import checkpoint_utils

from xl_plugins.checkpoints.safe_load import load_restricted
from xl_plugins.errors import UserError

FORMATS = pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])


def save(state, path, zipped=True):
    torch.save(state, path, _use_new_zipfile_serialization=zipped)
    return str(path)


def archive():
    """A checkpoint as fairseq wrote them when XLM-R was published: options in a Namespace, numpy scalars in meters."""
    return {
        "args": argparse.Namespace(arch="roberta_base", task="masked_lm", data="data-bin", max_positions=512),
        "model": {"encoder.weight": torch.arange(6.0).view(2, 3), "encoder.half": torch.ones(2, dtype=torch.float16)},
        "optimizer_history": [
            {"criterion_name": "MaskedLmLoss", "optimizer_name": "FairseqAdam", "lr_scheduler_state": {"best": None},
             "num_updates": 7}
        ],
        "extra_state": {
            "best": np.float64(1.5), "val_loss": np.float32(0.25), "flag": np.bool_(True), "count": np.int64(3),
            "train_iterator": {"epoch": 2, "iterations_in_epoch": 0},
        },
    }  # fmt: skip


@FORMATS
def test_archive_loads_restricted(zipped, tmp_path, monkeypatch):
    path = save(archive(), tmp_path / "model.pt", zipped)
    state = checkpoint_utils.load_checkpoint_to_cpu(path)
    assert state["args"].arch == "roberta_base"
    assert state["extra_state"]["best"] == 1.5
    assert state["extra_state"]["val_loss"].dtype == np.float32
    assert torch.equal(state["model"]["encoder.weight"], archive()["model"]["encoder.weight"])
    monkeypatch.setattr(checkpoint_utils, "torch", torch)  # fairseq on its own
    with pytest.raises(Exception, match="Weights only load failed"):
        checkpoint_utils.load_checkpoint_to_cpu(path)


@pytest.mark.parametrize("core", ["numpy.core", "numpy._core"])
def test_numpy_scalars_of_either_numpy(core, tmp_path):
    path = tmp_path / "scalar.pt"
    save({"best": np.float64(1.5)}, path, zipped=False)
    data = path.read_bytes()
    own = np.float64(0).__reduce__()[0].__module__
    assert f"{own}\nscalar".encode() in data
    path.write_bytes(data.replace(f"{own}\nscalar".encode(), f"{core}.multiarray\nscalar".encode()))
    assert load_restricted(path) == {"best": 1.5}


class Shell:
    """Pickles as a call of a shell command."""

    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


class Evaluate(Shell):
    def __reduce__(self):
        return eval, (f"__import__('os').system({self.command!r})",)


class ThroughNamespace(Shell):
    """Tries to get at a forbidden function by way of an allowed class."""

    def __reduce__(self):
        return getattr, (argparse.Namespace, "__init__")


@FORMATS
@pytest.mark.parametrize(("kind", "named"), [(Shell, "system"), (Evaluate, "eval"), (ThroughNamespace, "getattr")])
def test_code_in_a_checkpoint_is_refused_and_does_not_run(kind, named, zipped, tmp_path, monkeypatch):
    trace = tmp_path / "ran"
    state = {**archive(), "args": kind(f"touch {trace}")}
    path = save(state, tmp_path / "model.pt", zipped)
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")  # not even then
    with pytest.raises(UserError, match=rf"model\.pt: refused: it needs \S*{named}, which") as error:
        checkpoint_utils.load_checkpoint_to_cpu(path)
    assert "\n" not in str(error.value)
    assert not trace.exists()


@FORMATS
def test_any_other_class_is_refused_by_name(zipped, tmp_path):
    path = save({**archive(), "task_state": SimpleNamespace(a=1)}, tmp_path / "model.pt", zipped)
    with pytest.raises(UserError, match=r"model\.pt: refused: it needs types\.SimpleNamespace, which"):
        checkpoint_utils.load_checkpoint_to_cpu(path)


def test_asking_for_unrestricted_loading_has_no_effect(tmp_path):
    path = save({"model": {}, "x": Shell(f"touch {tmp_path}/ran")}, tmp_path / "model.pt")
    with pytest.raises(UserError, match="refused"):
        load_restricted(path, weights_only=False)
    assert not (tmp_path / "ran").exists()


@FORMATS
@pytest.mark.parametrize("size", [50, 500_000])
@pytest.mark.parametrize("part", [0.0, 0.3, 0.7, 0.99])
def test_truncated_checkpoint_gives_one_clear_line(part, size, zipped, tmp_path):
    path = tmp_path / "model.pt"
    save({**archive(), "model": {"w": torch.zeros(size)}}, path, zipped)
    data = path.read_bytes()
    path.write_bytes(data[: int(part * len(data))])
    with pytest.raises(UserError, match=r"model\.pt: cannot be read as a checkpoint: truncated, damaged") as error:
        checkpoint_utils.load_checkpoint_to_cpu(str(path))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "content", [b"", b"\x80", b"not a checkpoint\n", b"PK\x03\x04", bytes(range(256)) * 9, b"\x80\x02}q\x00."]
)
def test_garbage_gives_one_clear_line(content, tmp_path):
    path = tmp_path / "model.pt"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"model\.pt: (cannot be read as a checkpoint|not a fairseq checkpoint)"):
        checkpoint_utils.load_checkpoint_to_cpu(str(path))


def test_random_damage_never_escapes_as_a_traceback(tmp_path):
    path = tmp_path / "model.pt"
    save(archive(), path, zipped=False)
    data = path.read_bytes()
    draw = np.random.RandomState(0)
    for _ in range(150):
        damaged = bytearray(data)
        for place in draw.randint(0, len(data), 3):
            damaged[place] = draw.randint(256)
        with contextlib.suppress(UserError):
            load_restricted(io.BytesIO(bytes(damaged)))


@pytest.mark.parametrize(
    ("state", "found"),
    [
        (torch.zeros(3), "found Tensor"),
        ([1, 2], "found list"),
        ({"embed.weight": torch.zeros(1)}, "found entries embed.weight"),
        ({"roberta.embeddings.weight": torch.zeros(1)}, "convert the folder by xl-convert from-hf"),
    ],
)
def test_file_of_another_kind_is_named(state, found, tmp_path):
    path = save(state, tmp_path / "pytorch_model.bin")
    with pytest.raises(UserError, match=rf"pytorch_model\.bin: .*not a fairseq checkpoint.*{found}"):
        checkpoint_utils.load_checkpoint_to_cpu(path)


def test_error_of_the_disk_keeps_its_own_words(tmp_path):
    with pytest.raises(FileNotFoundError):
        checkpoint_utils.load_checkpoint_to_cpu(str(tmp_path / "none.pt"))


@FORMATS
def test_checkpoint_of_mere_weights_is_completed(zipped, tmp_path, monkeypatch):
    path = save({key: archive()[key] for key in ("args", "model")}, tmp_path / "model.pt", zipped)
    state = checkpoint_utils.load_checkpoint_to_cpu(path)
    assert state["optimizer_history"][-1]["num_updates"] == 0
    assert state["extra_state"]["train_iterator"] == {"epoch": 1, "iterations_in_epoch": 0}
    assert "last_optimizer_state" not in state
    assert state["cfg"].task._name == "masked_lm"
    upgrade = inspect.unwrap(checkpoint_utils._upgrade_state_dict)
    monkeypatch.setattr(checkpoint_utils, "_upgrade_state_dict", upgrade)
    with pytest.raises(KeyError, match="best_loss"):
        checkpoint_utils.load_checkpoint_to_cpu(path)


def test_complete_checkpoint_is_left_as_it_is(tmp_path, monkeypatch):
    path = save(archive(), tmp_path / "model.pt")
    ours = checkpoint_utils.load_checkpoint_to_cpu(path)
    upgrade = inspect.unwrap(checkpoint_utils._upgrade_state_dict)
    monkeypatch.setattr(checkpoint_utils, "_upgrade_state_dict", upgrade)
    plain = checkpoint_utils.load_checkpoint_to_cpu(path)
    for part in ("optimizer_history", "extra_state", "args", "cfg"):
        assert ours[part] == plain[part]


def test_other_users_of_torch_load_see_nothing(tmp_path):
    path = save({"args": argparse.Namespace()}, tmp_path / "x.pt")
    with pytest.raises(Exception, match="Weights only load failed"):
        torch.load(path)
    load_restricted(path)
    with pytest.raises(Exception, match="Weights only load failed"):
        torch.load(path)  # the list is extended during a call only
