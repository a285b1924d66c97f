"""The tests' shortcut for composing a configuration gives what hydra gives."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fairseq.dataclass import utils
from hydra import initialize_config_module
from hydra.core.config_store import ConfigStore
from hydra.errors import HydraException

from user_dir_tests.helpers.running import quick_compose
from user_dir_tests.helpers.toys.tiny import parse


@pytest.fixture
def whole() -> Iterator[None]:
    """Let hydra compose."""
    quick_compose.remove()
    yield
    quick_compose.install()


@pytest.mark.parametrize("task", ["xmixup_sentence_pair", "xl_tagging", "salt_augment_task"])
def test_configurations_are_equal(task: str, whole: None) -> None:
    given = {"save_dir": "a b,c", "adam_betas": "(0.9, 0.98)", "lr": "[0.1,0.2]", "seed": 7}
    expected = parse(Path("DATA"), task, **given)
    quick_compose.install()
    for _ in range(2):
        found = parse(Path("DATA"), task, **given)
        assert found == expected
        found.task.data = "changed"  # and is not kept
    assert parse(Path("OTHER"), task, **given).task.data == "OTHER"


def test_a_mistake_is_the_same_one(whole: None) -> None:
    messages = []
    for _ in range(2):
        with initialize_config_module("fairseq.config", version_base="1.1"), pytest.raises(HydraException) as caught:
            utils.compose("config", overrides=["common.nothing=1"])
        messages.append((type(caught.value), str(caught.value)))
        quick_compose.install()
    assert messages[0] == messages[1]


def test_what_is_registered_later_is_found() -> None:
    store = ConfigStore.instance()
    for value in (1, 2):
        store.store(name="config_of_a_test", node={"x": value})
        with initialize_config_module("fairseq.config", version_base="1.1"):
            assert utils.compose("config_of_a_test", overrides=[]).x == value
    del store.repo["config_of_a_test.yaml"]


def test_the_store_is_not_changed_by_composing() -> None:
    store = ConfigStore.instance()
    before = {name: str(store.load(f"task/{name}").node) for name in store.list("task")}
    cfg = parse(Path("DATA"))
    cfg.task.data = "changed"
    assert {name: str(store.load(f"task/{name}").node) for name in before} == before
