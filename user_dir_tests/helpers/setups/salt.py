"""Counterparts of toy training texts, written without any model; setups and whole runs that train on them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from user_dir_tests.helpers.running.training import load, save_archive, train_here, words
from user_dir_tests.helpers.toys.tiny import Setup, build, gradients
from user_dir_tests.helpers.toys.toy import make_data, write_rows
from user_dir_tests.helpers.toys.toy_positions import make_tagging
from xl_plugins.data.binary.layout import DataBin

TASK = "salt_augment_task"
LANGUAGES = ("en", "fr", "es", "de")
FIELDS = {"sentence_pair": ("input0", "input1"), "tagging": ("input0",)}
MANIFEST = {
    "kind": "counterparts", "positions": "whole-word", "case": "match", "source_in_list": False,
    "exclude_identity": False,
}  # fmt: skip
Rows = list[list[int]]


@pytest.fixture(params=list(FIELDS))
def problem(request: pytest.FixtureRequest) -> str:
    return request.param


def read_rows(data: Path, language: str, field: str, split: str = "train") -> Rows:
    """Pieces of a file without the ends."""
    texts = DataBin(data).open_text(language, field, split)
    return [texts[row].tolist()[:-1] for row in range(len(texts))]


def write_field(data: Path, language: str, field: str, rows: Rows) -> None:
    """Rows of pieces as the counterparts of a file."""
    folder = data / "en" / "counterparts" / language
    write_rows(folder / field / "train", rows, len(DataBin(data).dictionary) - 1)


def write_manifest(data: Path, language: str, **changed: object) -> None:
    content = {**MANIFEST, "language": language, "threshold": 1e-3 if language == "en" else 1e-7, **changed}
    path = data / "en" / "counterparts" / language / "manifest.json"
    path.write_text(json.dumps(content), encoding="utf-8")


def write_counterparts(
    data: Path,
    languages: Sequence[str] = LANGUAGES,
    share: float = 0.5,
    seed: int = 0,
    unseen: int = 0,
    **manifest: object,
) -> dict[str, dict[str, Rows]]:
    """Change ``share`` of the pieces of the English training text in every language; returns language -> field -> rows.

    The new piece is never the old one, nor one of the last ``unseen`` of the dictionary; special tokens stay.
    """
    problem = DataBin(data).meta.get("problem", "sentence_pair")
    pieces = len(DataBin(data).dictionary) - 5 - unseen  # without the special tokens and <mask>
    written: dict[str, dict[str, Rows]] = {}
    for number, language in enumerate(languages):
        written[language] = {}
        for side, field in enumerate(FIELDS[problem]):
            draw = np.random.default_rng([seed, number, side])
            rows = [
                [4 + (p - 4 + int(draw.integers(1, pieces))) % pieces if draw.random() < share else p for p in row]
                for row in read_rows(data, "en", field)
            ]
            write_field(data, language, field, rows)
            written[language][field] = rows
        write_manifest(data, language, **manifest)
    return written


def make(data: Path, problem: str = "sentence_pair", **options: Any) -> Setup:
    """A setup without dropout in training mode, with a head that is not near zero, and its training set; ``task`` for
    other methods."""
    given = {} if "task" in options else {"task": TASK, "problem": problem}
    setup = build(data, **{**given, **options})
    generator = torch.Generator().manual_seed(9)
    for name, parameter in setup.model.position_heads.named_parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator) * (0.5 if name.endswith("bias") else 0.7)
    setup.model.train(), setup.criterion.train()
    setup.task.load_dataset("train")
    return setup


def step(setup: Setup, sample: Mapping, update: int = 3) -> tuple[float, dict[str, float], dict[str, Tensor]]:
    """Loss, logged sums and gradients of a training step of the task."""
    setup.model.zero_grad()
    optimizer = SimpleNamespace(backward=lambda loss: loss.backward())
    loss, size, logged = setup.task.train_step(sample, setup.model, setup.criterion, optimizer, update)
    assert size == logged["sample_size"] == len(sample["id"])
    return loss.item(), {name: float(value) for name, value in logged.items()}, gradients(setup.model)


def logits(setup: Setup, sample: Mapping, **given: Any) -> Tensor:
    """Outputs of the head; ``given``: what ``net_input`` has besides, or instead."""
    net_input = {**sample["net_input"], **given}
    return setup.model(**net_input, classification_head_name=setup.task.problem.head_name)[0]


# -- whole runs --


def make_trainable(root: Path) -> dict[str, Path]:
    """A folder with counterparts for each problem and, beside it, a pre-trained model of its dictionary."""
    made = {
        "sentence_pair": make_data(root / "pairs", train=6, valid=6, back_translation=False),
        "tagging": make_tagging(root / "tagging", train=6, valid=6),
    }
    for problem, data in made.items():
        write_counterparts(data)
        save_archive(root / f"{problem}.pt", data / "dict.txt", encoder_layers=2)
    return made


def small(folders: Mapping[str, Path], problem: str, **changed: object) -> dict:
    """Options of a run of few updates from the pre-trained model."""
    return {
        "problem": problem, "encoder_layers": 2, "batch_size": 6, "update_freq": 1, "lr": 1e-3, "max_update": 4,
        "disable_validation": True, "max_length": 14, "restore_file": folders[problem].parent / f"{problem}.pt",
        **changed,
    }  # fmt: skip


def run(
    monkeypatch: pytest.MonkeyPatch, folders: Mapping[str, Path], problem: str, save: Path, task: str = TASK,
    data: Path | None = None, **changed: object,
) -> Path:  # fmt: skip
    """Train in this process; returns the last checkpoint."""
    options = small(folders, problem, **changed)
    if task != TASK:
        del options["problem"]
    train_here(monkeypatch, words(data or folders[problem], save, task, **options))
    return save / "checkpoint_last.pt"


def updates(path: Path) -> int:
    return load(path)["optimizer_history"][-1]["num_updates"]
