"""The frozen teacher: what it must agree with, and that training neither changes, trains nor saves it."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import torch
from fairseq import utils

from user_dir_tests.helpers.evaluation.checkpoints import checkpoint_state
from user_dir_tests.helpers.setups.views import PROBLEMS, make, make_batch, make_folders, run
from user_dir_tests.helpers.toys.tiny import Setup, build, build_trainer
from user_dir_tests.helpers.toys.toy import LABELS, make_data
from xl_plugins.criterions.teacher import load_teacher, placed_like
from xl_plugins.errors import UserError

R2 = {"r2_weight": 2.0}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return make_folders(tmp_path_factory.mktemp("teacher"))


def save(path: Path, setup: Setup, **changed: object) -> str:
    """A checkpoint as fairseq-train writes it; ``changed``: entries of it."""
    torch.save({**checkpoint_state(setup), **changed}, path)
    return str(path)


def teacher_of(folders: dict[str, Path], tmp_path: Path, problem: str, method: str = "xl", **options: object) -> str:
    path = tmp_path / f"{method}-{problem}.pt"
    return save(path, make(folders, problem, method, weights=7, **options))


def refused(folders: dict[str, Path], problem: str, path: object, **options: object) -> str:
    with pytest.raises(UserError) as caught:
        make(folders, problem, teacher=str(path), **{**R2, **options})
    assert "\n" not in str(caught.value)
    return str(caught.value)


# -- while training --


@pytest.mark.parametrize("problem", PROBLEMS)
def test_training_leaves_the_teacher_alone(folders: dict[str, Path], tmp_path: Path, problem: str) -> None:
    path = teacher_of(folders, tmp_path, problem, dropout=0.3)
    setup = make(folders, problem, teacher=path, r1_weight=5.0, lr=[0.01], **R2)
    saved = torch.load(path, weights_only=True)["model"]
    teacher = setup.criterion.consistency._teacher[0]
    trainer, sample = build_trainer(setup), make_batch(folders, problem)
    before = {name: value.clone() for name, value in setup.model.state_dict().items()}
    for _ in range(2):
        trainer.train_step([sample])
    after = setup.model.state_dict()
    assert sum(not torch.equal(before[name], after[name]) for name in after) > 20
    assert teacher.state_dict().keys() == saved.keys()
    assert all(torch.equal(value, saved[name]) for name, value in teacher.state_dict().items())
    assert setup.model.training and setup.criterion.training
    assert not any(module.training for module in teacher.modules())
    assert all(p.grad is None and not p.requires_grad for p in teacher.parameters())


def test_the_teacher_is_no_part_of_what_is_saved(folders: dict[str, Path], tmp_path: Path) -> None:
    path = teacher_of(folders, tmp_path, "tagging")
    setup = make(folders, "tagging", teacher=path, **R2)
    assert not setup.criterion.state_dict() and not list(setup.criterion.parameters())
    assert not list(setup.criterion.modules())[1:]
    assert not utils.has_parameters(setup.criterion)  # else fairseq saves the criterion as well


def test_the_teacher_reads_x_without_dropout(folders: dict[str, Path], tmp_path: Path) -> None:
    path = teacher_of(folders, tmp_path, "tagging", dropout=0.5)
    setup = make(folders, "tagging", teacher=path, **R2)
    sample = make_batch(folders, "tagging")
    one, other = (setup.criterion.consistency.teach(setup.model, sample) for _ in range(2))
    expected = load_teacher(path, setup.task)(**sample["net_input"], classification_head_name="tagging_head")[0]
    assert torch.equal(one, other) and torch.equal(one, expected) and not one.requires_grad


@pytest.mark.parametrize("problem", PROBLEMS)
def test_student_equal_to_teacher(folders: dict[str, Path], tmp_path: Path, problem: str) -> None:
    setup = make(folders, problem)
    setup = make(folders, problem, teacher=save(tmp_path / "t.pt", setup), r2_scope="all", **R2)
    sample = make_batch(folders, problem)
    loss, logged, grads = run(setup, sample)
    plain = run(make(folders, problem), sample)
    assert logged["r2"] == 0.0 and loss == plain[0]
    for name, value in plain[2].items():
        torch.testing.assert_close(grads[name], value, atol=2e-5, rtol=1e-4, msg=name)  # float32 sums


@pytest.mark.parametrize("method", ["xl", "xmixup"])
def test_plain_and_mixup_checkpoints_teach(folders: dict[str, Path], tmp_path: Path, method: str) -> None:
    """The plain stream of X-Mixup is read."""
    path = teacher_of(folders, tmp_path, "tagging", method)
    setup = make(folders, "tagging", teacher=path, **R2)
    assert run(setup, make_batch(folders, "tagging"))[1]["r2"] > 0.01
    own = make(folders, "tagging", method, weights=7).model.eval()
    sample = make_batch(folders, "tagging")
    expected = own(**sample["net_input"], classification_head_name="tagging_head")[0]
    torch.testing.assert_close(setup.criterion.consistency.teach(setup.model, sample), expected)


def test_another_size_may_teach(folders: dict[str, Path], tmp_path: Path) -> None:
    path = teacher_of(folders, tmp_path, "tagging", encoder_layers=2, encoder_embed_dim=24)
    assert run(make(folders, "tagging", teacher=path, **R2), make_batch(folders, "tagging"))[1]["r2"] > 0.01


def test_precision_follows_the_student(folders: dict[str, Path], tmp_path: Path) -> None:
    path = teacher_of(folders, tmp_path, "qa")
    setup = make(folders, "qa", teacher=path, r1_weight=5.0, **R2)
    sample = make_batch(folders, "qa")
    exact = run(setup, sample)[1]
    setup.model.bfloat16()
    _, logged, _ = run(setup, sample)
    teacher = setup.criterion.consistency._teacher[0]
    assert {p.dtype for p in teacher.parameters()} == {torch.bfloat16}
    assert logged["r2"] == pytest.approx(exact["r2"], rel=0.1) and logged["r1"] == pytest.approx(exact["r1"], rel=0.2)
    once = {name: value.clone() for name, value in teacher.state_dict().items()}
    run(setup, sample)
    assert all(torch.equal(value, once[name]) for name, value in teacher.state_dict().items())
    assert placed_like(teacher, setup.model) is teacher


# -- what is refused --


def test_missing_file(folders: dict[str, Path], tmp_path: Path) -> None:
    assert f"--teacher {tmp_path}/none.pt: no such file" in refused(folders, "qa", tmp_path / "none.pt")


def test_not_a_checkpoint(folders: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "text.pt"
    path.write_text("no checkpoint")
    assert refused(folders, "qa", path).startswith(f"--teacher {path}: cannot be read as a checkpoint")


def test_not_one_of_the_packages(folders: dict[str, Path], tmp_path: Path) -> None:
    setup = make(folders, "qa")
    for name, changed in (("none", {"task_state": {}}), ("old", {"task_state": {"labels": []}})):
        message = refused(folders, "qa", save(tmp_path / f"{name}.pt", setup, **changed))
        assert f"--teacher {tmp_path}/{name}.pt: a checkpoint of task 'xl_qa', not one that this package" in message


def test_another_problem(folders: dict[str, Path], tmp_path: Path) -> None:
    message = refused(folders, "qa", teacher_of(folders, tmp_path, "tagging"))
    assert f"--teacher {tmp_path}/xl-tagging.pt: was trained with another problem (tagging there, qa here)" in message


def test_another_dictionary(folders: dict[str, Path], tmp_path: Path) -> None:
    setup = make(folders, "qa")
    record = {**setup.task.state_dict(), "dictionary_sha256": "0"}
    message = refused(folders, "qa", save(tmp_path / "t.pt", setup, task_state=record))
    assert f"--teacher {tmp_path}/t.pt: was trained with another dictionary than {folders['qa']}/dict.txt" in message


@pytest.mark.parametrize("labels", [LABELS[::-1], LABELS[:2]])
def test_other_labels_or_order(folders: dict[str, Path], tmp_path: Path, labels: tuple[str, ...]) -> None:
    setup = make(folders, "sentence_pair")
    record = {**setup.task.state_dict(), "labels": list(labels)}
    message = refused(folders, "sentence_pair", save(tmp_path / "t.pt", setup, task_state=record))
    text = f"was trained with other labels ({', '.join(labels)} there, {', '.join(LABELS)} here) than "
    assert message.startswith(f"--teacher {tmp_path}/t.pt: {text}{folders['sentence_pair']}/label/dict.txt;")


@pytest.mark.parametrize(
    "given, options", [({"word_pooling": "first"}, {}), ({}, {"word_pooling": "sum"})], ids=["teacher", "student"]
)
def test_other_word_pooling(folders: dict[str, Path], tmp_path: Path, given: dict, options: dict) -> None:
    path = teacher_of(folders, tmp_path, "tagging", **given)
    message = refused(folders, "tagging", path, **options)
    theirs, ours = given.get("word_pooling", "mean"), options.get("word_pooling", "mean")
    assert f"--teacher {path}: was trained with --word-pooling {theirs}, this run has {ours}" in message


def test_the_presets_pooling_counts(folders: dict[str, Path], tmp_path: Path) -> None:
    path = teacher_of(folders, tmp_path, "tagging", "xmixup", preset="official")
    assert "--word-pooling sum, this run has mean" in refused(folders, "tagging", path)
    make(folders, "tagging", teacher=path, word_pooling="sum", **R2)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_missing_head(folders: dict[str, Path], tmp_path: Path, problem: str) -> None:
    setup = make(folders, problem)
    state = {name: value for name, value in setup.model.state_dict().items() if "_heads." not in name}
    message = refused(folders, problem, save(tmp_path / "t.pt", setup, model=state))
    assert f"--teacher {tmp_path}/t.pt: no " in message and setup.task.problem.head_name in message


def test_missing_weight(folders: dict[str, Path], tmp_path: Path) -> None:
    setup = make(folders, "qa")
    state = setup.model.state_dict()
    del state["encoder.sentence_encoder.layers.1.fc1.bias"]
    message = refused(folders, "qa", save(tmp_path / "t.pt", setup, model=state))
    expected = f"--teacher {tmp_path}/t.pt: the checkpoint lacks weights of the encoder: "
    assert message.startswith(expected) and "fc1.bias" in message


def test_shorter_positions(folders: dict[str, Path], tmp_path: Path) -> None:
    path = teacher_of(folders, tmp_path, "tagging", max_positions=20, max_length=18)
    assert f"--teacher {path}: reads at most 20 positions, but --max-length is 32" in refused(folders, "tagging", path)


def test_a_teacher_without_weight_is_a_warning(
    folders: dict[str, Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        setup = make(folders, "qa", teacher=str(tmp_path / "t.pt"))
    assert f"--teacher {tmp_path}/t.pt is not used, because --r2-weight is 0" in caplog.text
    assert run(setup, make_batch(folders, "qa"))[1].keys().isdisjoint({"r1", "r2"})


def test_one_class_only(tmp_path: Path) -> None:
    folder = make_data(tmp_path / "one")
    (folder / "label" / "dict.txt").write_text("same 1\n")
    with pytest.raises(UserError, match=r"label/dict.txt: 1 class; expected at least 2"):
        build(folder, "xl_sentence_pair", criterion="xtune_criterion", second_view="ss")
