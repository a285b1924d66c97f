"""Which options of a run differ from those of the checkpoint that it would go on from."""

from __future__ import annotations

import ast
import filecmp
import logging
import os
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.hydra_config import HydraConfig

from ..errors import UserError, flag
from ..methods import from_all
from ..problems.tagging.options import effective_pooling

logger = logging.getLogger(__name__)

# groups of any run of fairseq, and what of them changes the result; the rest is lengths, intervals, logging, devices
_GENERAL: dict[str, tuple[str, ...]] = {
    "common": ("seed", "fp16", "bf16", "memory_efficient_fp16", "memory_efficient_bf16", "amp"),
    "dataset": (
        "required_batch_size_multiple", "train_subset", "valid_subset", "combine_valid_subsets", "grouped_shuffling",
        "update_ordered_indices_seed", "curriculum", "max_valid_steps", "skip_invalid_size_inputs_valid_test",
    ),
    "optimization": ("lr", "clip_norm", "sentence_avg", "use_bmuf", "skip_remainder_batch"),
    "checkpoint": ("best_checkpoint_metric", "maximize_best_checkpoint_metric"),
    "distributed_training": (),
}  # fmt: skip
# groups that stand for one part of the run each: all of their options count, the part's name first
_PARTS = {
    "task": "--task", "model": "--arch", "criterion": "--criterion", "optimizer": "--optimizer",
    "lr_scheduler": "--lr-scheduler", "ema": "",
}  # fmt: skip
_FREE = {  # of the parts: compared by content (see find_changes), or without effect on the result
    "data", "continue_with_changes", "train_languages", "valid_languages", "select_languages", "source_language",
    "from_scratch", "train_whole_vocabulary", "verbose", "_name", "tpu", "dataset_impl", *from_all("free"),
}  # fmt: skip
_LENGTHS = ("max_epoch", "max_update")
_SHOWN = 4


@dataclass(frozen=True)
class Change:
    """An option with the value that the checkpoint was trained with, and the value now."""

    option: str
    before: str
    now: str

    def __str__(self) -> str:
        return f"{self.option} was {self.before}, is {self.now}"


def find_changes(
    saved: Mapping[str, Any], current: Mapping[str, Any], record: Mapping[str, Any], now: Mapping[str, Any],
    save_dir: str, path: str | None = None,
) -> list[Change]:  # fmt: skip
    """Differences that change the result.

    Args:
        saved, current: all options, by group, resolved.
        record, now: what the task notes of a run, in the checkpoint and at present.
        save_dir: of this run.
        path: the checkpoint that the run goes on from, which ``--restore-file`` may name.
    """
    return [
        *_changed_parts(saved, current), *_changed_general(saved, current), *_changed_update_size(saved, current),
        *_changed_start(saved, current, save_dir, path), *_changed_data(record, now),
    ]  # fmt: skip


def refuse_changes(changes: Sequence[Change], save_dir: str, path: str, allowed: bool) -> None:
    """UserError naming the changes, unless they are ``allowed``: then they are logged."""
    if not changes:
        return
    if allowed:
        for change in changes:
            logger.warning("continuing %s with another option: %s", path, change)
        return
    shown = "; ".join(map(str, changes[:_SHOWN]))
    if len(changes) > _SHOWN:
        shown += f"; and {len(changes) - _SHOWN} more"
    own = os.path.abspath(os.path.dirname(path)) == os.path.abspath(save_dir)
    way = f"another {_option('checkpoint', 'save_dir')}"
    if not own:
        way = f"{_option('checkpoint', 'finetune_from_model')}, which takes the weights alone"
    proceed = "task.continue_with_changes=true" if HydraConfig.initialized() else "--continue-with-changes"
    raise UserError(
        f"{path}: the run there has other options ({shown}); give the same, or {way}, or {proceed} to go on with these"
    )


def tell_new_length(saved: Mapping[str, Any], current: Mapping[str, Any]) -> None:
    """A schedule over the whole run follows its new length: allowed, but worth a line."""
    schedule = _group(current, "lr_scheduler")
    before, now = _group(saved, "optimization"), _group(current, "optimization")
    changed = [name for name in _LENGTHS if name in before and name in schedule and before[name] != now.get(name)]
    for name in changed:
        logger.info(
            "%s was %s, is %s: the learning rates of the remaining updates follow the new length",
            _option("optimization", name), before[name], now.get(name),
        )  # fmt: skip


def _group(cfg: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Options of a group; parts without a configuration class keep theirs in a Namespace."""
    found = cfg.get(name)
    return vars(found) if isinstance(found, Namespace) else found or {}


def _option(group: str, name: str) -> str:
    """As the user wrote it: on the command line or in a YAML file."""
    return f"{group}.{name}" if HydraConfig.initialized() else flag(name)


def _changed_parts(saved: Mapping[str, Any], current: Mapping[str, Any]) -> Iterator[Change]:
    general = {name for group in _GENERAL for name in _group(current, group)}
    for part, option in _PARTS.items():
        before, now = _group(saved, part), _group(current, part)
        if before.get("_name") != now.get("_name"):
            yield Change(
                option if not HydraConfig.initialized() else part, str(before.get("_name")), str(now.get("_name"))
            )
            continue
        names = [name for name in now if name in before and name not in _FREE and name not in general]
        if part == "ema" and not (before.get("store_ema") or now.get("store_ema")):
            names = []
        yield from _compare(part, names, before, now)


def _changed_general(saved: Mapping[str, Any], current: Mapping[str, Any]) -> Iterator[Change]:
    for group, names in _GENERAL.items():
        before, now = _group(saved, group), _group(current, group)
        yield from _compare(group, [name for name in names if name in before and name in now], before, now)


def _compare(group: str, names: Sequence[str], before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Change]:
    for name in names:
        old, new = before[name], now[name]
        if name == "word_pooling":  # a preset may stand for it
            same = effective_pooling(old, before.get("preset")) == effective_pooling(new, now.get("preset"))
        else:
            same = _plain(old) == _plain(new) or same_files(old, new)
        if not same:
            yield Change(_option(group, name), _show(old), _show(new))


def _changed_update_size(saved: Mapping[str, Any], current: Mapping[str, Any]) -> Iterator[Change]:
    """Examples or tokens of an update: another split into ranks, batches and accumulation is the same."""
    sides = []
    for cfg in (saved, current):
        dataset, freqs = _group(cfg, "dataset"), _group(cfg, "optimization").get("update_freq")
        ranks = _group(cfg, "distributed_training").get("distributed_world_size")
        if not freqs or not ranks:
            return
        sides.append((dataset, [int(freq) * int(ranks) for freq in freqs], freqs, ranks))
    for name in ("batch_size", "max_tokens"):
        products, shown = [], []
        for dataset, passes, freqs, ranks in sides:
            size = dataset.get(name)
            products.append(None if not size else [int(size) * count for count in passes])
            shown.append(f"{size} x {','.join(map(str, freqs))} x {ranks}")
        if not _same_by_epoch(*products):
            names = " x ".join([_option("dataset", name), _option("optimization", "update_freq"), "ranks"])
            yield Change(names, *shown)


def _same_by_epoch(before: list[int] | None, now: list[int] | None) -> bool:
    """Lists of which the last value counts for all further epochs."""
    if not before or not now:
        return before == now
    length = max(len(before), len(now))
    return all((values := [x[min(i, len(x) - 1)] for x in (before, now)])[0] == values[1] for i in range(length))


def _changed_start(
    saved: Mapping[str, Any], current: Mapping[str, Any], save_dir: str, path: str | None
) -> Iterator[Change]:
    """The weights that the run began with: a checkpoint of another encoder would silently not be read."""
    before, now = (_start(_group(cfg, "checkpoint")) for cfg in (saved, current))
    if now is None or before == now:  # without one, the run goes on from what it has
        return
    folder, name = os.path.split(os.path.abspath(now))
    if folder == os.path.abspath(save_dir) and name.startswith("checkpoint"):
        return  # one of its own
    if path is not None and os.path.abspath(path) == os.path.abspath(now):
        return  # the run itself, which goes on in another folder
    if before is None or not same_files(before, now):
        option = "checkpoint.finetune_from_model" if HydraConfig.initialized() else "--restore-file"
        yield Change(option, str(before or "none"), now)


def _start(checkpoint: Mapping[str, Any]) -> str | None:
    given = checkpoint.get("restore_file")
    return checkpoint.get("finetune_from_model") or (given if given != "checkpoint_last.pt" else None)


def _changed_data(record: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Change]:
    for name in ("source_language", "train_languages", "select_languages"):
        before = record.get(name)
        if before is not None and before != now[name]:
            shown = [",".join(value) if isinstance(value, list) else str(value) for value in (before, now[name])]
            yield Change(_option("task", name), *(text or "none" for text in shown))
    old, new = record.get("training_data") or {}, now.get("training_data") or {}
    other = [language for language in new if language in old and old[language] != new[language]]
    if other:
        languages = ", ".join(other)
        yield Change(f"the training data of {languages}", *(f"digest {d[other[0]][:8]}" for d in (old, new)))


def _plain(value: Any) -> Any:
    """One form for what a command line and a YAML file write differently."""
    if isinstance(value, str):
        try:
            value = ast.literal_eval(value)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return value
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return None if value in ("", None) else value


def same_files(before: Any, now: Any) -> bool:
    """Whether two values are paths, or lists of paths, to the same content. A file that is not there any more cannot be
    compared: one of the same name is taken for it, with a word."""
    if not (isinstance(before, str) and isinstance(now, str) and before and now):
        return False
    pairs = list(zip(before.split(","), now.split(",")))
    if before.count(",") != now.count(","):
        return False
    return all(old == new or _same_file(old, new) for old, new in pairs)


def _same_file(before: str, now: str) -> bool:
    if not os.path.exists(now):
        return False
    if not os.path.exists(before):
        same = os.path.basename(before) == os.path.basename(now)
        if same:
            logger.warning("%s is not there any more; taking %s for the same", before, now)
        return same
    if os.path.samefile(before, now):
        return True
    return os.path.isfile(before) and os.path.isfile(now) and filecmp.cmp(before, now, shallow=False)


def _show(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ",".join(map(str, value))
    return str(value) if value not in ("", None) else "none"
