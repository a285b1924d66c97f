"""xl-augment soft-labels: the model's own distribution for every word of the translated training text."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from user_dir_tests.helpers.evaluation.checkpoints import checkpoint_state, save_checkpoint
from user_dir_tests.helpers.prepare.runs import tree
from user_dir_tests.helpers.running.killing import die, dies_in_call, killed
from user_dir_tests.helpers.running.training import environment
from user_dir_tests.helpers.toys.tiny import build
from user_dir_tests.helpers.toys.toy import make_data
from user_dir_tests.helpers.toys.toy_positions import TAGS, make_tagging
from xl_plugins.cli.augment import main
from xl_plugins.data.binary.layout import DataBin
from xl_plugins.data.training.tagged_texts import TaggedTexts
from xl_plugins.errors import UserError
from xl_plugins.evaluation import soft_labels
from xl_plugins.evaluation.checkpoint import load_fine_tuned
from xl_plugins.formats.examples.soft_labels import SoftLabels
from xl_plugins.output import MARK, FolderLock, Unfinished


def save(path: Path, data: Path, task: str = "xl_tagging", **options: object) -> str:
    """A checkpoint of random weights whose positions (at most 12) make long sentences two rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    setup = build(data, task, max_length=12, **options)
    with torch.no_grad():
        for name, parameter in setup.model.named_parameters():
            if "tagging_head" in name:
                parameter.mul_(30)  # distributions of different words differ
    torch.save(checkpoint_state(setup), path)
    return str(path)


@pytest.fixture
def data(tmp_path) -> Path:
    return make_tagging(tmp_path / "data", train=40, soft=False, tagged=False)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("run")
    return save(folder / "best.pt", make_tagging(folder / "data", soft=False))


def by_hand(checkpoint: str, data: Path, language: str) -> np.ndarray:
    """Every chunk alone through the model's forward pass."""
    tuned = load_fine_tuned(checkpoint, str(data))
    texts = TaggedTexts(tuned.task.data_bin, language, "train", 12)
    found = []
    for sentence in range(len(texts)):
        for row in texts.rows(sentence):
            with torch.no_grad():
                logits, _ = tuned.model(
                    row.tokens[None], words=row.words[None], classification_head_name="tagging_head"
                )
            found.append(torch.softmax(logits[0, : row.last - row.first].float(), -1).numpy())
    assert any(len(texts.rows(sentence)) > 1 for sentence in range(len(texts)))
    return np.concatenate(found)


@pytest.mark.parametrize("limits", [[], ["--batch-size", "1"], ["--max-tokens", "60"]])
def test_vectors_are_the_models_distributions_in_the_order_of_the_words(checkpoint, data, limits):
    assert main(["soft-labels", str(data), "--path", checkpoint, *limits]) == 0
    for language in ("de", "fr"):
        made = np.load(data / language / "soft" / "train.npy")
        assert made.dtype == np.float32 and made.shape[1] == len(TAGS)
        np.testing.assert_allclose(made, by_hand(checkpoint, data, language), atol=1e-5)
        np.testing.assert_allclose(made.sum(1), 1, atol=1e-5)
        assert np.ptp(made, axis=0).max() > 0.05
    assert not (data / "en" / "soft").exists()
    assert sorted(p.name for p in (data / "de" / "soft").iterdir()) == [MARK, "train.npy"]


def test_training_reads_what_was_written(checkpoint, data):
    main(["soft-labels", str(data), "--path", checkpoint, "--languages", "de"])
    assert not (data / "fr" / "soft").exists()
    made = build(data, "xl_tagging", target_labels="soft", train_languages="en,de")
    made.task.load_dataset("train")
    assert made.task.datasets["train"][45]["soft"][0].sum(-1).numpy() == pytest.approx(1, abs=1e-5)


def test_text_files_say_the_same_and_are_read_by_the_preparation(checkpoint, data, tmp_path):
    out = tmp_path / "raw" / "soft-labels"
    assert main(["soft-labels", str(data), "--path", checkpoint, "--output", str(out)]) == 0
    assert sorted(p.name for p in out.iterdir()) == [MARK, "en-de.tsv", "en-fr.tsv"]
    folder = DataBin(data)
    texts = soft_labels.Words(folder, "de", "train", 12)
    raw = soft_labels.Rows(folder.prefix("de", "raw", "train"), np.uint8)
    words = [raw.text(row).split("\t") for row in range(len(texts))]
    reader = SoftLabels(str(out / "en-de.tsv"), TAGS, "de")
    values = reader.take(words)
    reader.finish()
    np.testing.assert_allclose(values, np.load(data / "de" / "soft" / "train.npy"), atol=1e-7)
    first = (out / "en-de.tsv").read_text(encoding="utf-8").split("\n")[0]
    assert len(first.split("\t")[1].split(";")[0].split(".")[1]) >= 6


def error(*words: object) -> str:
    with pytest.raises(UserError) as caught:
        main(["soft-labels", *map(str, words)])
    return str(caught.value)


def test_existing_files_are_kept_unless_overwritten(checkpoint, data, tmp_path):
    options = [data, "--path", checkpoint, "--languages", "de"]
    assert main(["soft-labels", *map(str, options)]) == 0
    before = (data / "de" / "soft" / "train.npy").read_bytes()
    (data / "de" / "soft" / "train.npy").write_bytes(b"of another text")
    assert "de/soft/train.npy exists; pass --overwrite" in error(*options)
    assert main(["soft-labels", *map(str, options), "--overwrite"]) == 0
    assert (data / "de" / "soft" / "train.npy").read_bytes() == before
    out = tmp_path / "out"
    out.mkdir()
    (out / "en-de.tsv").write_text("mine")
    (data / "de" / "soft" / "train.npy").unlink()
    assert "en-de.tsv exists; pass --overwrite" in error(*options, "--output", out)
    assert (out / "en-de.tsv").read_text() == "mine" and not (data / "de" / "soft" / "train.npy").exists()


def test_languages(checkpoint, data, tmp_path):
    assert "no translated training text of sw; prepare it (--translate-train). It has de, fr" in error(
        data, "--path", checkpoint, "--languages", "sw"
    )
    assert "en is the source language, whose tags are gold" in error(data, "--path", checkpoint, "--languages", "de,en")
    alone = make_tagging(tmp_path / "alone", languages=("en",), soft=False)
    assert "no translated training text; prepare it" in error(alone, "--path", checkpoint)


def test_checkpoints_of_another_kind(checkpoint, data, tmp_path):
    pairs = make_data(tmp_path / "pairs")
    save_checkpoint(tmp_path / "pairs.pt", pairs, "xl_sentence_pair")
    assert "the data is for problem 'tagging', this task is for 'sentence_pair'" in error(
        data, "--path", tmp_path / "pairs.pt"
    )
    (pairs / "meta.json").write_text(json.dumps({"problem": "sentence_pair"}))
    assert "the data is for problem 'sentence_pair', not for tagging" in error(pairs, "--path", checkpoint)
    mixed = save(tmp_path / "mixup.pt", data, "xmixup_tagging", train_languages="en", mixup_layer=1)
    assert "trained with X-Mixup; soft labels come from a model fine-tuned on the source" in error(
        data, "--path", mixed
    )
    (data / "label" / "dict.txt").write_text("".join(f"{name} 1\n" for name in reversed(TAGS)))
    assert "label/dict.txt: not the one" in error(data, "--path", checkpoint)
    assert "no such file" in error(data, "--path", tmp_path / "none.pt")


def test_numbers_that_are_none_leave_nothing(checkpoint, data, monkeypatch):
    monkeypatch.setattr(soft_labels, "load_fine_tuned", lambda *a, **k: _spoilt(*a, **k))
    assert "are not finite" in error(data, "--path", checkpoint)
    assert not (data / "de" / "soft").exists()


def _spoilt(*args: object, **options: object) -> object:
    tuned = load_fine_tuned(*args, **options)  # type: ignore[arg-type]
    next(p for name, p in tuned.model.named_parameters() if "tagging_head" in name).data.fill_(float("nan"))
    return tuned


def test_a_full_disk_leaves_nothing(checkpoint, data, monkeypatch):
    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError):
        main(["soft-labels", str(data), "--path", checkpoint])
    assert not (data / "de" / "soft").exists()


@pytest.mark.parametrize("where", ["first note", "second array", "second note", "end", "locks"])
def test_killed_between_languages_it_goes_on(checkpoint, data, tmp_path, where, monkeypatch, capsys):
    out = tmp_path / "text"
    words = ["soft-labels", str(data), "--path", checkpoint, "--output", str(out)]
    whole = tmp_path / "whole"
    shutil.copytree(data, whole)
    main(["soft-labels", str(whole), "--path", checkpoint])

    def work() -> None:
        if where == "second array":
            soft_labels.write_array = dies_in_call(2, soft_labels.write_array)
        elif where == "end":
            Unfinished.__exit__ = die
        elif where == "locks":
            FolderLock.release = dies_in_call(3, FolderLock.release)  # the first two are of the blocks
        else:
            Unfinished.add = dies_in_call(1 if where == "first note" else 3, Unfinished.add)
        main(words)

    killed(work)
    with pytest.raises(UserError, match="exists; pass --overwrite"):  # other options are another job
        main([*words, "--batch-size", "3"])
    if where == "locks":
        assert tree(data) == tree(whole)
        return
    made = []
    write = soft_labels.write_array
    monkeypatch.setattr(soft_labels, "write_array", lambda *args, **options: [made.append(args[1]), write(*args)])
    assert main(words) == 0
    expected = {"first note": ["de", "fr"], "second array": ["fr"], "second note": ["fr"], "end": []}[where]
    assert [part.language for part in made] == expected
    assert tree(data) == tree(whole)
    assert sorted(path.name for path in out.iterdir()) == [MARK, "en-de.tsv", "en-fr.tsv"]
    with pytest.raises(UserError, match="exists; pass --overwrite"):
        main(words)
    assert tree(data) == tree(whole)


@pytest.mark.slow
def test_a_killed_run_leaves_nothing_that_is_read(checkpoint, data, repo):
    """Killed while it writes; the next run needs no --overwrite."""
    code = (
        "import os, signal, sys\n"
        "from xl_plugins.evaluation import soft_labels\n"
        "from xl_plugins.cli.augment import main\n"
        "made = soft_labels.predict_batches\n"
        "def die(*args, **options):\n"
        "    for number, item in enumerate(made(*args, **options)):\n"
        "        if number == 2: os.kill(os.getpid(), signal.SIGKILL)\n"
        "        yield item\n"
        "soft_labels.predict_batches = die\n"
        "main(sys.argv[1:])\n"
    )
    words = ["soft-labels", str(data), "--path", checkpoint, "--batch-size", "4"]
    done = subprocess.run([sys.executable, "-c", code, *words], env=environment(), capture_output=True, timeout=120)
    assert done.returncode == -signal.SIGKILL
    assert not (data / "de" / "soft" / "train.npy").exists()
    assert main(words) == 0
    assert sorted(p.name for p in (data / "de" / "soft").iterdir()) == [MARK, "train.npy"]
    np.testing.assert_allclose(np.load(data / "de" / "soft" / "train.npy"), by_hand(checkpoint, data, "de"), atol=1e-5)


def test_the_command_prints_one_line_per_language_and_per_mistake(run_cli, checkpoint, data):
    done = run_cli("augment", "soft-labels", data, "--path", checkpoint)
    assert done.code == 0 and [line.split(":")[0] for line in done.out.splitlines()] == ["de", "fr"]
    done = run_cli("augment", "soft-labels", data, "--path", checkpoint)
    assert done.code == 2 and done.err.count("\n") == 1 and done.err.startswith("xl-augment: error: ")
    assert "soft-labels data-bin/panx" in run_cli("augment", "--help").out
    assert "--path runs/zero-shot" in run_cli("augment", "soft-labels", "--help").out
