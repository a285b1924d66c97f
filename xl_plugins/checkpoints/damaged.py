"""A run whose last checkpoint is damaged goes on from its newest whole one."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Mapping
from typing import Any

from ..errors import UserError
from .checksums import find_damage, is_zip
from .kinds import is_exported
from .safe_load import DamagedFile, load_restricted
from .writing import LAST, give_name

logger = logging.getLogger(__name__)
_OF_A_RUN = re.compile(r"checkpoint.*\.pt")


def mend_last(save_dir: str, task: str, last: str = LAST) -> None:
    """Make ``last`` a name of the newest whole checkpoint of this ``task`` in the folder if it is damaged; says so.

    Raises:
        UserError: there is none.
    """
    path = os.path.join(save_dir, last)
    if not os.path.isfile(path):
        return
    try:
        _look(path)
        return
    except DamagedFile as error:
        damage = str(error)
    found = newest_whole(save_dir, task, last)
    if found is None:
        raise UserError(
            f"{damage.removesuffix('; download or save it again')}; no whole checkpoint of this run lies beside it:"
            " remove it to begin anew, or choose another --save-dir"
        )
    updates, name = found
    logger.warning(
        "%s; going on from %s (%d updates), the newest whole checkpoint of this run, in its place",
        damage.removesuffix("; download or save it again"), name, updates,
    )  # fmt: skip
    give_name(os.path.join(save_dir, name), path)


def newest_whole(save_dir: str, task: str, last: str = LAST) -> tuple[int, str] | None:
    """Updates and name of the whole checkpoint of ``task`` in a folder that records the most updates."""
    candidates = []
    for name in os.listdir(save_dir):
        path = os.path.join(save_dir, name)
        if name != last and _OF_A_RUN.fullmatch(name) and os.path.isfile(path):
            try:
                progress = _progress(_look(path, tensors=False), task)
            except UserError:
                continue
            if progress is not None:
                candidates.append((*progress, name))
    for updates, _, name in sorted(candidates, reverse=True):
        if find_damage(os.path.join(save_dir, name)) is None:
            return updates, name
    return None


def _look(path: str, tensors: bool = True) -> Mapping[str, Any]:
    """A checkpoint's contents, its tensors mapped; DamagedFile where it is none, or where its checksums do not fit."""
    if tensors and (damage := find_damage(path)):
        raise DamagedFile(f"{path}: {damage}")
    state = load_restricted(path, mmap=is_zip(path))
    if not isinstance(state, Mapping) or not isinstance(state.get("model"), Mapping):
        raise DamagedFile(f"{path}: is no fairseq checkpoint")
    return state


def _progress(state: Mapping[str, Any], task: str) -> tuple[int, int] | None:
    """Updates and epoch at which a run of ``task`` can go on from a checkpoint; None for exported and other ones."""
    try:
        of_task = state["cfg"]["task"]["_name"] == task and not is_exported(state)
        complete = "last_optimizer_state" in state or state["cfg"]["checkpoint"]["no_save_optimizer_state"]
        updates = state["optimizer_history"][-1]["num_updates"]
        epoch = state["extra_state"]["train_iterator"]["epoch"]
    except (KeyError, IndexError, TypeError):
        return None
    return (int(updates), int(epoch)) if of_task and complete else None
