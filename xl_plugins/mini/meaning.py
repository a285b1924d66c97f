"""The meaning of the embedded benchmark's sentences: clauses about concepts.

A :class:`Clause` is language-free; every grammar in :mod:`xl_plugins.mini.grammar` can say it, so equal clauses in
several languages are translations of each other. Hypernyms and antonyms are facts about concepts and therefore hold
in every language, which is what makes the labels of the pairs language-independent.
"""

from __future__ import annotations

from random import Random
from typing import Any, NamedTuple, Sequence

from xl_plugins.mini.concepts import (
    ANIMATE,
    FITTING,
    KIND_OF,
    KINDS,
    MASS,
    NOUNS,
    NUMBERS,
    OBJECTS,
    PLACES,
    SKEW,
    SUBJECTS,
    TIMES,
    VERBS,
    Item,
)


class NounPhrase(NamedTuple):
    """``amount`` is one of COUNTS ("the" and "a" are singular), ``adjective`` one of ADJECTIVES or empty."""

    noun: str
    amount: str = "the"
    adjective: str = ""


class Clause(NamedTuple):
    """One statement. ``object`` is None for intransitive verbs; empty ``place`` and ``time`` are not said.

    ``front`` is the adverbial that opens the sentence ("", "time" or "place"): word order only, no meaning.
    """

    subject: NounPhrase
    verb: str
    object: NounPhrase | None = None
    place: str = ""
    time: str = ""
    future: bool = False
    negated: bool = False
    front: str = ""


def put(clause: Clause, slot: str, value: Any) -> Clause:
    """``clause`` with the field named ``slot`` set to ``value``."""
    return clause._replace(**{slot: value})


def common(rng: Random, items: Sequence[Item]) -> Item:
    """One of ``items``, the earlier the likelier, as word frequencies are: half the draws fall on the first fifth.

    The tables above list the more common concepts first.
    """
    return items[int(len(items) * rng.random() ** SKEW)]


def draw_phrase(rng: Random, noun: str, adjective_rate: float, definite: bool = False) -> NounPhrase:
    kind = KIND_OF[noun]
    adjective = common(rng, FITTING[kind]) if rng.random() < adjective_rate else ""
    draw = rng.random()
    if definite or noun in MASS or draw < 0.4:
        count = "the"
    elif draw < 0.6:
        count = "a"
    else:
        count = rng.choice((*NUMBERS, "several", "several"))
    return NounPhrase(noun, count, adjective)


_VERBS_OF = {kind: tuple(verb for verb in VERBS if kind in SUBJECTS[verb]) for kind in ("person", "animal")}
# Intransitive verbs are a third of the list but carry fewer slots; they are drawn at a fixed lower rate.
_SPLIT_VERBS = {
    kind: (tuple(v for v in verbs if OBJECTS[v]), tuple(v for v in verbs if not OBJECTS[v]))
    for kind, verbs in _VERBS_OF.items()
}


def draw_clause(rng: Random, negated_rate: float = 0.12, subject: str = "") -> Clause:
    """Draw a sensible clause; ``subject`` fixes its noun.

    Objects of negated clauses are definite: "does not eat three apples" has two readings.
    """
    kind = KIND_OF[subject] if subject else ("person" if rng.random() < 0.75 else "animal")
    noun = subject or common(rng, KINDS[kind])
    transitive, intransitive = _SPLIT_VERBS[kind]
    verb = common(rng, transitive if rng.random() < 0.8 else intransitive)
    negated = rng.random() < negated_rate
    target = None
    if OBJECTS[verb]:
        other = common(rng, OBJECTS[verb])
        while other == noun:
            other = common(rng, OBJECTS[verb])
        target = draw_phrase(rng, other, 0.4, definite=negated)
    place = common(rng, PLACES) if rng.random() < 0.5 else ""
    time = common(rng, TIMES) if rng.random() < 0.4 else ""
    future = rng.random() < 0.3
    clause = Clause(draw_phrase(rng, noun, 0.4), verb, target, place, time, future, negated)
    return clause._replace(front=draw_front(rng, clause))


def draw_front(rng: Random, clause: Clause, rate: float = 0.3) -> str:
    """Which adverbial opens the sentence: "" with probability 1 - ``rate`` or when there is none."""
    present = [slot for slot in ("time", "place") if getattr(clause, slot)]
    return rng.choice(present) if present and rng.random() < rate else ""


def inventory() -> list[Clause]:
    """A fixed list of clauses in which every concept occurs in each of its number and tense forms.

    Dictionaries and noise vocabularies are read off it, so they do not depend on sizes or seeds.
    """
    clauses = []
    person = NounPhrase("man")
    for index, noun in enumerate(NOUNS):
        counts = ("the",) if noun in MASS else ("the", "a", *NUMBERS[index % 3 :: 3], "several")
        for position, count in enumerate(counts):
            fitting = ("", *FITTING[KIND_OF[noun]])
            phrases = [NounPhrase(noun, count, adjective) for adjective in fitting[position % 2 :: 2]]
            verb = next(v for v in ("see", "buy") if noun in OBJECTS[v] or v == "buy")
            clauses += [Clause(person, verb, phrase) for phrase in phrases]
            if noun in ANIMATE:
                clauses += [Clause(phrase, "see", NounPhrase("letter")) for phrase in phrases]
    for verb in VERBS:
        target = NounPhrase(next(n for n in OBJECTS[verb] if n != "man")) if OBJECTS[verb] else None
        for subject in (person, NounPhrase("woman"), NounPhrase("man", "two"), NounPhrase("woman", "two")):
            for form in range(4):
                clauses.append(Clause(subject, verb, target, future=form > 1, negated=form % 2 == 1))
    clauses += [Clause(person, "sleep", None, place=place) for place in PLACES]
    clauses += [Clause(person, "sleep", None, time=time) for time in TIMES]
    return clauses
