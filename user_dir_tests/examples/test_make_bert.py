"""The experiment's WordPiece BERT: rows of the pieces it is made of, read as any BERT."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import pytest
import torch

pytest.importorskip("transformers")

from safetensors.torch import load_file

from user_dir_tests.conftest import TinySpm
from user_dir_tests.helpers.hub import FAST, write_folder
from xl_plugins.cli import convert

SCRIPT = runpy.run_path(str(Path(__file__).resolve().parents[2] / "examples/experiments/bert/make_bert.py"))


def test_entries_and_their_rows() -> None:
    pieces = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "▁": 4, "▁house": 5, "ing": 6, "!": 7, "▁house▁s": 8}
    pieces |= {"ing▁": 9, "<mask>": 10}
    rows = SCRIPT["wordpiece_rows"](pieces)
    assert list(rows)[:5] == ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    assert [rows[name] for name in list(rows)[:5]] == [1, 3, 0, 2, 10]
    assert (rows["house"], rows["##ing"], rows["ing"], rows["!"], rows["##!"]) == (5, 6, 6, 7, 7)
    assert rows["\uff01"] == rows["##\uff01"] == 7  # the full-width form
    assert not {"", "##", "##house", "house▁s", "ing▁"} & rows.keys()


def test_the_folder_is_read_as_any_bert(tmp_path: Path, tiny_spm: TinySpm) -> None:
    write_folder(tmp_path / "in", tiny_spm, "bert", tokenizers=FAST)
    assert SCRIPT["main"]([str(tmp_path / "in"), str(tmp_path / "out")]) == 0
    entries = (tmp_path / "out" / "vocab.txt").read_text(encoding="utf-8").splitlines()
    vocab = json.loads((tmp_path / "in" / FAST).read_text())["model"]["vocab"]
    place = [piece for piece, _ in vocab].index("<s>")
    (name,) = (name for name in load_file(tmp_path / "in/model.safetensors") if "word_embeddings" in name)
    old, new = (load_file(tmp_path / folder / "model.safetensors")[name] for folder in ("in", "out"))
    assert len(new) == len(entries) == len(set(entries))
    assert torch.equal(new[entries.index("[CLS]")], old[place])
    assert convert.main(["from-hf", str(tmp_path / "out"), str(tmp_path / "read")]) == 0
    assert len((tmp_path / "read" / "dict.txt").read_text(encoding="utf-8").splitlines()) == len(entries) - 5
