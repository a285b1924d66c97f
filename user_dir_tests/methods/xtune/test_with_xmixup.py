"""xTune's terms on X-Mixup's mixed stream, and what is left of either method when the other is switched off."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from user_dir_tests.helpers.setups.positions import draw_back_translation
from user_dir_tests.helpers.setups.views import CLASSES, PROBLEMS, make, make_batch, run
from user_dir_tests.helpers.toys.tiny import Setup, in_float64

TERMS = {"r1_weight": 5.0, "r2_weight": 2.0}
ONLY_TARGET = {"mixup_alpha": 0.0, "mse_weight": 0.0, "kl_weight": 0.0}


def outputs(setup: Setup, sample: dict, view: dict) -> torch.Tensor:
    """The mixed output of one view with the sample's chosen source text."""
    tokens = {name: view[name] for name in ("src_tokens", "words") if name in view}
    head = setup.task.problem.head_name
    return setup.model(**tokens, source_tokens=sample["source"], classification_head_name=head)[0]


@pytest.mark.parametrize("drawn", ["gold", "back-translation"])
@pytest.mark.parametrize("problem", PROBLEMS)
def test_terms_compare_mixed_targets(
    folders: dict[str, Path], teachers: dict[str, str], problem: str, drawn: str
) -> None:
    """x' is mixed with the text that x is mixed with; all else is X-Mixup's loss."""
    sample = make_batch(folders, problem, "xmixup")
    plain, setup = (
        make(folders, problem, "xmixup", **options) for options in ({}, {**TERMS, "teacher": teachers[problem]})
    )
    for each in (plain, setup):
        in_float64(each.model)
        if drawn == "back-translation":
            draw_back_translation(each)
    without, logged_without, _ = run(plain, sample)
    loss, logged, _ = run(setup, sample)
    chosen, part = setup.task.choose_source(sample).sample, setup.task.problem
    first, second = (outputs(setup, chosen, view) for view in (sample["net_input"], sample["second"]))
    r1 = part.consistency(first, second, sample).sum().item() / CLASSES[problem]
    assert logged["r1"] == pytest.approx(r1, rel=1e-9) and r1 > 0.01 and logged["r2"] > 0.01
    teacher = setup.criterion.consistency.teach(setup.model, sample)
    rows = part.distillation(teacher, first, sample).detach()
    if problem != "tagging":  # there the mean is over words
        r2 = 2 * rows[sample["augmented"]].sum().item() / CLASSES[problem]
        assert logged["r2"] == pytest.approx(r2, rel=1e-9)
    assert loss == pytest.approx(without + 5 * logged["r1"] + 2 * logged["r2"], rel=1e-9)
    assert {"r1", "r2"} == logged.keys() - logged_without.keys()
    for name, value in logged_without.items():
        if name != "loss":
            assert logged[name] == pytest.approx(value, rel=1e-9), name


@pytest.mark.parametrize("problem", PROBLEMS)
def test_weights_of_zero_are_xmixup(folders: dict[str, Path], problem: str) -> None:
    """The model runs on the very batch, so the whole path is the same."""
    setup = make(folders, problem, "xmixup", second_view="ss", augment="ss")
    sample, consistency = make_batch(folders, problem, "xmixup"), setup.criterion.consistency
    assert consistency.join(setup.model, sample) is sample
    output = torch.zeros(2)
    assert consistency.split(output, sample)[0] is output and consistency.terms(setup.model, output, None, sample) == {}
    results = [run(s, b) for s, b in (
        (setup, sample),
        (make(folders, problem, "xmixup"), {k: v for k, v in sample.items() if k not in ("second", "augmented")}),
    )]  # fmt: skip
    assert results[0][:2] == results[1][:2]
    assert all(torch.equal(value, results[1][2][name]) for name, value in results[0][2].items())


@pytest.mark.parametrize("problem", PROBLEMS)
def test_without_mixup_and_source_terms_only_xtune_remains(
    folders: dict[str, Path], teachers: dict[str, str], problem: str
) -> None:
    gold = {"target_labels": "gold"} if problem == "tagging" else {}
    options = {**TERMS, "teacher": teachers[problem], **gold}
    mixup = make(folders, problem, "xmixup", no_mixup=True, **ONLY_TARGET, **options)
    xtune = make(folders, problem, **options)
    mixup.model.load_state_dict(xtune.model.state_dict())
    sample = make_batch(folders, problem, "xmixup", **gold)
    for setup in (mixup, xtune):
        in_float64(setup.model)
    (loss, logged, grads), (other, others, other_grads) = run(xtune, sample), run(mixup, sample)
    assert other == pytest.approx(loss, rel=1e-12) and logged["r1"] > 0.01 and logged["r2"] > 0.01
    for name in ("loss", "r1", "r2", "_correct", "_count", "_view_words"):
        assert others[name] == pytest.approx(logged[name], rel=1e-12), name
    assert others["target_loss"] == pytest.approx(logged["ce_loss"], rel=1e-12)
    for name, value in grads.items():
        torch.testing.assert_close(other_grads[name], value, atol=1e-11, rtol=1e-9, msg=name)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_lambda_of_zero_differs_from_xtune_by_a_second_norm(
    folders: dict[str, Path], teachers: dict[str, str], problem: str
) -> None:
    """With lambda_0 = 0 nothing of the source reaches the target, yet layer m normalises its attention states twice:
    z = LN(a_T), where a_T is the output of the same norm. The terms are therefore not xTune's, except where that norm
    does not change what it has normalised: with gain 1 and bias 0, up to its epsilon."""
    gold = {"target_labels": "gold"} if problem == "tagging" else {}
    options = {**TERMS, "teacher": teachers[problem], **gold}
    sample = make_batch(folders, problem, "xmixup", **gold)
    for neutral in (False, True):
        mixup = make(folders, problem, "xmixup", mixup_ratio="constant", mixup_lambda0=0.0, **ONLY_TARGET, **options)
        xtune = make(folders, problem, **options)
        mixup.model.load_state_dict(xtune.model.state_dict())
        for setup in (mixup, xtune):
            norm = setup.model.encoder.sentence_encoder.layers[1].self_attn_layer_norm  # m = 2
            if neutral:
                norm.weight.data.fill_(1.0), norm.bias.data.zero_()
        ours, theirs = run(mixup, sample)[1], run(xtune, sample)[1]
        for name in ("r1", "r2"):
            near = ours[name] == pytest.approx(theirs[name], rel=1e-3)
            assert near == neutral, (name, ours[name], theirs[name])


def test_noise_reaches_the_mixed_target(folders: dict[str, Path]) -> None:
    setup = make(folders, "tagging", "xmixup", r1_weight=5.0, second_view="gn", noise_eps=0.5)
    sample = make_batch(folders, "tagging", "xmixup", change=0.0)
    quiet = {**sample, "noise": torch.zeros(4, dtype=torch.bool)}
    noise = torch.zeros(4, dtype=torch.bool)
    assert run(setup, {**quiet, "second": {**sample["second"], "noise": noise}})[1]["r1"] == pytest.approx(0, abs=1e-5)
    assert run(setup, {**quiet, "second": {**sample["second"], "noise": ~noise}})[1]["r1"] > 0.01
