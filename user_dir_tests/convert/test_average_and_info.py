"""xl-convert average and info."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from user_dir_tests.conftest import TinySpm
from user_dir_tests.helpers.evaluation.checkpoints import save_checkpoint
from user_dir_tests.helpers.prepare.invented_xnli import prepare_raw, write_raw
from user_dir_tests.helpers.running.training import save_archive
from xl_plugins.cli import convert
from xl_plugins.convert.average import average
from xl_plugins.convert.info import describe
from xl_plugins.data.binary.kept import keep
from xl_plugins.errors import UserError
from xl_plugins.evaluation.checkpoint import load_fine_tuned
from xl_plugins.version import __version__, versions

TASK = "xl_sentence_pair"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, tiny_spm: TinySpm) -> Path:
    root = tmp_path_factory.mktemp("data")
    return prepare_raw(write_raw(root / "raw", rows=10), root / "bin", tiny_spm)


def save(path: Path, data: Path, seed: int, task: str = TASK, **options: Any) -> str:
    torch.manual_seed(seed)
    save_checkpoint(path, data, task, max_positions=64, max_length=60, seed=seed, **options)
    return str(path)


def weights(path: str) -> dict[str, torch.Tensor]:
    return torch.load(path, weights_only=False)["model"]


def test_the_mean_of_three(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = [save(tmp_path / f"{seed}.pt", data, seed) for seed in (1, 2, 3)]
    out = str(tmp_path / "made" / "mean.pt")
    assert convert.main(["average", *paths, out]) == 0
    assert capsys.readouterr().out == f"{out}: mean of 3 checkpoints\n"
    found, each = weights(out), [weights(path) for path in paths]
    assert found.keys() == each[0].keys()
    for name, tensor in found.items():
        expected = torch.stack([one[name].double() for one in each]).mean(0).to(each[0][name].dtype)
        assert torch.equal(tensor, expected), name
    tied = ("encoder.lm_head.weight", "encoder.sentence_encoder.embed_tokens.weight")
    assert found[tied[0]].data_ptr() == found[tied[1]].data_ptr()
    tuned = load_fine_tuned(out, device="cpu")
    assert tuned.selection.score is None and tuned.updates == 7
    average(paths[::-1], str(tmp_path / "turned.pt"))
    assert all(torch.equal(tensor, found[name]) for name, tensor in weights(str(tmp_path / "turned.pt")).items())


def test_the_mean_in_another_folder_predicts_without_the_data(data: Path, tmp_path: Path) -> None:
    """The data that the run kept go along; a folder that keeps something has it already."""
    moved = tmp_path / "moved"
    shutil.copytree(data, moved)
    paths = [save(tmp_path / "run" / f"{seed}.pt", moved, seed) for seed in (1, 2)]
    keep(moved, str(tmp_path / "run"))
    shutil.rmtree(moved)
    (tmp_path / "other" / "xl_model").mkdir(parents=True)
    for folder in ("made", "run", "other"):
        average(paths, str(tmp_path / folder / "mean.pt"))
        tuned = load_fine_tuned(str(tmp_path / folder / "mean.pt"), device="cpu")
        assert Path(tuned.task.data_bin.root) == tmp_path / folder / "xl_model"
    shutil.rmtree(tmp_path / "made" / "xl_model")
    with pytest.raises(UserError, match=r"mean.pt: was trained on .*/moved, which is gone, and .*: --data DATA$"):
        load_fine_tuned(str(tmp_path / "made" / "mean.pt"), device="cpu")


def test_what_another_run_kept_is_not_taken_for_its_own(data: Path, tmp_path: Path) -> None:
    """Nothing is written where OUT would later be read with another dictionary, or beside somebody's own folder."""
    paths = [save(tmp_path / "run" / f"{seed}.pt", data, seed) for seed in (1, 2)]
    keep(data, str(tmp_path / "run"))
    shutil.copytree(tmp_path / "run" / "xl_model", tmp_path / "taken" / "xl_model")
    with open(tmp_path / "taken" / "xl_model" / "dict.txt", "a") as file:
        file.write("more 1\n")
    (tmp_path / "mine" / "xl_model").mkdir(parents=True)
    (tmp_path / "mine" / "xl_model" / "thesis.txt").write_text("mine")
    for folder, line in (
        ("taken", "is of a run with another dictionary, tokenizer or labels"),
        ("mine", "did not make"),
    ):
        with pytest.raises(UserError, match=line):
            average(paths, str(tmp_path / folder / "mean.pt"))
        assert [path.name for path in (tmp_path / folder).iterdir()] == ["xl_model"]
    assert (tmp_path / "mine" / "xl_model" / "thesis.txt").read_text() == "mine"


def test_a_checkpoint_with_itself_is_itself(data: Path, tmp_path: Path) -> None:
    path = save(tmp_path / "1.pt", data, 1)
    average([path, path], str(tmp_path / "mean.pt"))
    before = weights(path)
    assert all(torch.equal(tensor, before[name]) for name, tensor in weights(str(tmp_path / "mean.pt")).items())


def test_what_cannot_be_averaged(data: Path, tmp_path: Path) -> None:
    one, out = save(tmp_path / "1.pt", data, 1), str(tmp_path / "mean.pt")
    wide = save(tmp_path / "wide.pt", data, 1, encoder_embed_dim=20, encoder_attention_heads=2)
    mixup = save(tmp_path / "mixup.pt", data, 1, "xmixup_sentence_pair")
    state = torch.load(one, weights_only=False)
    state["task_state"]["labels"] = state["task_state"]["labels"][::-1]
    torch.save(state, tmp_path / "turned.pt")
    for paths, line in (
        ([one], "CKPT: give at least two checkpoints"),
        ([one, "nothing"], "CKPT nothing: no such file"),
        ([one, wide], f"{wide}: another model than {one} ("),
        ([one, mixup], f"{mixup}: another model than {one} (mixup_gate.bias); average checkpoints of one run"),
        ([one, str(tmp_path / "turned.pt")], f"{tmp_path / 'turned.pt'}: was trained with other labels ("),
    ):
        with pytest.raises(UserError) as raised:
            average(paths, out)
        assert str(raised.value).startswith(line)
    Path(out).write_text("mine")
    with pytest.raises(UserError, match="exists"):
        average([one, one], out)
    with pytest.raises(UserError, match="xl-convert average did not make it"):
        average([one, one], out, overwrite=True)
    assert Path(out).read_text() == "mine"


def test_info_of_a_checkpoint(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = save(tmp_path / "1.pt", data, 5, layer_norm_eps=1e-3)
    assert convert.main(["info", path, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    count = sum(tensor.numel() for name, tensor in weights(path).items() if name != "encoder.lm_head.weight")
    expected = {
        "kind": "checkpoint of a task", "architecture": "xl_xlmr", "task": TASK, "problem": "sentence_pair",
        "width": 16, "positions": 64, "layer norm epsilon": 1e-3, "labels": ["contradiction", "entailment", "neutral"],
        "source language": "en", "updates": 7, "score": 50.0, "seed": 5, "parameters": count, "can go on": False,
        "method": "plain", "versions": versions(),
        "heads": ["classification_heads.sentence_classification_head"],
    }  # fmt: skip
    assert {name: found[name] for name in expected} == expected
    assert convert.main(["info", path]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "labels: contradiction, entailment, neutral" in lines and "can go on: no" in lines
    assert f"parameters: {count:,}" in lines and f"versions, xl_plugins: {__version__}" in lines


def test_info_of_an_archive_and_a_folder(data: Path, tmp_path: Path, tiny_spm: TinySpm) -> None:
    save_archive(tmp_path / "model.pt", data / "dict.txt")
    found = describe(str(tmp_path / "model.pt"))
    assert found["kind"] == "pre-trained encoder or other checkpoint" and found["layers"] == 3
    pytest.importorskip("transformers")
    from user_dir_tests.helpers.hub import write_folder

    model = write_folder(tmp_path / "hub", tiny_spm, "bert")
    found = describe(str(tmp_path / "hub"))
    assert (found["kind"], found["architecture"], found["width"]) == ("folder of Hugging Face", "BertModel", 24)
    assert found["parameters"] == sum(parameter.numel() for parameter in model.parameters())


class Evil:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("zipped", [True, False])
def test_info_runs_nothing(tmp_path: Path, zipped: bool) -> None:
    torch.save({"model": {}, "args": Evil(tmp_path / "ran")}, tmp_path / "m.pt", _use_new_zipfile_serialization=zipped)
    if zipped:
        with pytest.raises(UserError, match="mkdir, which is not part of a fairseq checkpoint"):
            describe(str(tmp_path / "m.pt"))
    else:
        describe(str(tmp_path / "m.pt"))
    assert not (tmp_path / "ran").exists()
    (tmp_path / "text.pt").write_text("x")
    for name in ("text.pt", "nothing.pt"):
        with pytest.raises(UserError):
            describe(str(tmp_path / name))
