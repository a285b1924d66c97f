"""Natural language inference pairs: premise, hypothesis and one of three labels.

The hypothesis is drawn first, without looking at the label, and the premise is then built to suit: stronger for an
entailment, incompatible for a contradiction, weaker in one slot for a neutral pair. The hypothesis alone therefore says
nothing about the label (the artefact of Gururangan et al., 2018, is absent by construction).
"""

from __future__ import annotations

from random import Random

from xl_plugins.datasets import XTREME
from xl_plugins.mini.meaning import Clause, draw_clause, draw_front
from xl_plugins.mini.relations import Change, other, stronger, weaker

LABELS = XTREME["xnli"].labels
# How many further details the premise has, drawn evenly. Overlap therefore says something about the label, as it does
# in pairs that people write (an entailed sentence says less); with lengths made equal, an encoder of the benchmark's
# size learns next to nothing in the minutes it has.
_ADDITIONS = {"contradiction": (0, 0, 0, 1), "entailment": (1, 1, 2), "neutral": (0, 0, 0, 1)}


def _strengthen(clause: Clause, times: int, touched: set[str], rng: Random) -> Clause:
    """Apply up to ``times`` entailing changes to slots not in ``touched``."""
    for _ in range(times):
        changes = [change for change in stronger(clause, rng) if change.slot not in touched]
        if not changes:
            break
        slot, clause = rng.choice(changes)
        touched.add(slot)
    return clause


def _pick(changes: list[Change], rng: Random) -> Change:
    return rng.choice(changes)


def premise_for(hypothesis: Clause, label: str, rng: Random) -> Clause:
    """A premise that stands in the relation ``label`` to ``hypothesis`` (for one the pair drawer accepts)."""
    extra = rng.choice(_ADDITIONS[label])
    if label == "entailment":
        return _strengthen(hypothesis, extra, set(), rng)
    if label == "neutral":
        slot, premise = _pick(weaker(hypothesis, rng), rng)
        return _strengthen(premise, extra, {slot}, rng)
    if hypothesis.negated:  # a positive statement that entails what is denied
        return _strengthen(hypothesis._replace(negated=False), extra, {"object.amount"}, rng)
    changes = other(hypothesis, rng)
    # denial is one way among the others; a definite object keeps its scope clear
    definite = hypothesis.object is None or hypothesis.object.amount == "the"
    if definite and (not changes or rng.random() < 0.25):
        return _strengthen(hypothesis._replace(negated=True), extra, set(), rng)
    slot, premise = _pick(changes, rng)
    return _strengthen(premise, extra, {slot}, rng)


def draw_pair(rng: Random, label: str) -> tuple[Clause, Clause]:
    """(premise, hypothesis) for ``label``; every drawn hypothesis admits all three labels."""
    while True:
        hypothesis = draw_clause(rng)
        definite = hypothesis.object is None or hypothesis.object.amount == "the"
        if weaker(hypothesis, rng) and (hypothesis.negated or definite or other(hypothesis, rng)):
            break
    premise = premise_for(hypothesis, label, rng)
    return premise._replace(front=draw_front(rng, premise)), hypothesis
