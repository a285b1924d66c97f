"""The two techniques of a repair: a function is wrapped, or a module gets its own overlay of a module that it uses."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import ModuleType
from typing import Any

Function = Callable[..., Any]
MARK = "_xl_plugins_compat"


class Overlay(ModuleType):
    """A module as one other module sees it: some names replaced, all others looked up in the real one."""

    def __init__(self, module: ModuleType, **names: Any) -> None:
        super().__init__(module.__name__)
        self.__dict__.update(names, _covered=module)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_covered"], name)


def wrap(owner: Any, name: str, make: Callable[[Function], Function]) -> None:
    """Replace the function ``owner.name`` by ``make(function)`` unless that has been done before."""
    function = getattr(owner, name)
    if not hasattr(function, MARK):
        wrapper = functools.wraps(function)(make(function))
        setattr(wrapper, MARK, True)
        setattr(owner, name, wrapper)


def overlay(owner: ModuleType, module: str, **names: Any) -> None:
    """Give ``owner`` its own overlay of the module that it calls ``module``, unless it has one already."""
    real = getattr(owner, module)
    if not isinstance(real, Overlay):
        setattr(owner, module, Overlay(real, **names))
