"""Repairs of fairseq for the versions of torch, numpy and Python that users run: one file each, the only ones to know
versions.

:func:`apply` is called when the package is imported, before anything else of it. Every file says for which versions
its repair is, where the fault is discussed and when it can go; it checks first whether there is anything to repair, so
a fairseq without the fault keeps its own behaviour. ``bf16_flag`` repairs a function that ``hooks`` wraps anyway.
"""

from __future__ import annotations

from collections.abc import Callable

from .bare_weights import complete_checkpoints
from .bf16_factor import reset_bf16_factor
from .cpu_gather import gather_on_cpu
from .cpu_launch import launch_on_cpu
from .fp16_cpu import fp16_on_cpu
from .loading_threads import end_threads_at_exit
from .numpy_names import restore_numpy_names
from .process_groups import end_groups_at_exit
from .restricted_broadcast import restrict_broadcast
from .restricted_loading import restrict_loading

PATCHES: tuple[Callable[[], None], ...] = (
    restrict_loading,
    complete_checkpoints,
    restrict_broadcast,
    launch_on_cpu,
    gather_on_cpu,
    reset_bf16_factor,
    fp16_on_cpu,
    restore_numpy_names,
    end_threads_at_exit,
    end_groups_at_exit,
)


def apply() -> None:
    """Make all repairs; calling it again changes nothing."""
    for patch in PATCHES:
        patch()
