"""Regular names of tasks are replaced by the documented ones before anything reads them."""

from __future__ import annotations

import pytest
from fairseq import options
from fairseq.tasks import TASK_REGISTRY
from omegaconf import OmegaConf

from xl_plugins.errors import UserError
from xl_plugins.methods.salt.task import SaltConfig
from xl_plugins.methods.xla.options import XLAConfig
from xl_plugins.starting.task_names import ALIASES, spell_out, spell_out_options

SALT = ["--task", "salt_augment_task", "--problem", "tagging"]


def test_every_alias_stands_for_a_task_and_hides_none() -> None:
    assert ALIASES["salt_tagging"] == ("salt_augment_task", "tagging")
    assert ALIASES["xla_sentence_pair"] == ("xla_cotrain_task", "sentence_pair")
    assert {task for task, _ in ALIASES.values()} <= TASK_REGISTRY.keys()
    assert not ALIASES.keys() & TASK_REGISTRY.keys()
    for method, config in (("salt", SaltConfig), ("xla", XLAConfig)):  # the problems that the method knows
        known = {str(each) for each in config.__dataclass_fields__["problem"].type}
        assert {problem for name, (_, problem) in ALIASES.items() if name.startswith(f"{method}_")} == known


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["d", "--task", "salt_tagging", "--lr", "1"], ["d", *SALT, "--lr", "1"]),
        (["d", "--task=salt_tagging"], ["d", *SALT]),
        (["--task", "salt_tagging", "--problem=tagging"], [*SALT, "--problem=tagging"]),
        (["--task", "masked_lm", "--task", "salt_tagging"], ["--task", "masked_lm", *SALT]),  # the last one counts
        (["--task", "salt_tagging", "--task", "masked_lm"], ["--task", "salt_tagging", "--task", "masked_lm"]),
        (["d", "--task", "xl_tagging"], ["d", "--task", "xl_tagging"]),
        (["d", "--save-dir", "salt_tagging", "--task"], ["d", "--save-dir", "salt_tagging", "--task"]),
        (["d", "--task", "salt_tagging", "--arch", "xl_encoder"], ["d", *SALT]),
        (["d", "--arch=xl_encoder", "--task", "xl_tagging"], ["d", "--task", "xl_tagging"]),
        (["d", "--arch", "xl_xlmr", "--task", "xl_tagging"], ["d", "--arch", "xl_xlmr", "--task", "xl_tagging"]),
        ([], []),
    ],
)
def test_words(given: list[str], expected: list[str]) -> None:
    before = list(given)
    assert spell_out(given) == expected
    assert given == before


def test_another_problem_is_refused() -> None:
    with pytest.raises(UserError, match=r"^--problem qa: --task salt_tagging is about tagging; leave --problem out$"):
        spell_out(["--task", "salt_tagging", "--problem", "qa"])
    cfg = OmegaConf.create({"task": {"_name": "xla_tagging", "problem": "qa"}})
    with pytest.raises(UserError, match=r"^task\.problem=qa: task\._name=xla_tagging is about tagging"):
        spell_out_options(cfg, {"task", "task._name", "task.problem"})


@pytest.mark.parametrize("alias", ["salt_tagging", "xla_text", "salt_sentence_pair", "xla_sentence_pair"])
def test_the_options_are_those_of_the_documented_name(alias: str) -> None:
    task, problem = ALIASES[alias]

    def read(*given: str) -> dict:
        return vars(options.parse_args_and_arch(options.get_training_parser(), ["data", *given]))

    assert read("--task", alias) == read("--task", task, "--problem", problem)


def test_options_that_hydra_composed() -> None:
    cfg, given = OmegaConf.create({"task": {"_name": "salt_tagging", "data": "d"}}), {"task", "task._name"}
    OmegaConf.set_struct(cfg, True)
    spell_out_options(cfg, given)
    assert cfg.task == {"_name": "salt_augment_task", "problem": "tagging", "data": "d"}
    assert "task.problem" in given
    for other in ({"task": {"_name": "masked_lm"}}, {"task": None}, {}):
        cfg = OmegaConf.create(other)
        spell_out_options(cfg, set())
        assert cfg == other


@pytest.mark.parametrize(
    ("task", "model"),
    [
        ("xl_tagging", "xl_xlmr"),
        ("xmixup_qa", "xmixup_xlmr"),
        ("salt_text", "xl_xlmr"),
        ("xla_text", "xla_cotrain_xlmr"),
    ],
)
def test_one_name_for_every_tasks_model(task: str, model: str) -> None:
    def read(*given: str) -> dict:
        return vars(options.parse_args_and_arch(options.get_training_parser(), ["data", "--task", task, *given]))

    assert read("--arch", "xl_encoder") == read() and read()["arch"] == model


def test_one_name_in_a_recipe() -> None:
    cfg = OmegaConf.create({"task": {"_name": "xl_text"}, "model": {"_name": "xl_encoder", "dropout": 0.2}})
    given = {"task", "task._name", "model", "model._name", "model.dropout"}
    spell_out_options(cfg, given)
    assert cfg.model == {"dropout": 0.2} and given == {"task", "task._name", "model.dropout"}
