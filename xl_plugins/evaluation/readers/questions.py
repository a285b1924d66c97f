"""Files of answers: predictions as JSON ``{"id": "answer"}``, gold in the layout of SQuAD v1.1."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence

from ...datasets import XTREME
from ...errors import UserError
from ...formats.examples.squad_json import Question, read_gold
from ...formats.json_text import read_json
from ...formats.languages import CODE
from ...formats.packing import PACKED
from ...formats.tsv import find_file
from ...output import printable
from .labels import STEMS

# Names of gold files, for all data sets alike: folders may be named otherwise
_GOLD_NAMES = {
    split: (f"{stem}-{{}}.json", *(name for task in XTREME.values() for name in task.gold_files.get(split, ())))
    for split, stem in STEMS.items()
}


def find_gold(folder: str, split: str, language: str) -> str | None:
    """Gold file of a language by one of XTREME's names, plain or .gz."""
    candidates = (name.format(language, language) for name in _GOLD_NAMES[split])
    return next((found for name in candidates if (found := find_file(os.path.join(folder, name)))), None)


def gold_languages(folder: str, split: str) -> list[str]:
    """Languages with a gold file, sorted."""
    languages = set()
    for name in _GOLD_NAMES[split]:
        inner, stem = os.path.split(name)
        pattern = re.escape(stem).replace(r"\{\}", f"({CODE})", 1).replace(r"\{\}", r"\1") + PACKED
        where = os.path.join(folder, inner)
        for file in os.listdir(where) if os.path.isdir(where) else ():
            if match := re.fullmatch(pattern, file):
                languages.add(match.group(1))
    return sorted(languages)


def read_answers(path: str) -> dict[str, str]:
    """Predictions: question id -> answer text."""
    content = read_json(path, 'one object {"question id": "answer", ...}')
    if not isinstance(content, dict):
        raise UserError(f"{path}: a JSON {type(content).__name__}, expected one object with an answer per question id")
    for key, value in content.items():
        if not isinstance(value, str):
            raise UserError(f"{path}: the answer of question '{key}' is no text; write an empty text for no answer")
    return content


def read_questions(path: str, unanswerable: bool = False) -> tuple[list[str], list[list[str]]]:
    """Ids and gold answers of every question of a file in SQuAD's layout or the hub's; no answer for questions that
    have none, which ``unanswerable`` allows.

    Raises UserError for files whose answers are all empty: XTREME publishes test files so.
    """
    found = read_gold(path)
    if not any(question.answers for question in found):
        raise UserError(
            f"{path}: no question has an answer; scoring needs gold answers (XTREME publishes test files without them)"
        )
    if not unanswerable and (none := sum(not q.answers or q.impossible for q in found)):
        raise UserError(
            f"{path}: {none} of {len(found)} questions have no answer; pass --metric squad2 to score them as SQuAD 2"
            " defines it, or remove them"
        )
    for question in found:
        if not (question.answers or question.impossible or question.listed):
            raise UserError(
                f"{path}: question {printable(question.key)}: its answers are missing or empty texts, and"
                ' is_impossible does not say that it has none; write "answers": [] or remove the question'
            )
    found = [q._replace(answers=[]) if q.impossible else q for q in found]
    _refuse_repeated(path, found)
    return [q.key for q in found], [[text for text, _ in q.answers] for q in found]


def match_answers(path: str, found: Mapping[str, str], gold_path: str, ids: Sequence[str]) -> list[str | None]:
    """The answer of every question, None where it is missing; answers to other questions are ignored."""
    answers = [found.get(key) for key in ids]
    if all(answer is None for answer in answers):
        raise UserError(
            f"{path}: none of its {len(found)} ids is one of the {len(ids)} questions of {gold_path}; check"
            " --predictions and --labels"
        )
    return answers


def _refuse_repeated(path: str, questions: Sequence[Question]) -> None:
    """UserError for an id of two questions with different answers: a prediction file has one answer per id."""
    seen: dict[str, set[str]] = {}
    for question in questions:
        answers = {text for text, _ in question.answers}
        if seen.setdefault(question.key, answers) != answers:
            raise UserError(
                f"{path}: question id {printable(question.key)} belongs to several questions, whose answers differ;"
                " give each its own id"
            )
