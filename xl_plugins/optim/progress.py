"""How many updates a run has, known once the training batches exist.

fairseq tells schedules ``--max-update`` but not how long an epoch is, although the papers state their schedules in
epochs. A task has one :class:`Progress` and notes there how long an epoch is whenever it builds a training iterator;
draws per epoch read it, and the schedule, which gets it when the training begins.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any


class Progress:
    """Length of a run's epochs; unknown before the training data is loaded."""

    def __init__(self) -> None:
        self._updates: Callable[[int], int] | None = None

    def learn(self, updates: Callable[[int], int]) -> None:
        """``updates``: those of an epoch, given the micro-batches per update and process."""
        self._updates = cache(updates)

    @property
    def is_known(self) -> bool:
        return self._updates is not None

    def updates_before(self, epoch: int, update_freq: Sequence[int]) -> int:
        """Updates completed when ``epoch`` (from 1) begins, if no update was skipped."""
        if self._updates is None:
            raise RuntimeError("the training iterator has not been built yet")
        return sum(self._updates(update_freq[min(e, len(update_freq)) - 1]) for e in range(1, epoch))

    def total(self, limits: Any) -> int | None:
        """Updates of the whole run by fairseq's group ``optimization``, if none is skipped.

        None without a limit, or where epochs have no length beforehand (XLA's stages depend on what is selected).
        """
        if limits.max_epoch and not self.is_known:
            return None
        epochs = self.updates_before(limits.max_epoch + 1, limits.update_freq) if limits.max_epoch else 0
        return min(filter(None, (limits.max_update, epochs)), default=None)
