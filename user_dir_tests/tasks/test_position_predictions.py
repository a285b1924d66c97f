"""Predictions and validation counters of tagging and question answering do not depend on the batches."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from fairseq.logging import metrics
from torch import Tensor

from user_dir_tests.helpers.setups.positions import PROBLEMS, make, make_folders
from user_dir_tests.helpers.toys.tiny import Setup, batch
from xl_plugins.functional.scores.answers import em_f1

ABLATIONS: list[dict] = [{}, {"mixup_ratio": "constant"}, {"no_mixup": True}, {"no_mixup_inference": True}]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return make_folders(tmp_path_factory.mktemp("predictions"))


def evaluating(folders: dict[str, Path], problem: str, method: str = "xmixup", **options: object) -> Setup:
    """In evaluation long sentences are several rows, like the windows of questions."""
    setup = make(folders, problem, method, **{**({"max_length": 11} if problem == "tagging" else {}), **options})
    setup.model.eval(), setup.criterion.eval()
    return setup


@pytest.mark.parametrize("problem", PROBLEMS)
def test_prediction_without_mixup_inference_is_the_plain_models(folders: dict[str, Path], problem: str) -> None:
    ours = evaluating(folders, problem, no_mixup_inference=True)
    plain = evaluating(folders, problem, "xl")
    plain.model.load_state_dict({k: v for k, v in ours.model.state_dict().items() if "mixup_gate" not in k})
    sample = batch(ours, list(range(12)), "valid")
    assert "source" not in sample
    with torch.no_grad():
        one, other = (s.task.predict(s.model, sample)[0] for s in (ours, plain))
    torch.testing.assert_close(one, other, atol=0, rtol=0)


def predictions(setup: Setup, batches: list[list[int]], split: str = "valid") -> dict[int, Tensor]:
    """Values of every unit."""
    found = {}
    for ids in batches:
        sample = batch(setup, ids, split)
        with torch.no_grad():
            values, sizes = setup.task.predict(setup.model, sample)
        assert values.dtype == torch.float32 and sizes.tolist() and int(sizes.sum()) == len(values)
        found |= dict(zip(sample["unit"].tolist(), values.split(sizes.tolist())))
    return found


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("method, options", [("xl", {}), *(("xmixup", o) for o in ABLATIONS)], ids=str)
def test_predictions_do_not_depend_on_the_batch(
    folders: dict[str, Path], problem: str, method: str, options: dict
) -> None:
    setup = evaluating(folders, problem, method, **options)
    count = len(setup.task.load_dataset("valid"))
    together = predictions(setup, [list(range(count))])
    order = np.random.default_rng(3).permutation(count).tolist()
    for batches in ([[i] for i in range(count)], [order[at : at + 5] for at in range(0, count, 5)], [order]):
        found = predictions(setup, batches)
        assert found.keys() == together.keys()
        for unit, values in together.items():
            torch.testing.assert_close(found[unit], values, atol=3e-6, rtol=1e-4)
    dataset = setup.task.datasets["valid"]
    assert max(len(dataset[i]["rows"]) for i in range(count)) >= 2, "some unit has several rows"


@pytest.mark.parametrize("problem", PROBLEMS)
def test_sizes_and_sums_of_predictions(folders: dict[str, Path], problem: str) -> None:
    """Tagging: probabilities of every original word; answers: of every context position of all windows."""
    setup = evaluating(folders, problem)
    for unit, values in predictions(setup, [[9, 2, 17, 0]], "valid").items():
        part, row = setup.task.datasets["valid"].locate(unit)
        if problem == "tagging":
            assert values.shape == (part.target.word_counts[row], 5)
            torch.testing.assert_close(values.sum(dim=1), torch.ones(len(values)), atol=1e-5, rtol=0)
        else:
            windows = [part.target.window(row, n)[1] for n in range(int(part.target.window_counts[row]))]
            assert values.shape == (sum(windows), 2)
            torch.testing.assert_close(values.sum(dim=0), torch.ones(2), atol=1e-5, rtol=0)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_predictions_do_not_depend_on_gold(folders: dict[str, Path], problem: str) -> None:
    setup = evaluating(folders, problem)
    sample = batch(setup, [0, 5, 9], "test")
    with torch.no_grad():
        first, _ = setup.task.predict(setup.model, sample)
        sample["target"] = torch.zeros_like(sample["target"])
        sample["raw"] = None
        assert torch.equal(setup.task.predict(setup.model, sample)[0], first)


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("method", ["xl", "xmixup"])
def test_validation_counters_add_up_over_batches(folders: dict[str, Path], problem: str, method: str) -> None:
    setup = evaluating(folders, problem, method)
    count = len(setup.task.load_dataset("valid"))

    def logged(ids: list[int]) -> dict[str, float]:
        with torch.no_grad():
            out = setup.criterion(setup.model, batch(setup, ids, "valid"))[2]
        return {name: float(value) for name, value in out.items() if name.startswith("_")}

    whole = logged(list(range(count)))
    order = np.random.default_rng(5).permutation(count).tolist()
    parts = [logged(order[at : at + 7]) for at in range(0, count, 7)]
    names = setup.task.problem.counter_names
    assert whole.keys() == {f"_{name}_{lang}" for name in names for lang in setup.task.languages}
    for name, value in whole.items():
        assert sum(part[name] for part in parts) == pytest.approx(value, abs=1e-9), name
    counted = sum(whole[f"_{names[-1]}_{lang}"] for lang in setup.task.languages)
    dataset = setup.task.datasets["valid"]
    words = sum(len(label) for i in range(count) for label in dataset[i]["labels"])
    assert counted == (count if problem == "qa" else words)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_counters_are_those_of_the_decoded_predictions(folders: dict[str, Path], problem: str) -> None:
    """One language: decode() of predict()'s values against gold() gives the score that selects checkpoints."""
    setup = evaluating(folders, problem, valid_languages="de")
    dataset = setup.task.load_dataset("valid")
    values = predictions(setup, [[3, 1, 0, 2], [7, 6, 5, 4]])
    flat = np.concatenate([values[i].numpy() for i in range(8)])
    found = setup.task.problem.decode(dataset, flat, np.array([len(values[i]) for i in range(8)]))
    gold = setup.task.problem.gold(dataset)
    with torch.no_grad():
        logged = setup.criterion(setup.model, batch(setup, list(range(8)), "valid"))[2]
    if problem == "tagging":
        assert [len(tags) for tags in found] == [len(tags) for tags in gold]
        assert logged["_correct_de"] == sum(a == b for x, y in zip(found, gold) for a, b in zip(x, y))
    else:
        scores = [em_f1(answer, golds) for answer, golds in zip(found, gold)]
        assert logged["_f1_sum_de"] == pytest.approx(sum(f for _, f in scores)) and logged["_questions_de"] == 8
        assert logged["_exact_de"] == sum(e for e, _ in scores)
        assert setup.task.problem.keys(dataset) == [f"q{i}" for i in range(8)]
    counted = setup.task.problem.test_counters("de", gold, found).sum(axis=0)
    assert [logged[f"_{name}_de"] for name in setup.task.problem.counter_names] == pytest.approx(counted.tolist())
    metrics.reset()
    with metrics.aggregate() as meters:
        setup.task.reduce_metrics([logged], setup.criterion)
    smoothed = meters.get_smoothed_values()
    select = {"tagging": "f1_select", "qa": "avg_select"}[problem]
    assert smoothed[select] == smoothed[f"{select.removesuffix('_select')}_de"]
    if problem == "qa":
        assert smoothed["avg_select"] == pytest.approx(100 * sum(e + f for e, f in scores) / 16)
