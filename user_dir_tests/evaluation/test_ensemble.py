"""Averaged probabilities of several checkpoints, and members that do not belong together."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from user_dir_tests.helpers.evaluation.checkpoints import save_checkpoint
from user_dir_tests.helpers.toys.toy import make_data
from user_dir_tests.helpers.toys.toy_positions import make_qa, make_tagging
from xl_plugins.cli.evaluate import main
from xl_plugins.errors import UserError
from xl_plugins.evaluation.checkpoint import load_fine_tuned
from xl_plugins.evaluation.ensemble import check_same_outputs, predict_ensemble
from xl_plugins.problems.predicting import build_datasets, predict_languages

TASKS = {"pairs": "xl_sentence_pair", "tagging": "xl_tagging", "qa": "xl_qa"}


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("data")
    return {
        "pairs": make_data(root / "pairs", test=30),
        "tagging": make_tagging(root / "tagging", test=20),
        "qa": make_qa(root / "qa", test=20),
    }


@pytest.fixture(scope="module")
def paths(tmp_path_factory, data) -> dict[str, list[str]]:
    folder = tmp_path_factory.mktemp("runs")
    found: dict[str, list[str]] = {}
    windows = {"doc_stride": 8, "max_question_length": 6}
    for kind, task in TASKS.items():
        options = windows if kind == "qa" else {}
        for seed in (1, 2, 3):
            path = folder / f"{kind}{seed}" / "checkpoint_best.pt"
            save_checkpoint(path, data[kind], task, weights=seed, max_length=32, **options)
            found.setdefault(kind, []).append(str(path))
    return found


@pytest.mark.parametrize("kind", list(TASKS))
def test_mean_of_the_members_probabilities(paths, kind):
    alone = [predict_languages(load_fine_tuned(path)) for path in paths[kind]]
    members, found = predict_ensemble(paths[kind], load_fine_tuned)
    assert [member.path for member in members] == paths[kind]
    for lang, together in found.items():
        mean = np.mean([single[lang].values for single in alone], axis=0)
        np.testing.assert_allclose(together.values, mean, atol=1e-6)
        assert together.gold == alone[0][lang].gold and len(together.predicted) == len(alone[0][lang].predicted)
        problem = members[0].task.problem
        dataset = build_datasets(members[0], "test", [lang])[lang]
        assert together.predicted == problem.decode(dataset, together.values, together.sizes)
    assert any(found[lang].predicted != single[lang].predicted for single in alone for lang in found)


def test_one_member_alone_and_the_same_twice(paths):
    single = predict_languages(load_fine_tuned(paths["pairs"][0]))["de"]
    twice = predict_ensemble([paths["pairs"][0]] * 2, load_fine_tuned)[1]["de"]
    np.testing.assert_allclose(twice.values, single.values, atol=1e-7)
    assert twice.predicted == single.predicted


def test_members_must_predict_the_same_classes_of_the_same_pieces(paths, data, monkeypatch):
    first, other = (load_fine_tuned(path) for path in paths["pairs"][:2])
    check_same_outputs(first, other)
    with pytest.raises(UserError, match=r"differ in their problem \(sentence_pair and tagging\)"):
        check_same_outputs(first, load_fine_tuned(paths["tagging"][0]))
    monkeypatch.setitem(other.task.data_bin.__dict__, "labels", ["no", "yes", "maybe"])
    with pytest.raises(UserError, match=r"differ in their labels \(contradiction, .* and no, yes, maybe\)"):
        check_same_outputs(first, other)
    monkeypatch.undo()
    monkeypatch.setattr(other.task, "identity", lambda: {"dictionary_sha256": "x"})
    with pytest.raises(UserError, match="differ in their dictionary"):
        check_same_outputs(first, other)


def test_command(paths, data, tmp_path, capsys):
    call = [str(data["pairs"]), "--format", "tsv", "--output", str(tmp_path / "out"), "--path"]
    assert main([*call, *paths["pairs"], "--ensemble", "--task", "xnli", "--json", str(tmp_path / "e.json")]) == 0
    printed = capsys.readouterr()
    content = json.loads((tmp_path / "e.json").read_text())
    assert len(content["selection"]["members"]) == 3 and content["selection"]["description"].startswith("mean-dev over")
    assert printed.out.splitlines()[0] == "language\texamples\taccuracy" and printed.err.startswith("predictions: ")
    _, found = predict_ensemble(paths["pairs"], load_fine_tuned)
    assert (tmp_path / "out" / "xnli" / "test-de.tsv").read_text().splitlines() == found["de"].predicted
    for arguments, reason in (
        (paths["pairs"][:1], "--ensemble averages several checkpoints; give --path at least two"),
        (paths["pairs"][:1] * 2, "--ensemble: a checkpoint is given twice"),
        (paths["pairs"][:2], "test-en.tsv exists; pass --overwrite"),
    ):
        with pytest.raises(UserError, match=reason):
            main([*call, *arguments, "--ensemble", "--task", "xnli"])
