"""Sizes of a run follow from the encoder that it starts from, whichever kind of file that is."""

from __future__ import annotations

import argparse
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from fairseq import options

from user_dir_tests.helpers.running.training import save_archive, train_here, words
from user_dir_tests.helpers.toys.toy import make_data
from xl_plugins.checkpoints.glance import glance
from xl_plugins.starting.encoder_shape import OPTIONS, differing, follow_encoder, remedy, starting_point

SIZES = {"encoder_layers": 3, "encoder_embed_dim": 20, "encoder_ffn_embed_dim": 28, "encoder_attention_heads": 5,
         "max_positions": 40}  # fmt: skip
OTHER = {"activation_fn": "relu", "encoder_normalize_before": True, "no_layernorm_embedding": True,
         "layer_norm_eps": 0.1}  # fmt: skip


def save(path: Path, old: bool = False, form: str = "args", **given: Any) -> Path:
    """A file with the shapes of an encoder, in either of torch's formats."""
    values = {**SIZES, **OTHER, **given}
    width, inner, prefix = values["encoder_embed_dim"], values["encoder_ffn_embed_dim"], "encoder.sentence_encoder."
    model = {f"{prefix}embed_positions.weight": torch.zeros(values["max_positions"] + 2, width)}
    for layer in range(values["encoder_layers"]):
        model[f"{prefix}layers.{layer}.fc1.weight"] = torch.zeros(inner, width)
    kept = {name: value for name, value in values.items() if name in OTHER or name == "encoder_attention_heads"}
    content = {"args": argparse.Namespace(**kept)} if form == "args" else {"args": None, "cfg": {"model": kept}}
    torch.save({**content, "model": model}, path, _use_new_zipfile_serialization=not old)
    return path


@pytest.mark.parametrize("form", ["args", "cfg"])
@pytest.mark.parametrize("old", [False, True], ids=["zip", "the published archives' format"])
def test_options_of_a_file(tmp_path: Path, old: bool, form: str) -> None:
    assert follow_encoder(str(save(tmp_path / "model.pt", old, form))) == {**SIZES, **OTHER}


def test_the_numbers_of_an_old_archive_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "model.pt", old=True)
    whole = path.read_bytes()
    numbers = 4 * sum(size.numel() for size in torch.load(path, weights_only=False)["model"].values())
    path.write_bytes(whole[: len(whole) - numbers])
    monkeypatch.setattr(torch, "load", lambda *args, **options: pytest.fail("read"))
    assert follow_encoder(str(path)) == {**SIZES, **OTHER}


class Evil:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return Path.mkdir, (self.path,)


@pytest.mark.parametrize("old", [False, True], ids=["zip", "old"])
def test_nothing_in_a_file_is_run(tmp_path: Path, old: bool) -> None:
    torch.save({"args": Evil(tmp_path / "ran"), "model": {}}, tmp_path / "m.pt", _use_new_zipfile_serialization=not old)
    follow_encoder(str(tmp_path / "m.pt"))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04 cut", pickle.dumps(3), pickle.dumps([1]) * 4])
def test_what_is_no_checkpoint_is_left_to_the_reader(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m.pt").write_bytes(content)
    assert glance(str(tmp_path / "m.pt")) is None and follow_encoder(str(tmp_path / "m.pt")) == {}


def test_a_folder_of_hugging_face(tmp_path: Path) -> None:
    config = ('{"model_type": "bert", "hidden_size": 20, "num_hidden_layers": 3, "num_attention_heads": 5,'
              ' "vocab_size": 9, "intermediate_size": 28, "max_position_embeddings": 40, "hidden_act": "relu",'
              ' "type_vocab_size": 2, "layer_norm_eps": 1e-12}')  # fmt: skip
    (tmp_path / "config.json").write_text(config)
    expected = {**SIZES, "activation_fn": "relu", "encoder_normalize_before": False}
    assert follow_encoder(str(tmp_path)) == {**expected, "layer_norm_eps": 1e-12, "token_types": 0}
    (tmp_path / "vocab.txt").touch()  # WordPiece: a BERT whose token types tell the texts of a pair apart
    assert follow_encoder(str(tmp_path)) == {**expected, "layer_norm_eps": 1e-12, "token_types": 2}


@pytest.mark.parametrize(
    "odd",
    [{"encoder_attention_heads": [4]}, {"encoder_attention_heads": "x"}, {"encoder_attention_heads": True},
     {"activation_fn": "mish"}, {"layer_norm_eps": "tiny"}, {"encoder_normalize_before": "no"}],
    ids=str,
)  # fmt: skip
def test_odd_options_of_a_checkpoint_are_no_defaults(tmp_path: Path, odd: dict[str, Any]) -> None:
    """Reading the weights says what is wrong with them."""
    found = follow_encoder(str(save(tmp_path / "model.pt", **odd)))
    assert found == {name: value for name, value in {**SIZES, **OTHER}.items() if name not in odd}


def test_fairseqs_own_name_of_an_option_is_read(tmp_path: Path) -> None:
    path = save(tmp_path / "model.pt")
    state = torch.load(path, weights_only=False)
    del state["args"].no_layernorm_embedding
    for given, expected in ((False, True), (True, None)):
        state["args"].layernorm_embedding = given
        torch.save(state, path)
        assert follow_encoder(str(path)).get("no_layernorm_embedding") is expected


def test_options_that_a_checkpoint_has_not_are_xlm_rs() -> None:
    """So another epsilon is seen in one that was trained before there was the option."""
    now = argparse.Namespace(layer_norm_eps=0.1, no_layernorm_embedding=False, encoder_attention_heads=2)
    assert [*differing({"encoder_attention_heads": 2}, now)] == [("layer_norm_eps", 1e-5, 0.1)]
    assert [*differing({}, now)] == []
    now = argparse.Namespace(layer_norm_eps=1e-5, no_layernorm_embedding=False)
    assert [*differing({"layernorm_embedding": False}, now)] == [("no_layernorm_embedding", True, False)]
    assert remedy("no_layernorm_embedding", True) == "pass --no-layernorm-embedding"
    assert remedy("encoder_normalize_before", False) == "leave out --encoder-normalize-before"
    assert remedy("layer_norm_eps", 1e-5) == "pass --layer-norm-eps 1e-05"


@pytest.mark.parametrize("content", [argparse.Namespace(a=1), "text", [torch.zeros(2)]], ids=["object", "text", "list"])
def test_an_old_file_with_something_else_for_weights(tmp_path: Path, content: Any) -> None:
    torch.save({"model": {"a": content}}, tmp_path / "m.pt", _use_new_zipfile_serialization=False)
    seen = glance(str(tmp_path / "m.pt"))
    assert seen is not None and seen.shapes == {}


def test_where_a_run_starts(tmp_path: Path) -> None:
    one, two, last = (tmp_path / name for name in ("one.pt", "two.pt", "checkpoint_last.pt"))
    here = str(tmp_path)
    assert starting_point(str(one), None, None, here) == ""
    for path in (last, two, one):
        path.touch()
    assert starting_point("checkpoint_last.pt", None, None, here) == str(last)
    assert starting_point(None, None, f"{two},{one}", here) == str(two)
    assert starting_point("checkpoint_last.pt", str(one), None, here) == str(one)
    assert starting_point(str(one), None, None, here) == str(one)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_data(tmp_path_factory.mktemp("toy") / "data", train=12, valid=4, test=2)


def parsed(*given: str) -> dict[str, Any]:
    read = vars(options.parse_args_and_arch(options.get_training_parser(), list(given)))
    return {name: read[name] for name in OPTIONS if read.get(name) is not None}


@pytest.mark.parametrize("task", ["xl_sentence_pair", "xmixup_qa", "salt_tagging", "xla_tagging"])
@pytest.mark.parametrize("option", ["--restore-file", "--finetune-from-model"])
def test_fairseq_train_takes_them(tmp_path: Path, task: str, option: str) -> None:
    path = str(save(tmp_path / "model.pt"))
    assert parsed("data", "--task", task, option, path) == {**SIZES, **OTHER}
    assert parsed("data", "--task", task, option, path, "--encoder-layers", "2")["encoder_layers"] == 2  # refused later
    assert parsed("data", "--task", task) == {}  # the architecture decides


def test_a_run_needs_no_sizes_and_refuses_others(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: Path) -> None:
    """From an archive, on from its own checkpoint, and evaluated in its shape."""
    archive = tmp_path / "model.pt"
    save_archive(archive, data / "dict.txt")
    run = words(data, tmp_path / "run", "xl_sentence_pair", restore_file=archive, max_update=1, batch_size=4)
    bare, skip = [], 0
    for word in run:
        skip = 2 if word.removeprefix("--").replace("-", "_") in OPTIONS else max(0, skip - 1)
        bare += [] if skip else [word]
    assert len(bare) < len(run)
    with pytest.MonkeyPatch.context() as patch:
        train_here(patch, bare)
    args = torch.load(tmp_path / "run" / "checkpoint_last.pt", weights_only=False)["cfg"]["model"]
    seen = glance(str(archive))
    assert seen is not None and all(args[name] == seen.options[name] for name in SIZES)
    with pytest.raises(Exception, match="Cannot load model parameters") as raised:  # fairseq's, around our own
        train_here(monkeypatch, [*bare, "--encoder-layers", "2", "--save-dir", str(tmp_path / "other")])
    assert str(raised.value.__context__).endswith("(--encoder-layers 2); pass --encoder-layers 3")
