"""Word noise that stands in for the errors of machine translation: words dropped, mistranslated, out of order."""

from __future__ import annotations

from functools import cache
from random import Random

from xl_plugins.mini.grammar import Token, grammar
from xl_plugins.mini.meaning import inventory


@cache
def pools(code: str) -> dict[str, list[str]]:
    """Words of language ``code`` by part of speech, sorted: what a mistranslated word may turn into."""
    speaker = grammar(code)
    found: dict[str, set[str]] = {}
    for clause in inventory():
        for token in speaker.say(clause):
            found.setdefault(token.pos, set()).add(token.form)
    return {pos: sorted(forms) for pos, forms in sorted(found.items())}


def corrupt(tokens: tuple[Token, ...], code: str, rate: float, rng: Random) -> tuple[Token, ...]:
    """Each word is hit with probability ``rate``: dropped, replaced by a word of its class, or moved behind the next.

    The three are equally likely. At least one word stays. One draw per word, so ``rate`` 0 changes nothing.
    """
    if rate <= 0:
        return tokens
    words = pools(code)
    kept: list[Token] = []
    waiting: Token | None = None
    for token in tokens:
        moved, waiting = waiting, None
        if rng.random() < rate:
            kind = rng.randrange(3)
            if kind == 1:
                choices = words.get(token.pos) or [token.form]
                kept.append(Token(rng.choice(choices), token.pos))
            elif kind == 2 and moved is None:
                waiting = token
            elif kind == 2:
                kept.append(token)
        else:
            kept.append(token)
        if moved is not None:
            kept.append(moved)
    if waiting is not None:
        kept.append(waiting)
    return tuple(kept) or tokens[:1]
