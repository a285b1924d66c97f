"""Checkpoints that fairseq-train wrote: evaluation repeats the dev scores of training."""

from __future__ import annotations

import pytest

from user_dir_tests.helpers.toys.tiny import arguments
from user_dir_tests.helpers.toys.toy import make_data
from xl_plugins.evaluation.checkpoint import load_fine_tuned
from xl_plugins.evaluation.scoring import score_predictions
from xl_plugins.functional.scores.metrics import macro_mean
from xl_plugins.problems.predicting import predict_languages

RUNS = [
    ("xmixup_sentence_pair", "mean-dev", "", ["de", "en", "fr"]),
    ("xl_sentence_pair", "source-dev", "", ["en"]),
    ("xmixup_sentence_pair", "target-dev", "fr", ["fr"]),
]


@pytest.mark.slow
@pytest.mark.parametrize(("task", "protocol", "listed", "selected"), RUNS)
def test_dev_scores_of_training_are_repeated(task, protocol, listed, selected, run_python, repo, tmp_path):
    data, save = make_data(tmp_path / "toy", train=60, valid=41), tmp_path / "run"
    options = {
        "select": protocol, "select_languages": listed, "save_dir": save, "user_dir": repo / "xl_plugins",
        "lr": 0.1, "max_epoch": 4, "num_workers": 0, "update_freq": 1, "log_format": "simple",
    }  # fmt: skip
    done = run_python("-m", "fairseq_cli.train", *arguments(data, task, **options))
    assert done.code == 0, done.err[-2000:]
    scores = set()
    for name in ("checkpoint1", "checkpoint2", "checkpoint3", "checkpoint4", "checkpoint_best", "checkpoint_last"):
        tuned = load_fine_tuned(str(save / f"{name}.pt"))
        result = score_predictions(tuned, predict_languages(tuned, "valid"), "valid", name, "toy")
        assert tuned.selection.protocol == protocol and tuned.selection.languages == selected
        mean = macro_mean({lang: result.scores[lang] for lang in selected})
        assert mean == pytest.approx(tuned.selection.score, abs=0.01)
        scores.add(round(mean, 2))
        if name == "checkpoint_best":
            assert tuned.selection.score == tuned.selection.best
    assert len(scores) > 1  # else the comparison would say little
