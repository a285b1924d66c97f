"""One grammar per language; :func:`grammar` gives the object that says clauses in it."""

from __future__ import annotations

import importlib
from functools import cache

from xl_plugins.mini.grammar.base import Grammar, Token, text

__all__ = ["Grammar", "Token", "grammar", "text"]


@cache
def grammar(code: str) -> Grammar:
    """Grammar of language ``code``; each module of this package but ``base`` defines one class ``Language``."""
    return importlib.import_module(f"{__name__}.{code}").Language(code)
