"""Two views and a teacher in each problem: worked numbers, padding, rows that are left out."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from user_dir_tests.helpers.setups.views import CLASSES, PROBLEMS, make, make_batch, make_folders
from xl_plugins.functional.divergence import cross_entropy, span_cross_entropy
from xl_plugins.models.heads import WordHead
from xl_plugins.problems.base import Problem

START = (0, -1, -2, -2, 2, 0.5, 0, 1, -2), (0, -1, -2, -2, 1.5, 1, 1, -2)
END = (0, -1, -2, -2, 0, 0, 1, 2, -2), (0.5, -1, -2, -2, 0, 1, 2, -2)
TEACHER = (0, 0, -2, -2, 3, 0, 0, 0, -2), (0, 0, -2, -2, 0, 0, 0, 3, -2)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return make_folders(tmp_path_factory.mktemp("problems"))


def problem_of(folders: dict[str, Path], name: str) -> Problem:
    return make(folders, name).task.problem


def spans(starts: tuple, ends: tuple) -> Tensor:
    return torch.tensor([list(zip(starts, ends))], dtype=torch.float32, requires_grad=True)


def windows(pads: int = 0) -> dict:
    """The worked windows: question of one piece, context words of 1, 2, 1 pieces, the middle one cut into 1 in x'."""
    return {
        "id": torch.tensor([0]),
        "net_input": {"src_tokens": torch.tensor([[0, 9, 2, 2, 20, 21, 22, 23, 2] + [1] * pads])},
        "aligned": torch.tensor([[0, 4, 7]]),
        "second": {"src_tokens": torch.tensor([[0, 9, 2, 2, 20, 24, 23, 2]]), "aligned": torch.tensor([[0, 4, 6]])},
    }


# -- worked numbers --


def test_classes(folders: dict[str, Path]) -> None:
    assert {name: problem_of(folders, name).classes for name in PROBLEMS} == CLASSES


def test_worked_pair(folders: dict[str, Path]) -> None:
    problem = problem_of(folders, "sentence_pair")
    x = torch.tensor([[2.0, 0, -1], [0.5, 1.5, -0.5]])
    other, teacher = torch.tensor([[1.0, 1, 0], [0, 1, 0]]), torch.tensor([[3.0, 0, 0], [1, 2, -1]])
    rows = problem.consistency(x, other, {})
    torch.testing.assert_close(rows, torch.tensor([0.842952, 0.121911]), atol=1e-5, rtol=0)
    torch.testing.assert_close(
        problem.distillation(teacher, x, {}), torch.tensor([0.029645, 0.023475]), atol=1e-5, rtol=0
    )
    hard = problem.distillation(teacher, x, {}, hard=True)
    torch.testing.assert_close(hard, torch.tensor([0.169846, 0.407606]), atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    "pooling, ce, word, r1",
    [
        ("first", 1.148028, 0.684232, 0.076026),
        ("mean", 1.076286, 0.225110, 0.025012),
        ("sum", 0.992803, 0.509270, 0.056586),
    ],
)
def test_worked_words(folders: dict[str, Path], pooling: str, ce: float, word: float, r1: float) -> None:
    head = WordHead(2, 3, 0.0, pooling)
    head.out_proj.weight.data = torch.tensor([[1.0, 0], [0, 1], [1, -1]])
    head.out_proj.bias.data = torch.tensor([0.1, 0.2, 0.3])
    views = [[[1, 2], [3, 0], [2, 4], [0, 1]], [[1, 2], [2, 1], [3, 0], [1, 2], [0, 1]]]
    numbers = [[1, 2, 2, 3], [1, 2, 2, 2, 3]]
    first, second = (
        head(torch.tensor([states], dtype=torch.float32), torch.tensor([words]))
        for states, words in zip(views, numbers)
    )
    sample = {"net_input": {"words": torch.tensor(numbers[:1])}, "target": torch.tensor([[1, 0, 2]])}
    problem = problem_of(folders, "tagging")
    assert problem.loss(first, sample).sum().item() == pytest.approx(ce, abs=1e-5)
    value = problem.consistency(first, second, sample).sum().item()
    assert 3 * value == pytest.approx(word, abs=1e-5)  # the other two words are 0
    assert value / 3 == pytest.approx(r1, abs=1e-5)
    assert problem.distillation(second, first, sample).item() * 3 == pytest.approx(
        torch.nn.functional.kl_div(*(torch.log_softmax(x[0, 1], -1) for x in (first, second)), log_target=True,
                                   reduction="sum").item(), abs=1e-5)  # fmt: skip


def test_worked_window(folders: dict[str, Path]) -> None:
    problem, (first, second) = problem_of(folders, "qa"), (spans(START[v], END[v]) for v in (0, 1))
    value = problem.consistency(first, second, windows())
    assert value.tolist() == [pytest.approx(0.052645, abs=1e-5)]
    assert 5 * value.item() == pytest.approx(0.263226, abs=1e-5)
    teacher = spans(*TEACHER)
    assert problem.distillation(teacher, first, windows()).item() == pytest.approx(0.193150, abs=1e-5)
    labelled = {**windows(), "target": torch.tensor([[4, 7]])}
    assert problem.loss(first, labelled).item() == pytest.approx(0.653374, abs=1e-5)
    assert problem.distillation(teacher, first, windows(), hard=True).item() == pytest.approx(0.653374, abs=1e-5)


def test_worked_window_with_a_pad(folders: dict[str, Path]) -> None:
    problem, second = problem_of(folders, "qa"), spans(START[1], END[1])
    padded = spans((*START[0], 0), (*END[0], 0))
    for mask, expected in ((True, 0.052645), (False, 0.060266)):
        value = problem.consistency(padded, second, windows(pads=1), mask_padding=mask)
        assert value.item() == pytest.approx(expected, abs=1e-5)
    # R2 never counts padding, whatever stands there
    teacher = spans((*TEACHER[0], 50), (*TEACHER[1], 50))
    for hard, expected in ((False, 0.193150), (True, 0.653374)):
        value = problem.distillation(teacher, padded, windows(pads=1), hard)
        assert value.item() == pytest.approx(expected, abs=1e-5)


def test_hard_labels_of_ends_come_from_ends(folders: dict[str, Path]) -> None:
    problem, student = problem_of(folders, "qa"), spans(START[0], END[0])
    other = spans(TEACHER[0], TEACHER[0])
    right, wrong = (problem.distillation(t, student, windows(), hard=True).item() for t in (spans(*TEACHER), other))
    places = [torch.tensor([[4, 7]]), torch.tensor([[4, 4]])]
    padding = torch.zeros(1, 9, dtype=torch.bool)
    expected = [span_cross_entropy(student, padding, place).item() for place in places]
    assert [right, wrong] == [pytest.approx(value) for value in expected] and wrong > right + 0.5


# -- rows and words --


def test_sum_over_rows_is_rows_times_mean_over_words(folders: dict[str, Path]) -> None:
    """Sentences of different lengths; unlabelled words count, padding does not."""
    problem, sample = problem_of(folders, "tagging"), make_batch(folders, "tagging")
    words = sample["net_input"]["words"].max(dim=1).values
    assert len(set(words.tolist())) > 1
    first, second = torch.randn(2, 4, int(words.max()), 5, generator=torch.Generator().manual_seed(2))
    sample["target"] = torch.full_like(sample["target"], -100)
    pairs = [(first[r, w], second[r, w]) for r in range(4) for w in range(int(words[r]))]
    p, q = (torch.log_softmax(torch.stack(side), -1) for side in zip(*pairs))
    mean = ((p.exp() - q.exp()) * (p - q)).sum(dim=1).mean()
    value = problem.consistency(first, second, sample)
    assert value.shape == (4,) and value.sum().item() == pytest.approx(4 * mean.item(), rel=1e-5)
    mean = (p.exp() * (p - q)).sum(dim=1).mean().item()
    assert problem.distillation(first, second, sample).sum().item() == pytest.approx(4 * mean, rel=1e-5)
    mean = cross_entropy(q, p.argmax(dim=1)).mean().item()
    assert problem.distillation(first, second, sample, hard=True).sum().item() == pytest.approx(4 * mean, rel=1e-5)


def test_labelled_rows(folders: dict[str, Path]) -> None:
    for name in PROBLEMS:
        assert problem_of(folders, name).labelled(make_batch(folders, name)).tolist() == [True] * 4
    problem, sample = problem_of(folders, "tagging"), make_batch(folders, "tagging")
    sample["target"][1:3] = -100
    assert problem.labelled(sample).tolist() == [True, False, False, True]
    soft = torch.zeros(*sample["target"].shape, 5)
    soft[2, 0, 1] = 1
    assert problem.labelled({**sample, "soft": soft}).tolist() == [False, False, True, False]


@pytest.mark.parametrize("name", PROBLEMS)
def test_selected_rows_are_a_batch_of_their_own(folders: dict[str, Path], name: str) -> None:
    problem = problem_of(folders, name)
    ids = list(range(12))
    sample = make_batch(folders, name, ids=ids) | {"noise": torch.arange(12) > 5}
    lengths = sample["net_input"]["src_tokens"].ne(1).sum(dim=1)
    rows = lengths <= lengths.sort().values[4]
    found = problem.select_rows(sample, rows)
    alone = make_batch(folders, name, ids=[i for i in ids if rows[i]], change=0.0)
    for key, value in alone["net_input"].items():
        assert torch.equal(found["net_input"][key], value), key
    for key in ("id", "target", "language"):
        assert torch.equal(found[key], alone[key]), key
    assert found["noise"].tolist() == [i > 5 for i in ids if rows[i]]
    assert (found["nsentences"], found["ntokens"]) == (alone["nsentences"], alone["ntokens"])
    tokens, all_tokens = found["second"]["src_tokens"], sample["second"]["src_tokens"][rows]
    width = int(all_tokens.ne(1).sum(dim=1).max())
    assert torch.equal(tokens, all_tokens[:, :width]) and bool(all_tokens[:, width:].eq(1).all())
    if name == "qa":
        for side in (found, found["second"]):
            assert side["aligned"].max(dim=0).values.min() >= 0
    if name == "tagging":
        assert found["second"]["words"].shape == tokens.shape
        assert found["target"].size(1) == found["net_input"]["words"].max()


@pytest.mark.parametrize("name", PROBLEMS)
def test_distillation_of_some_rows(folders: dict[str, Path], name: str) -> None:
    """The student's outputs come from the whole batch, the teacher's from the selected rows."""
    problem, sample = problem_of(folders, name), make_batch(folders, name, ids=range(8))
    rows = torch.arange(8) < 3
    some = problem.select_rows(sample, rows)
    model = make(folders, name).model.eval()
    student = model(**sample["net_input"], classification_head_name=problem.head_name)[0]
    teacher = model(**some["net_input"], classification_head_name=problem.head_name)[0]
    for hard in (False, True):
        values = problem.distillation(teacher, student[rows], some, hard)
        expected = problem.distillation(teacher, teacher, some, hard)
        torch.testing.assert_close(values, expected, atol=1e-5, rtol=1e-5)
        assert values.shape == (3,) and (hard or values.abs().max() < 1e-6)
