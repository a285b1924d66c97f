"""Whether a checkpoint belongs to the run that wants to go on from it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ....errors import UserError
from .distil import DistilOptions
from .plan import Stage
from .stage_options import StageOptions

_MAY_CHANGE = ("validate_every", "batch_size", "update_freq")  # the last two between stages
_OPTIONS = {  # by the names of StageOptions and DistilOptions
    "passes": "--xla-passes", "warmup_passes": "--xla-warmup-passes", "warmup_ratio": "--stage-warmup-ratio",
    "warmup_lr": "--xla-warmup-lr", "alpha": "--sampling-alpha", "seed": "--seed", "member_seeds": "--xla-member-seeds",
    "keep_best": "--xla-select", "kind": "--distill-type", "threshold": "--gmm-threshold", "features": "--gmm-features",
    "standardize": "--gmm-standardize", "agreement": "--agreement",
}  # fmt: skip
_ELSE = "; resume with the same options, or begin anew in another --save-dir"


def describe_run(plan: Sequence[Stage], options: StageOptions, distil: DistilOptions) -> str:
    """All that decides what the stages are, as JSON."""
    fixed = {name: value for name, value in asdict(options).items() if name not in _MAY_CHANGE}
    return json.dumps([[asdict(stage) for stage in plan], fixed, asdict(distil)])


def refuse_changes(state: Mapping[str, Any], members: int, pools: Mapping[str, list[int]], run: str) -> None:
    """UserError unless the iterator's ``state`` has as many ``members``, the same ``pools`` (their fingerprint) and the
    same stages (:func:`describe_run`)."""
    if "plan" not in state:
        raise UserError("the checkpoint is not one of a co-training run; give it as --finetune-from-model")
    if len(state["scores"]) != members:
        raise UserError(f"the checkpoint has {len(state['scores'])} members, this run {members}; resume with as many")
    before = json.loads(state["pools"])
    changed = [name for name in sorted(pools.keys() | before.keys()) if pools.get(name) != before.get(name)]
    if changed:
        raise UserError(
            f"the pools {', '.join(changed)} are not those that the run began with; restore the data, or begin anew in"
            " another --save-dir"
        )
    if run != state["plan"]:
        raise UserError(f"the stages are not those that the run began with ({_difference(run, state['plan'])}){_ELSE}")


def refuse_other_batching(before: Sequence[int], now: Sequence[int]) -> None:
    """UserError where a stage would go on with other updates: processes, examples of a micro-batch, how many of these a
    process takes. Another split of as many micro-batches of the same size makes the same updates."""
    if before[1] == now[1] and before[0] * before[2] == now[0] * now[2]:
        return
    for name, old, new in zip(("processes", "--batch-size", "--update-freq"), before, now):
        if old != new:
            raise UserError(
                f"the checkpoint lies within a stage with {old} as {name}, this run has {new}; resume with {old}, or"
                " change it at the end of a stage"
            )


def _difference(now: str, before: str) -> str:
    """The first option that differs."""
    (plan, *groups), (old_plan, *old_groups) = json.loads(now), json.loads(before)
    for group, old in zip(groups, old_groups):
        for name, value in group.items():
            if value != old.get(name):
                was, given = (_as_given(name, each) for each in (old.get(name), value))
                return f"{_OPTIONS[name]} was {was}, is {given}"
    if len(plan) != len(old_plan):
        return f"{len(old_plan)} then, {len(plan)} now"
    return "other --xla-datasets or --distill-eta"


def _as_given(name: str, value: Any) -> str:
    """A value as on the command line."""
    if isinstance(value, bool):
        return {"keep_best": ("last", "best"), "standardize": ("no", "yes")}[name][value]
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
