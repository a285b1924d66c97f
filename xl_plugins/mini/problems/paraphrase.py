"""Paraphrase pairs in the manner of PAWS (Zhang et al., 2019): high word overlap in both classes.

Label 1: the same clause with another word order (and other synonyms, chosen when it is said). Label 0: the same
reordering, but one thing differs: the roles of two animates, the adjectives or numbers of subject and object are
exchanged, or one word is replaced by an alternative that excludes it.
"""

from __future__ import annotations

from random import Random

from xl_plugins.datasets import XTREME
from xl_plugins.mini.concepts import ANIMATE, FITTING, KIND_OF, MASS, OBJECTS, SUBJECTS
from xl_plugins.mini.grammar.base import number
from xl_plugins.mini.meaning import Clause, draw_clause
from xl_plugins.mini.relations import other as other_changes

LABELS = XTREME["pawsx"].labels


def swaps(clause: Clause) -> list[Clause]:
    """Clauses with the same words in which subject and object have exchanged roles, adjectives or numbers."""
    subject, target = clause.subject, clause.object
    if target is None:
        return []
    found = []
    if (
        target.noun in ANIMATE
        and KIND_OF[target.noun] in SUBJECTS[clause.verb]
        and subject.noun in OBJECTS[clause.verb]
    ):
        found.append(clause._replace(subject=target, object=subject))
    if subject.adjective != target.adjective:
        fits = all(
            not phrase.adjective or phrase.adjective in FITTING[KIND_OF[place.noun]]
            for phrase, place in ((subject, target), (target, subject))
        )
        if fits:
            exchanged = subject._replace(adjective=target.adjective), target._replace(adjective=subject.adjective)
            found.append(clause._replace(subject=exchanged[0], object=exchanged[1]))
    # "the" against "a" alone is no difference in languages without articles
    if number(subject) != number(target) and target.noun not in MASS:
        exchanged = subject._replace(amount=target.amount), target._replace(amount=subject.amount)
        found.append(clause._replace(subject=exchanged[0], object=exchanged[1]))
    return found


def _fronts(clause: Clause) -> list[str]:
    return ["", *(slot for slot in ("time", "place") if getattr(clause, slot))]


def _different(clause: Clause, rng: Random) -> dict[str, list[Clause]]:
    """Clauses of other meaning, by how much their words differ from those of ``clause``."""
    exchanged = swaps(clause)
    return {
        # the number of the subject stays, and with it the form of the verb
        "same words": [other for other in exchanged if number(other.subject) == number(clause.subject)],
        "other forms": [other for other in exchanged if number(other.subject) != number(clause.subject)],
        "other word": [change.clause for change in other_changes(clause, rng)],
    }


def draw_pair(rng: Random, label: str) -> tuple[Clause, Clause]:
    """Two clauses for ``label``; the second is drawn without looking at the label."""
    way = rng.choice(("same words", "same words", "same words", "other forms", "other word"))
    while True:
        second = draw_clause(rng, negated_rate=0.0)
        different = _different(second, rng)[way]
        if len(_fronts(second)) > 1 and different:
            break
    first = rng.choice(different) if label == "0" else second
    return first._replace(front=rng.choice([front for front in _fronts(second) if front != second.front])), second
