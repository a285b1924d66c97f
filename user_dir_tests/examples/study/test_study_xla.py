"""The study's steps for XLA: texts are made for one language after the other, members fit the training that follows."""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

STUDY = Path(__file__).resolve().parents[3] / "examples" / "experiments" / "study"


@pytest.fixture(scope="module", params=["small", "paper"])
def steps(request: pytest.FixtureRequest) -> list[Any]:
    """All steps of the table, in an order in which they can be made."""
    sys.path.insert(0, str(STUDY))
    try:
        import table
        from steps import in_order
        from training import Setting

        return list(in_order(table.runs(Setting(("--encoder-layers", "12"), request.param, ("--bf16",)))))
    finally:
        sys.path.remove(str(STUDY))


def needs(step: Any, other: Any) -> bool:
    """Whether ``step`` comes after ``other`` however many are at work."""
    return any(one == other or needs(one, other) for one in step.after)


def test_one_command_at_a_time_adds_to_a_folder(steps: list[Any]) -> None:
    """A second one of the same kind is refused while the first is at work."""
    folders: dict[tuple[str, str], list[Any]] = {}
    for step in steps:
        for words in {words[1:3] for words in step.commands if words[0] == "xl-augment"}:
            folders.setdefault(words, []).append(step)
    shared = {words: made for words, made in folders.items() if len(made) > 1}
    assert {words[0] for words in shared} == {"vicinity"}
    for made in shared.values():
        assert all(needs(later, earlier) for earlier, later in pairwise(made))


def test_members_read_words_as_co_training_does(steps: list[Any]) -> None:
    """The first piece, as in the article, where plain fine-tuning takes the mean."""
    members = {step.name: " ".join(step.commands[0]) for step in steps if "/xla-member-" in step.name}
    assert {name.split("/")[0] for name in members} == {"sick", "xnli", "panx"}
    assert all(("--word-pooling first" in words) == name.startswith("panx") for name, words in members.items())
