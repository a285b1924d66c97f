"""The head of a folder's classifier comes along and initialises a run where it fits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

pytest.importorskip("transformers")

from user_dir_tests.conftest import TinySpm
from user_dir_tests.convert.test_to_hf import AUTO, make, ours, prepare_all
from user_dir_tests.helpers.hub import change_config, write_folder
from user_dir_tests.helpers.running.training import load, train_here, words
from user_dir_tests.helpers.wordpiece import make_tiny
from xl_plugins.cli import convert
from xl_plugins.convert.to_hf import to_hf
from xl_plugins.errors import UserError
from xl_plugins.huggingface.from_hf import from_hf
from xl_plugins.problems import PROBLEMS

LABELS = ["contradiction", "entailment", "neutral"]


@pytest.fixture(scope="module", params=["sentencepiece", "wordpiece"])
def data(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, tiny_spm: TinySpm) -> dict:
    root = tmp_path_factory.mktemp("data")
    bert = request.param == "wordpiece"
    return {**prepare_all(root, make_tiny(root / "tiny") if bert else tiny_spm), "bert": bert}


@pytest.mark.parametrize("problem", AUTO)
def test_there_and_back(data: dict, tmp_path: Path, problem: str) -> None:
    """A fine-tuned model that was exported and read again has the same head, and names its labels."""
    made = make(data, tmp_path, problem, token_types=2 if data["bert"] else 0)
    to_hf(str(made.path), str(tmp_path / "hf"))
    done = from_hf(str(tmp_path / "hf"), str(tmp_path / "back"))
    assert done.head == json.loads((tmp_path / "hf" / "config.json").read_text())["architectures"][0]
    assert done.left_out == []
    state, own = load(tmp_path / "back" / "model.pt"), made.setup.model.state_dict()
    names = {name for name in own if name.startswith(PROBLEMS[problem].head)}
    assert names and names == {name for name in state["model"] if "head" in name and not name.startswith("encoder.")}
    assert all(torch.equal(state["model"][name], own[name]) for name in names)
    assert state["task_state"].get("labels", []) == made.setup.task.problem.labels


def test_it_initialises_a_run(
    data: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A run at learning rate zero still says what the exported model said."""
    made = make(data, tmp_path, "sentence_pair", token_types=2 if data["bert"] else 0)
    to_hf(str(made.path), str(tmp_path / "hf"))
    shape = {"max_positions": None, "encoder_layers": None, "encoder_embed_dim": None, "encoder_ffn_embed_dim": None,
             "encoder_attention_heads": None, "from_scratch": None, "max_length": 60}  # fmt: skip
    run = words(made.data, tmp_path / "run", "xl_sentence_pair", lr=1e-12, max_update=1, batch_size=4, **shape,
                restore_file=tmp_path / "hf")  # fmt: skip
    train_here(monkeypatch, run)
    state = load(tmp_path / "run" / "checkpoint_last.pt")["model"]
    _, expected = ours(made.setup)
    made.setup.model.load_state_dict(state)
    torch.testing.assert_close(ours(made.setup)[1], expected, atol=1e-5, rtol=1e-5)
    assert not [record for record in caplog.records if "its head initialises" in record.getMessage()]
    caplog.clear()
    change_config(tmp_path / "hf", id2label={"0": "neutral", "1": "entailment", "2": "contradiction"})
    train_here(monkeypatch, [word.replace("/run", "/other") for word in run])
    assert [record.getMessage() for record in caplog.records if "its head initialises" in record.getMessage()] == [
        f"{tmp_path}/other/encoder/model.pt was fine-tuned for neutral, entailment, contradiction; its head initialises"
        f" that of {', '.join(LABELS)}"
    ]


def test_the_command_says_so(tmp_path: Path, tiny_spm: TinySpm, capsys: pytest.CaptureFixture[str]) -> None:
    write_folder(tmp_path / "hf", tiny_spm, head="ForSequenceClassification", num_labels=3)
    capsys.readouterr()
    assert convert.main(["from-hf", str(tmp_path / "hf"), str(tmp_path / "out")]) == 0
    out = capsys.readouterr()
    assert out.out.endswith(", no language-model head, with the head of XLMRobertaForSequenceClassification\n")
    assert out.err == "" and "labels" not in load(tmp_path / "out" / "model.pt")["task_state"]  # LABEL_0 and so on


def test_a_head_of_another_width(tmp_path: Path, tiny_spm: TinySpm) -> None:
    theirs = write_folder(tmp_path / "hf", tiny_spm, head="ForSequenceClassification")
    state = {**theirs.state_dict(), "classifier.out_proj.weight": torch.zeros(2, 7)}
    (tmp_path / "hf" / "model.safetensors").unlink()
    torch.save(state, tmp_path / "hf" / "pytorch_model.bin")
    with pytest.raises(UserError, match=r"classifier.out_proj.weight is \(2, 7\); expected rows of 24"):
        from_hf(str(tmp_path / "hf"), str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()
