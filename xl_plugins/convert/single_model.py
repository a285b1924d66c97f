"""The one model of a checkpoint that is exported: of a co-training run a member, with the user's consent."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from ..checkpoints.checksums import is_zip
from ..checkpoints.safe_load import load_restricted
from ..data.binary.kept import kept_data
from ..errors import UserError
from ..evaluation.members import COTRAINING, export_members


class Single(NamedTuple):
    """A checkpoint of one model, the data folder to open it with (None: its own), and what is lost, a line each."""

    path: str
    data: str | None
    lost: list[str]


@contextmanager
def single_model(path: str, data: str | None, plain: bool) -> Iterator[Single]:
    """Give the checkpoint itself, or for a co-training run (XLA) the member with the best dev score.

    Raises:
        UserError: a co-training run, and ``plain`` is not set.
    """
    task = _task(path)
    if task.get("_name") not in COTRAINING:
        yield Single(path, data, [])
        return
    if not plain:
        raise UserError(
            f"{path}: the members of a co-training run, which predicts with the mean of their probabilities; an"
            " exported model is one of them. Pass --plain to export the best on its dev set, or write them all to"
            f" choose: xl-convert members {path}"
        )
    if data is None and not os.path.isdir(str(task.get("data"))):
        data = kept_data(path, str(task.get("data")))
    with tempfile.TemporaryDirectory() as folder:
        (best,) = export_members(path, folder, best_alone=True)
        score = "" if best.score is None else f", dev score {best.score:.2f}"
        line = f"the mean over the members: this is member {best.number} of {best.members}{score}"
        yield Single(best.path, data, [line])


def _task(path: str) -> dict[str, Any]:
    """The options of a checkpoint's task; empty for a file that is none, of which loading says what it is."""
    if not os.path.isfile(path) or not is_zip(path):
        return {}
    cfg = load_restricted(path, mmap=True).get("cfg") or {}
    return dict(cfg.get("task") or {})
