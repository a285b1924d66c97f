"""How many updates a run has, known once the training batches exist.

fairseq tells schedules ``--max-update`` but not how long an epoch is, although the papers state their schedules in
epochs. Tasks note the number of batches here whenever they build a training iterator; the schedule and draws per
epoch read it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass
class Progress:
    """Batches per epoch and rank of the current run; None before the training data is loaded."""

    batches_per_epoch: int | None = None

    def updates_before(self, epoch: int, update_freq: Sequence[int]) -> int:
        """Updates completed when ``epoch`` (from 1) begins, if no update was skipped."""
        if self.batches_per_epoch is None:
            raise RuntimeError("the training iterator has not been built yet")
        steps = (update_freq[min(e, len(update_freq)) - 1] for e in range(1, epoch))
        return sum(math.ceil(self.batches_per_epoch / freq) for freq in steps)


PROGRESS = Progress()
