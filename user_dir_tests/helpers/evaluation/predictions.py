"""Gold files and prediction folders of a few lines, and their scores."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from xl_plugins.errors import UserError
from xl_plugins.evaluation.readers.file_scores import score_files


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def rows(words: list[list[str]], tags: list[list[str]]) -> str:
    return "\n".join("".join(f"{w}\t{t}\n" for w, t in zip(*pair)) for pair in zip(words, tags))


def squad(answers: dict[str, list[str]]) -> str:
    questions = [{"id": key, "question": "?", "answers": [{"text": t, "answer_start": 0} for t in texts]}
                 for key, texts in answers.items()]  # fmt: skip
    paragraphs = [{"context": "c", "qas": questions[:1]}, {"context": "d", "qas": questions[1:]}]
    return json.dumps({"version": "1.1", "data": [{"paragraphs": paragraphs}]}, ensure_ascii=False)


def score(folders, task, **options):
    return score_files(str(folders[0]), str(folders[1]), task, **options)


def error(folders, task, **options) -> str:
    with pytest.raises(UserError) as caught:
        score(folders, task, **options)
    return str(caught.value)
