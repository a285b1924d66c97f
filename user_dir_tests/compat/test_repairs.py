"""Each repair of fairseq: the fault without it, and that it is gone with it. Runs are in test_training."""

from __future__ import annotations

import inspect
import os
import re
import sys

import numpy as np
import pytest
import torch
from fairseq import checkpoint_utils, options
from fairseq.data import TokenBlockDataset, data_utils, token_block_dataset
from fairseq.distributed import utils as distributed_utils
from fairseq.optim import fp16_optimizer
from omegaconf import OmegaConf

from xl_plugins import compat
from xl_plugins.compat.numpy_names import USES_OLD_NUMPY


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


@pytest.mark.parametrize("module", USES_OLD_NUMPY)
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
    assert found == set(USES_OLD_NUMPY)
