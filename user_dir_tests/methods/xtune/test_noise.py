"""Gaussian noise as an augmentation: which views get it, that the teacher gets the same, and where gradients end."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from user_dir_tests.helpers.evaluation.checkpoints import checkpoint_state
from user_dir_tests.helpers.setups.views import PROBLEMS, make, make_batch, run
from user_dir_tests.helpers.toys.tiny import Setup
from xl_plugins.errors import UserError

R1 = {"r1_weight": 5.0, "second_view": "gn", "noise_eps": 0.5}


def noisy(folders: dict[str, Path], problem: str, first: bool = False, second: bool = True) -> dict:
    """The same tokens in both views; noise on the copies' x, on every x', or both."""
    sample = make_batch(folders, problem, change=0.0)
    return {
        **sample,
        "noise": sample["augmented"] & first,
        "second": {**sample["second"], "noise": torch.full((4,), second)},
    }


@pytest.mark.parametrize("problem", PROBLEMS)
def test_noise_is_what_the_views_differ_by(folders: dict[str, Path], problem: str) -> None:
    sample = noisy(folders, problem)
    loss, logged, _ = run(make(folders, problem, **R1), sample)
    plain = run(make(folders, problem), make_batch(folders, problem))[1]
    assert logged["r1"] > 0.01 and logged["ce_loss"] == pytest.approx(plain["ce_loss"], rel=1e-6)
    assert run(make(folders, problem, **R1), sample)[0] == loss
    for changed in ({"noise_eps": 0.0}, {"noise_type": "uniform"}, {"seed": 9}):
        other = run(make(folders, problem, **{**R1, **changed}), sample)[1]["r1"]
        assert (other == 0.0) == ("noise_eps" in changed) and other != logged["r1"]
    later = make(folders, problem, **R1)
    later.task.update_num = 4
    assert run(later, sample)[1]["r1"] != logged["r1"]
    none = noisy(folders, problem, second=False)
    assert run(make(folders, problem, **R1), none)[1]["r1"] == 0.0


def test_noised_copies_without_r1(folders: dict[str, Path]) -> None:
    """A is noise: the copies' x has it in plain training, the other rows do not."""
    setup = make(folders, "sentence_pair", augment="gn", noise_eps=0.5)
    sample = noisy(folders, "sentence_pair", first=True)
    del sample["second"]
    joined = setup.criterion.consistency.join(setup.model, sample)["net_input"]
    noise = joined["edit_embeddings"].noise
    moved = noise.abs().amax(dim=(1, 2))
    assert noise.shape == (*sample["net_input"]["src_tokens"].shape, 16)
    assert torch.equal(moved > 0, sample["augmented"]) and torch.equal(
        joined["src_tokens"], sample["net_input"]["src_tokens"]
    )
    assert run(setup, sample)[0] != run(make(folders, "sentence_pair"), make_batch(folders, "sentence_pair"))[0]


@pytest.mark.parametrize("scope", ["augmented", "all"])
@pytest.mark.parametrize("problem", PROBLEMS)
def test_the_teacher_gets_the_students_noise(
    folders: dict[str, Path], tmp_path: Path, problem: str, scope: str
) -> None:
    """Student equal to teacher: R2 is 0 only if both read the same noised input."""
    torch.save(checkpoint_state(make(folders, problem)), tmp_path / "t.pt")
    options = {"r2_weight": 1.0, "teacher": str(tmp_path / "t.pt"), "r2_scope": scope, "noise_eps": 0.5}
    sample = noisy(folders, problem, first=True)
    for r1 in (0.0, 5.0):
        setup = make(folders, problem, **options, augment="gn", second_view="gn", r1_weight=r1)
        assert run(setup, sample)[1]["r2"] == pytest.approx(0.0, abs=1e-5)
    clean = {**sample, "noise": torch.zeros(4, dtype=torch.bool)}
    teacher = setup.criterion.consistency.teach(setup.model, clean)
    assert (teacher - setup.criterion.consistency.teach(setup.model, sample)).abs().max() > 0.01


def test_both_views_and_all_rows_have_noise_of_their_own(folders: dict[str, Path]) -> None:
    setup: Setup = make(folders, "tagging", **R1, augment="gn")
    sample = noisy(folders, "tagging", first=True)
    sample["id"][3] = sample["id"][1]  # two chunks of one sentence
    noise = setup.criterion.consistency.join(setup.model, sample)["net_input"]["edit_embeddings"].noise
    rows = [noise[i] for i in (1, 3, 4, 5, 6, 7)]
    assert noise[[0, 2]].abs().max() == 0
    assert all(not torch.equal(a, b) for i, a in enumerate(rows) for b in rows[:i])
    assert torch.cat(rows).std().item() == pytest.approx(0.5, rel=0.1)


def test_noise_of_an_example_does_not_depend_on_its_batch(folders: dict[str, Path]) -> None:
    setup = make(folders, "tagging", **R1)
    whole = noisy(folders, "tagging")
    noise = setup.criterion.consistency.join(setup.model, whole)["net_input"]["edit_embeddings"].noise
    rows = torch.tensor([False, True, False, True])
    some = setup.task.problem.select_rows(whole, rows)
    alone = setup.criterion.consistency.join(setup.model, some)["net_input"]["edit_embeddings"].noise
    torch.testing.assert_close(alone[2:], noise[4:][rows][:, : alone.size(1)], atol=0, rtol=0)


def test_detached_noise_gives_second_views_no_gradient_into_embeddings(folders: dict[str, Path]) -> None:
    free, detached = (run(make(folders, "tagging", **R1, noise_detach=d), noisy(folders, "tagging")) for d in (0, 1))
    assert free[0] == detached[0]
    name = "encoder.sentence_encoder.embed_tokens.weight"
    assert (free[2][name] - detached[2][name]).abs().max() > 1e-4
    setup = make(folders, "tagging", **R1, noise_detach=True)
    sample = noisy(folders, "tagging")
    joined = setup.criterion.consistency.join(setup.model, sample)["net_input"]
    assert joined["edit_embeddings"].detach.tolist() == [False] * 4 + [True] * 4
    output, _ = setup.model(**joined, classification_head_name="tagging_head")
    setup.model.zero_grad()
    output[4:].square().sum().backward(retain_graph=True)
    assert setup.model.get_parameter(name).grad.abs().max() == 0
    output[:4].square().sum().backward()
    assert setup.model.get_parameter(name).grad.abs().max() > 0.01


@pytest.mark.parametrize(("option", "value"), [("augment", "gn"), ("second_view", "gn"), ("second_view", "ss")])
@pytest.mark.parametrize("problem", PROBLEMS)
def test_plain_criterion_refuses_what_it_does_not_read(
    folders: dict[str, Path], problem: str, option: str, value: str
) -> None:
    with pytest.raises(UserError, match=f"--{option.replace('_', '-')} {value}: xl_criterion does not read it"):
        make(folders, problem, criterion="xl_criterion", **{option: value})
    make(folders, problem, criterion="xl_criterion", augment="ss")  # copies alone are plain examples
