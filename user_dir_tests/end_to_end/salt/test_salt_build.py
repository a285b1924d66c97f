"""``--salt-build``: the training command makes the files that ``xl-augment counterparts`` makes, and trains alike."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from fairseq.tasks import setup_task

from user_dir_tests.helpers.running import training
from user_dir_tests.helpers.running.training import load, save_archive, train, train_here, two_ranks, words
from user_dir_tests.helpers.setups.salt import TASK
from user_dir_tests.helpers.toys.tiny import configure
from user_dir_tests.helpers.toys.toy_counterparts import POSITIONS, World, make_world
from xl_plugins.augment.counterparts.job import CounterpartJob
from xl_plugins.cli.augment import main as augment
from xl_plugins.errors import find_user_error
from xl_plugins.methods.salt import building as counterparts

LANGUAGES = ("en", "fr", "es", "de")
# blocks of seven texts, so that both ranks have some
SMALL_BLOCKS = "import xl_plugins.augment.counterparts.finder as _c; _c.BLOCK = 7\n"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The training text is the dev text too: nothing here is about scores."""
    made = make_world(tmp_path_factory.mktemp("world"))
    for data in (made.pairs, made.tagged):
        for path in data.glob("en/*/train.*"):
            shutil.copy(path, path.with_name(f"valid{path.suffix}"))
    return made


def copy(world: World, root: Path, problem: str = "sentence_pair") -> Path:
    return Path(shutil.copytree(world.pairs if problem == "sentence_pair" else world.tagged, root))


def options(world: World, **changed: object) -> dict:
    return {
        "problem": "sentence_pair", "max_positions": POSITIONS, "max_length": POSITIONS, "batch_size": 16, "lr": 1e-3,
        "update_freq": 1, "max_update": 2, "dropout": 0.1, "disable_validation": True, "restore_file": world.model,
        "salt_word_lists": world.lists, "salt_build": True, **changed,
    }  # fmt: skip


def build(monkeypatch: pytest.MonkeyPatch, world: World, data: Path, save: Path, **changed: object) -> Path:
    train_here(monkeypatch, words(data, save, TASK, **options(world, **changed)))
    return save / "checkpoint_last.pt"


def files(data: Path) -> dict[str, bytes]:
    """Everything below counterparts/, also what should not be left there."""
    folder = data / "en" / "counterparts"
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def made(world: World, data: Path, *given: dict[str, object]) -> dict[str, bytes]:
    """Files of the command, called once for each of the options."""
    for one in given or ({},):
        assert augment(world.options(data, **one)) == 0
    return files(data)


def test_files_and_parameters_are_those_of_both_commands(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, world: World, problem: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Byte by byte, with dropout: making them moves no generator that training reads."""
    first, second = (copy(world, tmp_path / name, problem) for name in ("first", "second"))
    expected = made(world, first)
    fields = 2 if problem == "sentence_pair" else 1
    assert len(expected) == 4 * (2 * fields + 3)  # manifest, checksums and mark
    caplog.set_level("INFO")
    one = build(monkeypatch, world, second, tmp_path / "one", problem=problem)
    assert files(second) == expected and f"counterparts written to {second}/en/counterparts" in caplog.text
    assert "was made with" not in caplog.text and "by coverage: " in caplog.text
    caplog.clear()
    other = build(monkeypatch, world, first, tmp_path / "other", problem=problem, salt_build=False)
    training.same_parameters(one, other)
    times = {path: path.stat().st_mtime_ns for path in second.rglob("*")}
    build(monkeypatch, world, second, tmp_path / "again", problem=problem)
    assert times == {path: path.stat().st_mtime_ns for path in second.rglob("*")}, "a second run makes nothing"


RULES = {
    "threshold": 1e-3, "source_threshold": 0.02, "thresholds": "fr=1e-5", "positions": "all", "case": "any",
    "exclude_identity": True, "source_in_list": True, "top_k": 9,
}  # fmt: skip


def test_every_rule_reaches_the_files(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """For each alone see tasks/test_salt_options.py."""
    first, second, plain = (copy(world, tmp_path / name) for name in ("first", "second", "plain"))
    given = {f"salt_{name}": value for name, value in RULES.items()}
    build(monkeypatch, world, second, tmp_path / "run", max_update=1, **given)
    assert files(second) == made(world, first, RULES) != made(world, plain)
    assert "was made with" not in caplog.text


@pytest.mark.parametrize("rules", [{}, {"source_in_list": True}], ids=str)
def test_missing_languages_alone_are_made(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, world: World, rules: dict
) -> None:
    """Copies that are there stay and need no word list any more, but for the source's where it decides on positions;
    the command does alike."""
    whole, parts, task = (copy(world, tmp_path / name) for name in ("whole", "parts", "task"))
    expected = made(world, whole, rules)
    assert made(world, parts, {"languages": "en,fr", **rules}, rules) == expected
    made(world, task, {"languages": "en,fr", **rules})
    lists = Path(shutil.copytree(world.lists, tmp_path / "lists"))
    (lists / "fr.txt").unlink()
    if not rules:
        (lists / "en.txt").unlink()
    given = {f"salt_{name}": value for name, value in rules.items()}
    build(monkeypatch, world, task, tmp_path / "run", max_update=1, salt_word_lists=lists, **given)
    assert files(task) == expected
    counts = [json.loads(expected[f"{lang}/manifest.json"])["counts"] for lang in LANGUAGES]
    assert all(count["substituted"] > 0 for count in counts)


def test_every_rank_has_its_own_blocks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, world: World) -> None:
    """Both ranks in this process, one after the other; the first one writes the files."""
    first, second = (copy(world, tmp_path / name) for name in ("first", "second"))
    expected = made(world, first)
    monkeypatch.setattr("xl_plugins.augment.counterparts.finder.BLOCK", 7)
    monkeypatch.setattr(counterparts, "_distributed", lambda: True)
    monkeypatch.setattr(counterparts, "_barrier", lambda: None)
    monkeypatch.setattr(counterparts.dist, "get_world_size", lambda: 2)
    compute, done = CounterpartJob.compute, {}

    def counted(job: CounterpartJob, finder: Any, store: Any, blocks: list[int], progress: Any) -> None:
        done[rank] = list(blocks)
        compute(job, finder, store, blocks, progress)

    monkeypatch.setattr(CounterpartJob, "compute", counted)
    given = {"restore_file": str(world.model), "salt_word_lists": str(world.lists), "max_length": POSITIONS}
    task = setup_task(configure(second, TASK, **given).task)
    for rank in (1, 0):
        monkeypatch.setattr(counterparts.dist, "get_rank", lambda rank=rank: rank)
        counterparts.build_counterparts(task, LANGUAGES)
        assert (files(second) == expected) == (rank == 0)
    count = len(done[0]) + len(done[1])
    assert count > 3 and done == {0: list(range(0, count, 2)), 1: list(range(1, count, 2))}


@pytest.mark.slow
def test_two_ranks_share_the_work(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, world: World, problem: str) -> None:
    """The same files as of one process, and parameters of one rank that takes the same batches."""
    first, second = (copy(world, tmp_path / name, problem) for name in ("first", "second"))
    expected = made(world, first)
    monkeypatch.setattr(training, "PROGRAM", SMALL_BLOCKS + training.PROGRAM)
    given = options(world, problem=problem, batch_size=4, dropout=0.0, optimizer="sgd", lr=0.05)
    two_ranks(second, tmp_path / "two", TASK, **given)
    assert files(second) == expected
    train_here(monkeypatch, words(first, tmp_path / "one", TASK, **{**given, "update_freq": 2}))
    paths = [tmp_path / name / "checkpoint_last.pt" for name in ("two", "one")]
    training.same_parameters(*paths, tolerance=1e-5)


@pytest.mark.slow
def test_a_model_named_apart_and_a_killed_run(tmp_path: Path, world: World) -> None:
    """Without a model to start from; stopped after its first step it finds its counterparts again."""
    data = copy(world, tmp_path / "data")
    given = options(world, restore_file=None, salt_model=world.model, save_interval_updates=1)
    killed = train(data, tmp_path / "run", TASK, env={"XL_DIE_BEFORE": 2}, **given)
    assert killed.killed and "counterparts written to" in killed.output, killed.output[-2000:]
    ended = train(data, tmp_path / "run", TASK, **given)
    assert ended.code == 0 and "counterparts written to" not in ended.output, ended.output[-2000:]
    assert load(tmp_path / "run" / "checkpoint_last.pt")["optimizer_history"][-1]["num_updates"] == 2


# -- mistakes --


def refused(monkeypatch: pytest.MonkeyPatch, world: World, data: Path, save: Path, **changed: object) -> str:
    """The line that ends a run that must not start; it leaves nothing behind."""
    try:
        build(monkeypatch, world, data, save, **changed)
    except BaseException as error:
        text = find_user_error(error)
        assert text is not None, f"traceback instead of a message: {error!r}"
        assert not files(data) and "\n" not in text
        return text
    raise AssertionError("the run was not refused")


def test_word_lists(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, world: World) -> None:
    data, save = copy(world, tmp_path / "data"), tmp_path / "run"
    assert refused(monkeypatch, world, data, save, salt_word_lists=None).startswith(
        "--salt-build: name the languages' word lists by --salt-word-lists"
    )
    text = refused(monkeypatch, world, data, save, salt_langs="en,ru")
    assert text.startswith(f"--salt-word-lists {world.lists}: no word list for ru: neither {world.lists}/ru.txt nor")
    text = refused(monkeypatch, world, data, save, salt_word_lists=tmp_path / "nowhere")
    assert text.startswith(f"--salt-word-lists {tmp_path}/nowhere: no such folder")
    text = refused(monkeypatch, world, data, save, salt_langs="fr", salt_source_in_list=True)
    assert text == "--salt-source-in-list: the list of en is needed; add en to --salt-langs"


def test_models(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, world: World) -> None:
    data, save = copy(world, tmp_path / "data"), tmp_path / "run"
    text = refused(monkeypatch, world, data, save, restore_file=None)
    assert text.startswith("--salt-build: no pre-trained model is known; name it by --restore-file or --salt-model")
    tuned = build(monkeypatch, world, data, tmp_path / "tuned", salt_langs="none")
    text = refused(monkeypatch, world, data, save, restore_file=None, finetune_from_model=tuned)
    assert text.startswith(f"{tuned}: was fine-tuned") and text.endswith("or name it by --salt-model")
    archive = load(world.model)
    archive["model"] = {name: value for name, value in archive["model"].items() if ".lm_head." not in name}
    torch.save(archive, tmp_path / "headless.pt")
    text = refused(monkeypatch, world, data, save, salt_model=tmp_path / "headless.pt")
    assert text.startswith(f"{tmp_path}/headless.pt: no encoder.lm_head.") and "language-model head" in text
    names = tmp_path / "dict.txt"
    names.write_text(world.spm.dict.read_text(encoding="utf-8") + "one_more 1\n", encoding="utf-8")
    save_archive(tmp_path / "other.pt", names, max_positions=POSITIONS, tokens_per_sample=POSITIONS)
    text = refused(monkeypatch, world, data, save, salt_model=tmp_path / "other.pt")
    assert text.startswith(f"{tmp_path}/other.pt: ") and "vocabulary has" in text
    (data / "sentencepiece.bpe.model").unlink()
    assert f"{data}/sentencepiece.bpe.model: no such file" in refused(monkeypatch, world, data, save)
