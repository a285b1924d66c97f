"""The folder of a run predicts where it is moved to, without the data it was trained on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import xl_plugins
from user_dir_tests.conftest import TinySpm
from user_dir_tests.helpers.folders import leave_as_killed
from user_dir_tests.helpers.prepare.invented_xnli import prepare_raw, write_raw
from user_dir_tests.helpers.prepare.questions import make_xquad
from user_dir_tests.helpers.prepare.runs import run as prepare
from user_dir_tests.helpers.prepare.tagging import make_udpos
from user_dir_tests.helpers.running.training import train_here, words
from xl_plugins.cli import evaluate
from xl_plugins.convert.to_hf import to_hf
from xl_plugins.data.binary.kept import find_kept, keep
from xl_plugins.errors import UserError

EXAMPLES = {"sentence_pair": ("a b", "c"), "tagging": ["a", "b"], "qa": ("Wer?", "Anna wohnt in Bern")}
RUN = {"lr": 0.001, "max_update": 1, "batch_size": 4, "max_positions": 128, "max_length": 60}


def train(data: Path, save: Path, task: str, **options: object) -> None:
    with pytest.MonkeyPatch.context() as patch:
        train_here(patch, words(data, save, task, **{**RUN, **options}))


@pytest.mark.parametrize("problem", EXAMPLES)
def test_moved(tmp_path: Path, tiny_spm: TinySpm, problem: str) -> None:
    data, run = tmp_path / "data", tmp_path / "run"
    if problem == "sentence_pair":
        prepare_raw(write_raw(tmp_path / "raw", rows=10), data, tiny_spm)
    elif problem == "tagging":
        prepare(tiny_spm, "udpos", make_udpos(tmp_path / "raw"), data)
    else:
        raw = make_xquad(tmp_path / "raw")
        prepare(tiny_spm, "xquad", raw / "xquad", data, "--train", raw / "squad/train-v1.1.json",
                "--valid", f"{raw}/dev-{{lang}}.json")  # fmt: skip
    train(data, run, f"xl_{problem}", **({"max_question_length": 20} if problem == "qa" else {}))
    before = xl_plugins.load(str(run / "checkpoint_last.pt")).predict([EXAMPLES[problem]])
    shutil.rmtree(data)
    shutil.move(run, tmp_path / "elsewhere")
    path = str(tmp_path / "elsewhere" / "checkpoint_last.pt")
    model = xl_plugins.load(path)
    assert model.predict([EXAMPLES[problem]]) == before
    assert model.tuned.task.data_bin.root == tmp_path / "elsewhere" / "xl_model"
    to_hf(path, str(tmp_path / "hub"))
    with pytest.raises(UserError, match=r"no test data|holds no|no data"):
        evaluate.main([str(tmp_path / "elsewhere" / "xl_model"), "--path", path])


def test_the_files(tmp_path: Path, tiny_spm: TinySpm) -> None:
    """Those of the data but for the data; kept once, and again where they have changed."""
    data, run = prepare_raw(write_raw(tmp_path / "raw", rows=10), tmp_path / "data", tiny_spm), tmp_path / "run"
    train(data, run, "xmixup_sentence_pair")
    for name in ("dict.txt", "label/dict.txt", "sentencepiece.bpe.model"):
        assert (run / "xl_model" / name).read_bytes() == (data / name).read_bytes()
    meta, kept = (json.loads((folder / "meta.json").read_text()) for folder in (data, run / "xl_model"))
    assert kept["labels"] == meta["labels"] and kept["tokenizer_sha256"] == meta["tokenizer_sha256"]
    assert kept["splits"] == {} and kept["languages"] == [] and "views" not in kept
    stamp = (run / "xl_model" / "dict.txt").stat().st_mtime_ns
    keep(data, str(run))
    assert (run / "xl_model" / "dict.txt").stat().st_mtime_ns == stamp
    leave_as_killed(run / "xl_model", "fairseq-train")
    keep(data, str(run))
    assert not [path.name for path in run.iterdir() if path.name.startswith(".xl_model")]
    meta["dataset"] = "other"
    (data / "meta.json").write_text(json.dumps(meta))
    keep(data, str(run))
    assert json.loads((run / "xl_model" / "meta.json").read_text())["dataset"] == "other"


def test_where_they_are_looked_for(tmp_path: Path) -> None:
    assert find_kept(str(tmp_path / "run" / "checkpoint_best.pt")) is None
    (tmp_path / "run" / "xl_model").mkdir(parents=True)
    (tmp_path / "run" / "xl_model" / "dict.txt").touch()
    for name in ("checkpoint_best.pt", "members/member-1.pt"):
        assert find_kept(str(tmp_path / "run" / name)) == str(tmp_path / "run" / "xl_model")


def test_a_folder_of_the_users(tmp_path: Path, tiny_spm: TinySpm) -> None:
    data = prepare_raw(write_raw(tmp_path / "raw", rows=10), tmp_path / "data", tiny_spm)
    (tmp_path / "run" / "xl_model").mkdir(parents=True)
    (tmp_path / "run" / "xl_model" / "thesis.tex").touch()
    with pytest.raises(UserError, match=r"^--save-dir .*xl_model: fairseq-train did not make it"):
        train(data, tmp_path / "run", "xl_sentence_pair")
    assert [path.name for path in (tmp_path / "run" / "xl_model").iterdir()] == ["thesis.tex"]
    train(data, tmp_path / "unsaved", "xl_sentence_pair", no_save=True)
    assert not (tmp_path / "unsaved" / "xl_model").exists()
