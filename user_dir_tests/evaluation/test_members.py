"""xl-convert members: each model of a co-training checkpoint becomes one that evaluation opens as any other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from user_dir_tests.helpers.evaluation.checkpoints import save_checkpoint
from user_dir_tests.helpers.evaluation.cotraining import SCORES, cotraining
from user_dir_tests.helpers.running.training import train_here, words
from user_dir_tests.helpers.toys.tiny import build
from user_dir_tests.helpers.toys.toy import make_data
from user_dir_tests.helpers.toys.toy_positions import make_tagging
from xl_plugins.cli import convert, evaluate
from xl_plugins.data.binary.kept import keep
from xl_plugins.errors import UserError, run_cli
from xl_plugins.evaluation.checkpoint import load_fine_tuned
from xl_plugins.evaluation.ensemble import predict_ensemble
from xl_plugins.evaluation.members import export_members
from xl_plugins.problems.predicting import predict_languages

PROBLEMS = {"sentence_pair": make_data, "tagging": make_tagging}


@pytest.fixture(scope="module", params=list(PROBLEMS))
def data(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    return request.param, PROBLEMS[request.param](tmp_path_factory.mktemp("toy") / "data")


def written(state: dict[str, Any], folder: Path) -> list[dict[str, Any]]:
    torch.save(state, folder / "c.pt")
    export_members(str(folder / "c.pt"), str(folder / "members"))
    return [torch.load(folder / "members" / f"member-{number}.pt", weights_only=True) for number in (1, 2, 3)]


def weights(state: dict[str, Any], member: int) -> dict[str, torch.Tensor]:
    return {k[10:]: v for k, v in state["model"].items() if k.startswith(f"members.{member}.")}


def same(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> bool:
    return left.keys() == right.keys() and all(torch.equal(value, right[key]) for key, value in left.items())


def test_each_member_opens_as_a_checkpoint_of_the_plain_task(data: tuple[str, Path], tmp_path: Path) -> None:
    state = cotraining(data)
    for number, made in enumerate(written(state, tmp_path)):
        assert same(made["model"], weights(state, number))
        assert "last_optimizer_state" not in made and made["optimizer_history"][-1]["num_updates"] == 7
        tuned = load_fine_tuned(str(tmp_path / "members" / f"member-{number + 1}.pt"))
        assert same(dict(tuned.model.state_dict()), weights(state, number))
        assert tuned.task.cfg._name == f"xl_{data[0]}" and type(tuned.model).__name__ == "XLMRModel"
        assert tuned.updates == 7 and tuned.task.identity() == {
            k: state["task_state"][k] for k in tuned.task.identity()
        }
        assert tuned.selection.score == tuned.selection.best == SCORES[number]
        assert tuned.selection.describe() == "target-dev over de"
        if data[0] == "tagging":
            assert tuned.task.problem.pooling == "sum" and tuned.task.cfg.max_length == 20


def test_options_of_cotraining_alone_are_left_out(data: tuple[str, Path], tmp_path: Path) -> None:
    cfg = written(cotraining(data), tmp_path)[0]["cfg"]
    assert not [name for name in cfg["task"] if name.startswith(("xla_", "distill", "gmm", "sampling"))]
    assert (cfg["model"]["_name"], cfg["criterion"]["_name"]) == ("xl_xlmr", "xl_criterion")
    assert cfg["checkpoint"]["best_checkpoint_metric"] == {"tagging": "f1_select"}.get(data[0], "acc_select")


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("active", [0, 1, 2])
def test_within_a_training_the_member_has_its_best_weights_so_far(
    data: tuple[str, Path], tmp_path: Path, active: int, apart: bool
) -> None:
    """``apart``: as saved from a GPU, where shared tensors are moved to main memory one by one."""
    state = cotraining(data, active, scores=[61.5, float("nan"), 60.0])
    if apart:
        state["model"] = {key: value.clone() for key, value in state["model"].items()}
    expected = [weights(state, number) for number in range(3)]
    before = {key: value - 1 if value.is_floating_point() else value for key, value in expected[active].items()}
    made = written(state, tmp_path)
    for number in range(3):
        if number != active:
            assert same(made[number]["model"], expected[number])
    found = made[active]["model"]
    assert found.keys() == before.keys()
    trained = [key for key in before if not key.endswith("version")]
    assert all(torch.allclose(found[key], before[key], atol=1e-6) for key in trained)
    opened = load_fine_tuned(str(tmp_path / "members" / f"member-{active + 1}.pt")).model
    name = "encoder.sentence_encoder.embed_tokens.weight"
    assert torch.allclose(opened.state_dict()[name], before[name], atol=1e-6)
    assert "encoder.lm_head.weight" in trained  # tied to the embeddings, which the snapshot holds once
    assert made[active]["extra_state"]["val_loss"] == 63.125
    assert ("val_loss" in made[1]["extra_state"]) == (active == 1)


def test_predictions_are_those_of_the_members_and_their_mean(data: tuple[str, Path], tmp_path: Path) -> None:
    state = cotraining(data)
    written(state, tmp_path)
    paths = [str(tmp_path / "members" / f"member-{number}.pt") for number in (1, 2, 3)]
    single = []
    for number, path in enumerate(paths):
        tuned = load_fine_tuned(path)
        setup = build(data[1], f"xl_{data[0]}", **({"word_pooling": "sum"} if data[0] == "tagging" else {}))
        setup.model.load_state_dict(weights(state, number))
        mine = predict_languages(tuned)["de"].probabilities
        tuned.model = setup.model.eval()
        assert np.array_equal(predict_languages(tuned)["de"].probabilities, mine)
        single.append(mine)
    assert np.abs(single[0] - single[1]).max() > 0.01
    _, together = predict_ensemble(paths, load_fine_tuned)
    np.testing.assert_allclose(together["de"].probabilities, np.mean(single, axis=0), atol=1e-6)


def test_training_starts_from_a_member_and_does_not_continue_its_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy = make_data(tmp_path / "data")
    made = written(cotraining(("sentence_pair", toy)), tmp_path)[1]
    given = {"restore_file": tmp_path / "members" / "member-2.pt", "max_update": 1, "lr": 0.0, "update_freq": 1}
    train_here(monkeypatch, words(toy, tmp_path / "save", "xl_sentence_pair", **given))
    saved = torch.load(tmp_path / "save" / "checkpoint_last.pt", weights_only=True)
    assert saved["optimizer_history"][-1]["num_updates"] == 1
    assert same(made["model"], saved["model"])


def test_large(tmp_path: Path) -> None:
    state = cotraining(("sentence_pair", make_data(tmp_path / "data")))
    state["cfg"]["model"]["_name"] = "xla_cotrain_xlmr_large"
    assert written(state, tmp_path)[2]["cfg"]["model"]["_name"] == "xl_xlmr_large"


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    toy = make_data(tmp_path / "data")
    torch.save(cotraining(("sentence_pair", toy), 2), tmp_path / "run.pt")
    assert convert.main(["members", str(tmp_path / "run.pt")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("members/")[1] for line in lines] == [
        "member-1.pt: dev score 61.50",
        "member-2.pt: dev score 58.25",
        "member-3.pt: dev score 63.12, in training, its best weights so far",
    ]
    with pytest.raises(UserError, match=r"member-1.pt exists; pass --overwrite"):
        convert.main(["members", str(tmp_path / "run.pt")])
    assert convert.main(["members", str(tmp_path / "run.pt"), "--overwrite"]) == 0
    with pytest.raises(UserError) as caught:
        evaluate.main([str(toy), "--path", str(tmp_path / "run.pt")])
    assert f"xl-convert members {tmp_path / 'run.pt'}, and give {tmp_path / 'members' / 'member-1.pt'}" in str(
        caught.value
    )


def test_somebodys_folder_in_the_place_of_what_is_kept(tmp_path: Path) -> None:
    """No member is written where what reads their texts cannot be."""
    toy = make_data(tmp_path / "data")
    keep(toy, str(tmp_path / "run"))
    torch.save(cotraining(("sentence_pair", toy)), tmp_path / "run" / "run.pt")
    (tmp_path / "mine" / "xl_model").mkdir(parents=True)
    (tmp_path / "mine" / "xl_model" / "thesis.txt").touch()
    with pytest.raises(UserError, match=r"--out .*mine/xl_model"):
        convert.main(["members", str(tmp_path / "run" / "run.pt"), "--out", str(tmp_path / "mine")])
    assert [path.name for path in (tmp_path / "mine").rglob("*")] == ["xl_model", "thesis.txt"]
    assert convert.main(["members", str(tmp_path / "run" / "run.pt"), "--out", str(tmp_path / "else")]) == 0
    assert (tmp_path / "else" / "xl_model" / "dict.txt").read_bytes() == (toy / "dict.txt").read_bytes()


def test_what_has_no_members_is_refused(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "plain.pt", make_data(tmp_path / "data"), task="xl_sentence_pair")
    with pytest.raises(UserError, match=r"plain.pt: a checkpoint of task 'xl_sentence_pair', which has no members"):
        export_members(str(tmp_path / "plain.pt"), str(tmp_path / "members"))
    with pytest.raises(UserError, match=r"none.pt: no such file"):
        export_members(str(tmp_path / "none.pt"), str(tmp_path / "members"))
    assert not (tmp_path / "members").exists()


def test_a_file_in_place_of_the_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save(cotraining(("sentence_pair", make_data(tmp_path / "data"))), tmp_path / "c.pt")
    (tmp_path / "afile").touch()
    with pytest.raises(SystemExit) as ended:
        run_cli(lambda: convert.main(["members", str(tmp_path / "c.pt"), "--out", str(tmp_path / "afile")]))
    assert (
        ended.value.code == 2
        and f"error: {tmp_path}/afile: is no folder; choose another output" in capsys.readouterr().err
    )


def test_all_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.save(cotraining(("sentence_pair", make_data(tmp_path / "data"))), tmp_path / "c.pt")
    save, calls = torch.save, []

    def fail(*args: Any) -> None:
        calls.append(args)
        if len(calls) == 3:
            raise OSError(28, "No space left on device")
        save(*args)

    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(OSError, match="No space"):
        export_members(str(tmp_path / "c.pt"), str(tmp_path / "members"))
    assert not (tmp_path / "members").exists()
