"""Extractive question answering (``squad``) in the layout of SQuAD 1.1, parallel over languages, with translations.

An answer is followed through the words of its sentence: a translation keeps it if noise has left its words alone.
"""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any, Callable, Iterable, NamedTuple

from xl_plugins.mini.files import SPLITS, Options, stream, write_json
from xl_plugins.mini.grammar import Token, grammar
from xl_plugins.mini.grammar.questions import ask
from xl_plugins.mini.lexicon import SOURCE
from xl_plugins.mini.noise import corrupt
from xl_plugins.mini.problems.paragraphs import QUESTIONS, Paragraph, draw_paragraph
from xl_plugins.mini.sentences import capitalise

DATASET = "squad"
_PARAGRAPHS = 5  # per article
_MERGED = ("al", "au")  # preposition and article in one word: no part of an answer


class Said(NamedTuple):
    """A paragraph in one language: its text, and each question with its answer (or None) and where that starts."""

    context: str
    questions: tuple[tuple[str, str | None, int], ...]


def _spoil(tokens: tuple[Token, ...], code: str, noise: float, passes: int, rng: Random) -> tuple[Token, ...]:
    for _ in range(passes):
        tokens = corrupt(tokens, code, noise, rng)
    return tokens


def answer_places(tokens: Iterable[Token], asked: str) -> list[int]:
    """Which words of a sentence answer the question for ``asked``: the phrase without preposition and case marker."""
    role, _, amount = asked.partition(".")
    places = [(index, token) for index, token in enumerate(tokens) if token.role == role]
    if amount:
        return [index for index, token in places if token.concept.startswith("c:")]
    if role in ("subject", "object"):
        while places[0][1].pos == "ADP" or places[0][1].form in _MERGED:
            places.pop(0)
        while places[-1][1].pos == "ADP":
            places.pop()
    return [index for index, _ in places]


def _sentence(words: Iterable[str], code: str, end: str) -> str:
    text = " ".join(words)
    return capitalise(text, code) + end


def question_text(tokens: Iterable[Token], code: str) -> str:
    text = _sentence((token.form for token in tokens), code, " ?" if code == "fr" else "?")
    return "¿" + text if code == "es" else text


def statement_text(tokens: Iterable[Token], code: str) -> str:
    return _sentence((token.form for token in tokens), code, "।" if code == "hi" else ".")


def say(paragraph: Paragraph, code: str, rng: Random, noise: float = 0.0, passes: int = 0) -> Said:
    """The paragraph in language ``code``, every sentence and question spoiled ``passes`` times."""
    speaker = grammar(code)
    clean = [speaker.say(speaker.restyle(clause, rng)) for clause in paragraph.clauses]
    spoken, starts, position = [], [], 0
    for tokens in clean:
        marked = tuple(token._replace(role=str(index)) for index, token in enumerate(tokens))
        spoken.append(_spoil(marked, code, noise, passes, rng))
        starts.append(position)
        position += len(statement_text(spoken[-1], code)) + 1
    context = " ".join(statement_text(tokens, code) for tokens in spoken)
    questions: list[tuple[str, str | None, int]] = []
    for question in paragraph.questions:
        words = tuple(ask(speaker, speaker.restyle(question.clause, rng), question.asked))
        asking = question_text(_spoil(words, code, noise, passes, rng), code)
        span = _find(spoken[question.sentence], answer_places(clean[question.sentence], question.asked))
        if span is None:
            questions.append((asking, None, -1))
        else:
            start = starts[question.sentence] + span[0]
            questions.append((asking, context[start : start + span[1]], start))
    return Said(context, tuple(questions))


def _find(tokens: tuple[Token, ...], wanted: list[int]) -> tuple[int, int] | None:
    """Offset and length of the words marked ``wanted`` in the sentence; None unless all are there, side by side."""
    marks = [token.role for token in tokens]
    texts = [str(index) for index in wanted]
    if texts[0] not in marks:
        return None
    first = marks.index(texts[0])
    if marks[first : first + len(texts)] != texts:
        return None
    before = sum(len(token.form) + 1 for token in tokens[:first])
    return before, len(" ".join(token.form for token in tokens[first : first + len(texts)]))


def draw_paragraphs(options: Options, split: str) -> list[Paragraph]:
    """Paragraphs with as many questions as ``split`` has rows."""
    rng = stream(options, DATASET, split)
    rows = options.rows(split)
    paragraphs = [draw_paragraph(rng, split) for _ in range(-(-rows // QUESTIONS))]
    if rows % QUESTIONS:
        last = paragraphs[-1]
        paragraphs[-1] = last._replace(questions=last.questions[: rows % QUESTIONS])
    return paragraphs


def _layout(said: Iterable[Said], split: str, drop: bool) -> dict[str, Any]:
    """SQuAD's nesting. Questions without answer are left out if ``drop``, else they have an empty list of answers."""
    articles: list[dict[str, Any]] = []
    for number, (context, questions) in enumerate(said):
        if number % _PARAGRAPHS == 0:
            articles.append({"title": f"{split} {number // _PARAGRAPHS}", "paragraphs": []})
        entries = []
        for position, (question, answer, start) in enumerate(questions):
            golds = [] if answer is None else [{"text": answer, "answer_start": start}]
            if golds or not drop:
                entries.append({"id": f"{split}-{number:06d}-{position}", "question": question, "answers": golds})
        if entries:
            articles[-1]["paragraphs"].append({"context": context, "qas": entries})
    return {"version": "1.1", "data": [article for article in articles if article["paragraphs"]]}


def _write_split(folder: Path, options: Options, split: str) -> None:
    paragraphs = draw_paragraphs(options, split)

    def write(name: str, code: str, *keys: str, passes: int = 0, drop: bool = False) -> None:
        rng = stream(options, DATASET, split, code, *keys)
        said = [say(paragraph, code, rng, options.noise, passes) for paragraph in paragraphs]
        write_json(folder / DATASET / name, _layout(said, split, drop))

    write(f"{split}-{SOURCE}.json", SOURCE)
    for code in options.targets:
        if split == "train":
            write(f"translate-train/{SOURCE}-{code}.json", code, "machine", passes=1, drop=True)
            write(f"back-translation/{SOURCE}-{code}.json", SOURCE, "back", code, passes=2)
        else:
            write(f"{split}-{code}.json", code)
            write(f"translate-{split}/{code}-{SOURCE}.json", SOURCE, "machine", code, passes=1)


def write_qa(folder: Path, options: Options, progress: Callable[[str], None]) -> None:
    """Questions on short paragraphs, with all their translations."""
    progress(DATASET)
    for split in SPLITS:
        _write_split(folder, options, split)
