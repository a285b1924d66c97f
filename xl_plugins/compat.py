"""Repairs of fairseq for the versions of torch, numpy and Python that users run. The only file that knows versions.

:func:`apply` is called when the package is imported, before anything else of it. Every repair is one function with its
reason; each checks first whether there is anything to repair, so a fairseq without the fault keeps its own behaviour.

Two techniques are used: a function of a fairseq module is wrapped, or a fairseq module gets its own view of
``torch`` or ``numpy`` with a few names changed, so that other libraries in the process see nothing of it.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import inspect
import os
import sys
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import torch

from xl_plugins.checkpoints.safe_load import load_checkpoint, load_restricted

Function = Callable[..., Any]
_MARK = "_xl_plugins_compat"


class _View(ModuleType):
    """A module as one other module sees it: some names replaced, all others looked up in the real one."""

    def __init__(self, module: ModuleType, **names: Any) -> None:
        super().__init__(module.__name__)
        self.__dict__.update(names, _viewed=module)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_viewed"], name)


def _wrap(owner: Any, name: str, make: Callable[[Function], Function]) -> None:
    """Replace the function ``owner.name`` by ``make(function)`` unless that has been done before."""
    function = getattr(owner, name)
    if not hasattr(function, _MARK):
        wrapper = functools.wraps(function)(make(function))
        setattr(wrapper, _MARK, True)
        setattr(owner, name, wrapper)


def _view(owner: ModuleType, module: str, **names: Any) -> None:
    """Give ``owner`` its own view of the module that it calls ``module``, unless it has one already."""
    real = getattr(owner, module)
    if not isinstance(real, _View):
        setattr(owner, module, _View(real, **names))


# --- checkpoints ------------------------------------------------------------------------------------------------------


def restrict_loading() -> None:
    """Checkpoints load under torch >= 2.6, restricted.

    There ``torch.load`` defaults to ``weights_only=True`` and fairseq does not list its classes, so neither XLM-R nor
    its own checkpoints load (fairseq #5610). Switching the restriction off would let a downloaded file run code.
    """
    from fairseq import checkpoint_utils

    _view(checkpoint_utils, "torch", load=load_checkpoint)


def complete_checkpoints() -> None:
    """A checkpoint of mere weights ({"args" or "cfg", "model"}) is a starting point of training.

    ``_upgrade_state_dict`` takes one without ``optimizer_history`` for an early format and fails on ``best_loss``.
    """
    from fairseq import checkpoint_utils

    def make(upgrade: Function) -> Function:
        def upgrade_state_dict(state: dict[str, Any]) -> dict[str, Any]:
            if not state.get("optimizer_history") and "best_loss" not in state:
                fresh = {"criterion_name": "", "optimizer_name": "", "lr_scheduler_state": {}, "num_updates": 0}
                state["optimizer_history"] = [fresh]
                state.pop("last_optimizer_state", None)  # means nothing without the history
            if state.get("extra_state") is None:
                state.pop("extra_state", None)
            if "epoch" not in state and "epoch" not in state.setdefault("extra_state", {}):
                state["extra_state"].setdefault("train_iterator", {"epoch": 1, "iterations_in_epoch": 0})
            return upgrade(state)

        return upgrade_state_dict

    _wrap(checkpoint_utils, "_upgrade_state_dict", make)


def restrict_broadcast() -> None:
    """Resuming on several ranks: rank 0 reads the checkpoint and sends it to the others, which load it restricted too.

    By then its configuration is an omegaconf object, whose classes the others refuse. It travels as plain values, so
    that the only class to allow is fairseq's own placeholder for a tensor.
    """
    from fairseq.distributed import utils as distributed_utils
    from omegaconf import OmegaConf

    allow = {"flags": {"allow_objects": True}} if "flags" in inspect.signature(OmegaConf.create).parameters else {}

    def make(broadcast: Function) -> Function:
        def broadcast_object(obj: Any, *args: Any, **kwargs: Any) -> Any:
            if isinstance(obj, dict) and OmegaConf.is_config(obj.get("cfg")):
                obj = {**obj, "cfg": None, "plain_cfg": OmegaConf.to_container(obj["cfg"], enum_to_str=True)}
            obj = broadcast(obj, *args, **kwargs)
            if isinstance(obj, dict) and "plain_cfg" in obj:
                obj["cfg"] = OmegaConf.create(obj.pop("plain_cfg"), **allow)
            return obj

        return broadcast_object

    placeholder = [distributed_utils._TensorPlaceholder]
    _view(distributed_utils, "torch", load=functools.partial(load_restricted, more=placeholder))
    _wrap(distributed_utils, "broadcast_object", make)


# --- several processes without CUDA -----------------------------------------------------------------------------------


def launch_on_cpu() -> None:
    """``torchrun`` starts training on machines without CUDA.

    fairseq takes the number of processes from the number of CUDA devices: it divides by zero, or, left to its default
    of one process, trains the same model in every process of a machine with one device or none.
    """
    from fairseq.distributed import utils as distributed_utils

    def make_infer(infer: Function) -> Function:
        def infer_init_method(cfg: Any, *args: Any, **kwargs: Any) -> None:
            if "TORCHELASTIC_RUN_ID" in os.environ and cfg.distributed_init_method is None and not cfg.tpu:
                cfg.distributed_world_size = int(os.environ["WORLD_SIZE"])
            infer(cfg, *args, **kwargs)

        return infer_init_method

    def make_launch(launch: Function) -> Function:
        def infer_torch_distributed_launch_init(cfg: Any) -> None:
            if torch.cuda.device_count() > 0:
                launch(cfg)
                return
            cfg.distributed_init_method = "env://"
            cfg.distributed_world_size = int(os.environ["WORLD_SIZE"])
            cfg.distributed_rank = int(os.environ["RANK"])
            cfg.device_id = 0
            cfg.distributed_no_spawn = True  # torchrun has made the processes

        return infer_torch_distributed_launch_init

    _wrap(distributed_utils, "infer_init_method", make_infer)
    _wrap(distributed_utils, "_infer_torch_distributed_launch_init", make_launch)


def gather_on_cpu() -> None:
    """``all_gather_list`` allocates its buffers on a CUDA device whatever the backend; give it some in main memory.

    It keeps them as attributes of the module's ``all_gather_list``, which is the wrapper.
    """
    from fairseq.distributed import utils as distributed_utils

    def make(gather: Function) -> Function:
        def all_gather_list(data: Any, group: Any = None, max_size: int = 16384) -> list[Any]:
            group = distributed_utils.get_global_group() if group is None else group
            if not distributed_utils.use_xla() and torch.distributed.get_backend(group) == "gloo":
                own: Any = distributed_utils.all_gather_list
                size = max_size * distributed_utils.get_world_size(group)
                if not hasattr(own, "_buffer") or own._buffer.numel() < size:
                    own._buffer, own._cpu_buffer = torch.ByteTensor(size), torch.ByteTensor(max_size)
            return gather(data, group=group, max_size=max_size)

        return all_gather_list

    _wrap(distributed_utils, "all_gather_list", make)


# --- precision --------------------------------------------------------------------------------------------------------


def bf16_without_tpu() -> None:
    """``--bf16`` means bfloat16 on the CPU or GPU at hand.

    On the command line it implies ``--tpu``, which fails without torch_xla; the trainer itself needs no TPU for it.
    """
    from fairseq import options

    if importlib.util.find_spec("torch_xla"):
        return

    def make(parse: Function) -> Function:
        def parse_args_and_arch(parser: Any, input_args: Any = None, *args: Any, **kwargs: Any) -> Any:
            parsed = parse(parser, input_args, *args, **kwargs)
            options_read = parsed[0] if isinstance(parsed, tuple) else parsed
            if getattr(options_read, "tpu", False):  # absent when a caller asks for given options only
                options_read.tpu = "--tpu" in (sys.argv if input_args is None else input_args)
            return parsed

        return parse_args_and_arch

    _wrap(options, "parse_args_and_arch", make)


def reset_bf16_factor() -> None:
    """bfloat16 with an optimizer that scales inside its step (apex's fused Adam) forgets each update's factor.

    Gradients are multiplied by 1 / sample size and the clipping coefficient through one pending factor, which such an
    optimizer leaves pending. Only loss scaling, which bfloat16 goes without, sets it anew; so it shrank every update.
    """
    from fairseq.optim import fp16_optimizer

    def make(zero_grad: Function) -> Function:
        def zero_grad_and_factor(self: Any) -> None:
            zero_grad(self)
            if self.scaler is None:
                self._multiply_factor = 1.0

        return zero_grad_and_factor

    _wrap(fp16_optimizer._FP16OptimizerMixin, "zero_grad", make)


def fp16_on_cpu() -> None:
    """``--fp16`` runs on the CPU: slow, but a way to try a recipe or test half-precision arithmetic without a GPU.

    The flat float32 copy of the parameters is filed under the current CUDA device, where its updates would not find
    parameters in main memory; their own device index is None.
    """
    from fairseq.optim import fp16_optimizer

    build = vars(fp16_optimizer._FP16OptimizerMixin)["build_fp32_params"].__func__
    if hasattr(build, _MARK):
        return

    @functools.wraps(build)
    def build_fp32_params(cls: type, args: Any, params: Any, flatten: bool = True) -> Any:
        if not flatten or params[0].device.type != "cpu":
            return build(cls, args, params, flatten=flatten)
        flat = torch.nn.Parameter(torch.cat([parameter.data.float().view(-1) for parameter in params]))
        flat.grad = torch.zeros_like(flat.data)
        return {None: flat}

    setattr(build_fp32_params, _MARK, True)
    fp16_optimizer._FP16OptimizerMixin.build_fp32_params = classmethod(build_fp32_params)


# --- numpy ------------------------------------------------------------------------------------------------------------

USES_OLD_NUMPY = (
    "fairseq.data.data_utils",
    "fairseq.data.language_pair_dataset",
    "fairseq.data.token_block_dataset",
    "fairseq.modules.dynamic_crf_layer",
)


def restore_numpy_names() -> None:
    """``np.int``, ``np.float`` (gone since numpy 1.24), ``np.compat.long`` (since 2.0) in the modules that use them."""
    names: dict[str, Any] = {name: kind for name, kind in (("int", int), ("float", float)) if name not in vars(np)}
    if not hasattr(getattr(np, "compat", None), "long"):
        names["compat"] = SimpleNamespace(long=int)
    if names:
        for name in USES_OLD_NUMPY:
            _view(importlib.import_module(name), "np", **names)


PATCHES: tuple[Callable[[], None], ...] = (
    restrict_loading,
    complete_checkpoints,
    restrict_broadcast,
    launch_on_cpu,
    gather_on_cpu,
    bf16_without_tpu,
    reset_bf16_factor,
    fp16_on_cpu,
    restore_numpy_names,
)


def apply() -> None:
    """Make all repairs; calling it again changes nothing."""
    for patch in PATCHES:
        patch()
