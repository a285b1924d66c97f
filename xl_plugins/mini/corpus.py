"""Unlabelled text: short stories of four sentences about one subject, each a variation of the one before.

The text that goes with tagging and question answering has sentences with names and punctuation as well, and statements
with a question about each. Lines come in pairs that belong together, as the masked language model is fed.
"""

from __future__ import annotations

from random import Random
from typing import Iterator, NamedTuple, Protocol

from xl_plugins.mini import sentences
from xl_plugins.mini.files import SPLITS
from xl_plugins.mini.grammar import grammar, text
from xl_plugins.mini.grammar.questions import ask
from xl_plugins.mini.meaning import Clause, draw_clause, draw_front
from xl_plugins.mini.problems import squad
from xl_plugins.mini.problems.paragraphs import draw_paragraph
from xl_plugins.mini.problems.tagging import draw_sentence
from xl_plugins.mini.relations import other, stronger, weaker

STORY = 4


class Line(Protocol):
    """Something that can be said in every language."""

    def text(self, code: str, rng: Random) -> str: ...


class Plain(NamedTuple):
    """A clause without punctuation."""

    clause: Clause

    def text(self, code: str, rng: Random) -> str:
        speaker = grammar(code)
        return text(speaker.say(speaker.restyle(self.clause, rng)))


class Words(NamedTuple):
    """A sentence of the tagging sets, split into words."""

    sentence: sentences.Sentence

    def text(self, code: str, rng: Random) -> str:
        return sentences.text(sentences.say(self.sentence, code, rng))


class Asked(NamedTuple):
    """A sentence of a paragraph, or the question for its part ``asked``."""

    clause: Clause
    asked: str = ""

    def text(self, code: str, rng: Random) -> str:
        speaker = grammar(code)
        clause = speaker.restyle(self.clause, rng)
        if self.asked:
            return squad.question_text(ask(speaker, clause, self.asked), code)
        return squad.statement_text(speaker.say(clause), code)


def _next(clause: Clause, rng: Random) -> Clause:
    """A sentence that could follow: the same subject doing something else, or the same event told differently."""
    draw = rng.random()
    if draw < 0.25:
        new = draw_clause(rng, subject=clause.subject.noun)
        return new._replace(subject=clause.subject)
    changes = (stronger if draw < 0.5 else weaker)(clause, rng) if draw < 0.75 or clause.negated else other(clause, rng)
    new = rng.choice(changes).clause if changes else clause
    return new._replace(front=draw_front(rng, new))


def _story(rng: Random) -> Iterator[Line]:
    clause = draw_clause(rng)
    yield Plain(clause)
    for _ in range(STORY - 1):
        clause = _next(clause, rng)
        yield Plain(clause)


def _words(rng: Random) -> Iterator[Line]:
    for _ in range(STORY):
        yield Words(draw_sentence(rng, rng.choice((0.25, 0.7)), 0.0, rng.choice(SPLITS)))


def _paragraph(rng: Random) -> Iterator[Line]:
    """Statements, each with a question about it."""
    paragraph = draw_paragraph(rng, rng.choice(SPLITS))
    for question in paragraph.questions:
        yield Asked(paragraph.clauses[question.sentence])
        yield Asked(question.clause, question.asked)


def stories(rng: Random) -> Iterator[Line]:
    """An endless stream of clauses; every STORY of them belong together."""
    while True:
        yield from _story(rng)


def mixture(rng: Random) -> Iterator[Line]:
    """An endless stream of all kinds of lines, those of one kind together."""
    while True:
        yield from rng.choice((_story, _words, _paragraph))(rng)
