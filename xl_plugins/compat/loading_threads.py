"""A run that ends inside an epoch (``--max-update``, an error) exits with its own status.

fairseq loads batches ahead in a daemon thread, which it leaves running. When the interpreter shuts down, the thread is
torn out of whatever it is doing, and out of torch's C++ that aborts the process: "terminate called without an active
exception", status -6 after all the work was done.

For fairseq 0.12 with torch up to 2.13; pytorch/pytorch#38228.
It can go when fairseq ends its loading threads, or torch lets a thread end at shutdown.
"""

from __future__ import annotations

import atexit
import contextlib
import queue
import threading
import time

MAY_TAKE = 10.0  # seconds to wait for the batch that is being loaded


def end_threads_at_exit() -> None:
    """Make the repair; calling it again changes nothing."""
    from fairseq.data import iterators  # noqa: F401, torch registers what it does at the end before we do

    atexit.unregister(end_loading_threads)
    atexit.register(end_loading_threads)  # later than torch's own, so it runs while loader workers still do


def end_loading_threads() -> None:
    """Stop every loading thread after the batch at hand."""
    from fairseq.data.iterators import BackgroundConsumer

    deadline = time.monotonic() + MAY_TAKE
    for thread in threading.enumerate():
        if isinstance(thread, BackgroundConsumer):
            thread._max_len = 0
            while thread.is_alive() and time.monotonic() < deadline:
                with contextlib.suppress(queue.Empty):
                    thread._queue.get(timeout=0.02)  # it may be waiting for room
