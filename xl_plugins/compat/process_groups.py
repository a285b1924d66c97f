"""A rank that ends right after it has heard from the others exits with its own status.

fairseq never takes its process groups down. Gloo's threads drop a tensor a moment after the rank that waits for it goes
on; one that does so while the interpreter shuts down is torn out of torch's C++, which aborts the process: "terminate
called without an active exception", status -6 where every rank had left as agreed. Taking the groups down waits for
these threads.

For fairseq 0.12 with torch up to 2.13.
It can go when fairseq takes its groups down, or torch lets a thread end at shutdown.
"""

from __future__ import annotations

import atexit
import contextlib
import threading

MAY_TAKE = 10.0  # seconds to wait for what is being exchanged; ranks that failed in the middle of it never end it


def end_groups_at_exit() -> None:
    """Make the repair; calling it again changes nothing."""
    atexit.unregister(end_groups)
    atexit.register(end_groups)


def end_groups() -> None:
    """Take down the process groups, if there are any."""
    from torch import distributed

    if distributed.is_available() and distributed.is_initialized():
        ending = threading.Thread(target=_destroy, daemon=True)
        ending.start()
        ending.join(MAY_TAKE)


def _destroy() -> None:
    from torch import distributed

    with contextlib.suppress(Exception):  # the program has ended, and has its status
        distributed.destroy_process_group()
