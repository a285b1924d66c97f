"""Checkpoints as people have them: without parts, with parts too many, of other kinds. One line each."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from fairseq import checkpoint_utils

from user_dir_tests.helpers.running.training import load, save_archive, train_here, words
from user_dir_tests.helpers.toys.tiny import build
from user_dir_tests.helpers.toys.toy import make_data
from xl_plugins.checkpoints.kinds import check_entries, foreign_kind, missing_file, name_some
from xl_plugins.errors import UserError, find_user_error
from xl_plugins.models.pretrained import build_pretrained, read_pretrained
from xl_plugins.models.restore import refuse_unlike_weights, restore_strictly

ENCODER = "encoder.sentence_encoder."
ONE = {"max_update": 1, "batch_size": 8, "update_freq": 1, "disable_validation": True, "no_save": True}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_data(tmp_path_factory.mktemp("found") / "data", train=8, valid=4)


@pytest.fixture(scope="module")
def setup(data: Path) -> Any:
    return build(data, "xl_sentence_pair")


@pytest.fixture()
def state(setup: Any) -> dict:
    return {name: value.clone() for name, value in setup.model.state_dict().items()}


def refused(model: Any, state: dict, strict: bool = False) -> str:
    model.strict_restore = strict
    with pytest.raises(UserError) as error:
        model.load_state_dict(state)
    return str(error.value)


def test_names_of_a_few() -> None:
    assert name_some("ba") == "a, b" and name_some("edcba") == "a, b, c and 2 more"


# -- weights --


@pytest.mark.parametrize("strict", [False, True])
def test_without_language_model_head(setup: Any, state: dict, strict: bool) -> None:
    bare = {name: value for name, value in state.items() if "lm_head" not in name}
    setup.model.strict_restore = strict
    setup.model.load_state_dict(bare)
    table = setup.model.encoder.sentence_encoder.embed_tokens.weight
    assert setup.model.encoder.lm_head.weight is table


@pytest.mark.parametrize("strict", [False, True])
def test_missing_weights_are_named(setup: Any, state: dict, strict: bool) -> None:
    del state[f"{ENCODER}layers.1.fc2.bias"]
    text = refused(setup.model, dict(state), strict)
    assert text == f"the checkpoint lacks weights of the encoder: {ENCODER}layers.1.fc2.bias; give a whole one"
    for name in [name for name in state if ".layers.0.fc1" in name or "layers.2.self_attn.k" in name]:
        del state[name]
    text = refused(setup.model, state, strict)
    assert f"{ENCODER}layers.0.fc1.bias, {ENCODER}layers.0.fc1.weight" in text and "and 2 more" in text


def test_further_weights(setup: Any, state: dict, caplog: pytest.LogCaptureFixture) -> None:
    further = {f"{ENCODER}adapter.{number}": torch.ones(1) for number in range(5)}
    text = refused(setup.model, {**state, **further}, strict=True)
    assert "has weights that this model lacks" in text and f"{ENCODER}adapter.2 and 2 more" in text
    setup.model.strict_restore = False
    setup.model.load_state_dict({**state, **further})
    assert [r.getMessage() for r in caplog.records if "adapter" in r.getMessage()] == [
        "left out of the checkpoint, because this model has no such parameters: "
        + ", ".join(f"{ENCODER}adapter.{number}" for number in range(3)) + " and 2 more"
    ]  # fmt: skip


@pytest.mark.parametrize("strict", [False, True])
def test_a_norm_that_the_model_lacks(setup: Any, state: dict, strict: bool) -> None:
    """Its other weights were trained behind it."""
    text = refused(setup.model, {**state, f"{ENCODER}layer_norm.weight": torch.ones(16)}, strict)
    assert text.startswith(f"the checkpoint has weights that this model lacks: {ENCODER}layer_norm.weight; give")


@pytest.mark.parametrize("strict", [False, True])
def test_weights_of_another_shape(setup: Any, state: dict, strict: bool) -> None:
    text = refused(setup.model, {**state, f"{ENCODER}layers.1.fc2.bias": torch.ones(7)}, strict)
    assert text.startswith(f"the checkpoint has weights of another shape: {ENCODER}layers.1.fc2.bias;")


def test_another_width_names_the_width(data: Path, setup: Any) -> None:
    """Not the classes, which are as many."""
    wide = build(data, "xl_sentence_pair", encoder_embed_dim=32).model.state_dict()
    text = refused(setup.model, dict(wide), strict=True)
    assert "--encoder-embed-dim 16" in text and "pass --encoder-embed-dim 32" in text and "classes" not in text


def test_augmentation_needs_the_language_model_head(tmp_path: Path, data: Path, setup: Any) -> None:
    path = tmp_path / "model.pt"
    save_archive(path, data / "dict.txt")
    state = load(path)
    state["model"] = {name: value for name, value in state["model"].items() if "lm_head" not in name}
    torch.save(state, path)
    state = read_pretrained(str(path))
    with pytest.raises(UserError, match=r"no encoder\.lm_head\.weight in it; give a pre-trained checkpoint with its"):
        build_pretrained(str(path), state, setup.task.source_dictionary, with_lm_head=True)
    assert build_pretrained(str(path), read_pretrained(str(path)), setup.task.source_dictionary)


# -- options that no run can have had --


@pytest.mark.parametrize(
    "option, value, expected",
    [
        ("encoder_layers", 10**9, "its options say encoder_layers 1000000000, no size of an encoder"),
        ("encoder_layers", 4, "its options say encoder_layers 4, its weights 3"),
        ("encoder_embed_dim", 32, "its options say encoder_embed_dim 32, its weights 16"),
        ("encoder_ffn_embed_dim", "many", "its options say encoder_ffn_embed_dim 'many', no size of an encoder"),
        ("max_positions", None, "its options say max_positions None, no size"),
        ("max_positions", 65, "its options say max_positions 65, its weights 64"),
        ("encoder_attention_heads", True, "its options say encoder_attention_heads True, no size"),
    ],
)
def test_options_unlike_the_weights(setup: Any, state: dict, option: str, value: Any, expected: str) -> None:
    options = Namespace(**{**setup.cfg.model, option: value})
    with pytest.raises(UserError, match=f"^model.pt: {expected}"):
        refuse_unlike_weights(options, state, "model.pt")
    refuse_unlike_weights(setup.cfg.model, state, "model.pt")


def test_strict_restoring_names_the_file(setup: Any, state: dict) -> None:
    del state[f"{ENCODER}layers.1.fc2.bias"]
    with pytest.raises(UserError, match=r"^here\.pt: the checkpoint lacks weights of the encoder"):
        restore_strictly(setup.model, state, "sentence_classification_head", "here.pt")


# -- files --


@pytest.mark.parametrize(
    "change, expected",
    [
        ({"model": {"a": 1, "b": torch.ones(1)}}, "no tensors in its entry 'model': a;"),
        ({"cfg": [1]}, "its entry 'cfg' is a list"),
        ({"args": "x"}, "its entry 'args' is a str"),
        ({"optimizer_history": 3}, "its entry 'optimizer_history' is a int"),
        ({"optimizer_history": [{}, 3]}, r"its entry 'optimizer_history\[1\]' is a int"),
        ({"optimizer_history": [{"num_updates": "x"}]}, "its entry 'num_updates' is 'x'"),
        ({"extra_state": []}, "its entry 'extra_state' is a list"),
        ({"extra_state": {"train_iterator": 4}}, "its entry 'extra_state.train_iterator' is a int"),
        ({"task_state": "x"}, "its entry 'task_state' is a str"),
        ({"shard_metadata": {}}, "one part of a model that was saved in shards"),
        ({"model": None, "roberta.embeddings": 1}, "weights of Hugging Face, not a fairseq checkpoint; convert the"),
        ({"model": None}, "not a fairseq checkpoint: no entry 'model'"),
    ],
)
def test_entries_of_other_kinds(change: dict, expected: str) -> None:
    whole = {"args": Namespace(), "model": {"a": torch.ones(1)}, "optimizer_history": [], "extra_state": None}
    check_entries(whole, "model.pt")
    with pytest.raises(UserError, match=f"^model.pt: {expected}"):
        check_entries({**whole, **change}, "model.pt")


def test_safetensors(tmp_path: Path) -> None:
    header = json.dumps({"roberta.embeddings.weight": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    (tmp_path / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    with pytest.raises(
        UserError, match=r"model\.safetensors: .* of Hugging Face, not a fairseq checkpoint; convert the"
    ):
        checkpoint_utils.load_checkpoint_to_cpu(str(tmp_path / "model.safetensors"))
    (tmp_path / "model.safetensors").rename(tmp_path / "model.pt")
    assert (foreign_kind(str(tmp_path / "model.pt")) or "").startswith("a safetensors file of Hugging Face")


def test_folders_and_shards(tmp_path: Path) -> None:
    assert missing_file(str(tmp_path / "model.pt"), "no such file") == "no such file"
    assert missing_file(str(tmp_path), "") == f"is a folder; name the file, {tmp_path}/model.pt or a checkpoint"
    (tmp_path / "config.json").write_text("{}")
    assert missing_file(str(tmp_path), "").startswith("is a folder of Hugging Face (it holds config.json), not a fairs")
    (tmp_path / "model-shard0.pt").write_text("")
    text = missing_file(str(tmp_path / "model.pt"), "")
    assert text.startswith("no such file, only model-shard0.pt and its like: one part of a model that was saved in")
    with pytest.raises(UserError, match=r"model-shard0\.pt: one part of a model that was saved in shards"):
        check_entries({"model": {}}, str(tmp_path / "model-shard0.pt"))


# -- fairseq-train --


def without(part: str) -> Callable[[dict], None]:
    def drop(state: dict) -> None:
        state["model"] = {name: value for name, value in state["model"].items() if part not in name}

    return drop


@pytest.mark.parametrize(
    "change",
    [without("lm_head"), lambda s: s.update(optimizer_history=[]), lambda s: s.pop("args")],
    ids=["no language-model head", "no history", "no options"],
)
def test_training_starts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: Path, change: Callable[[dict], None]
) -> None:
    save_archive(tmp_path / "whole.pt", data / "dict.txt")
    state = load(tmp_path / "whole.pt")
    change(state)
    torch.save(state, tmp_path / "model.pt")
    options = {**ONE, "restore_file": tmp_path / "model.pt"}
    train_here(monkeypatch, words(data, tmp_path / "run", "xl_sentence_pair", **options))


def test_training_names_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: Path) -> None:
    save_archive(tmp_path / "whole.pt", data / "dict.txt")
    state = load(tmp_path / "whole.pt")
    without("layers.1.fc2.bias")(state)
    torch.save(state, tmp_path / "model.pt")
    options = {**ONE, "restore_file": tmp_path / "model.pt"}
    with pytest.raises(Exception) as error:
        train_here(monkeypatch, words(data, tmp_path / "run", "xl_sentence_pair", **options))
    text = find_user_error(error.value)
    assert text == f"the checkpoint lacks weights of the encoder: {ENCODER}layers.1.fc2.bias; give a whole one"
