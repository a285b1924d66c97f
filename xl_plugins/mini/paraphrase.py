"""Paraphrase pairs in the manner of PAWS (Zhang et al., 2019): high word overlap in both classes.

Label 1: the same clause with another word order (and other synonyms, chosen when it is said). Label 0: the same
reordering, but one thing differs: the roles of two animates, the adjectives or numbers of subject and object are
exchanged, or one word is replaced by an alternative that excludes it.
"""

from __future__ import annotations

from random import Random

from xl_plugins.mini.grammar.base import number
from xl_plugins.mini.meaning import ANIMATE, FITTING, KIND_OF, MASS, OBJECTS, SUBJECTS, Clause, draw_clause
from xl_plugins.mini.relations import other

LABELS = ("0", "1")


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


def draw_pair(rng: Random, label: str) -> tuple[Clause, Clause]:
    """Two clauses for ``label``; the second is drawn without looking at the label."""
    while True:
        second = draw_clause(rng, negated_rate=0.0)
        exchanged, replaced = swaps(second), [change.clause for change in other(second, rng)]
        if len(_fronts(second)) > 1 and (exchanged or replaced):
            break
    first = second
    if label == "0":
        first = rng.choice(exchanged if exchanged and (not replaced or rng.random() < 0.6) else replaced)
    return first._replace(front=rng.choice([front for front in _fronts(second) if front != second.front])), second
