"""Clauses with proper names: persons, cities, organisations, and pronouns.

What kind of name a word is can always be told, but often only from the sentence: a last name alone is a person, unless
the verb is one that organisations are subjects of (Meyer sleeps, Meyer sells books); Sofia and Lincoln are cities after
"in" and persons elsewhere. Three names in ten never occur in training.
"""

from __future__ import annotations

import zlib
from random import Random

from xl_plugins.mini.concepts import KIND_OF, OBJECTS
from xl_plugins.mini.grammar.base import VERY
from xl_plugins.mini.lexicon import names
from xl_plugins.mini.meaning import Clause, NounPhrase, common, draw_clause, draw_front

# What organisations do. A last name alone means an organisation with these verbs and a person with all others.
ORGANISATION_VERBS = ("buy", "sell", "repair", "bring", "seek", "find", "lose", "open", "close", "protect")
_TAKES_ANY = ("see", "love", "hate", "protect")  # a city or organisation can be the object
_AMBIGUOUS = frozenset(names.cities()) & frozenset((*names.first_names(), *names.last_names()))
_KINDS = ("PER", "LOC", "ORG")


def held_out(name: str) -> bool:
    """Whether training never shows the name."""
    return zlib.crc32(name.encode()) % 10 < 3


def _pick(rng: Random, pool: tuple[str, ...], training: bool) -> str:
    return common(rng, [name for name in pool if not (training and held_out(name))])


def draw_person(rng: Random, training: bool, alone: bool) -> str:
    """``alone``: whether a last name by itself may be used."""
    draw = rng.random()
    first = _pick(rng, tuple(names.first_names()), training)
    if draw < 0.4:
        return f"@PER:{first}"
    last = _pick(rng, names.last_names(), training)
    return f"@PER:{last}" if alone and draw < 0.6 else f"@PER:{first}:{last}"


def draw_city(rng: Random, training: bool, clear: bool = False) -> str:
    pool = tuple(city for city in names.cities() if not (clear and city in _AMBIGUOUS))
    return f"@LOC:{_pick(rng, pool, training)}"


def _organisation(rng: Random, training: bool, alone: bool) -> str:
    patterns = [pattern for pattern in names.ORGANISATIONS if alone or pattern != "alone"]
    pattern = "alone" if alone and rng.random() < 0.4 else rng.choice(patterns)
    if pattern in names.CITY_ORGANISATIONS:
        return f"@ORG:{pattern}:{_pick(rng, names.cities(), training)}"
    pool = tuple(name for name in names.last_names() if not (pattern == "alone" and name in _AMBIGUOUS))
    owner = _pick(rng, pool, training)
    if pattern != "and":
        return f"@ORG:{pattern}:{owner}"
    other = _pick(rng, tuple(name for name in pool if name != owner), training)
    return f"@ORG:and:{owner}:{other}"


def _subject(rng: Random, clause: Clause, training: bool, pronouns: float) -> Clause:
    if KIND_OF.get(clause.subject.noun) != "person":
        return clause
    if rng.random() < pronouns:
        return clause._replace(subject=NounPhrase(f"@PRO:{rng.choice('mf')}"))
    if clause.verb in ORGANISATION_VERBS and rng.random() < 0.6:
        return clause._replace(subject=NounPhrase(_organisation(rng, training, alone=True)))
    alone = clause.verb not in ORGANISATION_VERBS
    return clause._replace(subject=NounPhrase(draw_person(rng, training, alone)))


def _object(rng: Random, clause: Clause, training: bool) -> Clause:
    """A name as object if the verb takes persons; "visit" also takes organisations and some verbs take anything."""
    if clause.object is None or "man" not in OBJECTS[clause.verb]:
        return clause
    choices = _KINDS if clause.verb in _TAKES_ANY else ("PER", "ORG") if clause.verb == "visit" else ("PER",)
    what = rng.choice(choices)
    if what == "PER":
        name = draw_person(rng, training, alone=True)
    elif what == "LOC":
        name = draw_city(rng, training, clear=True)
    else:
        name = _organisation(rng, training, alone=False)
    return clause if name == clause.subject.noun else clause._replace(object=NounPhrase(name))


def has_name(clause: Clause) -> bool:
    """Whether anybody or anything in the clause is called by a name (a pronoun is none)."""
    nouns = (clause.subject.noun, clause.object.noun if clause.object else "", clause.place)
    return any(names.is_name(noun) and not noun.startswith("@PRO") for noun in nouns)


def intensify(rng: Random, phrase: NounPhrase, rate: float) -> NounPhrase:
    """Now and then "very" before the adjective."""
    return phrase._replace(adjective=phrase.adjective + VERY) if phrase.adjective and rng.random() < rate else phrase


def draw_named(rng: Random, rate: float, training: bool, pronouns: float = 0.1) -> Clause:
    """A clause of which each participant and place that can be a name is one with probability ``rate``."""
    clause = draw_clause(rng)
    if rng.random() < rate:
        clause = _subject(rng, clause, training, pronouns)
    if rng.random() < rate:
        clause = _object(rng, clause, training)
    if clause.place and rng.random() < rate:
        work = clause.verb in ("work", "wait", "rest", "sing", "sleep", "laugh") and rng.random() < 0.5
        place = _organisation(rng, training, alone=False) if work else draw_city(rng, training)
        clause = clause._replace(place=place)
    target = clause.object and intensify(rng, clause.object, 0.15)
    clause = clause._replace(subject=intensify(rng, clause.subject, 0.15), object=target)
    return clause._replace(front=draw_front(rng, clause))
