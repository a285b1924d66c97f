"""SIGTERM, SIGUSR1 and SIGHUP: a training saves a checkpoint after the update at hand and leaves with 128 + signal.

Batch systems send them before they kill. The checkpoint is taken where fairseq takes its own, after an update and the
validation that follows it, so the same command goes on as if nothing had happened. Several ranks agree after every
update whether one of them was asked. Where there is nothing to save (before the first update, between two epochs, in
XLA's labelling) one process leaves at once. A second signal ends at once, too.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

from fairseq import checkpoint_utils

from .loop import loop_module
from .ranks import any_rank

logger = logging.getLogger(__name__)
SIGNALS = (signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP)
SAME = 2.0  # seconds within which a second signal is the first one: sent to a group, and passed on by its leader
STATUSES = frozenset(128 + number for number in SIGNALS)


class _Watch:
    """How a training takes signals, from its beginning until the process is done with it.

    The process's own table of handlers holds it, as the owner of the one in force; its training holds it as
    ``trainer.xl_watch``.
    """

    def __init__(self, trainer: Any) -> None:
        self.pid, self.alone = os.getpid(), trainer.data_parallel_world_size == 1
        self.asked, self.when = 0, 0.0
        self.saved = trainer.get_num_updates()  # updates of the last checkpoint
        self.updates, self.busy = self.saved, False
        self.before = {number: signal.getsignal(number) for number in SIGNALS}

    def take(self) -> None:
        """Handle the signals from now on; ignored ones (nohup) stay ignored."""
        for number, handler in self.before.items():
            if handler is not signal.SIG_IGN:
                signal.signal(number, self.handle)

    def give_back(self) -> None:
        if self.pid == os.getpid() and threading.current_thread() is threading.main_thread():
            for number, handler in self.before.items():
                signal.signal(number, handler if handler is not None else signal.SIG_DFL)

    def handle(self, number: int, frame: FrameType | None) -> None:
        if self.pid != os.getpid():
            return
        now = time.monotonic()
        if self.asked and now - self.when > SAME:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        if self.asked:
            return
        self.asked, self.when = number, now
        if self.alone and not self.busy and self.saved == self.updates:
            _say(f"{signal.Signals(number).name}: left; the last checkpoint has all {self.saved} updates of the run")
            raise SystemExit(128 + number)
        _say(f"{signal.Signals(number).name}: a checkpoint follows after this update, then the run leaves")

    def validated(self, trainer: Any, end_of_epoch: bool, ends: bool, save: Callable[[], None]) -> None:
        """After an update and its validation: leave if any rank was asked to; a run that ends here is left to end."""
        self.updates = trainer.get_num_updates()
        number = any_rank(trainer, self.asked)
        if number and not ends:
            if self.saved != self.updates:
                save()
            found = "saved" if self.saved == self.updates else "not saved, as the options say"
            name = signal.Signals(number).name
            logger.info("%s: stopped after %d updates (%s); the same command goes on", name, self.updates, found)
            raise SystemExit(128 + number)
        self.busy = not end_of_epoch


def watch(trainer: Any) -> None:
    """Take the signals from now on, for a training that begins."""
    unwatch()
    if threading.current_thread() is not threading.main_thread():
        return
    trainer.xl_watch = state = _Watch(trainer)
    state.take()
    train_step = trainer.train_step

    @functools.wraps(train_step)
    def counted(*args: Any, **kwargs: Any) -> Any:
        state.busy = True
        return train_step(*args, **kwargs)

    trainer.train_step = counted
    module: Any = loop_module()
    if module is not None and not getattr(module.validate_and_save, "_xl_plugins", False):
        module.validate_and_save = _stops(module.validate_and_save)


def unwatch() -> None:
    """Give the signals back."""
    state = _in_force()
    if state is not None:
        state.give_back()


def saved(trainer: Any) -> None:
    """Tell that a checkpoint from which the run can go on has been written."""
    state: _Watch | None = getattr(trainer, "xl_watch", None)
    if state is not None:
        state.saved = trainer.get_num_updates()


def _in_force() -> _Watch | None:
    """The training whose handler this process has; None without one."""
    owners = (getattr(signal.getsignal(number), "__self__", None) for number in SIGNALS)
    return next((owner for owner in owners if isinstance(owner, _Watch)), None)


def _say(line: str) -> None:
    with contextlib.suppress(OSError):  # logging may be in the middle of a line of its own
        os.write(2, f"fairseq-train: {line}\n".encode())


def _stops(validate_and_save: Callable) -> Callable:
    @functools.wraps(validate_and_save)
    def validate_save_and_stop(
        cfg: Any, trainer: Any, task: Any, epoch_itr: Any, valid_subsets: Any, end_of_epoch: bool
    ) -> Any:
        result = validate_and_save(cfg, trainer, task, epoch_itr, valid_subsets, end_of_epoch)
        state: _Watch | None = getattr(trainer, "xl_watch", None)
        if state is not None:
            save = functools.partial(checkpoint_utils.save_checkpoint, cfg.checkpoint, trainer, epoch_itr, None)
            state.validated(trainer, end_of_epoch, result[1], save)
        return result

    validate_save_and_stop._xl_plugins = True  # type: ignore[attr-defined]
    return validate_save_and_stop


# -- processes around the training --


@contextlib.contextmanager
def passed_on() -> Any:
    """Within the block, the process that started the ranks passes signals on to them and leaves with their status."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def forward(number: int, frame: FrameType | None) -> None:
        children = [child.pid for child in multiprocessing.active_children() if child.pid is not None]
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, number)
        if not children:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number in (number for number in SIGNALS if before[number] is signal.SIG_DFL):
        signal.signal(number, forward)
    try:
        yield
    except Exception as error:
        status = getattr(error, "exit_code", None)  # torch.multiprocessing's
        if status in STATUSES:
            raise SystemExit(status) from None
        raise
    finally:
        unwatch()
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)


def _in_child() -> None:
    """A loader worker outlives signals to the whole process group: the training needs it for the update at hand.

    It ends when the training ends it.
    """
    if _in_force() is None:
        return
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    threading.Thread(target=_obey, args=(os.getppid(),), daemon=True).start()


def _obey(parent: int) -> None:
    while True:
        told = signal.sigwaitinfo(SIGNALS)
        if told.si_signo == signal.SIGTERM and told.si_pid == parent:
            os._exit(0)


os.register_at_fork(after_in_child=_in_child)
