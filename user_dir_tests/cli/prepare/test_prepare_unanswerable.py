"""xl-prepare squad and questions whose answer is missing, moved, empty or not to be had."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from user_dir_tests.helpers.prepare import prepared
from user_dir_tests.helpers.prepare.questions import plain, squad, write
from user_dir_tests.helpers.prepare.runs import meta, run, tree
from xl_plugins.errors import UserError


def test_unanswerable_moved_and_lost(tiny_spm: Any, tmp_path: Path, capsys: Any) -> None:
    file = squad(tmp_path, [
        plain("a"), plain("moved", "Otto", 1), plain("lost", "Uta"), plain("v2", is_impossible=True),
        {"id": "none", "question": "Wo?", "answers": []}, plain("blanks", " Otto ", 8),
    ])  # fmt: skip
    run(tiny_spm, "squad", tmp_path / "bin", "--train", f"en={file}", "--test", f"en={file}")
    ids = [q["id"] for q in prepared.questions(tmp_path / "bin/en", "train")]
    assert ids == ["a", "moved", "blanks"]
    assert prepared.spans(tmp_path / "bin/en", "train")[:, 4:].tolist() == [[0, 4], [9, 13], [9, 13]]
    ids = [q["id"] for q in prepared.questions(tmp_path / "bin/en", "test")]
    assert ids == ["a", "moved", "lost", "blanks"]
    assert prepared.spans(tmp_path / "bin/en", "test")[2, 2:].tolist() == [-1, -1, -1, -1]
    out = capsys.readouterr()
    assert out.err.count("2 questions without an answer are left out; xl-prepare squad --with-unanswerable") == 2
    assert "the answer of 1 questions is not in the context; left out" in out.err
    assert "the answer of 1 questions is not in the context; kept" in out.err
    row = next(line for line in out.out.splitlines() if "train" in line)
    assert [cell.strip() for cell in row.strip("│ ").split("│")[-3:]] == ["1", "1", "2"]


def test_what_training_drops_its_translation_may_have(tiny_spm: Any, tmp_path: Path) -> None:
    file = squad(tmp_path, [plain("a"), plain("lost", "Uta")])
    other = write(tmp_path / "de.json", json.loads(file.read_text()))
    run(tiny_spm, "squad", tmp_path / "bin", "--train", f"en={file}", f"de={other}")
    assert meta(tmp_path / "bin")["splits"] == {"de": {"train": 1}, "en": {"train": 1}}


def test_unanswerable_questions_are_kept_when_asked_for(tiny_spm: Any, tmp_path: Path, capsys: Any) -> None:
    file = squad(tmp_path, [
        plain("a"), plain("lost", "Uta"), plain("v2", is_impossible=True), {"id": "none", "question": "Wo?",
        "answers": []}, {"id": "hub", "question": "Wo?", "answers": {"text": [], "answer_start": []}},
    ])  # fmt: skip
    dest = tmp_path / "bin"
    run(tiny_spm, "squad", dest, "--train", f"en={file}", "--test", f"en={file}", "--with-unanswerable")
    assert meta(dest)["unanswerable"] is True and meta(dest)["unlabelled"] == {}
    assert [q["id"] for q in prepared.questions(dest / "en", "train")] == ["a", "v2", "none", "hub"]
    assert [q["answers"] for q in prepared.questions(dest / "en", "train")] == [["Anna"], [], [], []]
    assert (prepared.spans(dest / "en", "train")[1:, 2:] == -1).all()
    assert [q["id"] for q in prepared.questions(dest / "en", "test")] == ["a", "lost", "v2", "none", "hub"]
    out = capsys.readouterr()
    assert "without an answer" not in out.err
    row = next(line for line in out.out.splitlines() if " test " in line)
    assert row.strip("│ ").split("│")[-1].strip() == "3"


def test_without_unanswerable_questions_the_option_changes_the_metric_only(tiny_spm: Any, tmp_path: Path) -> None:
    file = squad(tmp_path, [plain("a"), plain("moved", "Otto", 1)])
    for name, options in (("without", ()), ("with", ("--with-unanswerable",))):
        run(tiny_spm, "squad", tmp_path / name, "--train", f"en={file}", *options)
    assert tree(tmp_path / "without/en") == tree(tmp_path / "with/en")
    assert "unanswerable" not in meta(tmp_path / "without")


def test_stripped_answers_are_no_unanswerable_questions(tiny_spm: Any, tmp_path: Path) -> None:
    """XTREME empties the answers of test sets: such a file is unlabelled, and a file of both kinds is refused."""
    for number, answers in enumerate(([{"text": "", "answer_start": 0}], [], None)):
        stripped = [{"id": str(row), "question": "Wo?", "answers": answers} for row in range(2)]
        dest = tmp_path / str(number)
        run(tiny_spm, "squad", dest, "--test", f"en={squad(tmp_path, stripped)}", "--with-unanswerable")
        assert meta(dest)["unlabelled"] == {"en": ["test"]} and meta(dest)["splits"] == {"en": {"test": 2}}
    for answers in ([{"text": " ", "answer_start": 0}], None):
        file = squad(tmp_path, [plain("a"), {"id": "b", "question": "Wo?", "answers": answers}])
        with pytest.raises(UserError, match="question b: its answers are missing or empty texts, and is_impossible"):
            run(tiny_spm, "squad", tmp_path / "x", "--test", f"en={file}", "--with-unanswerable")
