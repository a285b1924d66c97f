"""Predictions, counters and logged accuracies of sentence-pair classification."""

from __future__ import annotations

from argparse import Namespace

import pytest
import torch
from fairseq.logging import metrics

from user_dir_tests.helpers.toys.toy import make_data
from xl_plugins.data.binary.layout import DataBin
from xl_plugins.problems.sentence_pair.problem import SentencePair


@pytest.fixture(scope="module")
def problem(tmp_path_factory: pytest.TempPathFactory) -> SentencePair:
    data = DataBin(make_data(tmp_path_factory.mktemp("problem") / "data", train=2, valid=2, test=2))
    return SentencePair(data, Namespace(max_length=32))


SOURCE, TARGET = torch.tensor([[6.0, -1, -6]]), torch.tensor([[-5.0, 6, 6]])


def test_worked_averages(problem: SentencePair) -> None:
    p = problem.combine(SOURCE, TARGET, "prob")
    torch.testing.assert_close(p, torch.tensor([[0.499546, 0.250453, 0.250001]]), atol=6e-7, rtol=0)
    q = problem.combine(SOURCE, TARGET, "logit")
    torch.testing.assert_close(q, torch.tensor([[0.111166, 0.821409, 0.067425]]), atol=6e-7, rtol=0)
    assert (p.argmax().item(), q.argmax().item()) == (0, 1)


def test_counters_per_language(problem: SentencePair) -> None:
    p = torch.eye(3)[[0, 1, 2, 0, 1]]
    sample = {"target": torch.tensor([0, 1, 0, 0, 2]), "unit_language": torch.tensor([0, 2, 2, 2, 0])}
    counters = problem.counters(p, torch.ones(5, dtype=torch.int64), sample, ["de", "en", "fr"])
    assert counters == {
        "_correct_de": 1,
        "_correct_en": 0,
        "_correct_fr": 2,
        "_count_de": 2,
        "_count_en": 0,
        "_count_fr": 3,
    }
    training = problem.count_training(p, sample)
    assert int(training["_correct"]) == 3 and training["_count"] == 5


def reduced(problem: SentencePair, outputs: list[dict], languages: list[str], selected: list[str]) -> dict:
    with metrics.aggregate(new_root=True) as meters:
        for output in outputs:
            problem.reduce_metrics([output], languages, selected)
    return dict(meters.get_smoothed_values())


def test_accuracies_in_percent(problem: SentencePair) -> None:
    """Macro mean: every language weighs the same, whatever its size; sums run over batches."""
    outputs = [
        {
            "_correct_de": 1.0,
            "_count_de": 2.0,
            "_correct_en": 1.0,
            "_count_en": 1.0,
            "_correct_fr": 0.0,
            "_count_fr": 0.0,
        },
        {
            "_correct_de": 0.0,
            "_count_de": 2.0,
            "_correct_en": 2.0,
            "_count_en": 9.0,
            "_correct_fr": 0.0,
            "_count_fr": 5.0,
        },
    ]
    values = reduced(problem, outputs, ["de", "en", "fr"], ["en", "fr"])
    assert values == pytest.approx({"acc_de": 25.0, "acc_en": 30.0, "acc_fr": 0.0, "acc": 55 / 3, "acc_select": 15.0})


def test_accuracy_of_ranks_is_summed(problem: SentencePair) -> None:
    ranks = [{"_correct": 3, "_count": 4}, {"_correct": torch.tensor(1), "_count": 4}]
    with metrics.aggregate(new_root=True) as meters:
        problem.reduce_metrics(ranks, ["en"], ["en"])
    assert dict(meters.get_smoothed_values()) == {"acc": 50.0}
