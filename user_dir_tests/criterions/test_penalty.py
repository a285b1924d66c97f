"""The confidence penalty: worked numbers, what it is a mean over, and what remains at weight 0."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from user_dir_tests.helpers.running.training import load, same_parameters, train_here, words
from user_dir_tests.helpers.setups.views import PAD, make, make_batch, make_folders, run
from user_dir_tests.helpers.toys.tiny import batch, build, parse
from xl_plugins.errors import UserError

PROBLEMS = ["sentence_pair", "tagging"]
PLAIN = {"criterion": "xl_criterion"}
RUN = {"arch": "xl_xlmr", "batch_size": 8, "update_freq": 1, "max_update": 2, "max_epoch": 9, "lr": 1e-3}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return make_folders(tmp_path_factory.mktemp("penalty"))


# -- worked numbers --


class Fixed(nn.Module):
    """A sentence of three words, each one token, or a batch of two pairs; <s> and </s> have uniform predictions."""

    def __init__(self, pairs: bool) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.tensor([[2.0, 0, -1], [0, 0, 0], [1, 1, 3]]))
        self.pairs = pairs

    def forward(self, src_tokens: Tensor, token_logits: bool = False, **_: object) -> tuple[Tensor, dict]:
        if self.pairs:
            return self.logits[:2], {}
        return self.logits[None], ({"token_logits": self.logits[None]} if token_logits else {})


def worked(folders: dict[str, Path], problem: str, **options: object) -> tuple[dict[str, float], Tensor]:
    """Logged values of the worked units, and the gradients of their logits, per row of the batch."""
    setup, model = make(folders, problem, **PLAIN, conf_penalty=1.0, **options), Fixed(problem == "sentence_pair")
    size = 2 if model.pairs else 1
    sample = {
        "id": torch.arange(size), "nsentences": size, "ntokens": 6,
        "target": torch.tensor([0, 1] if model.pairs else [[0, 1, -100]]),
        "net_input": {"src_tokens": torch.tensor([[5, 6, 7]] * size)},
    }  # fmt: skip
    loss, _, logged = setup.criterion(model, sample)
    loss.backward()
    assert loss.item() == logged["loss"].item()
    return {name: logged[name].item() / size for name in ("loss", "ce", "penalty")}, model.logits.grad / size


@pytest.mark.parametrize("problem", PROBLEMS)
def test_worked_units(folders: dict[str, Path], problem: str) -> None:
    values, grad = worked(folders, problem)
    assert values == pytest.approx({"ce": 0.634229, "penalty": -0.811439, "loss": -0.177210}, abs=1e-6)
    expected = [[0.071426, -0.036861, -0.034565], [0.166667, -0.333333, 0.166667], [0, 0, 0]]
    torch.testing.assert_close(grad, torch.tensor(expected), atol=1e-6, rtol=0)


def test_worked_tokens(folders: dict[str, Path]) -> None:
    """Over all positions the unlabelled word counts too."""
    values, grad = worked(folders, "tagging", conf_penalty_positions="all")
    assert values == pytest.approx({"ce": 0.634229, "penalty": -0.762817, "loss": -0.128588}, abs=1e-6)
    assert grad[2].abs().max() > 0.05 and grad[1].tolist() == pytest.approx([1 / 6, -1 / 3, 1 / 6], abs=1e-6)


# -- real models --


def entropy(logits: Tensor) -> float:
    p = torch.softmax(logits.double(), -1)
    return float(-(p * p.log()).sum())


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("weight", [1.0, 0.3])
def test_penalty_is_the_mean_entropy_of_units(folders: dict[str, Path], problem: str, weight: float) -> None:
    setup, sample = make(folders, problem, **PLAIN, conf_penalty=weight), make_batch(folders, problem)
    if problem == "tagging":
        sample["target"][2] = -100  # a sentence without labels, in which nothing counts
    rows = 4 if problem == "sentence_pair" else 3
    loss, logged, _ = run(setup, sample)
    output = setup.model(**sample["net_input"], classification_head_name=setup.task.problem.head_name)[0].detach()
    units = list(output) if problem == "sentence_pair" else list(output[sample["target"] != -100])
    mean = sum(entropy(unit) for unit in units) / len(units)
    assert logged["penalty"] == pytest.approx(-rows * mean, rel=1e-5)
    assert logged["ce"] == pytest.approx(setup.task.problem.loss(output, sample).sum().item(), rel=1e-6)
    assert loss == logged["loss"] == pytest.approx(logged["ce"] - weight * rows * mean, rel=1e-5)


def test_penalty_of_all_positions(folders: dict[str, Path]) -> None:
    """<s>, </s> and continuing pieces count, padding does not; labels do not matter."""
    setup = make(folders, "tagging", **PLAIN, conf_penalty=1.0, conf_penalty_positions="all")
    sample = make_batch(folders, "tagging")
    sample["target"][2] = -100
    tokens, head = sample["net_input"]["src_tokens"], setup.model.position_heads["tagging_head"]
    states = setup.model.encoder.extract_features(tokens)[0]
    positions = [head.out_proj(states[i, t]).detach() for i, t in (tokens != PAD).nonzero().tolist()]
    assert len(positions) < tokens.numel()
    _, logged, _ = run(setup, sample)
    mean = sum(entropy(position) for position in positions) / len(positions)
    assert logged["penalty"] == pytest.approx(-4 * mean, rel=1e-5)
    labelled = run(make(folders, "tagging", **PLAIN, conf_penalty=1.0), sample)[1]
    assert labelled["ce"] == logged["ce"] and labelled["penalty"] != pytest.approx(logged["penalty"], rel=1e-3)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_weight_zero_is_plain_training(folders: dict[str, Path], problem: str) -> None:
    sample = make_batch(folders, problem)
    plain = run(make(folders, problem, **PLAIN), sample)
    for positions in ("labelled", "all"):
        off = make(folders, problem, **PLAIN, conf_penalty=0.0, conf_penalty_positions=positions)
        other = run(off, sample)
        assert other[:2] == plain[:2] and not {"ce", "penalty"} & plain[1].keys()
        assert other[2].keys() == plain[2].keys()
        assert all(torch.equal(grad, other[2][name]) for name, grad in plain[2].items())


@pytest.mark.parametrize("problem", PROBLEMS)
def test_validation_has_no_penalty(folders: dict[str, Path], problem: str) -> None:
    results = []
    for options in ({}, {"conf_penalty": 1.0}):
        setup = make(folders, problem, **PLAIN, **options)
        setup.model.eval(), setup.criterion.eval()
        with torch.no_grad():
            logged = setup.criterion(setup.model, batch(setup, [0, 3], "valid"))[2]
        results.append({name: float(value) for name, value in logged.items()})
    assert results[0] == results[1] and "penalty" not in results[1]


# -- options --


@pytest.mark.parametrize("weight", [-0.5, float("nan"), float("inf")])
def test_weights_that_are_refused(folders: dict[str, Path], weight: float) -> None:
    with pytest.raises(UserError, match=rf"^--conf-penalty {weight}: expected 0 or more"):
        build(folders["tagging"], "xl_tagging", conf_penalty=weight)


def test_answers_have_no_classes(folders: dict[str, Path]) -> None:
    with pytest.raises(UserError, match=r"^--conf-penalty 1.0: 'qa' has no classes"):
        make(folders, "qa", **PLAIN, conf_penalty=1.0)


def test_pairs_have_no_positions(folders: dict[str, Path]) -> None:
    setup = make(folders, "sentence_pair", **PLAIN, conf_penalty=1.0, conf_penalty_positions="all")
    with pytest.raises(UserError, match=r"^--conf-penalty-positions all: only plain tagging"):
        run(setup, make_batch(folders, "sentence_pair"))


@pytest.mark.parametrize("method, criterion", [("xl", "xtune_criterion"), ("xmixup", "xmixup_criterion")])
def test_other_criterions_do_not_offer_it(method: str, criterion: str, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit):
        parse(Path("DATA"), f"{method}_tagging", criterion=criterion, conf_penalty=1.0)
    assert "--conf-penalty" in capsys.readouterr().err


# -- the command line --


@pytest.mark.parametrize("problem", PROBLEMS)
def test_two_steps_of_the_command(
    problem: str,
    folders: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Weight 0 gives the weights of plain training, bit by bit; weight 1 others, and its parts in the log."""
    caplog.set_level("INFO")
    logs = {}
    for name, options in (("plain", {}), ("off", {"conf_penalty": 0}), ("on", {"conf_penalty": 1})):
        caplog.clear()
        train_here(monkeypatch, words(folders[problem], tmp_path / name, f"xl_{problem}", **RUN, **options))
        logs[name] = [record.getMessage() for record in caplog.records if record.name == "train_inner"]
        assert len(logs[name]) == 2
    last = {name: tmp_path / name / "checkpoint_last.pt" for name in logs}
    assert same_parameters(last["plain"], last["off"]) == 0.0
    one, other = (load(last[name])["model"] for name in ("plain", "on"))
    assert max((one[name] - other[name]).abs().max().item() for name in one) > 1e-5
    assert not any("penalty=" in line or "ce=" in line for line in logs["off"])
    for line in logs["on"]:
        found = {key: float(re.search(rf"\b{key}=(-?[\d.]+)", line)[1]) for key in ("loss", "ce", "penalty")}
        assert found["penalty"] < 0
        assert found["loss"] == pytest.approx(found["ce"] + found["penalty"], abs=2e-3)
