"""``--restore-file``: pre-trained archives, runs of ours, and files that must be refused."""

from __future__ import annotations

import logging
import os
import pickle
import zipfile
from argparse import Namespace
from pathlib import Path

import pytest
import torch

from user_dir_tests.helpers.running.training import load, save_archive, train, train_here, words
from user_dir_tests.helpers.toys.toy import make_data
from xl_plugins.errors import find_user_error

ONE = {"max_update": 1, "lr": 0, "batch_size": 8, "update_freq": 1, "disable_validation": True}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_data(tmp_path_factory.mktemp("restore") / "data")


def message(
    monkeypatch: pytest.MonkeyPatch, data: Path, save: Path, task: str = "xmixup_sentence_pair", **changed: object
) -> str:
    """The line that ends a run that must not start."""
    try:
        train_here(monkeypatch, words(data, save, task, **{**ONE, **changed}))
    except BaseException as error:
        text = find_user_error(error)
        assert text is not None, f"traceback instead of a message: {error!r}"
        return text
    raise AssertionError("the run was not refused")


@pytest.mark.parametrize("zipped", [False, True], ids=["old format", "zip format"])
@pytest.mark.parametrize("task", ["xl_sentence_pair", "xmixup_sentence_pair"])
def test_archive_gives_weights_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: Path, task: str, zipped: bool
) -> None:
    state = save_archive(tmp_path / "model.pt", data / "dict.txt", zipped)
    train_here(monkeypatch, words(data, tmp_path / "run", task, restore_file=tmp_path / "model.pt", **ONE))
    saved = load(tmp_path / "run" / "checkpoint_last.pt")
    for name, value in state.items():
        torch.testing.assert_close(saved["model"][name], value, atol=0, rtol=0)
    fresh = saved["model"].keys() - state.keys()
    head = {f"classification_heads.sentence_classification_head.{p}" for p in
            ("dense.weight", "dense.bias", "out_proj.weight", "out_proj.bias")}  # fmt: skip
    gate = {"mixup_gate.weight", "mixup_gate.bias"} if task == "xmixup_sentence_pair" else set()
    assert fresh == head | gate
    assert saved["model"]["classification_heads.sentence_classification_head.out_proj.weight"].abs().max() > 0
    if gate:
        assert saved["model"]["mixup_gate.weight"].item() == 1.0 and saved["model"]["mixup_gate.bias"].item() == 0.0
    assert saved["optimizer_history"][-1]["num_updates"] == 1
    assert saved["extra_state"]["train_iterator"]["epoch"] == 1


def test_gate_starts_from_its_options(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: Path) -> None:
    save_archive(tmp_path / "model.pt", data / "dict.txt")
    options = {"mixup_gate_weight": -0.6, "mixup_gate_bias": 1.4, "restore_file": tmp_path / "model.pt"}
    train_here(monkeypatch, words(data, tmp_path / "run", "xmixup_sentence_pair", **options, **ONE))
    saved = load(tmp_path / "run" / "checkpoint_last.pt")["model"]
    assert saved["mixup_gate.weight"].item() == pytest.approx(-0.6)
    assert saved["mixup_gate.bias"].item() == pytest.approx(1.4)


def test_same_command_again_resumes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: Path) -> None:
    save_archive(tmp_path / "model.pt", data / "dict.txt")
    command = {**ONE, "restore_file": tmp_path / "model.pt", "lr": 1e-3}
    for updates in (2, 5):
        arguments = words(data, tmp_path / "run", "xmixup_sentence_pair", **{**command, "max_update": updates})
        train_here(monkeypatch, arguments)
    saved = load(tmp_path / "run" / "checkpoint_last.pt")
    assert saved["optimizer_history"][-1]["num_updates"] == 5
    first, state = next(iter(saved["last_optimizer_state"]["state"].items()))
    assert state["step"] == 5, first


def test_another_tasks_run_initialises_encoder_and_head(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: Path
) -> None:
    train_here(monkeypatch, words(data, tmp_path / "plain", "xl_sentence_pair", **{**ONE, "lr": 1e-3, "max_update": 2}))
    plain = load(tmp_path / "plain" / "checkpoint_last.pt")
    options = {**ONE, "restore_file": tmp_path / "plain" / "checkpoint_last.pt"}
    train_here(monkeypatch, words(data, tmp_path / "mix", "xmixup_sentence_pair", **options))
    mixed = load(tmp_path / "mix" / "checkpoint_last.pt")
    assert mixed["optimizer_history"][-1]["num_updates"] == 1
    for name, value in plain["model"].items():
        torch.testing.assert_close(mixed["model"][name], value, atol=0, rtol=0)
    assert mixed["model"]["mixup_gate.weight"].item() == 1.0


def test_xmixup_run_initialises_plain_training(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: Path) -> None:
    train_here(monkeypatch, words(data, tmp_path / "mix", "xmixup_sentence_pair", **{**ONE, "lr": 1e-3}))
    options = {**ONE, "restore_file": tmp_path / "mix" / "checkpoint_last.pt"}
    train_here(monkeypatch, words(data, tmp_path / "plain", "xl_sentence_pair", **options))
    saved, mixed = (load(tmp_path / run / "checkpoint_last.pt")["model"] for run in ("plain", "mix"))
    assert mixed.keys() - saved.keys() == {"mixup_gate.weight", "mixup_gate.bias"}
    assert all(torch.equal(saved[name], mixed[name]) for name in saved)


# -- refused --


@pytest.mark.parametrize("option", ["restore_file", "finetune_from_model"])
def test_missing_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: Path, option: str) -> None:
    text = message(monkeypatch, data, tmp_path / "run", **{option: tmp_path / "nowhere" / "model.pt"})
    assert text.startswith(f"--{option.replace('_', '-')} {tmp_path}/nowhere/model.pt: no such file")


@pytest.mark.parametrize(
    "shape, expected",
    [
        ({"encoder_layers": 2}, ["--encoder-layers 2"]),
        (
            {"encoder_embed_dim": 32, "encoder_ffn_embed_dim": 40},
            ["--encoder-embed-dim 32", "--encoder-ffn-embed-dim 40"],
        ),
        ({"max_positions": 40, "tokens_per_sample": 40}, ["--max-positions 40"]),
        ({"encoder_attention_heads": 2}, ["--encoder-attention-heads 2"]),
    ],
    ids=["layers", "widths", "positions", "heads"],
)
@pytest.mark.parametrize("zipped", [False, True], ids=["old format", "zip format"])
def test_another_shape(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: Path, shape: dict, expected: list, zipped: bool
) -> None:
    save_archive(tmp_path / "model.pt", data / "dict.txt", zipped, **shape)
    text = message(monkeypatch, data, tmp_path / "run", restore_file=tmp_path / "model.pt")
    assert all(option in text for option in expected), text


def test_another_vocabulary(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: Path) -> None:
    (tmp_path / "dict.txt").write_text((data / "dict.txt").read_text() + "one_more 1\n")
    save_archive(tmp_path / "model.pt", tmp_path / "dict.txt")
    text = message(monkeypatch, data, tmp_path / "run", restore_file=tmp_path / "model.pt")
    assert "vocabulary has 66 types" in text and "65" in text


class Malicious:
    """A pickle that creates a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("zipped", [False, True], ids=["old format", "zip format"])
@pytest.mark.parametrize("option", ["restore_file", "finetune_from_model"])
def test_code_in_a_checkpoint_is_not_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: Path, zipped: bool, option: str
) -> None:
    bad = tmp_path / "model.pt"
    contents = {"args": Namespace(), "model": {}, "extra_state": Malicious(tmp_path / "pwned")}
    torch.save(contents, bad, _use_new_zipfile_serialization=zipped)
    text = message(monkeypatch, data, tmp_path / "run", **{option: bad})
    assert str(bad) in text and "refused" in text and "mkdir" in text
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize("zipped", [False, True], ids=["old format", "zip format"])
def test_code_in_checkpoint_last_is_not_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: Path, zipped: bool
) -> None:
    (tmp_path / "run").mkdir()
    bad = tmp_path / "run" / "checkpoint_last.pt"
    torch.save({"cfg": Malicious(tmp_path / "pwned"), "model": {}}, bad, _use_new_zipfile_serialization=zipped)
    text = message(monkeypatch, data, tmp_path / "run")
    assert str(bad) in text and "refused" in text
    assert not (tmp_path / "pwned").exists()


def test_bare_pickle_is_not_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: Path) -> None:
    (tmp_path / "model.pt").write_bytes(pickle.dumps(Malicious(tmp_path / "pwned")))
    assert "model.pt" in message(monkeypatch, data, tmp_path / "run", restore_file=tmp_path / "model.pt")
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize("zipped", [False, True], ids=["old format", "zip format"])
@pytest.mark.parametrize("kept", [0.0, 0.01, 0.5, 0.99])
def test_truncated_archive(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: Path, zipped: bool, kept: float
) -> None:
    path = tmp_path / "model.pt"
    save_archive(path, data / "dict.txt", zipped)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    text = message(monkeypatch, data, tmp_path / "run", restore_file=path)
    assert str(path) in text and ("truncated" in text or "damaged" in text)


@pytest.mark.parametrize("kept", [0.0, 0.5, 0.99])
@pytest.mark.parametrize("other", [False, True], ids=["no other", "another one"])
def test_truncated_checkpoint_last(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path, data: Path, kept: float,
    other: bool,
) -> None:  # fmt: skip
    train_here(monkeypatch, words(data, tmp_path / "run", "xmixup_sentence_pair", **ONE))
    path = tmp_path / "run" / "checkpoint_last.pt"
    content = path.read_bytes()
    for link in path.parent.glob("checkpoint*.pt"):
        link.unlink()
    if other:
        (path.parent / "checkpoint_1_1.pt").write_bytes(content)
    path.write_bytes(content[: int(len(content) * kept)])
    if other:
        train_here(monkeypatch, words(data, tmp_path / "run", "xmixup_sentence_pair", **{**ONE, "max_update": 3}))
        assert f"{path}: cannot be read as a checkpoint: truncated" in caplog.text
        assert "going on from checkpoint_1_1.pt (1 updates)" in caplog.text
        assert load(path)["optimizer_history"][-1]["num_updates"] == 3
    else:
        text = message(monkeypatch, data, tmp_path / "run", max_update=3)
        assert str(path) in text and "truncated" in text and "no whole checkpoint of this run" in text


def test_zip_that_is_no_checkpoint(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: Path) -> None:
    with zipfile.ZipFile(tmp_path / "model.pt", "w") as archive:
        archive.writestr("hello.txt", "hello")
    assert "model.pt" in message(monkeypatch, data, tmp_path / "run", restore_file=tmp_path / "model.pt")


@pytest.mark.parametrize(
    "contents", [{"weights": {}}, [1, 2], {"model": {"a": torch.ones(1)}}], ids=["keys", "list", "no encoder"]
)
@pytest.mark.parametrize("zipped", [False, True], ids=["old format", "zip format"])
def test_torch_file_that_is_no_checkpoint(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: Path, contents: object, zipped: bool
) -> None:
    torch.save(contents, tmp_path / "model.pt", _use_new_zipfile_serialization=zipped)
    text = message(monkeypatch, data, tmp_path / "run", restore_file=tmp_path / "model.pt")
    assert "checkpoint" in text


# -- resuming with other options --


def test_resume_without_the_gate_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: Path) -> None:
    train_here(monkeypatch, words(data, tmp_path / "run", "xmixup_sentence_pair", mixup_ratio="constant", **ONE))
    text = message(monkeypatch, data, tmp_path / "run", max_update=2)
    assert "--mixup-ratio was constant, is entropy" in text and "--continue-with-changes" in text
    text = message(monkeypatch, data, tmp_path / "run", max_update=2, continue_with_changes=True)
    assert "mixup_gate.weight" in text and "--mixup-ratio" in text


@pytest.mark.parametrize("labels", ["contradiction entailment neutral other", "entailment contradiction neutral"])
def test_resume_with_other_labels_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, labels: str) -> None:
    data = make_data(tmp_path / "data")
    train_here(monkeypatch, words(data, tmp_path / "run", "xmixup_sentence_pair", **ONE))
    (data / "label" / "dict.txt").write_text("".join(f"{label} 1\n" for label in labels.split()))
    text = message(monkeypatch, data, tmp_path / "run", max_update=2, continue_with_changes=True)
    there = "contradiction, entailment, neutral there"
    assert (
        text.startswith(f"{data}/label/dict.txt: not the one")
        and f"({there}, {labels.replace(' ', ', ')} here)" in text
    )


def test_another_dictionary_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """When a run is resumed, and when a fine-tuned checkpoint initialises another."""
    data = make_data(tmp_path / "data")
    train_here(monkeypatch, words(data, tmp_path / "run", "xl_sentence_pair", **ONE))
    first, second, *rest = (data / "dict.txt").read_text().splitlines()
    (data / "dict.txt").write_text("\n".join([second, first, *rest]) + "\n")
    own = tmp_path / "run" / "checkpoint_last.pt"
    for save, task, option in (("run", "xl_sentence_pair", None), ("new", "xmixup_sentence_pair", own)):
        given = {"max_update": 2, "restore_file": option, "continue_with_changes": True}
        text = message(monkeypatch, data, tmp_path / save, task, **given)
        assert text.startswith(f"{data}/dict.txt: not the one {own} was trained with (other pieces or order)")


def test_resume_with_another_option_is_refused_or_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    train_here(monkeypatch, words(data, tmp_path / "run", "xmixup_sentence_pair", **ONE))
    last = tmp_path / "run" / "checkpoint_last.pt"
    before = last.read_bytes()
    changed = {"max_update": 2, "mixup_layer": 3, "lr": 0.01, "log_interval": 9}
    text = message(monkeypatch, data, tmp_path / "run", **changed)
    assert f"{last}: the run there has other options (--mixup-layer was 1, is 3; --lr was 0.0, is 0.01)" in text
    assert last.read_bytes() == before
    caplog.clear()
    caplog.set_level(logging.INFO, "xl_plugins.resuming")
    arguments = words(
        data, tmp_path / "run", "xmixup_sentence_pair", **{**ONE, **changed, "continue_with_changes": True}
    )
    train_here(monkeypatch, arguments)
    told = [r.getMessage() for r in caplog.records]
    assert f"continuing {last} with another option: --lr was 0.0, is 0.01" in told
    assert "--max-update was 1, is 2: the learning rates of the remaining updates follow the new length" in told
    assert load(last)["cfg"]["optimization"]["lr"] == [0.01]
    assert load(last)["optimizer_history"][-1]["num_updates"] == 2
    train_here(
        monkeypatch, words(data, tmp_path / "run", "xmixup_sentence_pair", **{**ONE, **changed, "max_update": 3})
    )


def test_resume_with_other_texts_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A data folder of another name but the same content is the same; other rows under the same name are not."""
    data = make_data(tmp_path / "data", train=8, valid=4)
    run = tmp_path / "run"
    train_here(monkeypatch, words(data, run, "xl_sentence_pair", **ONE))
    moved = data.rename(tmp_path / "moved")
    train_here(monkeypatch, words(moved, run, "xl_sentence_pair", **{**ONE, "max_update": 2}))
    other = make_data(tmp_path / "data", train=9, valid=4)
    text = message(monkeypatch, other, run, "xl_sentence_pair", max_update=3)
    assert "the training data of en was digest" in text


# -- the command itself --


def test_command_ends_with_one_line_and_status_two(tmp_path: Path, data: Path) -> None:
    bad = tmp_path / "model.pt"
    torch.save({"args": Namespace(), "model": {}, "x": Malicious(tmp_path / "pwned")}, bad)
    ended = train(data, tmp_path / "run", restore_file=bad, **ONE)
    last = ended.output.rstrip().splitlines()[-1]
    assert ended.code == 2 and last.startswith(f"fairseq-train: error: {bad}: refused"), ended.output[-2000:]
    assert "Traceback" not in ended.output
    assert not (tmp_path / "pwned").exists()


def test_missing_data_folder_ends_with_one_line(tmp_path: Path) -> None:
    ended = train(tmp_path / "nowhere", tmp_path / "run", **ONE)
    assert ended.code == 2 and "Traceback" not in ended.output, ended.output[-2000:]
    last = ended.output.rstrip().splitlines()[-1]
    assert last == f"fairseq-train: error: {tmp_path}/nowhere: no such data folder; make one with xl-prepare"
