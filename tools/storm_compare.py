"""Whether two folders hold the same: byte by byte, clocks aside; checkpoints in all that training goes on from."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import torch

from xl_plugins.logs import reading

# times, and how many labellings came from the memory of this process
TIMES = {
    "labelling_passes", "seconds", "labelling_seconds", "selection_seconds", "time", "date", "since", "created", "wall",
}  # fmt: skip


def differences(expected: Path, found: Path) -> list[str]:
    """Names of files that are missing, left over, or not equal."""
    one, other = (
        {str(path.relative_to(root)): path for path in root.rglob("*") if path.is_file()} for root in (expected, found)
    )
    wrong = sorted(one.keys() ^ other.keys())
    return wrong + sorted(name for name in one.keys() & other.keys() if not _equal(one[name], other[name]))


def _equal(one: Path, other: Path) -> bool:
    contents = one.read_bytes(), other.read_bytes()
    if contents[0] == contents[1] or one.suffix == ".log":  # fairseq's log has the time in every line
        return True
    if one.name == reading.NAME:
        return _validations(one) == _validations(other)
    if one.suffix == ".pt":
        return _same(*map(_checkpoint, (one, other)))
    if one.suffix in (".json", ".jsonl"):
        with contextlib.suppress(ValueError):
            lines = [text.decode().splitlines() if one.suffix == ".jsonl" else [text.decode()] for text in contents]
            left, right = ([_timeless(json.loads(line)) for line in each] for each in lines)
            return left == right
    return False


def _validations(path: Path) -> list[object]:
    """Those of a run's log; means over a number of updates begin anew with a process."""
    events = reading.read_log(path).valid
    return [[event[key] for key in ("updates", "subset", "languages", "score", "best")] for event in events]


def _timeless(value: object) -> object:
    if isinstance(value, dict):
        return {key: _timeless(item) for key, item in value.items() if key not in TIMES}
    return [_timeless(item) for item in value] if isinstance(value, list) else value


def _checkpoint(path: Path) -> object:
    state = torch.load(path, map_location="cpu", weights_only=False)
    extra = dict(state.pop("extra_state", None) or {})
    for key in ("metrics", "previous_training_time"):
        extra.pop(key, None)  # clocks
    iterator = dict(extra.get("train_iterator") or {})
    if isinstance(stage := iterator.get("stage"), dict) and "entry" in stage:
        iterator["stage"] = {**stage, "entry": _timeless(json.loads(stage["entry"]))}
    if state.get("optimizer_history"):
        last = dict(state["optimizer_history"][-1])  # fairseq adds an entry at every start
        # fairseq tells its schedules an epoch's score after it has saved; only its plateau schedule makes use of it
        last["lr_scheduler_state"] = {**last["lr_scheduler_state"], "best": None}
        state["optimizer_history"] = last
    return {**state, "cfg": None, "extra_state": {**extra, "train_iterator": iterator}}


def _same(one: object, other: object) -> bool:
    if isinstance(one, torch.Tensor):
        return isinstance(other, torch.Tensor) and one.dtype == other.dtype and torch.equal(one, other)
    if isinstance(one, dict):
        return isinstance(other, dict) and one.keys() == other.keys() and all(_same(one[k], other[k]) for k in one)
    if isinstance(one, (list, tuple)):
        return isinstance(other, type(one)) and len(one) == len(other) and all(map(_same, one, other))
    return one == other or (one != one and other != other)
