"""A toy world of virtual sentences: data folders of two languages and a masked language model whose predictions depend
on context and are now a word, now a part of one, now nothing."""

from __future__ import annotations

import random
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from user_dir_tests.conftest import TinySpm
from user_dir_tests.helpers.prepare.runs import tree
from user_dir_tests.helpers.running.training import load, old_names
from user_dir_tests.helpers.toys.toy import LABELS
from user_dir_tests.helpers.toys.toy_counterparts import WORDS, make_spm, save_model
from user_dir_tests.helpers.toys.toy_views import begin, write_pairs, write_tagged
from xl_plugins.augment.vicinity import job as vicinity_job
from xl_plugins.cli.augment import main

POSITIONS = 24  # of the model; a few texts are longer
RARE = {"▁dogs": -40.0, "▁night-": -40.0}  # pieces that the tokenizer itself would spell with two
ROWS = {"pairs": 24, "tagged": 30}


class World(NamedTuple):
    """Files of the toy world; ``state``: the model's parameters by today's names."""

    spm: TinySpm
    model: Path
    pairs: Path
    tagged: Path
    state: dict[str, Tensor]

    def options(self, data: Path | None = None, **changed: object) -> list[str]:
        """Arguments of ``xl-augment``; ``changed``: options with underscores, True for a flag, None leaves one out."""
        words = ["vicinity", str(data or self.tagged)]
        for name, value in {"path": self.model, **changed}.items():
            if value is not None and value is not False:
                words += [f"--{name.replace('_', '-')}"] + ([] if value is True else [str(value)])
        return words


def make_world(folder: Path) -> World:
    """The world in a folder of its own."""
    spm = make_spm(folder, RARE)
    state = make_model(folder / "model.pt", spm.dict)
    pairs, tagged = folder / "pairs", folder / "tagged"
    pieces = begin(pairs, spm, "sentence_pair")
    for number, language in enumerate(("en", "de")):
        texts = make_texts(2 * ROWS["pairs"], seed=7 + number)
        rows = list(zip(texts[::2], texts[1::2]))
        write_pairs(pairs / language, "train", pieces, rows, [row % len(LABELS) for row in range(len(rows))])
    pieces = begin(tagged, spm, "tagging")
    for number, language in enumerate(("en", "de")):
        write_tagged(tagged / language, "train", pieces, make_texts(ROWS["tagged"], seed=17 + number), gold=not number)
    return World(spm, folder / "model.pt", pairs, tagged, state)


def make_texts(count: int, seed: int) -> list[list[str]]:
    """Sentences of two to eighteen words, some with hardly a long word; every thirteenth has more pieces than the model
    has positions."""
    draw, made = random.Random(seed), []
    for row in range(count):
        if row % 5 == 3:
            made.append(["I", "4", "A4", "NATO", "你", "I", *draw.choices(WORDS, k=row % 3)])
        else:
            made.append(draw.choices(WORDS, k=60 if row % 13 == 6 else draw.randint(2, 18)))
    return made


def make_model(path: Path, names: Path, **changed: object) -> dict[str, Tensor]:
    """An archive such as the published ones; special symbols would be its first choice, were they not ruled out."""
    changed = {"max_positions": POSITIONS, "tokens_per_sample": POSITIONS, **changed}
    state = save_model(path, names, **changed)
    symbols = ["", "", "", "", *(line.split()[0] for line in names.read_text(encoding="utf-8").splitlines()), "<mask>"]
    state["encoder.sentence_encoder.embed_tokens.weight"][-1] *= 0.05  # in place: tied to the head. Context counts
    draw = torch.Generator().manual_seed(5)
    for name, value in state.items():
        layer = "sentence_encoder.layers" in name and name.endswith("weight") and "layer_norm" not in name
        if layer or "embed_positions" in name:
            state[name] = 0.5 * torch.randn(value.shape, generator=draw)
    bias = state["encoder.lm_head.bias"]
    bias[[number for number, piece in enumerate(symbols) if not piece.startswith("▁")]] = 3.0
    bias[[symbols.index(piece) for piece in RARE]] = 6.0
    bias[symbols.index("▁")] = 12.0
    bias[[0, 1, 2, 3, len(bias) - 1]] = 50.0
    archive = load(path)
    archive["model"] = old_names(state, archive["args"].encoder_layers)
    torch.save(archive, path)
    return state


def make_whole(root: Path) -> tuple[World, dict[str, bytes]]:
    """A world whose virtual sentences one run made in one block per language, and all files of its tagged folder."""
    world = make_world(root)
    assert main(world.options()) == 0
    return world, tree(world.tagged)


def in_blocks(monkeypatch: pytest.MonkeyPatch, rows: int = 7) -> None:
    """Five blocks per language of the tagged folder."""
    monkeypatch.setattr(vicinity_job, "BLOCK", rows)
