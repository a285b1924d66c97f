"""xTune's objective on batches: order, padding, accumulated rows, rows without labels, the rows of the teacher."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from user_dir_tests.helpers.setups.views import PAD, PROBLEMS, R1, make, make_batch, run, same_gradients
from user_dir_tests.helpers.toys.tiny import Setup


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
