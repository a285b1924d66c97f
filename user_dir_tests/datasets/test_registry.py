"""The registry of data sets: every module has a reader's members, and its facts are asked for there alone."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from user_dir_tests.helpers.prepare.runs import meta, tokenizer_options
from user_dir_tests.helpers.prepare.tagging import write
from xl_plugins.datasets import READERS, XTREME
from xl_plugins.evaluation.metrics.benchmark import task_name
from xl_plugins.evaluation.readers import questions, tags
from xl_plugins.evaluation.readers.labels import LABEL_SETS
from xl_plugins.evaluation.retrieval.scores import MINED
from xl_plugins.formats.examples.benchmark import BenchmarkTask
from xl_plugins.functional.scores.metrics import METRICS
from xl_plugins.problems.tagging.span_rules import benchmark_task

REPO = Path(__file__).resolve().parents[2]
READER = """\
from functools import partial

from xl_plugins.datasets.layouts import xtreme_tagging
from xl_plugins.formats.examples.benchmark import BenchmarkTask
from xl_plugins.formats.examples.sentences import SentenceFile

LABELS = ("I-LOW", "I-HIGH", "O")
BENCHMARK = BenchmarkTask("Melodies", "span_f1", ("de", "en"), labels=LABELS, blind=True, old_names=("songs",))
HELP = "pitches of melodies"
EPILOG = "example: none"
add_arguments = xtreme_tagging.add_arguments
make_plan = partial(xtreme_tagging.make_plan, dataset="tunes", labels=LABELS, template=SentenceFile(""))
"""
USE = """\
import sys

from xl_plugins.cli import prepare
from xl_plugins.evaluation.readers.file_scores import score_files

assert prepare.main(["songs", "raw", "bin", *sys.argv[1:]]) == 0
print(score_files("good", "gold", "songs").scores)
try:
    score_files("wrong", "gold", "songs")
except Exception as error:
    print(error)
"""


def test_order_and_names() -> None:
    assert list(XTREME) == "xnli pawsx udpos panx xquad mlqa tydiqa bucc2018 tatoeba".split()
    assert list(READERS) == [*XTREME, "pairs", "texts", "conllu", "conll", "squad"]
    assert all(task.metric in METRICS and task.languages for task in XTREME.values())


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
def test_members_of_a_reader(reader: Any) -> None:
    assert reader.HELP and "example" in reader.EPILOG
    assert callable(reader.add_arguments) and callable(reader.make_plan)
    assert reader.BENCHMARK is None or isinstance(reader.BENCHMARK, BenchmarkTask)
    assert (reader.BENCHMARK is None) == (".generic." in reader.__name__)


def test_facts_reach_those_who_ask() -> None:
    """As each of them had it typed."""
    assert {
        "udpos": tuple("ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X O _".split()),
        "panx": ("B-LOC", "B-ORG", "B-PER", "I-LOC", "I-ORG", "I-PER", "O"),
    } == tags.TAG_SETS
    assert LABEL_SETS.keys() == {"xnli", "pawsx"} and LABEL_SETS["xnli"].normal("contradictory") == "contradiction"
    assert questions._GOLD_NAMES == {
        "test": (
            "test-{}.json", "xquad.{}.json", "test-context-{}-question-{}.json",
            "test/test-context-{}-question-{}.json", "MLQA_V1/test/test-context-{}-question-{}.json",
            "tydiqa.goldp.{}.dev.json", "tydiqa-goldp-v1.1-dev/tydiqa.goldp.{}.dev.json",
        ),
        "valid": (
            "dev-{}.json", "dev-context-{}-question-{}.json", "dev/dev-context-{}-question-{}.json",
            "MLQA_V1/dev/dev-context-{}-question-{}.json",
        ),
    }  # fmt: skip
    assert [name for name in READERS if benchmark_task(name)] == ["udpos", "panx"]
    assert [name for name, task in XTREME.items() if task.blind] == ["xnli", "pawsx", "udpos", "panx"]
    assert MINED == ("bucc2018",) and task_name("bucc") == "bucc2018" and task_name("xnli") == "xnli"
    assert XTREME["xnli"].texts == ("premise", "hypothesis") and XTREME["pawsx"].texts == ("first text", "second text")


def test_a_new_data_set_is_a_file_and_a_line(tiny_spm: Any, tmp_path: Path) -> None:
    """Preparing, by its old name too, and scoring know its labels, spans and blind test files from its own file."""
    package = tmp_path / "xl_plugins"
    shutil.copytree(REPO / "xl_plugins", package, ignore=shutil.ignore_patterns("__pycache__"))
    (package / "datasets" / "tunes.py").write_text(READER)
    registry = package / "datasets" / "__init__.py"
    registry.write_text(registry.read_text("utf-8").replace('    "tatoeba",\n', '    "tatoeba",\n    "tunes",\n'))
    rows = [["la\tI-LOW", "la\tI-LOW", "hm\tO", "la\tI-HIGH"]]
    write(tmp_path / "raw/train-en.tsv", rows * 3)
    write(tmp_path / "raw/dev-en.tsv", rows * 2)
    write(tmp_path / "raw/test-de.tsv", [["la\tO", "lo\tO"]] * 10)
    write(tmp_path / "gold/test-de.tsv", rows * 2)
    write(tmp_path / "good/tunes/test-de.tsv", [["I-LOW", "I-LOW", "I-HIGH", "I-HIGH"], ["I-LOW", "I-LOW", "O", "O"]])
    write(tmp_path / "wrong/test-de.tsv", [["I-LOW", "I-LOW", "O", "PITCH"]] * 2)
    done = subprocess.run(
        [sys.executable, "-c", USE, *tokenizer_options(tiny_spm)], cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    *said, scores, mistake = done.stdout.splitlines()
    assert "spans: XTREME's rules" in said
    assert ast.literal_eval(scores) == {"de": pytest.approx(100 * 4 / 7)}  # 2 of 4 spans found, 3 predicted
    assert mistake == "wrong/test-de.tsv:4: 'PITCH' is not one of I-LOW, I-HIGH, O; correct the line or --task"
    assert meta(tmp_path / "bin")["unlabelled"] == {"de": ["test"]}
