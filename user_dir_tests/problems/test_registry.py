"""The registry says of every problem what its code says."""

from __future__ import annotations

import pytest
from fairseq.tasks import TASK_DATACLASS_REGISTRY

from xl_plugins.functional.scores.metrics import METRICS
from xl_plugins.problems import PROBLEMS, published_name
from xl_plugins.problems.base import Changeable
from xl_plugins.problems.classification import Classification

TRAINED = [facts.name for facts in PROBLEMS.values() if facts.metric]


@pytest.mark.parametrize("name", PROBLEMS)
def test_every_entry_has_its_code(name: str) -> None:
    facts = PROBLEMS[name]
    assert facts.load("writer").columns and set(facts.scores) <= METRICS.keys()
    assert published_name(name) in PROBLEMS and published_name(facts.published) == facts.published


@pytest.mark.parametrize("name", TRAINED)
def test_the_class_agrees(name: str) -> None:
    facts, cls = PROBLEMS[name], PROBLEMS[name].load("problem")
    assert (cls.facts, cls.name, cls.metric) == (facts, facts.name, facts.metric)
    assert facts.changeable == issubclass(cls, Changeable) and callable(facts.load("raw"))
    assert facts.words == (issubclass(cls, Classification) and cls.classifies_words)
    for task in (f"xl_{name}", f"xmixup_{name}"):
        assert TASK_DATACLASS_REGISTRY[task].__dataclass_fields__["max_length"].default == facts.max_length


def test_names_of_no_problem() -> None:
    assert published_name("text") == "sentence_pair" and published_name("melody") == "melody"
