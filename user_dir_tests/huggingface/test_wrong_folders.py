"""Folders that cannot be read end in one line that names file and fault; nothing is written, nothing is run."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

pytest.importorskip("transformers")

from user_dir_tests.conftest import TinySpm
from user_dir_tests.helpers.hub import CONFIG, FAST, SPM, change_config, write_folder
from xl_plugins.errors import UserError
from xl_plugins.huggingface.from_hf import from_hf

WEIGHTS, BIN, INDEX = "model.safetensors", "pytorch_model.bin", "model.safetensors.index.json"
Fault = Callable[[Path], Any]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, tiny_spm: TinySpm) -> Path:
    folder = tmp_path_factory.mktemp("hub") / "whole"
    write_folder(folder, tiny_spm, tokenizers=f"{SPM} {FAST}")
    return folder


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory, tiny_spm: TinySpm) -> Path:
    folder = tmp_path_factory.mktemp("hub") / "shards"
    write_folder(folder, tiny_spm, form="shards")
    return folder


def config(**values: Any) -> Fault:
    return lambda folder: change_config(folder, **values)


def gone(*names: str) -> Fault:
    return lambda folder: [(folder / name).unlink() for name in names]


def cut(name: str, size: int) -> Fault:
    return lambda folder: os.truncate(folder / name, size)


def text(name: str, content: str) -> Fault:
    return lambda folder: (folder / name).write_text(content)


def fast(change: Callable[[dict], Any]) -> Fault:
    """A change of tokenizer.json, the only tokenizer then."""

    def apply(folder: Path) -> None:
        (folder / SPM).unlink()
        content = json.loads((folder / FAST).read_text())
        change(content)
        (folder / FAST).write_text(json.dumps(content))

    return apply


def pickled(make: Callable[[dict[str, torch.Tensor]], Any]) -> Fault:
    """The weights as a pickle of something else."""

    def apply(folder: Path) -> None:
        from safetensors.torch import load_file

        state = load_file(folder / WEIGHTS)
        (folder / WEIGHTS).unlink()
        torch.save(make(state), folder / BIN)

    return apply


class Evil:
    """Would make a file when it is unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return os.mkdir, (self.path,)


def evil(folder: Path) -> None:
    (folder / WEIGHTS).unlink()
    torch.save({"embeddings": Evil(str(folder / "ran"))}, folder / BIN)


def linked(name: str) -> Fault:
    def apply(folder: Path) -> None:
        shutil.move(folder / name, folder.parent / "elsewhere")
        (folder / name).symlink_to(folder.parent / "elsewhere")

    return apply


def without(*names: str) -> Fault:
    return pickled(lambda state: {name: value for name, value in state.items() if name not in names})


FAULTS: dict[str, tuple[Fault, str]] = {
    "no configuration": (gone(CONFIG), "holds no config.json; give the folder of a model as the hub delivers it"),
    "configuration cut": (cut(CONFIG, 40), "config.json: not JSON"),
    "configuration a list": (text(CONFIG, "[]"), "config.json: expected an object, found a list"),
    "configuration huge": (text(CONFIG, " " * (1 << 20) + "{}"), "config.json: larger than 1 MiB"),
    "code of its own": (config(auto_map={"AutoModel": "modeling.X"}), "auto_map), which is never run"),
    "other architecture": (config(model_type="t5"), 'model_type is "t5"; known are bert, roberta'),
    "no architecture": (config(model_type=None), "model_type is nothing; known are bert"),
    "relative positions": (config(position_embedding_type="relative_key"), "only absolute positions are known"),
    "a decoder": (config(is_decoder=True), "is_decoder is true; only encoders are known"),
    "unknown activation": (config(hidden_act="mish"), 'hidden_act is "mish"; known are gelu'),
    "an activation that fairseq has not": (config(hidden_act="silu"), 'hidden_act is "silu"; known are gelu'),
    "activations": (config(hidden_act=["gelu"]), 'hidden_act is ["gelu"]; known are gelu'),
    "architectures": (config(model_type=["bert"]), 'model_type is ["bert"]; known are bert'),
    "positions from elsewhere": (config(pad_token_id=0), "pad_token_id is 0; expected 1, from which positions are"),
    "said to be quantised": (config(quantization_config={"bits": 8}), "give the model before it was quantised"),
    "no width": (config(hidden_size=None), "hidden_size is nothing; expected a whole number, 1 or more"),
    "width a word": (config(hidden_size="24"), 'hidden_size is "24"; expected a whole number'),
    "no layers": (config(num_hidden_layers=0), "num_hidden_layers is 0; expected a whole number, 1 or more"),
    "heads that do not fit": (config(num_attention_heads=5), "num_attention_heads is 5; expected a divisor of"),
    "epsilon of no sense": (config(layer_norm_eps=-1), "layer_norm_eps is -1; expected a number between 0 and 1"),
    "more layers than there are": (config(num_hidden_layers=3), "has no weight encoder.layer.2.attention"),
    "fewer layers than there are": (config(num_hidden_layers=1), "has more than the 1 layers of its config.json"),
    "another width": (config(hidden_size=12), "word_embeddings.weight is 302 x 24, its config.json makes it"),
    "another vocabulary": (config(vocab_size=300), "the tokenizer has 302 pieces, config.json's vocab_size is 300"),
    "another length": (config(max_position_embeddings=80), "position_embeddings.weight is 66 x 24, its"),
    "no weights": (gone(WEIGHTS), "holds no model.safetensors and no pytorch_model.bin; download one of them"),
    "weights of another framework": (
        lambda folder: (folder / WEIGHTS).rename(folder / "tf_model.h5"), "pytorch_model.bin, only tf_model.h5"),
    "weights cut": (cut(WEIGHTS, 5000), "model.safetensors: truncated, damaged or no safetensors file"),
    "weights empty": (cut(WEIGHTS, 0), "model.safetensors: truncated, damaged or no safetensors file"),
    "weights text": (text(WEIGHTS, "version https://git-lfs"), "truncated, damaged or no safetensors file"),
    "a weight is missing": (without("encoder.layer.1.output.dense.bias"), "has no weight encoder.layer.1.output"),
    "quantised": (pickled(lambda state: {k: v.to(torch.int8) for k, v in state.items()}), "quantised models are not"),
    "eight bits": (
        pickled(lambda state: {k: v.to(torch.float8_e4m3fn) for k, v in state.items()}), "quantised models are not"),
    "a pickle of more": (pickled(lambda state: {**state, "epoch": 3}), "pytorch_model.bin: holds more than tensors"),
    "a pickle of a list": (pickled(lambda state: list(state)), "pytorch_model.bin: holds more than tensors"),
    "a pickle that runs code": (evil, "mkdir, which is not part of a fairseq checkpoint and could run foreign code"),
    "a pickle that is none": (
        lambda folder: (folder / WEIGHTS).rename(folder / BIN), "safetensors file of Hugging Face"),
    "weights twice": (
        pickled(lambda s: {**s, "roberta.embeddings.LayerNorm.bias": s["embeddings.LayerNorm.bias"]}), "there twice"),
    "a link out of the folder": (linked(WEIGHTS), "outside the folder; copy the file here"),
    "a tokenizer's link out of it": (linked(SPM), "outside the folder; copy the file here"),
    "a folder in its place": (
        lambda folder: ((folder / WEIGHTS).unlink(), (folder / WEIGHTS).mkdir()), "is no file, or a link to none"),
    "no tokenizer": (gone(SPM, FAST), "holds no sentencepiece.bpe.model, no tokenizer.json and no vocab.txt"),
    "WordPiece": (
        lambda folder: (gone(SPM, FAST)(folder), (folder / "vocab.txt").write_text("a\n")), "vocab.txt: has no [CLS]"),
    "tokenizer text": (text(SPM, "version https://git-lfs"), "sentencepiece.bpe.model: not a SentencePiece model"),
    "tokenizers that differ": (
        lambda folder: change_fast(folder, lambda c: c["model"]["vocab"].pop(10)), "have different pieces"),
    "fast: another kind": (fast(lambda c: c["model"].update(type="BPE")), "its model is BPE; expected Unigram"),
    "fast: no model": (fast(lambda c: c.pop("model")), "its model is None; expected Unigram"),
    "fast: no scores": (fast(lambda c: c["model"].update(vocab=["a"])), "its vocab is no list of pieces with scores"),
    "fast: no mask": (
        fast(lambda c: (c["model"]["vocab"].pop(), c.update(added_tokens=[]))), "has no <mask>; expected the special"),
    "fast: odd added tokens": (fast(lambda c: c.update(added_tokens=["<s>"])), "its added_tokens are no list of tok"),
    "fast: added tokens with odd ids": (
        fast(lambda c: c["added_tokens"][0].update(id="x")), "its added_tokens are no list of tokens with ids"),
    "fast: added tokens without ids": (
        fast(lambda c: (c["model"]["vocab"].pop(), c["added_tokens"][4].pop("id"))), "added_tokens are no list"),
    "fast: a mask nowhere": (
        fast(lambda c: (c["model"]["vocab"].pop(), c["added_tokens"][4].update(id=-1))), "has no <mask>; expected"),
    "fast: a piece twice": (fast(lambda c: c["model"]["vocab"].insert(9, c["model"]["vocab"][9])), "there twice"),
    "fast: lower case": (
        fast(lambda c: c["normalizer"]["normalizers"].append({"type": "Lowercase"})), "has a step Lowercase"),
    "fast: other replacements": (
        fast(lambda c: c["normalizer"]["normalizers"][2].update(content="_")), "replaces more than runs of blanks"),
    "fast: other patterns": (
        fast(lambda c: c["normalizer"]["normalizers"][2].update(pattern={"Regex": "\\d"})), "replaces more than runs"),
    "fast: a plain pattern": (
        fast(lambda c: c["normalizer"]["normalizers"][2].update(pattern={"String": "a"})), "replaces more than runs"),
    "fast: bytes": (
        fast(lambda c: c.update(pre_tokenizer={"type": "ByteLevel"})), "pre_tokenizer has a step ByteLevel"),
    "fast: no marks": (
        fast(lambda c: c["pre_tokenizer"].update(prepend_scheme="never")), "does not mark the beginnings of words"),
    "fast: normaliser damaged": (
        fast(lambda c: c["normalizer"]["normalizers"][0].update(precompiled_charsmap="?")), "is not base64"),
}  # fmt: skip


def change_fast(folder: Path, change: Callable[[dict], Any]) -> None:
    content = json.loads((folder / FAST).read_text())
    change(content)
    (folder / FAST).write_text(json.dumps(content))


def refused(folder: Path, out: Path) -> str:
    """The line; nothing is written, and nothing is left beside the folder to write."""
    before = sorted(path.name for path in out.parent.iterdir())
    with pytest.raises(UserError) as raised:
        from_hf(str(folder), str(out))
    assert sorted(path.name for path in out.parent.iterdir()) == before
    assert not (folder / "ran").exists()
    line = str(raised.value)
    assert "\n" not in line and str(folder) in line
    return line


SHARD_FAULTS: dict[str, tuple[Fault, str]] = {
    "a shard is missing": (
        lambda folder: next(folder.glob("model-00002*")).unlink(), "lacks model-00002-of-"),
    "a name that is a path": (
        lambda folder: rename_shard(folder, "../x.safetensors"), "names ../x.safetensors, which is no file of the"),
    "a name of another kind": (lambda folder: rename_shard(folder, CONFIG), "names config.json, which is no file of"),
    "no map": (text(INDEX, "{}"), "index.json: has no weight_map"),
    "a map of numbers": (text(INDEX, '{"weight_map": {"a": 1}}'), "index.json: has no weight_map"),
    "index cut": (cut(INDEX, 30), "index.json: not JSON"),
}  # fmt: skip


def rename_shard(folder: Path, name: str) -> None:
    index = json.loads((folder / INDEX).read_text())
    index["weight_map"] = dict.fromkeys(index["weight_map"], name)
    (folder / INDEX).write_text(json.dumps(index))


@pytest.mark.parametrize(
    ("kind", "fault", "expected"),
    [
        *(pytest.param("whole", *FAULTS[name], id=name) for name in FAULTS),
        *(pytest.param("shards", *SHARD_FAULTS[name], id=name) for name in SHARD_FAULTS),
    ],
)
def test_a_fault_in_one_line(
    kind: str, fault: Fault, expected: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    folder = tmp_path / "hf"
    shutil.copytree(request.getfixturevalue(kind), folder)
    fault(folder)
    assert expected in refused(folder, tmp_path / "out")


def test_no_folder_at_all(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for name in ("file", "nothing"):
        assert "no such folder; give the folder of a model" in refused(tmp_path / name, tmp_path / "out")


def test_a_folder_of_someone_else_is_not_replaced(whole: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("x")
    with pytest.raises(UserError, match="xl-convert from-hf did not make it"):
        from_hf(str(whole), str(tmp_path / "out"), overwrite=True)
    with pytest.raises(UserError, match="not replaced"):
        from_hf(str(whole), str(whole), overwrite=True)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine"]
