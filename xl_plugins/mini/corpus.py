"""Unlabelled text: short stories of four sentences about one subject, each a variation of the one before."""

from __future__ import annotations

from random import Random
from typing import Iterator

from xl_plugins.mini.meaning import Clause, draw_clause, draw_front
from xl_plugins.mini.relations import other, stronger, weaker

STORY = 4


def _next(clause: Clause, rng: Random) -> Clause:
    """A sentence that could follow: the same subject doing something else, or the same event told differently."""
    draw = rng.random()
    if draw < 0.25:
        new = draw_clause(rng, subject=clause.subject.noun)
        return new._replace(subject=clause.subject)
    changes = (stronger if draw < 0.5 else weaker)(clause, rng) if draw < 0.75 or clause.negated else other(clause, rng)
    new = rng.choice(changes).clause if changes else clause
    return new._replace(front=draw_front(rng, new))


def stories(rng: Random) -> Iterator[Clause]:
    """An endless stream of clauses; every STORY of them belong together."""
    while True:
        clause = draw_clause(rng)
        yield clause
        for _ in range(STORY - 1):
            clause = _next(clause, rng)
            yield clause
