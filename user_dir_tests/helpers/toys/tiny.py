"""Tasks, models and criterions of a few thousand parameters, built the way fairseq-train builds them."""

from __future__ import annotations

import copy
import functools
from pathlib import Path
from typing import Any, NamedTuple

import hypothesis  # noqa: F401  now: imported by its plug-in at the end of a session, it can hit CPython's gh-106905
import torch
from fairseq import options, tasks, utils
from fairseq.dataclass.utils import convert_namespace_to_omegaconf
from fairseq.trainer import Trainer
from omegaconf import OmegaConf

import xl_plugins  # noqa: F401  registers everything

SHAPE = {
    "--encoder-layers": 3,
    "--encoder-embed-dim": 16,
    "--encoder-ffn-embed-dim": 24,
    "--encoder-attention-heads": 4,
    "--max-positions": 64,
    "--max-length": 32,
}
QUIET = {
    "--cpu": True,
    "--num-workers": 0,
    "--from-scratch": True,
}  # worker processes of a run that stops early take seconds to end
STILL = {"--dropout": 0, "--attention-dropout": 0, "--pooler-dropout": 0}


class Setup(NamedTuple):
    """The objects that fairseq-train holds before training."""

    cfg: Any
    task: Any
    model: Any
    criterion: Any


def arguments(data: Path, task: str, **changed: object) -> list[str]:
    """Command line after ``fairseq-train``; ``changed``: option names with underscores, None leaves an option out."""
    given = {
        **SHAPE,
        **STILL,
        **QUIET,
        **{"--" + name.replace("_", "-"): value for name, value in changed.items()},
    }
    words = [str(data), "--task", task]
    for option, value in given.items():
        if value is True:
            words.append(option)
        elif value is not None and value is not False:
            words += [option, str(value)]
    return words


def parse(data: Path, task: str = "xmixup_sentence_pair", **changed: object) -> Any:
    """The configuration that fairseq-train makes of these arguments."""
    parser = options.get_training_parser()
    return convert_namespace_to_omegaconf(options.parse_args_and_arch(parser, arguments(data, task, **changed)))


@functools.cache
def _base(task: str, criterion: str | None = None) -> Any:
    return parse(Path("DATA"), task, criterion=criterion)


def configure(data: Path, task: str = "xmixup_sentence_pair", **changed: object) -> Any:
    """The same, faster: options are set in a configuration that was parsed once. ``arch`` needs :func:`parse`."""
    cfg = copy.deepcopy(_base(task, changed.pop("criterion", None)))
    for name, value in {"data": str(data), **changed}.items():
        groups = [group for group in cfg.values() if OmegaConf.is_dict(group) and name in group]
        assert groups, name
        for group in groups:
            group[name] = value
    return cfg


def build(
    data: Path, task: str = "xmixup_sentence_pair", weights: int = 3, scale: float = 12.0, **changed: object
) -> Setup:
    """Task, model and criterion. ``weights`` is the seed of the parameters; ``scale`` multiplies them, so that
    attention is not uniform and streams differ."""
    cfg = configure(data, task, **changed)
    utils.set_torch_seed(weights)
    made = tasks.setup_task(cfg.task)
    model = made.build_model(cfg.model)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("layer_norm.weight") or "layernorm_embedding.weight" in name:
                parameter.uniform_(0.5, 1.5)
            elif name.endswith("bias") and "mixup_gate" not in name:
                parameter.uniform_(-0.2, 0.2)
            elif "sentence_encoder.layers" in name:
                parameter.mul_(scale)
            elif "classification_heads" in name:
                parameter.mul_(scale / 3)
    return Setup(cfg, made, model, made.build_criterion(cfg.criterion))


def build_trainer(setup: Setup) -> Trainer:
    """fairseq's trainer around a setup."""
    return Trainer(setup.cfg, setup.task, setup.model, setup.criterion)


def batch(setup: Setup, ids: list[int], split: str = "train") -> dict:
    """These examples of a split as one batch."""
    if split not in setup.task.datasets:
        setup.task.load_dataset(split)
    dataset = setup.task.datasets[split]
    return dataset.collater([dataset[i] for i in ids])


def in_float64(model: Any) -> Any:
    """The model in float64 throughout: fairseq's gelu would compute in float32."""
    model.double()
    for layer in model.encoder.sentence_encoder.layers:
        layer.activation_fn = torch.nn.functional.gelu
    return model


def gradients(model: Any) -> dict[str, torch.Tensor]:
    """Gradients by parameter name, those without one left out."""
    return {name: p.grad.detach().clone() for name, p in model.named_parameters() if p.grad is not None}
