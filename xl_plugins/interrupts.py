"""Signals that ask a command to end are an interrupt: it cleans up as for Ctrl-C, whatever it is doing."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType

ENDING = ("SIGTERM", "SIGHUP")


class Terminated(KeyboardInterrupt):
    """A signal asked the process to end; ``status`` is the exit status that shells give such an end."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.status = 128 + number


def clean_up_on_signals() -> None:
    """Let SIGTERM and SIGHUP raise :class:`Terminated` in the main thread.

    A signal that is ignored stays so, as under nohup. Further ones do not disturb the cleaning up.
    """
    if threading.current_thread() is not threading.main_thread():
        return

    def end(number: int, frame: FrameType | None) -> None:
        for name in ENDING:
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), signal.SIG_IGN)
        raise Terminated(number)

    for name in ENDING:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, end)


def death_with_parent() -> Callable[[], None] | None:
    """For ``preexec_fn`` of a child: SIGKILL ends it when the process that started it ends, however that ends.

    Linux only; None elsewhere.
    """
    if not sys.platform.startswith("linux"):
        return None
    prctl, set_death_signal, parent = ctypes.CDLL(None, use_errno=True).prctl, 1, os.getpid()

    def prepare() -> None:
        prctl(set_death_signal, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != parent:  # it ended in between
            os.kill(os.getpid(), signal.SIGKILL)

    return prepare
