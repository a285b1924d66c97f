"""Paragraphs about several subjects and questions about one of their sentences.

Two subjects each do the same two things, at other places, times or to other objects: no verb, subject or object alone
leads to the sentence that is asked about. A fifth sentence denies something or speaks of the future.
"""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from xl_plugins.mini.concepts import (
    EXCLUDES,
    HYPERNYMS,
    KINDS,
    NUMBERS,
    OBJECTS,
    OTHER_TIMES,
    PLACES,
    SUBJECTS,
    TIMES,
    VERBS,
)
from xl_plugins.mini.files import split_of
from xl_plugins.mini.grammar.questions import ASKED
from xl_plugins.mini.lexicon import names
from xl_plugins.mini.meaning import Clause, NounPhrase, common, draw_front, draw_phrase, put
from xl_plugins.mini.named import draw_city, draw_person

QUESTIONS = 2  # per paragraph
_VERBS = {
    kind: tuple(verb for verb in VERBS if OBJECTS[verb] and kind in SUBJECTS[verb]) for kind in ("person", "animal")
}


class Question(NamedTuple):
    """Asks for part ``asked`` of one ``sentence``; ``clause`` is that sentence without what is not mentioned."""

    sentence: int
    asked: str
    clause: Clause


class Paragraph(NamedTuple):
    clauses: tuple[Clause, ...]
    questions: tuple[Question, ...]


def _subject(rng: Random, kind: str, training: bool) -> NounPhrase:
    if kind == "person" and rng.random() < 0.4:
        return NounPhrase(draw_person(rng, training, alone=False))
    return draw_phrase(rng, common(rng, KINDS[kind]), 0.4)


def _event(rng: Random, subject: NounPhrase, verb: str, training: bool) -> Clause:
    target = draw_phrase(rng, common(rng, [noun for noun in OBJECTS[verb] if noun != subject.noun]), 0.3)
    place = "" if rng.random() < 0.25 else draw_city(rng, training) if rng.random() < 0.3 else common(rng, PLACES)
    time = common(rng, TIMES) if rng.random() < 0.75 else ""
    clause = Clause(subject, verb, target, place, time, future=rng.random() < 0.15)
    return clause._replace(front=draw_front(rng, clause))


def _draw_clauses(rng: Random, split: str) -> list[Clause]:
    training = split == "train"
    kind = "person" if rng.random() < 0.85 else "animal"
    first, second = _subject(rng, kind, training), _subject(rng, kind, training)
    while _related(first, second):  # both anew: "animal" is related to every animal
        first, second = _subject(rng, kind, training), _subject(rng, kind, training)
    verbs = (common(rng, _VERBS[kind]), common(rng, _VERBS[kind]))
    while verbs[0] == verbs[1]:
        verbs = (verbs[0], common(rng, _VERBS[kind]))
    plan = [(subject, verb) for subject in (first, second) for verb in verbs]
    plan.append((rng.choice((first, second)), rng.choice(verbs)))
    clauses = []
    for position, (subject, verb) in enumerate(plan):
        while True:
            clause = _event(rng, subject, verb, training)
            if position == 4 and rng.random() < 0.5:
                target = clause.object and clause.object._replace(amount="the")
                clause = clause._replace(negated=True, object=target)
            elif position == 4:
                clause = clause._replace(future=True)
            if split_of(clause) == split:
                break
        clauses.append(clause)
    rng.shuffle(clauses)
    return clauses


def _related(one: NounPhrase, other: NounPhrase) -> bool:
    """Whether both phrases could mean the same."""
    if names.is_name(one.noun) or names.is_name(other.noun):
        if not (names.is_name(one.noun) and names.is_name(other.noun)):
            return False
        return bool(set(names.split(one.noun)[1]) & set(names.split(other.noun)[1]))
    if one.noun != other.noun and other.noun not in HYPERNYMS[one.noun] and one.noun not in HYPERNYMS[other.noun]:
        return False
    return other.adjective not in EXCLUDES.get(one.adjective, ())


def answers(clause: Clause, asked: str, other: Clause) -> bool:
    """Whether ``other`` could be taken as an answer to the question for ``asked`` of ``clause``."""
    if other.negated or (other.verb, other.future) != (clause.verb, clause.future):
        return False
    if asked != "subject" and not _related(clause.subject, other.subject):
        return False
    if asked != "object" and clause.object and other.object and not _related(clause.object, other.object):
        return False
    if asked != "place" and clause.place and other.place and clause.place != other.place:
        return False
    return asked == "time" or not clause.time or other.time not in OTHER_TIMES[clause.time]


def _candidates(clauses: list[Clause], asked: str, rng: Random) -> list[Question]:
    role, _, amount = asked.partition(".")
    found = []
    for index, clause in enumerate(clauses):
        value = getattr(clause, role)
        if clause.negated or not value or (amount and value.amount not in NUMBERS):
            continue
        for slot in ("place", "time"):
            if slot != asked and rng.random() < 0.5:
                clause = put(clause, slot, "")
        clause = clause._replace(front="")
        others = (other for position, other in enumerate(clauses) if position != index)
        if not any(answers(clause, asked, other) for other in others):
            found.append(Question(index, asked, clause))
    return found


def draw_paragraph(rng: Random, split: str) -> Paragraph:
    """Five sentences, all of ``split``, and QUESTIONS questions each of which exactly one of them answers."""
    while True:
        clauses = _draw_clauses(rng, split)
        questions: list[Question] = []
        for asked in rng.sample(ASKED, len(ASKED)):
            candidates = [
                q for q in _candidates(clauses, asked, rng) if q.sentence not in {p.sentence for p in questions}
            ]
            if candidates and len(questions) < QUESTIONS:
                questions.append(rng.choice(candidates))
        if len(questions) == QUESTIONS:
            return Paragraph(tuple(clauses), tuple(questions))
