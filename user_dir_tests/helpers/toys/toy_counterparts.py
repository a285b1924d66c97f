"""A toy world of counterparts: a cased tokenizer of words of four languages, their word lists, data folders, and a
masked language model whose probabilities run over many powers of ten."""

from __future__ import annotations

import random
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from user_dir_tests.conftest import TinySpm
from user_dir_tests.helpers.prepare.runs import tree
from user_dir_tests.helpers.running.training import load, old_names, save_archive
from user_dir_tests.helpers.toys.toy import LABELS
from user_dir_tests.helpers.toys.toy_pieces import BOUNDARY, model_bytes
from user_dir_tests.helpers.toys.toy_views import begin, write_pairs, write_tagged
from xl_plugins.augment.counterparts import finder as counterparts
from xl_plugins.cli.augment import main

LANGUAGES = ("en", "fr", "es", "de")
POSITIONS = 24  # of the model; some texts are longer
LISTS = {  # ``information`` is shared by three languages, ``die`` and ``Die`` by two; NATO is neither lower nor title
    "en": "the dog cat hound house big sees runs day night water red old information die man NATO I",
    "fr": "le chien chat maison grand voit court jour nuit eau rouge vieux information homme",
    "es": "el perro gato casa ve corre agua rojo viejo noche",
    "de": "der hund katze haus sieht tag nacht wasser rot alt die mann information",
}
_TITLES = "The Dog Cat House Big Old Man Le Chien Maison Homme El Perro Casa Der Hund Katze Haus Die Information"
_PARTS = "s un believ able ing t ' . , ! ? ( ) -"
_STARTS = "( - 4 1984 A4 un 你 chiens Zürich"
_LETTERS = "abcdeghiklmnorstuv"
WORDS = [
    *LISTS["en"].split(), *LISTS["en"].split(), *_TITLES.split()[:7], "dogs", "unbelievable", "didn't", "dog.", "Dog,",
    "(cat)", "cat!?", "4", "1984", "A4", "你", "chien", "Zürich", "dog☃", "night-", "IOU", "information", "die",
]  # fmt: skip


class World(NamedTuple):
    """Files of the toy world; ``state``: the model's parameters by today's names."""

    spm: TinySpm
    lists: Path
    model: Path
    pairs: Path
    tagged: Path
    state: dict[str, Tensor]

    def options(self, data: Path | None = None, **changed: object) -> list[str]:
        """Arguments of ``xl-augment``; ``changed``: options with underscores, True for a flag, None leaves one out."""
        given = {"path": self.model, "word_lists": self.lists, **changed}
        words = ["counterparts", str(data or self.pairs)]
        for name, value in given.items():
            if value is not None and value is not False:
                words += [f"--{name.replace('_', '-')}"] + ([] if value is True else [str(value)])
        return words


def make_world(folder: Path) -> World:
    """The world in a folder of its own."""
    spm = make_spm(folder)
    lists = folder / "lists"
    lists.mkdir()
    for language, words in LISTS.items():
        (lists / f"{language}.txt").write_text("".join(f"{word}\n" for word in words.split()), encoding="utf-8")
    state = save_model(folder / "model.pt", spm.dict)
    pairs, tagged = make_pairs(folder / "pairs", spm), make_tagged(folder / "tagged", spm)
    return World(spm, lists, folder / "model.pt", pairs, tagged, state)


def make_spm(folder: Path, more: Mapping[str, float] | None = None) -> TinySpm:
    """Whole words are pieces; other words are spelt, or become ``<unk>``. ``more``: further pieces and their scores."""
    words = list(dict.fromkeys([*" ".join(LISTS.values()).split(), *_TITLES.split(), *_STARTS.split()]))
    scores = {BOUNDARY: -9.0, **{BOUNDARY + word: -1.0 for word in words}, **dict.fromkeys(_PARTS.split(), -2.0)}
    scores |= {
        prefix + letter: -9.0 for letter in _LETTERS for prefix in ("", BOUNDARY) if prefix + letter not in scores
    }
    scores |= more or {}
    model, names, text = folder / "toy.model", folder / "dict.txt", folder / "text.txt"
    model.write_bytes(model_bytes(scores))
    names.write_text("".join(f"{piece} 1\n" for piece in scores), encoding="utf-8")
    text.write_text("".join(" ".join(words) + "\n" for words in make_texts(40)), encoding="utf-8")
    return TinySpm(model, names, text)


def make_texts(count: int, seed: int = 1) -> list[list[str]]:
    """Sentences of one to twelve words, every ninth of more pieces than the model has positions."""
    draw = random.Random(seed)
    return [
        draw.choices(WORDS, k=draw.randint(22, 30) if row % 9 == 5 else draw.randint(1, 12)) for row in range(count)
    ]


def make_pairs(root: Path, spm: TinySpm, rows: int = 30, seed: int = 1) -> Path:
    """Sentence pairs; every fifth premise is that of the row before, every seventh hypothesis is its own premise."""
    pieces, texts = begin(root, spm, "sentence_pair"), make_texts(2 * rows, seed)
    pairs = []
    for row in range(rows):
        premise = pairs[-1][0] if row % 5 == 4 else texts[row]
        pairs.append((premise, premise if row % 7 == 6 else texts[rows + row]))
    write_pairs(root / "en", "train", pieces, pairs, [row % len(LABELS) for row in range(rows)])
    return root


def make_tagged(root: Path, spm: TinySpm, rows: int = 12) -> Path:
    """Tagged sentences."""
    pieces = begin(root, spm, "tagging")
    write_tagged(root / "en", "train", pieces, make_texts(rows, seed=2), gold=True)
    return root


def save_model(path: Path, names: Path, **changed: object) -> dict[str, Tensor]:
    """An archive such as the published ones; a token is its own most probable word by far, as in unmasked text."""
    changed = {"max_positions": POSITIONS, "tokens_per_sample": POSITIONS, **changed}
    state = save_archive(path, names, **changed)
    draw = torch.Generator().manual_seed(3)
    table = 0.9 * torch.randn(state["encoder.lm_head.weight"].shape, generator=draw)
    for name in state:
        if name.endswith(("embed_tokens.weight", "lm_head.weight")):
            state[name] = table
        elif "sentence_encoder.layers" in name and name.endswith("weight") and "layer_norm" not in name:
            state[name] = 6 * state[name]  # context counts
    state["encoder.lm_head.dense.weight"] = 3 * torch.eye(table.size(1))
    state["encoder.lm_head.layer_norm.weight"] = torch.full_like(state["encoder.lm_head.layer_norm.weight"], 1.6)
    archive = load(path)
    archive["model"] = old_names(state, archive["args"].encoder_layers)
    torch.save(archive, path)
    return state


def make_whole(root: Path) -> tuple[World, dict[str, bytes]]:
    """A world whose counterparts one run made in one block, and all files of the data folder."""
    world = make_world(root)
    assert main(world.options()) == 0
    return world, tree(world.pairs)


def without_counterparts(world: World, root: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """The same world before that run, in six blocks."""
    monkeypatch.setattr(counterparts, "BLOCK", 9)
    shutil.copytree(world.pairs, root / "data", ignore=shutil.ignore_patterns("counterparts"))
    return world._replace(pairs=root / "data")
