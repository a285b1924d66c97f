"""xTune's objective: worked numbers, its weights, and what remains when terms are off or views are the same."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from user_dir_tests.helpers.toys.tiny import Setup, batch, in_float64
from user_dir_tests.helpers.views import CLASSES, PAD, PROBLEMS, make, make_batch, make_folders, run, save_teachers
from xl_plugins.errors import UserError
from xl_plugins.methods.xtune.criterion import XTuneCriterion

POSITIONS = ["tagging", "qa"]
R1 = {"r1_weight": 5.0}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return make_folders(tmp_path_factory.mktemp("xtune"))


@pytest.fixture(scope="module")
def teachers(tmp_path_factory: pytest.TempPathFactory, folders: dict[str, Path]) -> dict[str, str]:
    """A checkpoint of other weights for each problem."""
    return save_teachers(tmp_path_factory.mktemp("teachers"), folders)


@pytest.fixture
def full(folders: dict[str, Path], teachers: dict[str, str]) -> Callable[..., Setup]:
    """A setup with both terms."""
    return lambda problem, **options: make(
        folders, problem, **{**R1, "r2_weight": 2.0, "teacher": teachers[problem], **options}
    )


def same_gradients(one: dict[str, Tensor], other: dict[str, Tensor], **tolerance: float) -> None:
    assert one.keys() == other.keys()
    for name, value in one.items():
        torch.testing.assert_close(value, other[name], **(tolerance or {"atol": 2e-5, "rtol": 1e-4}), msg=name)


# -- worked numbers --


class Fixed(nn.Module):
    """Logits by the second token of a row."""

    def __init__(self, rows: list[tuple[float, ...]]) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.tensor(rows, dtype=torch.float32))

    def forward(self, src_tokens: Tensor, classification_head_name: str) -> tuple[Tensor, dict]:
        return self.logits[src_tokens[:, 1] - 4], {}


def worked_batch(setup: Setup) -> tuple[Fixed, dict]:
    """A model, a teacher, and two rows of which the second is a copy."""
    model = Fixed([(2, 0, -1), (0.5, 1.5, -0.5), (1, 1, 0), (0, 1, 0)])
    setup.criterion.consistency._teacher = [Fixed([(3, 0, 0), (1, 2, -1)])]
    sample = {
        "id": torch.tensor([0, 1]), "target": torch.tensor([0, 1]), "nsentences": 2, "ntokens": 6,
        "net_input": {"src_tokens": torch.tensor([[0, 4, 2], [0, 5, 2]])},
        "second": {"src_tokens": torch.tensor([[0, 6, 2, PAD], [0, 7, 8, 2]])},
        "augmented": torch.tensor([False, True]),
    }  # fmt: skip
    return model, sample


def worked(setup: Setup) -> tuple[float, Tensor]:
    """Loss of the worked batch divided by its rows, and the gradients of x and x' (4, C)."""
    model, sample = worked_batch(setup)
    loss, size, logged = setup.criterion(model, sample)
    assert size == 2 and float(logged["ce_loss"]) / 2 == pytest.approx(0.288726, abs=1e-5)
    loss.backward()
    return loss.item() / 2, model.logits.grad / 2


@pytest.mark.parametrize(
    "options, expected",
    [
        ({}, 1.131903),
        ({"r2_scope": "all"}, 1.137044),
        ({"kl_norm": "rows"}, 2.818257),
        ({"kl_norm": "rows", "r2_scope": "all"}, 2.833682),
        ({"xtune_compat": "paper"}, 2.833682),
        ({"xtune_compat": "paper", "kl_norm": "elements", "r2_scope": "augmented"}, 1.131903),
        ({"xtune_compat": "official"}, 1.131903),
        ({"r2_hard_labels": True}, 3.130808),
        ({"r2_weight": 0.0}, 1.092778),
        ({"r1_weight": 0.0}, 0.327851),
        ({"r1_weight": 0.0, "r2_weight": 0.0}, 0.288726),
        ({"no_stop_gradient": True}, 1.131903),
    ],
    ids=str,
)
def test_worked_loss(full: Callable[..., Setup], options: dict, expected: float) -> None:
    value, _ = worked(full("sentence_pair", **{"r2_weight": 5.0, **options}))
    assert value == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("scope, apart", [("all", 0), ("augmented", 1)])
def test_means_over_copies_are_those_of_a_micro_batch(full: Callable[..., Setup], scope: str, apart: int) -> None:
    """Two rows at once, or one after the other: the only copy counts for both rows of its batch, or for one."""
    setup = full("sentence_pair", r2_scope=scope)
    model, sample = worked_batch(setup)
    whole, _, logged = setup.criterion(model, sample)
    parts = 0.0
    for row in range(2):
        one: dict = {"nsentences": 1, "ntokens": 3}
        for name in ("id", "target", "augmented"):
            one[name] = sample[name][row : row + 1]
        for name in ("net_input", "second"):
            one[name] = {"src_tokens": sample[name]["src_tokens"][row : row + 1]}
        parts += setup.criterion(model, one)[0].item()
    assert whole.item() - parts == pytest.approx(apart * 2.0 * float(logged["r2"]) / 2, abs=1e-5)
    assert float(logged["r2"]) > 0.01


def test_worked_gradients(full: Callable[..., Setup]) -> None:
    _, both = worked(full("sentence_pair", r2_weight=5.0, kl_norm="rows", r2_scope="all"))
    _, no_r2 = worked(full("sentence_pair", r2_weight=0.0, kl_norm="rows"))
    _, ce = worked(full("sentence_pair", r1_weight=0.0, r2_weight=0.0))
    expected = torch.tensor([[-0.032824, 0.034458, -0.001634], [-0.007384, -0.020072, 0.027456]])
    torch.testing.assert_close((both - no_r2)[:2] / 5, expected, atol=1e-5, rtol=0)
    assert (both - no_r2)[2:].abs().max() == 0 and ce[2:].abs().max() == 0  # x' has R1 alone
    r1 = (no_r2 - ce) * 2 / 5
    torch.testing.assert_close(r1[0], torch.tensor([0.421476, -0.308124, -0.113352]), atol=1e-5, rtol=0)
    torch.testing.assert_close(r1[:2], -r1[2:], atol=1e-6, rtol=0)


# -- weights --


@pytest.mark.parametrize("problem", PROBLEMS)
def test_terms_add_up_with_their_weights(full: Callable[..., Setup], folders: dict[str, Path], problem: str) -> None:
    sample = make_batch(folders, problem)
    loss, logged, _ = run(full(problem), sample)
    assert logged["r1"] > 0.01 and logged["r2"] > 0.01
    assert loss == logged["loss"] == pytest.approx(logged["ce_loss"] + 5 * logged["r1"] + 2 * logged["r2"], rel=1e-6)
    assert [logged[f"_view_{name}"] for name in ("words", "selected", "changed")] == [20, 8, 5]
    rows = run(full(problem, kl_norm="rows"), sample)[1]
    for name in ("r1", "r2"):
        assert rows[name] == pytest.approx(CLASSES[problem] * logged[name], rel=1e-5)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_weights_of_zero_are_plain_training(folders: dict[str, Path], problem: str) -> None:
    sample = make_batch(folders, problem)
    ours = run(make(folders, problem), sample)
    plain = run(make(folders, problem, criterion="xl_criterion"), sample)
    assert ours[0] == plain[0] and ours[1]["ce_loss"] == plain[1]["loss"]
    same_gradients(ours[2], plain[2], atol=0, rtol=0)
    assert ours[1].keys() - plain[1].keys() == {"ce_loss"}


@pytest.mark.parametrize("problem", PROBLEMS)
def test_the_same_view_twice_costs_nothing(folders: dict[str, Path], problem: str) -> None:
    sample = make_batch(folders, problem, change=0.0)
    assert torch.equal(sample["second"]["src_tokens"], sample["net_input"]["src_tokens"])
    setup = make(folders, problem, **R1)
    loss, logged, grads = run(setup, sample)
    plain = run(make(folders, problem), sample)
    assert logged["r1"] == 0.0 and loss == pytest.approx(plain[0], rel=1e-6)
    same_gradients(grads, plain[2])
    dropped = make(folders, problem, **R1, dropout=0.2)
    assert run(dropped, sample)[1]["r1"] > 0.01  # both passes have masks of their own


@pytest.mark.parametrize("problem", PROBLEMS)
def test_joint_pass_equals_separate_passes(full: Callable[..., Setup], folders: dict[str, Path], problem: str) -> None:
    setup, sample = full(problem), make_batch(folders, problem)
    in_float64(setup.model)
    part, head = setup.task.problem, setup.task.problem.head_name
    views = [sample["net_input"], {k: v for k, v in sample["second"].items() if k in ("src_tokens", "words")}]
    first, second = (setup.model(**view, classification_head_name=head)[0] for view in views)
    r1 = part.consistency(first, second, sample).sum() / CLASSES[problem]
    teacher = setup.criterion.consistency.teach(setup.model, sample)
    rows = sample["augmented"]
    r2 = part.distillation(teacher[rows], first[rows], part.select_rows(sample, rows) | {"net_input": {
        name: value[rows] for name, value in sample["net_input"].items()}}) / CLASSES[problem]  # fmt: skip
    expected = part.loss(first, sample).sum() + 5 * r1 + 2 * len(rows) / int(rows.sum()) * r2.sum()
    loss, logged, _ = run(setup, sample)
    assert loss == pytest.approx(expected.item(), rel=1e-9)
    assert logged["r1"] == pytest.approx(r1.item(), rel=1e-9)


def test_stop_gradient_changes_gradients_alone(folders: dict[str, Path]) -> None:
    sample = make_batch(folders, "tagging")
    stopped, free = (run(make(folders, "tagging", **R1, no_stop_gradient=free), sample) for free in (False, True))
    assert stopped[0] == free[0]
    assert (stopped[2]["position_heads.tagging_head.out_proj.weight"]
            - free[2]["position_heads.tagging_head.out_proj.weight"]).abs().max() > 1e-3  # fmt: skip


# -- batches --


@pytest.mark.parametrize("problem", PROBLEMS)
def test_order_of_rows_changes_nothing(full: Callable[..., Setup], folders: dict[str, Path], problem: str) -> None:
    setup, sample = full(problem), make_batch(folders, problem)
    order = torch.tensor([2, 0, 3, 1])

    def moved(value: object) -> object:
        if isinstance(value, dict):
            return {name: moved(part) for name, part in value.items()}
        return value[order] if isinstance(value, Tensor) and len(value) == 4 else value

    same(run(setup, sample), run(setup, moved(sample)))


@pytest.mark.parametrize("problem", PROBLEMS)
def test_padding_changes_nothing(full: Callable[..., Setup], folders: dict[str, Path], problem: str) -> None:
    setup, sample = full(problem), make_batch(folders, problem)
    wide = {**sample, "net_input": dict(sample["net_input"]), "second": dict(sample["second"])}
    for view, extra in ((wide["net_input"], 3), (wide["second"], 6)):
        for name, value in (("src_tokens", PAD), ("words", 0)):
            if name in view:
                view[name] = F.pad(view[name], (0, extra), value=value)
    if problem == "qa":
        wide["aligned"], wide["second"]["aligned"] = (
            F.pad(x, (0, 2), value=-1) for x in (sample["aligned"], sample["second"]["aligned"])
        )
    same(run(setup, sample), run(setup, wide))


def same(one: tuple, other: tuple) -> None:
    assert other[0] == pytest.approx(one[0], rel=1e-5)
    for name in ("ce_loss", "r1", "r2"):
        assert other[1][name] == pytest.approx(one[1][name], rel=1e-4), name
    same_gradients(one[2], other[2], atol=1e-4, rtol=1e-3)


def test_official_compatibility_lets_padding_count(folders: dict[str, Path]) -> None:
    sample = make_batch(folders, "qa")
    masked, official = (run(make(folders, "qa", **R1, xtune_compat=c), sample)[1] for c in ("default", "official"))
    assert official["r1"] != pytest.approx(masked["r1"], rel=1e-3)
    assert official["ce_loss"] == pytest.approx(masked["ce_loss"], rel=1e-6)


@pytest.mark.parametrize("problem", ["sentence_pair", "qa"])
def test_batch_equals_accumulated_rows(folders: dict[str, Path], problem: str) -> None:
    setup, ids = make(folders, problem, **R1), [3, 8, 11, 16]
    parts = [make_batch(folders, problem, ids=[i]) for i in ids]
    second = [part["second"] for part in parts]
    whole = make_batch(folders, problem, ids=ids)

    def stack(rows: list[Tensor], pad: int) -> Tensor:
        return nn.utils.rnn.pad_sequence([row[0] for row in rows], batch_first=True, padding_value=pad)

    whole["second"] = {"src_tokens": stack([s["src_tokens"] for s in second], PAD)}
    if problem == "qa":
        whole["aligned"] = stack([part["aligned"] for part in parts], -1)
        whole["second"]["aligned"] = stack([s["aligned"] for s in second], -1)
    loss, logged, grads = run(setup, whole)
    results = [run(setup, part) for part in parts]
    assert sum(part[0] for part in results) == pytest.approx(loss, rel=1e-5)
    assert sum(part[1]["r1"] for part in results) == pytest.approx(logged["r1"], rel=1e-4)
    same_gradients(grads, {n: sum(part[2][n] for part in results) for n in grads}, atol=1e-4, rtol=1e-3)


def test_a_batch_of_unlabelled_sentences_has_no_cross_entropy(
    full: Callable[..., Setup], folders: dict[str, Path]
) -> None:
    setup, sample = full("tagging"), make_batch(folders, "tagging")
    with_labels = run(setup, sample)[1]
    sample["target"] = torch.full_like(sample["target"], -100)
    loss, logged, grads = run(setup, sample)
    assert logged["ce_loss"] == 0.0 and logged["_count"] == 0
    assert loss == pytest.approx(5 * logged["r1"] + 2 * logged["r2"], rel=1e-6) and loss > 0
    assert logged["r1"] == with_labels["r1"] and logged["r2"] == with_labels["r2"]
    assert all(bool(torch.isfinite(g).all()) for g in grads.values())


def test_cross_entropy_is_a_mean_over_labelled_words(folders: dict[str, Path]) -> None:
    """Rows without labels (translations) do not make it smaller."""
    setup, sample = make(folders, "tagging"), make_batch(folders, "tagging")
    sample["target"][1:3] = -100
    output = setup.model(**sample["net_input"], classification_head_name="tagging_head")[0]
    mean = F.cross_entropy(output.flatten(0, 1), sample["target"].flatten()).item()
    assert run(setup, sample)[0] == pytest.approx(4 * mean, rel=1e-5)


# -- the teacher's rows --


@pytest.mark.parametrize("problem", PROBLEMS)
def test_the_teacher_runs_on_the_rows_of_its_scope(
    full: Callable[..., Setup], folders: dict[str, Path], problem: str
) -> None:
    sample = make_batch(folders, problem)
    values = {}
    for scope, flags, rows in (("augmented", [0, 1, 0, 1], 2), ("augmented", [1] * 4, 4), ("all", [0] * 4, 4)):
        setup, seen = full(problem, r2_scope=scope), []

        def note(module: nn.Module, args: tuple, given: dict, output: object, seen: list = seen) -> None:
            seen.append(len(given["src_tokens"]))

        setup.criterion.consistency._teacher[0].register_forward_hook(note, with_kwargs=True)
        values[scope, rows] = run(setup, {**sample, "augmented": torch.tensor(flags).bool()})[1]["r2"]
        assert seen == [rows]
    assert values["all", 4] == values["augmented", 4] != values["augmented", 2]
    setup = full(problem)
    setup.criterion.consistency._teacher = []  # not needed
    _, logged, _ = run(setup, {**sample, "augmented": torch.zeros(4, dtype=torch.bool)})
    assert logged["r2"] == 0.0


# -- validation, logging --


@pytest.mark.parametrize("problem", PROBLEMS)
def test_validation_is_that_of_plain_training(
    full: Callable[..., Setup], folders: dict[str, Path], problem: str
) -> None:
    results = []
    for setup in (full(problem), make(folders, problem, criterion="xl_criterion")):
        setup.model.eval(), setup.criterion.eval()
        with torch.no_grad():
            loss, _, logged = setup.criterion(setup.model, batch(setup, [0, 3, 9], "valid"))
        results.append((loss.item(), {name: float(value) for name, value in logged.items()}))
    assert results[0] == results[1]


def test_logged_shares_are_over_all_words() -> None:
    from fairseq.logging import metrics

    outputs = [
        {"sample_size": 2, "loss": 4.0, "_view_words": torch.tensor(10), "_view_selected": 4, "_view_changed": 1},
        {"sample_size": 2, "loss": 2.0, "_view_words": torch.tensor(30), "_view_selected": 6, "_view_changed": 3},
    ]
    with metrics.aggregate() as found:
        XTuneCriterion.reduce_metrics(outputs)
    assert found.get_smoothed_values() == {"loss": 1.5, "switched": 0.25, "changed": 0.1}


def test_effective_weights_are_logged(full: Callable[..., Setup], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        full("sentence_pair")
        full("tagging", r2_hard_labels=True)
        full("qa", xtune_compat="paper")
    for text in (
        "lambda_1 5 / 3 = 1.66667, lambda_2 2 / 3 = 0.666667 (--kl-norm elements, --r2-scope augmented)",
        "lambda_1 5 / 5 = 1, lambda_2 2 / 1 = 2 (--kl-norm elements, --r2-scope augmented)",
        "lambda_1 5 / 1 = 5, lambda_2 2 / 1 = 2 (--kl-norm rows, --r2-scope all)",
    ):
        assert text in caplog.text


@pytest.mark.parametrize("name, term", [("consistency", "r1"), ("distillation", "r2"), ("loss", "ce_loss")])
def test_rows_that_are_not_finite_are_named(
    full: Callable[..., Setup], folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch, name: str, term: str
) -> None:
    setup, sample = full("qa"), make_batch(folders, "qa")
    row = 3 if term == "r2" else 2
    setup.task.datasets["train"] = SimpleNamespace(describe=lambda ids: f"en:{ids[0]}")
    original = getattr(setup.task.problem, name)

    def broken(*args: object, **kwargs: object) -> Tensor:
        values = original(*args, **kwargs).clone()
        values[1 if term == "r2" else row] = float("nan")  # R2: the second of both copies
        return values

    monkeypatch.setattr(setup.task.problem, name, broken)
    with pytest.raises(
        UserError, match=rf"the {term} of 1 example\(s\) is not finite .* en:{int(sample['id'][row])}\)"
    ):
        run(setup, sample)


# -- refused --


@pytest.mark.parametrize("option", ["r1_weight", "r2_weight"])
@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
def test_weights_that_are_no_weights(folders: dict[str, Path], option: str, value: float) -> None:
    with pytest.raises(UserError, match=f"^--{option.replace('_', '-')} {value}: expected a finite number, 0 or more"):
        make(folders, "qa", **{option: value})


def test_what_a_weight_needs(folders: dict[str, Path], teachers: dict[str, str]) -> None:
    with pytest.raises(UserError, match="--r1-weight 5 compares two views, but --second-view is none"):
        make(folders, "qa", r1_weight=5.0, second_view="none")
    with pytest.raises(UserError, match="--r2-weight 1 needs --teacher"):
        make(folders, "qa", r2_weight=1.0)
    given = {"r2_weight": 1.0, "teacher": teachers["qa"], "augment": "none", "second_view": "none"}
    for scope in ({}, {"r2_scope": "augmented", "xtune_compat": "paper"}):
        with pytest.raises(UserError, match="--r2-scope augmented compares augmented copies, but --augment is none"):
            make(folders, "qa", **given, **scope)
    for scope in ({"r2_scope": "all"}, {"xtune_compat": "paper"}):
        make(folders, "qa", **given, **scope)
