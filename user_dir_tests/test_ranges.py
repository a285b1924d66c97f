"""Every number that a user gives has a range, stated once, and every way to a run or a checkpoint checks it."""

from __future__ import annotations

import json
import math
from argparse import Namespace
from collections.abc import Callable
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Any, get_args

import pytest
from fairseq import tasks
from fairseq.criterions import CRITERION_DATACLASS_REGISTRY
from fairseq.models import MODEL_DATACLASS_REGISTRY
from fairseq.optim.lr_scheduler import LR_SCHEDULER_DATACLASS_REGISTRY
from fairseq.tasks import TASK_DATACLASS_REGISTRY

from user_dir_tests.helpers.running.training import REPO, words
from user_dir_tests.helpers.running.warm import run_warm
from user_dir_tests.helpers.toys.tiny import parse
from user_dir_tests.helpers.toys.toy import make_data
from xl_plugins.augment.code_switch.options import SwitchOptions
from xl_plugins.augment.counterparts.options import CounterpartOptions
from xl_plugins.augment.vicinity.options import VicinityOptions
from xl_plugins.errors import UserError
from xl_plugins.ranges import NUMBER, POSITIVE, SHARE, UNIT, WEIGHT, Range, check_ranges, ranges_of

REGISTRIES = (
    TASK_DATACLASS_REGISTRY, MODEL_DATACLASS_REGISTRY, CRITERION_DATACLASS_REGISTRY, LR_SCHEDULER_DATACLASS_REGISTRY,
)  # fmt: skip
OFFLINE = (CounterpartOptions, SwitchOptions, VicinityOptions)
FREE = {  # numbers that no range of their own can state, and where they are checked
    "mixup_layer": "its highest is --encoder-layers (XMixupModel.check_config)",
    **dict.fromkeys(
        ("salt_top_k", "salt_source_threshold", "salt_threshold"),
        "not read with --salt-langs none; CounterpartOptions states it, which are made with languages alone",
    ),
    "samples of VicinityOptions": "one number per text of an example (VicinityOptions)",
    "min_chars of VicinityOptions": "its option has another name, --genlm-min-chars (VicinityOptions)",
    "min_words of VicinityOptions": "as min_chars (VicinityOptions)",
    "max_words of VicinityOptions": "its lowest is min_words (VicinityOptions)",
}


def own_classes() -> list[type]:
    """The dataclasses of the package behind the options of a run, and of the offline commands."""
    found = {kind for registry in REGISTRIES for kind in registry.values() if kind.__module__.startswith("xl_plugins")}
    assert len(found) >= 18
    return [*sorted(found, key=lambda kind: kind.__name__), *OFFLINE]


def is_number(each: Field) -> bool:
    """Whether a field of the package's own holds numbers; what is read from fairseq's options is in its table."""
    if isinstance(each.default, str) and each.default.startswith("${"):
        return False
    if isinstance(each.type, str):  # annotations that are not evaluated
        return each.type in ("int", "float", "Sequence[int]")
    return each.type in (int, float) or bool({int, float} & {*get_args(each.type)})


@pytest.mark.parametrize("kind", own_classes(), ids=lambda kind: kind.__name__)
def test_every_number_has_a_range(kind: type) -> None:
    stated = ranges_of(kind)
    for each in filter(is_number, fields(kind)):
        free = {each.name, f"{each.name} of {kind.__name__}"} & {*FREE}
        assert (each.name in stated) != bool(free), f"{kind.__name__}.{each.name}: state a range in its metadata"
        if each.name in stated and each.default not in (None, MISSING):
            assert stated[each.name].holds(each.default), f"{kind.__name__}.{each.name}: {each.default}"


def test_nothing_is_listed_in_vain() -> None:
    names = {name for kind in own_classes() for each in fields(kind)
             for name in (each.name, f"{each.name} of {kind.__name__}")}  # fmt: skip
    assert FREE.keys() <= names


# -- a range --


@pytest.mark.parametrize(
    "allowed, inside, outside",
    [
        (UNIT, (0, 0.5, 1), (-1e-9, 1.01, math.nan, math.inf)),
        (SHARE, (0, 0.99), (1, -0.1)),
        (WEIGHT, (0, 1e9), (-1e-9, math.inf)),
        (POSITIVE, (1, 2**31 - 1), (0, 2**31)),
        (NUMBER, (-1e9, math.inf, -math.inf), (math.nan, "1", True, None)),
        (Range(0, 1, open_low=True, open_high=True), (0.5,), (0.0, 1.0)),
        (Range(-9, 5, without=(0, 1)), (-1, 2, 5), (0, 1, 6)),
    ],
    ids=str,
)
def test_what_is_in_a_range(allowed: Range, inside: tuple, outside: tuple) -> None:
    assert all(map(allowed.holds, inside)) and not any(map(allowed.holds, outside))


@pytest.mark.parametrize(
    "allowed, words",
    [
        (UNIT, "at least 0 and at most 1"), (SHARE, "at least 0 and less than 1"), (WEIGHT, "at least 0 and finite"),
        (POSITIVE, "at least 1"), (Range(0, open_low=True), "more than 0"), (NUMBER, "a number"),
        (WEIGHT.said("0 or more (SALT: 3)"), "0 or more (SALT: 3)"),
    ],
)  # fmt: skip
def test_words(allowed: Range, words: str) -> None:
    assert str(allowed) == words
    with pytest.raises(UserError) as caught:
        allowed.check("--an-option", math.nan)
    assert str(caught.value) == f"--an-option nan: expected {words}"


@pytest.mark.parametrize("value", [None, "${optimization.lr}", 1, [1, 2], "(1, 2)"])
def test_what_passes(value: Any) -> None:
    POSITIVE.check("--x", value)


@dataclass
class Base:
    a_share: float = field(default=0.5, metadata={"help": "a", "range": UNIT})
    free: str = "text"


@dataclass
class Derived(Base):
    a_share: float = field(default=0.25, metadata={"help": "another default"})
    a_count: int = field(default=1, metadata={"range": POSITIVE})


def test_a_new_default_keeps_its_range() -> None:
    assert ranges_of(Base) == {"a_share": UNIT} and ranges_of(None) == {}
    assert ranges_of(Derived) == {"a_share": UNIT, "a_count": POSITIVE}
    with pytest.raises(UserError, match=r"^--a-share 2: expected at least 0 and at most 1$"):
        check_ranges(Derived(a_share=2))


def test_options_of_another_kind() -> None:
    check_ranges(Namespace(a_share=1), Derived)  # what they lack is not checked
    with pytest.raises(UserError, match=r"^--salt-a-count 0: expected at least 1$"):
        check_ranges(Namespace(a_count=0), Derived, "--salt-")
    with pytest.raises(UserError, match=r"^--top 0: expected at least 1$"):
        check_ranges(Namespace(top=0), {"top": POSITIVE})


# -- the commands --

BOUNDS = [
    ("xl_sentence_pair", "ss_ratio", 1.5, "--ss-ratio 1.5: expected a share from 0 to 1"),
    ("xl_qa", "n_best", 0, "--n-best 0: expected at least 1"),
    ("xmixup_text", "mixup_lambda0", 1.25, "--mixup-lambda0 1.25: expected a ratio from 0 to 1 (the paper uses 0.5)"),
    ("salt_augment_task", "max_length", 0, "--max-length 0: expected at least 1"),
    ("xla_cotrain_task", "gmm_threshold", 1.0, "--gmm-threshold 1.0: expected a posterior between 0 and 1 (XLA: 0.5)"),
]


ENTRIES = ("fairseq_cli.train", "xl_plugins.cli.train", "fairseq_cli.hydra_train")


def refused(entry: str, task: str, option: str, value: Any, place: Path) -> str:
    """The last line of a command whose options are refused; there is no data folder."""
    given: dict[str, object] = {"batch_size": 4, "max_update": 1, option: value}
    if entry.endswith("hydra_train"):
        content: dict[str, dict] = {
            "task": {"_name": task, "data": "nowhere"},
            "model": {},
            "dataset": {"batch_size": 4},
        }
        content |= {"optimization": {"max_update": 1}, "checkpoint": {"save_dir": str(place / "run")}}
        content["model" if option.startswith("mixup") else "task"][option] = value
        (place / "small.yaml").write_text(f"# @package _group_\n{json.dumps(content)}\n")
        call = [
            "--config-dir", str(place), "--config-name", "small", f"common.user_dir={REPO / 'xl_plugins'}",
            f"hydra.run.dir={place / 'hydra'}",
        ]  # fmt: skip
    else:
        call = words(Path("nowhere"), place / "run", task, **given)
        if entry.startswith("xl_plugins"):
            place_of = call.index("--user-dir")
            del call[place_of : place_of + 2]
    code, _, err = run_warm(entry, call, place)
    assert code == 2 and "Traceback" not in err and not (place / "run").exists(), err[-2000:]
    return err.splitlines()[-1]


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("task, option, value, expected", BOUNDS, ids=[bound[1] for bound in BOUNDS])
def test_bounds_by_every_command(tmp_path: Path, entry: str, task: str, option: str, value: Any, expected: str) -> None:
    assert refused(entry, task, option, value, tmp_path).endswith(f"error: {expected}")


@pytest.mark.slow
def test_bounds_by_xtune(tmp_path: Path, run_python: Callable) -> None:
    data = make_data(tmp_path / "data", train=4, valid=4)
    (tmp_path / "model.pt").touch()
    (tmp_path / "lists").mkdir()
    done = run_python(
        "-m", "xl_plugins.cli.xtune", "xnli", data, "--restore-file", "model.pt", "--save-dir", "save",
        "--dictionaries", "lists", "--stage1", "--cs-ratio 1.5", cwd=tmp_path,
    )  # fmt: skip
    assert done.code == 2 and done.err.splitlines()[-1].endswith("--cs-ratio 1.5: expected a share from 0 to 1")


def test_bounds_of_a_checkpoint(tmp_path: Path) -> None:
    """Options that evaluation changes are checked as well, and the task itself, which no command need have made."""
    cfg = parse(make_data(tmp_path / "data", train=4, valid=4), "xl_sentence_pair")
    cfg.task.noise_eps = math.nan
    with pytest.raises(UserError, match=r"^--noise-eps nan: expected 0 or more \(xTune's code: 1e-5\)$"):
        tasks.setup_task(cfg.task)
