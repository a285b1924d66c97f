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
    """The state of the training in this process, for the handlers."""

    def __init__(self, trainer: Any) -> None:
        self.pid, self.alone = os.getpid(), trainer.data_parallel_world_size == 1
        self.asked, self.when = 0, 0.0
        self.saved = trainer.get_num_updates()  # updates of the last checkpoint
        self.updates, self.busy = self.saved, False
        self.before = {number: signal.getsignal(number) for number in SIGNALS}

    def leave(self, number: int) -> None:
        raise SystemExit(128 + number)


_watch: _Watch | None = None


def watch(trainer: Any) -> None:
    """Take the signals from now on, for a training that begins; ignored ones (nohup) stay ignored."""
    global _watch
    unwatch()
    if threading.current_thread() is not threading.main_thread():
        return
    _watch = _Watch(trainer)
    for number, handler in _watch.before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, _handle)
    train_step = trainer.train_step

    @functools.wraps(train_step)
    def counted(*args: Any, **kwargs: Any) -> Any:
        if _watch is not None:
            _watch.busy = True
        return train_step(*args, **kwargs)

    trainer.train_step = counted
    module: Any = loop_module()
    if module is not None and not getattr(module.validate_and_save, "_xl_plugins", False):
        module.validate_and_save = _stops(module.validate_and_save)


def unwatch() -> None:
    """Give the signals back."""
    global _watch
    if _watch is not None and _watch.pid == os.getpid() and threading.current_thread() is threading.main_thread():
        for number, handler in _watch.before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
    _watch = None


def saved(updates: int) -> None:
    """Tell that a checkpoint from which the run can go on has been written."""
    if _watch is not None:
        _watch.saved = updates


def _handle(number: int, frame: FrameType | None) -> None:
    if _watch is None or _watch.pid != os.getpid():
        return
    now = time.monotonic()
    if _watch.asked and now - _watch.when > SAME:
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    if _watch.asked:
        return
    _watch.asked, _watch.when = number, now
    if _watch.alone and not _watch.busy and _watch.saved == _watch.updates:
        _say(f"{signal.Signals(number).name}: left; the last checkpoint has all {_watch.saved} updates of the run")
        _watch.leave(number)
    _say(f"{signal.Signals(number).name}: a checkpoint follows after this update, then the run leaves")


def _say(line: str) -> None:
    with contextlib.suppress(OSError):  # logging may be in the middle of a line of its own
        os.write(2, f"fairseq-train: {line}\n".encode())


def _stops(validate_and_save: Callable) -> Callable:
    @functools.wraps(validate_and_save)
    def validate_save_and_stop(
        cfg: Any, trainer: Any, task: Any, epoch_itr: Any, valid_subsets: Any, end_of_epoch: bool
    ) -> Any:
        result = validate_and_save(cfg, trainer, task, epoch_itr, valid_subsets, end_of_epoch)
        if _watch is not None:
            _watch.updates = trainer.get_num_updates()
            number = any_rank(trainer, _watch.asked)
            if number and not result[1]:  # a run that ends here is left to end
                _save_and_leave(cfg.checkpoint, trainer, epoch_itr, number)
            _watch.busy = not end_of_epoch
        return result

    validate_save_and_stop._xl_plugins = True  # type: ignore[attr-defined]
    return validate_save_and_stop


def _save_and_leave(cfg: Any, trainer: Any, epoch_itr: Any, number: int) -> None:
    assert _watch is not None
    updates = trainer.get_num_updates()
    if _watch.saved != updates:
        checkpoint_utils.save_checkpoint(cfg, trainer, epoch_itr, None)
    name, found = signal.Signals(number).name, "saved" if _watch.saved == updates else "not saved, as the options say"
    logger.info("%s: stopped after %d updates (%s); the same command goes on", name, updates, found)
    _watch.leave(number)


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
    if _watch is None:
        return
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    threading.Thread(target=_obey, args=(os.getppid(),), daemon=True).start()


def _obey(parent: int) -> None:
    while True:
        told = signal.sigwaitinfo(SIGNALS)
        if told.si_signo == signal.SIGTERM and told.si_pid == parent:
            os._exit(0)


os.register_at_fork(after_in_child=_in_child)
