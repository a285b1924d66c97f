"""Small changes of a clause whose effect on its meaning is known.

A change touches one slot and is one of: *special* (says more: a modifier added, a noun replaced by a hyponym, "several"
by a number), *general* (the reverse), *other* (an exclusive alternative: antonym, other colour, number, place or time).
Whether a special clause entails the original depends on where it stands: negation reverses the verb phrase ("does not
eat fruit" entails "does not eat apples") but not the subject, which is presupposed (MacCartney and Manning, 2008).
"""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from xl_plugins.mini.concepts import (
    ABOVE_TWO,
    EXCLUDES,
    FITTING,
    HYPERNYMS,
    HYPONYMS,
    KIND_OF,
    NUMBERS,
    OBJECTS,
    OPPOSITES,
    OTHER_TIMES,
    PLACES,
    SUBJECTS,
    TIMES,
)
from xl_plugins.mini.meaning import Clause, NounPhrase, common, put


class Change(NamedTuple):
    """``slot`` names what was touched ("subject.noun", "place", ...); ``clause`` is the changed clause."""

    slot: str
    clause: Clause


def _allowed(clause: Clause, role: str, noun: str, adjective: str) -> bool:
    """Whether ``noun`` can stand in ``role`` of the clause with that adjective."""
    fits = not adjective or adjective in FITTING[KIND_OF[noun]]
    other = clause.object if role == "subject" else clause.subject
    if not fits or (other is not None and other.noun == noun):
        return False
    return KIND_OF[noun] in SUBJECTS[clause.verb] if role == "subject" else noun in OBJECTS[clause.verb]


def _noun_changes(
    clause: Clause, role: str, phrase: NounPhrase, table: dict[str, tuple[str, ...]], rng: Random
) -> list[Change]:
    nouns = [noun for noun in table.get(phrase.noun, ()) if _allowed(clause, role, noun, phrase.adjective)]
    if not nouns:
        return []
    return [Change(f"{role}.noun", put(clause, role, phrase._replace(noun=common(rng, nouns))))]


def _roles(clause: Clause, part: str) -> list[tuple[str, NounPhrase]]:
    if part == "subject":
        return [("subject", clause.subject)]
    return [("object", clause.object)] if clause.object else []


def special(clause: Clause, part: str, rng: Random) -> list[Change]:
    """One change per slot of ``part`` ("subject" or "predicate") that makes the clause say more."""
    changes = []
    for role, phrase in _roles(clause, part):
        if not phrase.adjective:
            adjective = common(rng, FITTING[KIND_OF[phrase.noun]])
            changes.append(Change(f"{role}.adjective", put(clause, role, phrase._replace(adjective=adjective))))
        if phrase.amount == "several":
            count = rng.choice(ABOVE_TWO)
            changes.append(Change(f"{role}.count", put(clause, role, phrase._replace(amount=count))))
        changes += _noun_changes(clause, role, phrase, HYPONYMS, rng)
    if part == "predicate":
        if not clause.place:
            changes.append(Change("place", clause._replace(place=common(rng, PLACES))))
        if not clause.time:
            changes.append(Change("time", clause._replace(time=common(rng, TIMES))))
    return changes


def general(clause: Clause, part: str, rng: Random) -> list[Change]:
    """One change per slot of ``part`` that makes the clause say less."""
    changes = []
    for role, phrase in _roles(clause, part):
        if phrase.adjective:
            changes.append(Change(f"{role}.adjective", put(clause, role, phrase._replace(adjective=""))))
        if phrase.amount in ABOVE_TWO:
            changes.append(Change(f"{role}.count", put(clause, role, phrase._replace(amount="several"))))
        changes += _noun_changes(clause, role, phrase, HYPERNYMS, rng)
    if part == "predicate":
        for slot in ("place", "time"):
            if getattr(clause, slot):
                front = "" if clause.front == slot else clause.front
                changes.append(Change(slot, put(clause, slot, "")._replace(front=front)))
    return changes


def other(clause: Clause, rng: Random) -> list[Change]:
    """One change per slot to a value that excludes the present one (of a positive clause)."""
    changes = []
    for role, phrase in _roles(clause, "subject") + _roles(clause, "predicate"):
        alternatives = [a for a in EXCLUDES.get(phrase.adjective, ()) if a in FITTING[KIND_OF[phrase.noun]]]
        if alternatives:
            new = phrase._replace(adjective=common(rng, alternatives))
            changes.append(Change(f"{role}.adjective", put(clause, role, new)))
        if phrase.amount in NUMBERS:
            new = phrase._replace(amount=rng.choice([n for n in NUMBERS if n != phrase.amount]))
            changes.append(Change(f"{role}.count", put(clause, role, new)))
    opposite = OPPOSITES.get(clause.verb)
    fits = opposite and (clause.object is None or clause.object.noun in OBJECTS[opposite])
    if opposite and fits and KIND_OF[clause.subject.noun] in SUBJECTS[opposite]:
        changes.append(Change("verb", clause._replace(verb=opposite)))
    if clause.place:
        place = common(rng, [p for p in PLACES if p != clause.place])
        changes.append(Change("place", clause._replace(place=place)))
    if clause.time:
        changes.append(Change("time", clause._replace(time=rng.choice(OTHER_TIMES[clause.time]))))
    return changes


def stronger(clause: Clause, rng: Random) -> list[Change]:
    """Changes to a clause that entails ``clause`` and is not entailed by it."""
    predicate = general if clause.negated else special
    return special(clause, "subject", rng) + predicate(clause, "predicate", rng)


def weaker(clause: Clause, rng: Random) -> list[Change]:
    """Changes to a clause that ``clause`` entails and that leaves it open."""
    predicate = special if clause.negated else general
    return general(clause, "subject", rng) + predicate(clause, "predicate", rng)
