"""Members from checkpoints of their own: what they get, and which checkpoints are refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf

from user_dir_tests.helpers.cotrain import PROBLEMS, copy_of, make, members, message, model_of, run
from user_dir_tests.helpers.cotrain import folders as folders  # a fixture
from user_dir_tests.helpers.cotrain import problem as problem
from user_dir_tests.helpers.evaluation.checkpoints import checkpoint_state
from user_dir_tests.helpers.running.training import load
from user_dir_tests.helpers.toys.tiny import build
from xl_plugins.methods.xla.cotraining.members import keep_members, load_members


@pytest.fixture(scope="module")
def plain(folders: dict, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    """Three models of the plain task of either problem, as if they had been trained with the penalty."""
    root = tmp_path_factory.mktemp("plain")
    return {problem: [save(root / f"{problem}-{n}.pt", folders[problem], problem, n) for n in range(3)]
            for problem in PROBLEMS}  # fmt: skip


def save(path: Path, data: Path, problem: str, weights: int = 0, **options: object) -> Path:
    given = {"word_pooling": "first"} if problem == "tagging" else {}
    setup = build(data, f"xl_{problem}", **{"weights": weights, "max_length": 14, "criterion": "xl_criterion",
                                            "conf_penalty": 1.0, **given, **options})  # fmt: skip
    torch.save(checkpoint_state(setup), path)
    return path


def listed(paths: list[Path]) -> str:
    return ",".join(map(str, paths))


def test_members_get_their_checkpoints(folders: dict, plain: dict, problem: str) -> None:
    setup = make(folders, problem)
    load_members(setup.model, listed(plain[problem]), setup.task)
    for path, found in zip(plain[problem], members(setup.model.state_dict())):
        expected = load(path)["model"]
        assert found.keys() == expected.keys()
        assert all(torch.equal(found[name], value) for name, value in expected.items())
    assert not setup.model.strict_restore


def test_members_that_are_refused(folders: dict, plain: dict, problem: str, tmp_path: Path) -> None:
    setup, (one, two, three) = make(folders, problem), plain[problem]
    other = PROBLEMS[1 - PROBLEMS.index(problem)]

    def refused(*paths: Path) -> str:
        return message(lambda: load_members(setup.model, listed(list(paths)), setup.task))

    assert refused(one, two) == f"--xla-init-members {one},{two}: 2 files, expected 3 checkpoints a,b,c"
    assert "4 files, expected 3" in refused(one, two, three, one)
    missing = tmp_path / "none.pt"
    assert refused(one, two, missing).startswith(
        f"--xla-init-members: {missing}: no such file; give checkpoint_best.pt"
    )
    text = f"--xla-init-members {one},{two},{one}: the same file twice; members must differ"
    assert refused(one, two, one).startswith(text)
    link = tmp_path / "link.pt"
    link.symlink_to(one)
    assert "the same file twice" in refused(one, two, link)
    text = refused(one, two, plain[other][0])
    assert text.startswith(
        f"--xla-init-members: {plain[other][0]}: was trained with another problem ({other} there, {problem} here)"
    )
    bare = tmp_path / "pretrained.pt"
    torch.save({**load(three), "model": {k: v for k, v in load(three)["model"].items() if "_heads." not in k}}, bare)
    assert "no classification_heads" in refused(one, two, bare) or "no position_heads" in refused(one, two, bare)


@pytest.mark.parametrize(
    "changed, expected",
    [
        ({"encoder_attention_heads": 2}, "was trained with --encoder-attention-heads 2, this run has 4"),
        ({"encoder_ffn_embed_dim": 20}, "encoder"),
        ({"encoder_layers": 2}, "encoder"),
        ({"word_pooling": "mean"}, "was trained with --word-pooling mean, this run has first; pass the same"),
    ],
    ids=["heads", "width", "layers", "pooling"],
)
def test_members_of_another_shape(folders: dict, plain: dict, tmp_path: Path, changed: dict, expected: str) -> None:
    setup, path = make(folders, "tagging"), save(tmp_path / "other.pt", folders["tagging"], "tagging", 5, **changed)
    text = message(lambda: load_members(setup.model, listed([*plain["tagging"][:2], path]), setup.task))
    assert text.startswith(f"--xla-init-members: {path}: ") and expected in text


def test_members_of_other_labels_or_pieces(folders: dict, plain: dict, problem: str, tmp_path: Path) -> None:
    for name, line, expected in (
        ("label/dict.txt", "more 1\n", "other labels ("),
        ("dict.txt", "p60 1\n", "dictionary"),
    ):
        data = copy_of(folders, problem, tmp_path / name.replace("/", "-"))
        with (data / name).open("a") as file:
            file.write(line)
        path = save(tmp_path / f"{line[:3]}.pt", data, problem, 4)
        setup = make(folders, problem)
        text = message(lambda path=path, setup=setup: load_members(
            setup.model, listed([*plain[problem][:2], path]), setup.task))  # fmt: skip
        assert text.startswith(f"--xla-init-members: {path}: was trained with ") and expected in text


def test_members_without_the_penalty_are_mentioned(
    folders: dict, plain: dict, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = save(tmp_path / "certain.pt", folders["tagging"], "tagging", 4, conf_penalty=0.0)
    setup = make(folders, "tagging")
    load_members(setup.model, listed([*plain["tagging"][:2], path]), setup.task)
    lines = [r.getMessage() for r in caplog.records if "--conf-penalty" in r.getMessage()]
    assert lines == [f"{path} was trained without --conf-penalty, so its confidence tells less (XLA, section 3.1)"]


@pytest.mark.parametrize("option", ["restore_file", "finetune_from_model"])
def test_members_are_not_overwritten_by_a_pretrained_model(
    monkeypatch: pytest.MonkeyPatch, folders: dict, plain: dict, tmp_path: Path, option: str
) -> None:
    """A recipe's pre-trained model is left aside. A first update at rate 0 shows the members as they start."""
    given = {"restore_file": None, option: folders["tagging"].parent / "tagging.pt", "encoder_layers": 3}
    warm = {"xla_warmup_passes": None, "xla_init_members": listed(plain["tagging"]), "weight_decay": 0, "lr": 1e-12}
    run(monkeypatch, folders, "tagging", tmp_path / "run", max_update=1, **given, **warm)
    for path, found in zip(plain["tagging"], members(model_of(tmp_path / "run" / "checkpoint_last.pt"))):
        for name, value in load(path)["model"].items():
            torch.testing.assert_close(found[name], value, atol=1e-9, rtol=0)


def test_weights_from_a_run_and_from_members(folders: dict) -> None:
    """Some --reset option beside a file: the file's weights are wanted."""
    options = OmegaConf.create({"restore_file": "run/checkpoint.pt", "finetune_from_model": None})
    text = message(lambda: keep_members(options))
    assert text == "--restore-file run/checkpoint.pt: would replace the members of --xla-init-members; leave it out"
