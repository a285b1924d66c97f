"""Each repair of fairseq: the fault without it, and that it is gone with it. Runs are in test_compat_training."""

from __future__ import annotations

import argparse
import contextlib
import inspect
import io
import os
import re
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from fairseq import checkpoint_utils, options
from fairseq.data import TokenBlockDataset, data_utils, token_block_dataset
from fairseq.distributed import utils as distributed_utils
from fairseq.optim import fp16_optimizer
from omegaconf import OmegaConf

from xl_plugins import compat
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


def test_applying_twice_changes_nothing():
    def state():
        return (
            checkpoint_utils.torch, checkpoint_utils._upgrade_state_dict, distributed_utils.torch,
            distributed_utils.broadcast_object, distributed_utils.infer_init_method, distributed_utils.all_gather_list,
            options.parse_args_and_arch, data_utils.np, fp16_optimizer.FP16Optimizer.build_fp32_params.__func__,
        )  # fmt: skip

    before = state()
    compat.apply()
    assert all(a is b for a, b in zip(before, state()))


# --- checkpoints: the restricted reader -------------------------------------------------------------------------------


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
        ({"roberta.embeddings.weight": torch.zeros(1)}, "give the model.pt of a fairseq archive"),
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


# --- launching --------------------------------------------------------------------------------------------------------


def launch_cfg(world_size):
    return OmegaConf.create({
        "distributed_init_method": None, "distributed_world_size": world_size, "distributed_rank": 0, "device_id": 0,
        "distributed_no_spawn": False, "distributed_port": -1, "tpu": False, "pipeline_model_parallel": False,
        "distributed_num_procs": 1,
    })  # fmt: skip


@pytest.fixture
def torchrun_rank_1_of_2(monkeypatch):
    names = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29500", "WORLD_SIZE": "2", "RANK": "1"}
    for name, value in {**names, "TORCHELASTIC_RUN_ID": "none"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)


@pytest.mark.parametrize("world_size", [1, 2], ids=["size left to torchrun", "size given"])
def test_torchrun_without_cuda(world_size, torchrun_rank_1_of_2):
    cfg = launch_cfg(world_size)
    distributed_utils.infer_init_method(cfg)
    assert (cfg.distributed_init_method, cfg.distributed_no_spawn) == ("env://", True)
    assert (cfg.distributed_world_size, cfg.distributed_rank, cfg.device_id) == (2, 1, 0)


def test_torchrun_without_cuda_fails_in_fairseq(torchrun_rank_1_of_2):
    with pytest.raises(ZeroDivisionError):
        inspect.unwrap(distributed_utils._infer_torch_distributed_launch_init)(launch_cfg(2))
    cfg = launch_cfg(1)
    inspect.unwrap(distributed_utils.infer_init_method)(cfg)
    assert cfg.distributed_init_method is None  # every process would train on its own


def test_torchrun_with_cuda_is_left_to_fairseq(torchrun_rank_1_of_2, monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    cfg = launch_cfg(2)
    distributed_utils._infer_torch_distributed_launch_init(cfg)
    assert cfg.device_id == 1


def test_single_process_is_left_alone(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")  # left over from elsewhere: torchrun has not started this process
    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    cfg = launch_cfg(1)
    distributed_utils.infer_init_method(cfg)
    assert (cfg.distributed_init_method, cfg.distributed_world_size) == (None, 1)


# --- precision --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "bf16", "tpu", "fairseqs_tpu"),
    [
        ([], False, False, False),
        (["--bf16"], True, False, True),
        (["--memory-efficient-bf16"], True, False, True),
        (["--bf16", "--tpu"], True, True, True),
        (["--tpu"], False, True, True),
    ],
)
def test_bf16_does_not_imply_a_tpu(given, bf16, tpu, fairseqs_tpu):
    argv = ["data-bin", "--task", "masked_lm", "--arch", "roberta_base", "--criterion", "masked_lm", *given]
    args = options.parse_args_and_arch(options.get_training_parser(), argv)
    assert (args.bf16, args.tpu) == (bf16, tpu)
    args = inspect.unwrap(options.parse_args_and_arch)(options.get_training_parser(), argv)
    assert args.tpu == fairseqs_tpu
    args, rest = options.parse_args_and_arch(options.get_training_parser(), [*argv, "--new"], parse_known=True)
    assert (args.tpu, rest) == (tpu, ["--new"])


class ScalingSgd:
    """Plain gradient descent that scales inside its step, as apex's fused Adam does."""

    def __init__(self, param):
        self.param = param

    def step(self, closure=None, scale=1.0, groups=None):
        self.param.data -= self.param.grad / scale


def two_updates(zero_grad):
    """Parameter after two updates of gradient 1, each divided by a sample size of 4."""
    mixin = fp16_optimizer._FP16OptimizerMixin()
    param = torch.nn.Parameter(torch.zeros(1, dtype=torch.bfloat16))
    mixin.fp16_params, mixin.fp32_params, mixin.scaler = [param], [torch.nn.Parameter(torch.zeros(1))], None
    mixin.fp32_optimizer, mixin.supports_step_with_scale = ScalingSgd(mixin.fp32_params[0]), True
    for _ in range(2):
        zero_grad(mixin)
        mixin.backward(param.float().sum())
        mixin.multiply_grads(1 / 4)
        mixin.step()
    return param.item()


def test_bf16_factor_starts_anew_every_update():
    zero_grad = fp16_optimizer._FP16OptimizerMixin.zero_grad
    assert two_updates(zero_grad) == -1 / 4 - 1 / 4
    assert two_updates(inspect.unwrap(zero_grad)) == -1 / 4 - 1 / 16  # fairseq: the factor of the first is still there


def test_flat_float32_parameters_on_the_cpu():
    params = [torch.nn.Parameter(torch.full((2, 3), 0.5).half()), torch.nn.Parameter(torch.ones(4).half())]
    mixin = fp16_optimizer._FP16OptimizerMixin()
    mixin.fp16_params, mixin.fp32_params = params, fp16_optimizer.FP16Optimizer.build_fp32_params({}, params)
    for param in params:
        param.grad = torch.full_like(param, 0.25)
    mixin._needs_sync = True
    mixin._sync_fp16_grads_to_fp32()
    (flat,) = mixin.fp32_params.values()
    assert (flat.dtype, flat.tolist()) == (torch.float32, [0.5] * 6 + [1.0] * 4)
    assert flat.grad.tolist() == [0.25] * 10
    flat.data += 1
    mixin._sync_fp32_params_to_fp16()
    assert (params[0].dtype, params[0].tolist(), params[1].tolist()) == (torch.float16, [[1.5] * 3] * 2, [2.0] * 4)


@pytest.mark.skipif(torch.cuda.is_available(), reason="the fault shows on machines without CUDA")
def test_flat_float32_parameters_on_the_cpu_fail_in_fairseq(monkeypatch):
    build = inspect.unwrap(vars(fp16_optimizer._FP16OptimizerMixin)["build_fp32_params"].__func__)
    with pytest.raises((AssertionError, RuntimeError), match=r"CUDA|NVIDIA"):
        build(fp16_optimizer.FP16Optimizer, {}, [torch.nn.Parameter(torch.ones(4).half())])


# --- numpy ------------------------------------------------------------------------------------------------------------


def blocks():
    data = [torch.tensor([4, 5, 2]), torch.tensor([6, 2])]
    return TokenBlockDataset(data, [3, 2], block_size=None, pad=1, eos=2, break_mode="eos")


def test_name_that_numpy_2_dropped(monkeypatch):
    monkeypatch.delattr(np, "compat", raising=False)  # as in numpy 2
    monkeypatch.setattr(token_block_dataset, "np", np)
    with pytest.raises(AttributeError, match="compat"):
        blocks()
    compat.restore_numpy_names()
    assert [row.tolist() for row in blocks()] == [[4, 5, 2], [6, 2]]
    assert not hasattr(np, "compat")  # the rest of the process sees nothing of it


@pytest.mark.parametrize("module", compat.USES_OLD_NUMPY)
def test_names_that_numpy_dropped(module):
    view = sys.modules[module].np
    assert (view.int, view.float, view.compat.long) == (int, float, int)
    assert view.zeros is np.zeros


def test_every_use_of_a_dropped_name_is_covered():
    import fairseq

    root = os.path.dirname(fairseq.__file__)
    found = set()
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name not in ("examples", "__pycache__")]
        for file in files:
            if file.endswith(".py"):
                with open(os.path.join(folder, file), encoding="utf-8") as source:
                    text = source.read()
                if re.search(r"\bnp\.(int|float|bool|object|long|compat)\b(?!_)", text):
                    module = os.path.relpath(os.path.join(folder, file), os.path.dirname(root))[:-3]
                    found.add(module.replace(os.sep, "."))
    assert found == set(compat.USES_OLD_NUMPY)
