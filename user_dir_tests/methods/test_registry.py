"""The entries of the methods: what they declare is there, in their own folder, and is read without torch."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import fields, replace
from importlib import import_module
from pathlib import Path

import pytest
from fairseq.criterions import CRITERION_DATACLASS_REGISTRY, CRITERION_REGISTRY
from fairseq.models import ARCH_MODEL_REGISTRY
from fairseq.tasks import TASK_DATACLASS_REGISTRY, TASK_REGISTRY

from xl_plugins.defaults import DECIDING, given_options, start_options
from xl_plugins.methods import METHODS, PLAIN, TASKS, from_all, method_of, methods_with
from xl_plugins.methods.base import Method, Run, shared_defaults
from xl_plugins.problems import QA, SENTENCE_PAIR, TAGGING

REPO = Path(__file__).resolve().parents[2]
NEW = Method(
    name="new", prefix="fresh", modules=("task",), criterion="fresh_criterion", arch="xl_xlmr", task="fresh_any",
    problem="tagging", starts=("fresh_from",),
)  # fmt: skip


def test_tasks() -> None:
    assert TASKS == {
        "xl_sentence_pair": "sentence_pair", "xl_text": "text", "xl_tagging": "tagging", "xl_qa": "qa",
        "xmixup_sentence_pair": "sentence_pair", "xmixup_text": "text", "xmixup_tagging": "tagging", "xmixup_qa": "qa",
        "salt_augment_task": "", "xla_cotrain_task": "",
    }  # fmt: skip
    assert TASKS.keys() <= TASK_REGISTRY.keys()
    assert NEW.tasks == {"fresh_any": ""}
    assert NEW.aliases == {f"fresh_{name}": ("fresh_any", name) for name in ("sentence_pair", "text", "tagging")}
    assert list(replace(NEW, task="").tasks) == ["fresh_sentence_pair", "fresh_text", "fresh_tagging", "fresh_qa"]
    assert replace(NEW, task="").aliases == {}


@pytest.mark.parametrize(
    ("task", "criterion", "name"),
    [
        ("xl_qa", None, "plain"), ("xl_qa", "xl_criterion", "plain"), ("xl_qa", "xtune_criterion", "xtune"),
        ("xl_qa", "cross_entropy", "plain"), ("xmixup_qa", "xtune_criterion", "xmixup"),
        ("salt_augment_task", None, "salt"), ("xla_cotrain_task", "xl_criterion", "xla"),
    ],
)  # fmt: skip
def test_the_method_of_a_run(task: str, criterion: str | None, name: str) -> None:
    assert method_of(task, criterion).name == name


def test_methods_that_share_a_task() -> None:
    assert [method.criterion for method in methods_with("xl_text")] == ["xl_criterion", "xtune_criterion"]
    assert [method.criterion for method in methods_with("salt_augment_task")] == ["xl_criterion"]


@pytest.mark.parametrize("method", METHODS.values(), ids=lambda method: method.name)
def test_all_that_is_declared_is_there(method: Method) -> None:
    """Options that an entry names are fields of its tasks; what it registers is known to fairseq."""
    assert {method.criterion} <= CRITERION_REGISTRY.keys() and {method.arch} <= ARCH_MODEL_REGISTRY.keys()
    assert method.members.keys() | set(method.members.values()) <= ARCH_MODEL_REGISTRY.keys()
    for module in method.modules:
        assert import_module(f"xl_plugins.methods.{method.name}.{module}")
    for task in method.tasks:
        names = {field.name for field in fields(TASK_DATACLASS_REGISTRY[task])}
        assert {*method.deciding, *method.starts, *method.free} <= names
    for facts in (SENTENCE_PAIR, TAGGING, QA)[: 3 if "" not in method.tasks.values() else 2]:
        kinds = [CRITERION_DATACLASS_REGISTRY[method.criterion], *map(TASK_DATACLASS_REGISTRY.get, method.tasks)]
        known = {field.name for kind in kinds if kind for field in fields(kind)}
        found = method.defaults(Run(facts, False, 1, dict.fromkeys(method.deciding)))
        general = {"lr", "lr_scheduler", "max_epoch", "batch_size", "update_freq", "warmup_ratio", "weight_decay",
                   "best_checkpoint_metric", "keep_last_epochs", "validate_interval_updates"}  # fmt: skip
        assert found.keys() <= known | general


def test_rows_of_an_update_are_shared_out() -> None:
    """X-Mixup, Table 10: 64 pairs, 16 or in question answering 8 at once."""
    assert shared_defaults(Run(TAGGING, False, 2, {})) == {"batch_size": 16, "update_freq": [2]}
    found = shared_defaults(Run(QA, True, 4, {}))
    assert found == {"max_epoch": 2, "batch_size": 8, "warmup_ratio": 0.1, "update_freq": [2]}
    assert METHODS["xmixup"].defaults(Run(QA, True, 4, {})) == {**found, "mixup_alpha": 0.2, "kl_weight": 0.0}
    assert PLAIN.defaults is shared_defaults


@pytest.mark.parametrize(
    ("task", "option", "expected"),
    [("xl_qa", None, "qa"), ("xl_qa", "tagging", "qa"), ("fresh_any", None, "tagging"), ("fresh_any", "text", "text"),
     ("fresh_any", "none", "tagging")],
)  # fmt: skip
def test_the_problem_of_a_run(task: str, option: str | None, expected: str) -> None:
    assert (PLAIN if task in PLAIN.tasks else NEW).problem_of(task, option).name == expected


def test_options_that_decide_and_that_a_run_starts_from() -> None:
    assert from_all("deciding") == ("xla_epochs", "xla_warmup_passes") == DECIDING[-2:]
    assert from_all("starts") == ("xla_init_members",) and from_all("free") == ("xla_label_tokens",)
    given = given_options(["d", "--xla-init-members", "a,b", "--xla-epochs=2", "--restore-file", "r", "--lr", "1"])
    assert (given.xla_epochs, given.xla_warmup_passes) == ("2", None)
    assert start_options(vars(given).get) == ("r", None, "a,b", "checkpoints")


ENTRY = """\
from ..base import Method, Run


def defaults(run: Run) -> dict:
    steps = int(run.given["fresh_steps"] or 1)
    return {**run.batches(24 * steps, 8), "max_length": 99 if run.large else 77}


METHOD = Method(
    name="new", prefix="fresh", modules=("task",), criterion="xl_criterion", arch="xl_xlmr", task="fresh_any",
    problem="tagging", defaults=defaults, deciding=("fresh_steps",),
)
"""
TASK = """\
from dataclasses import dataclass, field

from fairseq.dataclass import ChoiceEnum
from fairseq.tasks import register_task

from xl_plugins.tasks.base import XLTask
from xl_plugins.tasks.base_options import XLTaskConfig


@dataclass
class NewConfig(XLTaskConfig):
    problem: ChoiceEnum(["tagging", "sentence_pair"]) = field(default="tagging", metadata={"help": "what"})
    fresh_steps: int = field(default=1, metadata={"help": "steps"})


@register_task("fresh_any", dataclass=NewConfig)
class NewTask(XLTask):
    pass
"""
USE = """\
import contextlib, io, sys

import xl_plugins.cli.train as command
from fairseq import options
from xl_plugins.preflight.options import _check_criterion

line = ["data", "--task", "fresh_tagging", "--fresh-steps", "2", "--arch", "xl_xlmr_large"]
read = options.parse_args_and_arch(options.get_training_parser(), line)
print(read.task, read.problem, read.criterion, read.batch_size, read.update_freq, read.max_length, read.lr)
print(read.best_checkpoint_metric)
shown = io.StringIO()
with contextlib.redirect_stdout(shown):
    command.main(["--help"])
print("fresh_text" in shown.getvalue(), "fresh_any (the last three with" in " ".join(shown.getvalue().split()))
try:
    _check_criterion("fresh_any", "xla_criterion")
except Exception as error:
    print(error)
"""


def test_a_new_method_is_a_folder_and_a_line(tmp_path: Path) -> None:
    package = tmp_path / "xl_plugins"
    shutil.copytree(REPO / "xl_plugins", package, ignore=shutil.ignore_patterns("__pycache__"))
    (package / "methods" / "new").mkdir()
    for name, text in (("__init__", ""), ("method", ENTRY), ("task", TASK)):
        (package / "methods" / "new" / f"{name}.py").write_text(text)
    registry = package / "methods" / "__init__.py"
    registry.write_text(registry.read_text("utf-8").replace('    "xla",\n', '    "xla",\n    "new",\n'))
    env = {**os.environ, "PYTHONPATH": str(tmp_path), "WORLD_SIZE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", USE], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines() == [
        "fresh_any tagging xl_criterion 8 [6] 99 [5e-06]", "f1_select", "True True",
        "--criterion xla_criterion: task fresh_any needs xl_criterion; pass it, or leave it out",
    ]  # fmt: skip


def test_entries_are_read_without_torch() -> None:
    code = (
        "import sys; sys.argv = ['xl-train', '--help']; import xl_plugins.methods as m;"
        "print(len(m.TASKS), [name for name in ('torch', 'fairseq', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True, check=True)
    assert done.stdout == "10 []\n"
