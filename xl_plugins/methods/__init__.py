"""The methods: each with its task, its criterion and the published hyper-parameters, and none knows another.

A new method is a folder, whose ``method.py`` has its entry, and a line here.
"""

from __future__ import annotations

from importlib import import_module

from .base import Method

_FOLDERS = (
    "plain",
    "xmixup",
    "xtune",
    "salt",
    "xla",
)
METHODS: dict[str, Method] = {name: import_module(f"{__name__}.{name}.method").METHOD for name in _FOLDERS}
PLAIN = METHODS["plain"]  # what every other one is compared with, and a single model is trained by
# documented names of all tasks with the problem of each, empty where that is an option
TASKS: dict[str, str] = {task: problem for method in METHODS.values() for task, problem in method.tasks.items()}


def method_of(task: str, criterion: str | None = None) -> Method:
    """The method of a task, one of :data:`TASKS`; of methods that share it the one with this criterion, else the
    first."""
    sharing = methods_with(task)
    return next((method for method in sharing if method.criterion == criterion), sharing[0])


def methods_with(task: str) -> list[Method]:
    """Methods that a task may be trained by."""
    return [method for method in METHODS.values() if task in method.tasks]


def from_all(attribute: str) -> tuple[str, ...]:
    """Names that the methods declare under this attribute (``deciding``, ``starts``, ``free``), one after the other."""
    return tuple(name for method in METHODS.values() for name in getattr(method, attribute))
