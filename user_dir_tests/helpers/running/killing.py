"""Work that dies by SIGKILL at a chosen place, in a process of its own."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from typing import Any


def killed(work: Callable[[], object]) -> None:
    """Do it in a process of its own, which must end by SIGKILL."""
    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL


def die(*args: object, **options: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def dies_in_call(number: int, what: Callable[..., Any]) -> Callable[..., Any]:
    """``what``, whose call ``number``, counted from 1, ends the process."""
    count = [0]

    def counted(*args: Any, **options: Any) -> Any:
        count[0] += 1
        return die() if count[0] == number else what(*args, **options)

    return counted


def never(*args: object) -> None:
    raise AssertionError("a model is loaded")
