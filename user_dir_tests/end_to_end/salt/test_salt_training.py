"""SALT through ``fairseq-train``: what is saved, what every option changes, evaluation."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
import torch

from user_dir_tests.helpers.running.training import load, same_parameters, train
from user_dir_tests.helpers.setups.salt import FIELDS, LANGUAGES, TASK, read_rows, run, small, updates
from xl_plugins.cli.evaluate import main as evaluate
from xl_plugins.evaluation.checkpoint import load_fine_tuned
from xl_plugins.evaluation.scoring import score_predictions
from xl_plugins.problems.predicting import predict_languages

PROPORTIONAL = {"optimizer": "sgd", "lr": 0.05, "clip_norm": 0}  # see test_position_training
HEADS = {"sentence_pair": "classification_heads.sentence_classification_head", "tagging": "position_heads.tagging_head"}
EMBEDDINGS = "encoder.sentence_encoder.embed_tokens.weight"


# -- what a run does --


def test_two_updates_from_a_pretrained_model(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, folders: dict, problem: str
) -> None:
    """Embeddings of the pieces of the text and of the counterparts, of all 24 instances, have moved, and no others."""
    options = {"batch_size": 40, "max_length": 32, "max_update": 2, "disable_validation": None}
    last = run(monkeypatch, folders, problem, tmp_path / "run", **options)
    start = run(monkeypatch, folders, problem, tmp_path / "start", **{**options, "lr": 0.0})
    saved, before = load(last), load(start)["model"]
    assert updates(last) == 2 and saved["extra_state"]["train_iterator"]["epoch"] == 3
    assert 0 <= saved["extra_state"]["best"] <= 100 and (tmp_path / "run" / "checkpoint_best.pt").is_file()
    task = saved["cfg"]["task"]
    assert (task["_name"], task["salt_langs"], task["mix"]) == (TASK, ",".join(LANGUAGES), "uniform")
    assert saved["task_state"]["problem"] == problem and saved["task_state"]["select_languages"] == ["en"]
    changed = {name for name, value in saved["model"].items() if not torch.equal(value, before[name])}
    assert {f"{HEADS[problem]}.out_proj.{kind}" for kind in ("weight", "bias")} <= changed
    assert all(torch.isfinite(value).all() for value in saved["model"].values())
    archive = load(folders[problem].parent / f"{problem}.pt")["model"][EMBEDDINGS.replace("encoder", "decoder", 1)]
    assert torch.equal(before[EMBEDDINGS], archive)
    moved = (saved["model"][EMBEDDINGS] != archive).any(dim=1).nonzero()[:, 0].tolist()
    folder = folders[problem]
    texts = [f"en/counterparts/{lang}" for lang in LANGUAGES] + ["en"]
    seen = {p for text in texts for field in FIELDS[problem] for row in read_rows(folder, text, field) for p in row}
    assert set(moved) == {0, 2} | seen and 1 not in moved
    assert {p for field in FIELDS[problem] for row in read_rows(folder, "en", field) for p in row} < seen


def test_every_option_reaches_the_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, folders: dict) -> None:
    given: dict[str, dict] = {
        "uniform": {}, "none": {"mix": "none"}, "constant": {"mix": "constant:0.5"}, "seed": {"seed": 2},
        "token": {"mix_granularity": "token"}, "scalar": {"mix_granularity": "scalar"}, "en": {"salt_langs": "en"},
        "originals": {"include_original": True}, "plain": {"salt_langs": "none"},
    }  # fmt: skip
    common = {**PROPORTIONAL, "max_update": 2}
    files = [
        run(monkeypatch, folders, "sentence_pair", tmp_path / name, **common, **options)
        for name, options in given.items()
    ]
    for number, one in enumerate(files):
        for other in files[:number]:
            with pytest.raises(AssertionError, match="differ by"):
                same_parameters(one, other)


@pytest.mark.slow
def test_log_counts_the_copies(tmp_path: Path, folders: dict) -> None:
    """The real command in a process of its own, with a data worker; one epoch is over all copies."""
    options = small(
        folders, "sentence_pair", disable_validation=None, max_update=None, num_workers=1, batch_size=4, verbose=True
    )
    ended = train(folders["sentence_pair"], tmp_path / "run", TASK, **options)
    assert ended.code == 0, ended.output[-3000:]
    assert "loaded train: 24 examples of 1 languages" in ended.output
    assert "loaded valid: 18 examples of 3 languages" in ended.output and "was made with" not in ended.output
    validation = next(line for line in ended.output.splitlines() if "valid on 'valid' subset" in line)
    scores = dict(re.findall(r"\b(acc\w*) ([\d.]+)", validation))
    assert scores["acc_select"] == scores["acc_en"] and scores.keys() >= {"acc_de", "acc_fr"}
    assert 6 <= updates(tmp_path / "run" / "checkpoint_last.pt") <= 8  # batches keep to lengths of one bucket


# -- evaluation --


def test_checkpoints_are_evaluated_without_counterparts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, folders: dict, problem: str
) -> None:
    """``xl-evaluate`` on a folder that has test data only; dev scores are those of training."""
    save = tmp_path / "run"
    run(monkeypatch, folders, problem, save, disable_validation=None, lr=0.03, max_epoch=2, max_update=None)
    best = save / "checkpoint_best.pt"
    tuned = load_fine_tuned(str(best))
    result = score_predictions(tuned, predict_languages(tuned, "valid"), "valid", "x", "toy")
    assert result.scores["en"] == pytest.approx(tuned.selection.score, abs=0.01)
    assert tuned.selection.protocol == "source-dev" and tuned.selection.languages == ["en"]
    data = Path(shutil.copytree(folders[problem], tmp_path / "data"))
    shutil.rmtree(data / "en" / "counterparts")
    for path in data.glob("*/*/train.*"):
        path.unlink()
    name = "xnli" if problem == "sentence_pair" else "panx"
    assert evaluate([str(data), "--path", str(best), "--task", name, "--json", str(tmp_path / "a.json")]) == 0
    scores = json.loads((tmp_path / "a.json").read_text())
    assert scores["inference"]["mode"] == "plain"
    if problem == "sentence_pair":
        call = [str(data), "--path", str(best), "--task", name, "--generalised", "--json", str(tmp_path / "b.json")]
        assert evaluate(call) == 0
        matrix = json.loads((tmp_path / "b.json").read_text())
        assert matrix["languages"] == ["en", "de", "fr"] and set(matrix["accuracy"]["de"]) == {"en", "de", "fr"}
        assert matrix["axes"] == ["premise", "hypothesis"]
