"""The fairseq-train command of a stage of xTune: the presets, and what the user gave in their place."""

from __future__ import annotations

import argparse
import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import xl_plugins
from xl_plugins.cli.shared.training import parse_options
from xl_plugins.data.binary.meta import NAME, read_meta
from xl_plugins.errors import UserError, flag
from xl_plugins.methods.base import share_rows
from xl_plugins.methods.xtune.presets import (
    DATA_SETS,
    ROWS_PER_UPDATE,
    recipe,
    teacher_checkpoint,
)
from xl_plugins.problems import published_name

# what this command decides; where the user says it
RESERVED = {
    "--save-dir": "as an option of xl-xtune", "--restore-file": "as an option of xl-xtune",
    "--finetune-from-model": "with --restore-file", "--teacher": "as an option of xl-xtune",
    "--xtune-compat": "as an option of xl-xtune", "--cs-dictionaries": "with --dictionaries",
    "--task": "by DATASET", "--arch": "with --size", "--user-dir": "not at all",
}  # fmt: skip
# one takes the place of the other
RIVALS = {"--max-epoch": {"--max-update"}, "--max-update": {"--max-epoch"}, "--max-sentences": {"--batch-size"}}


def flags(groups: dict[str, dict[str, Any]]) -> dict[str, list[str]]:
    """Options of fairseq's groups as on a command line."""
    names = {"task": "task", "model": "arch"}
    found = {}
    for group, options in groups.items():
        for name, value in options.items():
            option = names.get(group, group) if name == "_name" else name
            values = value if isinstance(value, list) else [value]
            found[flag(option)] = [] if value is True else [str(value) for value in values]
    return found


def problem_of_data(data_set: str, data: str) -> str:
    """The problem that is trained: the data set's, or that of a data folder which the same hyper-parameters serve."""
    published = DATA_SETS[data_set].problem
    meta = Path(data) / NAME
    found = read_meta(meta).get("problem", published) if meta.is_file() else published
    return found if published_name(found) == published else published


def stage_words(args: argparse.Namespace, stage: int, further: Sequence[str]) -> list[str]:
    """Arguments of ``fairseq-train`` in a stage: the presets, and what the user gave in their place."""
    given = _given(args, stage, further)
    chosen = _value(given, "--augment"), _value(given, "--second-view")
    options = flags(recipe(args.dataset, args.setting, args.size, stage, args.xtune_compat, chosen))
    options |= {
        "--task": [f"xl_{problem_of_data(args.dataset, args.data)}"],
        "--seed": [str(args.seed)],
        "--restore-file": [args.restore_file],
        "--save-dir": [os.path.join(args.save_dir, f"stage{stage}")],
    }
    options |= _batch(options, given)
    for option in given:
        for rival in RIVALS.get(option, ()):
            options.pop(rival, None)
    options |= given
    if "cs" in (options["--augment"] + options["--second-view"]):
        if not args.dictionaries:
            raise UserError(f"stage {stage} switches words into other languages: name their folder by --dictionaries")
        options["--cs-dictionaries"] = [args.dictionaries]
    if teaches(options):
        options["--teacher"] = [teacher(args)]
    elif stage == 2 and args.teacher:
        raise UserError("--teacher has no effect with --r2-weight 0; leave one of them out")
    else:
        options.pop("--r2-hard-labels", None)
    user_dir = os.path.dirname(os.path.abspath(xl_plugins.__file__))
    words = [args.data, "--user-dir", user_dir]
    return words + [word for option, values in options.items() for word in (option, *values)]


def _given(args: argparse.Namespace, stage: int, further: Sequence[str]) -> dict[str, list[str]]:
    """The user's options for a stage."""
    try:
        given = parse_options([*further, *shlex.split(getattr(args, f"stage{stage}"))])
    except ValueError as error:
        raise UserError(f"--stage{stage}: {error}; quote it as in a shell") from None
    if stray := given.pop(""):
        raise UserError(f"'{stray[0]}' is not an option of fairseq-train; after -- come options such as --fp16")
    for option in given:
        if option in RESERVED:
            raise UserError(f"{option} is given {RESERVED[option]}, not to fairseq-train in stage {stage}")
    return given


def _value(given: dict[str, list[str]], option: str) -> str | None:
    return (given.get(option) or [None])[0]  # type: ignore[list-item]


def _batch(options: dict[str, list[str]], given: dict[str, list[str]]) -> dict[str, list[str]]:
    """32 rows per update on any number of GPUs, unless the user says otherwise."""
    from xl_plugins.defaults import count_ranks

    if "--max-tokens" in given:
        del options["--batch-size"], options["--update-freq"]
        return {}
    try:
        ranks = 1 if "--cpu" in given else count_ranks(_value(given, "--distributed-world-size"))
        at_once = int(_value(given, "--batch-size") or _value(given, "--max-sentences") or options["--batch-size"][0])
        freq = int(_value(given, "--update-freq") or 1)
    except ValueError as error:
        raise UserError(f"--batch-size, --update-freq and --distributed-world-size: {error}") from None
    rows, passes = share_rows(ROWS_PER_UPDATE // max(1, freq), max(1, at_once), max(1, ranks))
    return {"--batch-size": [str(rows)], "--update-freq": [str(passes)]}


def teaches(options: dict[str, list[str]]) -> bool:
    """Whether the stage has a teacher: lambda_2 is not 0."""
    try:
        return float(options["--r2-weight"][0]) != 0
    except (ValueError, IndexError):
        return True  # fairseq-train says what is wrong with it


def teacher(args: argparse.Namespace) -> str:
    return args.teacher or os.path.join(args.save_dir, "stage1", teacher_checkpoint(args.dataset, args.xtune_compat))
