"""Runs of SALT that must be equal: plain training at the ends, in parts, killed and resumed, on two ranks."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from user_dir_tests.helpers.running.training import load, same_parameters, train, train_here, two_ranks, words
from user_dir_tests.helpers.setups.salt import FIELDS, LANGUAGES, TASK, read_rows, run, small, updates
from user_dir_tests.helpers.toys.toy import write_rows

DROPOUT = {"dropout": 0.1, "attention_dropout": 0.1, "pooler_dropout": 0.1}
PROPORTIONAL = {"optimizer": "sgd", "lr": 0.05, "clip_norm": 0}  # see test_position_training


def repeated(folders: dict, root: Path, texts: list[str]) -> Path:
    """A folder of pairs whose English training text is that of several folders, one after the other."""
    data, problem = Path(shutil.copytree(folders["sentence_pair"], root)), "sentence_pair"
    for field in (*FIELDS[problem], "label"):
        sources = ["en"] * len(texts) if field == "label" else texts
        rows = []
        for text in sources:
            rows += read_rows(folders[problem], text, field)
        write_rows(data / "en" / field / "train", rows, 64)
    return data


@pytest.mark.parametrize("mix", ["constant:1", "none"])
@pytest.mark.parametrize("original", [False, True])
def test_plain_training_on_repetitions_or_on_counterparts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, folders: dict, mix: str, original: bool
) -> None:
    """The parameters bit by bit over two epochs, with dropout: r = 1 is the text four times, r = 0 the four files."""
    languages = list(LANGUAGES) + ["original"] * original
    texts = ["en" if mix != "none" or one == "original" else f"en/counterparts/{one}" for one in languages]
    data = repeated(folders, tmp_path / "data", texts)
    common = {**DROPOUT, "max_epoch": 2, "max_update": 9}
    salt = {"mix": mix, "include_original": original}
    one = run(monkeypatch, folders, "sentence_pair", tmp_path / "salt", **common, **salt)
    other = run(monkeypatch, folders, "sentence_pair", tmp_path / "plain", "xl_sentence_pair", data, **common)
    assert updates(one) == updates(other) > 6
    same_parameters(one, other)


def test_without_languages_it_is_plain_fine_tuning(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, folders: dict, problem: str
) -> None:
    common = {**DROPOUT, "disable_validation": None, "max_epoch": 2}
    one = run(monkeypatch, folders, problem, tmp_path / "salt", salt_langs="none", **common)
    other = run(monkeypatch, folders, problem, tmp_path / "plain", f"xl_{problem}", select="source-dev", **common)
    same_parameters(one, other)
    assert load(one)["extra_state"]["best"] == load(other)["extra_state"]["best"]


def test_accumulation_equals_a_big_batch(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, folders: dict) -> None:
    """All batches of an update take r of the same update."""
    files = {
        freq: run(
            monkeypatch, folders, "sentence_pair", tmp_path / str(freq), **PROPORTIONAL, max_length=32, max_update=5,
            batch_size=8 // freq, update_freq=freq,
        )
        for freq in (1, 2)
    }  # fmt: skip
    same_parameters(files[1], files[2], tolerance=1e-5)
    start = run(monkeypatch, folders, "sentence_pair", tmp_path / "start", max_update=1, lr=0.0)
    with pytest.raises(AssertionError):
        same_parameters(files[1], start, tolerance=1e-3)


@pytest.mark.slow
def test_killed_and_resumed_run_is_bit_identical(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, folders: dict, problem: str
) -> None:
    """SIGKILL in the middle of the second epoch; batches, r and dropout go on as if nothing had happened."""
    options = small(
        folders, problem, **DROPOUT, max_update=11, max_epoch=3, save_interval_updates=1, keep_interval_updates=1,
        no_epoch_checkpoints=True,
    )  # fmt: skip
    killed = train(folders[problem], tmp_path / "killed", TASK, env={"XL_DIE_BEFORE": 8}, **options)
    assert killed.killed, killed.output[-2000:]
    saved = load(tmp_path / "killed" / "checkpoint_last.pt")
    position = saved["extra_state"]["train_iterator"]
    assert updates(tmp_path / "killed" / "checkpoint_last.pt") == 7
    assert position["epoch"] == 2 and position["iterations_in_epoch"] > 0
    files = []
    for name in ("killed", "whole"):
        train_here(monkeypatch, words(folders[problem], tmp_path / name, TASK, **options))
        files.append(tmp_path / name / "checkpoint_last.pt")
    assert updates(files[0]) == updates(files[1]) == 11
    same_parameters(*files)
    one, other = (load(file)["last_optimizer_state"]["state"] for file in files)
    assert all(torch.equal(one[i][name], other[i][name]) for i in one for name in ("exp_avg", "exp_avg_sq"))


@pytest.mark.slow
@pytest.mark.parametrize("granularity", ["instance", "token"])
def test_two_ranks_equal_one_rank(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, folders: dict, problem: str, granularity: str
) -> None:
    """r belongs to the instance, not to the rank. One rank takes the same batches: word means of tagging are theirs."""
    options = small(
        folders, problem, **PROPORTIONAL, batch_size=3, mix_granularity=granularity, max_length=32,
        disable_validation=None,
    )  # fmt: skip
    two_ranks(folders[problem], tmp_path / "two", TASK, **options)
    train_here(monkeypatch, words(folders[problem], tmp_path / "one", TASK, **{**options, "update_freq": 2}))
    files = [tmp_path / name / "checkpoint_last.pt" for name in ("two", "one")]
    assert list(map(updates, files)) == [4, 4]
    same_parameters(*files, tolerance=1e-5)
    best = [load(file)["extra_state"]["best"] for file in files]
    assert best[0] == pytest.approx(best[1], abs=1e-6)
