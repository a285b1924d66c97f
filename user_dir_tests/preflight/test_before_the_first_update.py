"""``fairseq-train`` itself: what cannot work ends before the first update, with the choices."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from user_dir_tests.helpers.running.training import train_here, words
from user_dir_tests.helpers.toys.toy import make_data
from xl_plugins.errors import UserError
from xl_plugins.preflight.metrics import logged_metrics

OPTIONS = {"max_update": 1, "batch_size": 4, "update_freq": 1, "no_save": True}
TASK = "xl_sentence_pair"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_data(tmp_path_factory.mktemp("preflight") / "data", train=8, valid=4)


def refused(monkeypatch: pytest.MonkeyPatch, data: Path, save: Path, task: str = TASK, **changed: object) -> str:
    monkeypatch.setattr("fairseq.trainer.Trainer.train_step", None)  # no update
    with pytest.raises(UserError) as error:
        train_here(monkeypatch, words(data, save, task, **{**OPTIONS, **changed}))
    return str(error.value)


@pytest.mark.parametrize("option, value", [("lr", "nan"), ("update_freq", "many"), ("lr", "1e-3;2")])
def test_lists_that_are_no_numbers(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: Path, option: str, value: str
) -> None:
    name = f"--{option.replace('_', '-')}"
    text = refused(monkeypatch, data, tmp_path, **{option: value})
    assert text == f"{name} {value}: expected a number, or several separated by commas"


def test_two_precisions(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: Path) -> None:
    assert refused(monkeypatch, data, tmp_path, fp16=True, bf16=True).startswith("--fp16 and --bf16: a run has one")


def test_ranges_are_checked_before_data_are_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    text = refused(monkeypatch, tmp_path / "nowhere", tmp_path / "run", clip_norm=-1)
    assert text == "--clip-norm -1.0: expected at least 0 and finite" and not (tmp_path / "run").exists()


@pytest.mark.parametrize("task", [TASK, "xmixup_sentence_pair"])
def test_metric_that_is_not_logged(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: Path, task: str) -> None:
    text = refused(monkeypatch, data, tmp_path, task, best_checkpoint_metric="acc_selct")
    start = (
        "--best-checkpoint-metric acc_selct: validation logs no such metric (did you mean acc_select?); choose one of"
    )
    assert text.startswith(f"{start} acc_select, acc, loss, ")


@pytest.mark.parametrize("task", [TASK, "xmixup_sentence_pair"])
def test_metrics_named_are_those_logged(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: Path, task: str) -> None:
    import fairseq_cli.train as host

    seen: list[set] = []
    real = host.get_valid_stats

    def noted(cfg, trainer, stats, tracking_best):  # type: ignore[no-untyped-def]
        seen.append(set(logged_metrics(trainer.task, trainer.criterion)) - set(stats))
        return real(cfg, trainer, stats, tracking_best)

    monkeypatch.setattr(host, "get_valid_stats", noted)
    train_here(monkeypatch, words(data, tmp_path, task, **OPTIONS))
    assert seen and not any(seen)


def test_no_dev_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: Path) -> None:
    copy = tmp_path / "data"
    shutil.copytree(data, copy)
    for path in copy.rglob("valid.*"):
        path.unlink()
    text = refused(monkeypatch, copy, tmp_path / "run")
    assert text == f"{copy}: has no dev data; prepare some, or pass --disable-validation"


def test_max_tokens_that_fit_no_example(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: Path) -> None:
    options = {"batch_size": None, "disable_validation": True}
    text = refused(monkeypatch, data, tmp_path, max_tokens=3, **options)
    start, longest = text.split(" positions; pass at least ")[0].rsplit(" ", 1)
    assert start == "--max-tokens 3: 8 of 8 examples are longer, the longest has"
    text = refused(monkeypatch, data, tmp_path, max_tokens=int(longest) - 1, **options)
    assert " of 8 examples are longer" in text and f"pass at least {longest}, or a smaller --max-length" in text


def test_random_weights_are_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    train_here(monkeypatch, words(data, tmp_path, TASK, **OPTIONS, disable_validation=True))
    assert [r.getMessage() for r in caplog.records if "random weights" in r.getMessage()] == [
        "--from-scratch: the encoder starts from random weights"
    ]


def test_random_weights_are_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: Path) -> None:
    text = refused(monkeypatch, data, tmp_path, from_scratch=None)
    assert text == (
        "--restore-file: not given, so that the encoder would start from random weights; name a pre-trained one (its"
        " folder, or model.pt), or pass --from-scratch"
    )
