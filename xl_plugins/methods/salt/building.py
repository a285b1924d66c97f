"""A training set's counterparts as a task finds them on disk, or makes them (SALT, Findings of ACL 2023)."""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
import torch.distributed as dist
from fairseq.data.indexed_dataset import MMapIndexedDataset
from tqdm import tqdm

from ...augment.counterparts.files import (
    FOLDER,
    language_folder,
    open_counterparts,
    prefix,
    read_manifest,
)
from ...augment.counterparts.job import CounterpartJob
from ...augment.counterparts.options import CounterpartOptions, parse_thresholds
from ...augment.counterparts.report import rate_lines
from ...augment.primitives.piece_classes import PieceClasses
from ...augment.primitives.vocabulary import describe, warnings
from ...data.augmented.counterparts import CounterpartTexts, check_counterparts
from ...errors import UserError
from ...huggingface.cached import hub_folder, model_digest
from ...models.pretrained import load_language_model

logger = logging.getLogger(__name__)


def training_counterparts(task: Any, part: Any) -> list[tuple[str, CounterpartTexts | None]]:
    """Counterparts of ``part``, the training text of the source language, in every language asked for; made first
    where they are missing and ``--salt-build`` is given."""
    data, languages = task.data_bin, task.salt_languages
    missing = [language for language in languages if read_manifest(data, language) is None]
    if missing and task.cfg.salt_build:
        build_counterparts(task, missing)
    special = PieceClasses(data.dictionary).special
    found: list[tuple[str, CounterpartTexts | None]] = []
    for language in languages:
        folder = language_folder(data, language)
        manifest = read_manifest(data, language)
        if manifest is None:
            raise UserError(
                f"{folder}: no counterparts in {language}; make them (xl-augment counterparts {data.root} --languages"
                f" {','.join(languages)} ...), pass --salt-build, or leave the language out of --salt-langs"
            )
        _warn_about_origin(task, language, manifest)

        def opened(field: str, language: str = language) -> MMapIndexedDataset:
            counterpart = open_counterparts(data, language, field)
            original = data.open_text(data.source_language, field, "train")
            name = data.prefix(data.source_language, field, "train")
            check_counterparts(original, counterpart, prefix(data, language, field), special, name)
            return counterpart

        found.append((language, task.problem.counterparts(part, opened)))
    return found


def _warn_about_origin(task: Any, language: str, manifest: dict[str, Any]) -> None:
    """Say where the counterparts were made otherwise than the task's options have it."""
    options = options_of(task.cfg, task.source_language, task.salt_languages)
    given = {
        "threshold": options.tau(language), "positions": options.positions, "case": options.case,
        "source_in_list": options.source_in_list, "exclude_identity": options.exclude_identity,
    }  # fmt: skip
    folder = language_folder(task.data_bin, language)
    for name, value in given.items():
        if name in manifest and manifest[name] != value:
            logger.warning(
                "%s: was made with %s %s, the task's options say %s; the files count",
                folder, name.replace("_", " "), manifest[name], value,
            )  # fmt: skip
    path, stored = model_path(task.cfg), (manifest.get("model") or {}).get("sha256")
    if path and stored and _digest(path) != stored:
        logger.warning("%s: was made with another model than %s", folder, path)


def model_path(cfg: Any) -> str:
    """The pre-trained model of the run, empty where it is not known."""
    if cfg.salt_model and not _is_model(cfg.salt_model):
        raise UserError(f"--salt-model {cfg.salt_model}: no such file; name the pre-trained model.pt, or leave it out")
    restored = "" if cfg.restore_file == "checkpoint_last.pt" else cfg.restore_file  # fairseq's default: of the run
    paths = (cfg.salt_model, restored, cfg.finetune_from_model)
    return next((str(path) for path in paths if path and _is_model(path)), "")


def _is_model(path: str) -> bool:
    return os.path.isfile(path) or bool(hub_folder(path))


def _digest(path: str) -> str:
    return _digest_once(path, os.stat(path).st_mtime_ns)


@functools.lru_cache(maxsize=1)  # a large model takes seconds, and has one digest for all languages
def _digest_once(path: str, changed: int) -> str:
    return model_digest(path)


def options_of(cfg: Any, source: str, languages: Sequence[str]) -> CounterpartOptions:
    """The task's options as those of ``xl-augment counterparts``; UserError for values that make no sense.

    Args:
        source: language of the text.
        languages: all of ``--salt-langs``.
    """
    return CounterpartOptions(
        source, languages, cfg.salt_word_lists, cfg.salt_top_k, cfg.salt_source_threshold, cfg.salt_threshold,
        parse_thresholds(cfg.salt_thresholds, "--salt-thresholds"), str(cfg.salt_positions), str(cfg.salt_case),
        cfg.salt_source_in_list, cfg.salt_exclude_identity, prefix="--salt-", languages_option="--salt-langs",
    )  # fmt: skip


# -- making them --


def build_counterparts(task: Any, languages: Sequence[str]) -> None:
    """``xl-augment counterparts`` within the training command; ranks share the blocks, the first one merges."""
    cfg, data = task.cfg, task.data_bin
    path = model_path(cfg)
    if not path:
        raise UserError("--salt-build: no pre-trained model is known; name it by --restore-file or --salt-model")
    if not cfg.salt_word_lists:
        raise UserError("--salt-build: name the languages' word lists by --salt-word-lists")
    rank, ranks = (dist.get_rank(), dist.get_world_size()) if _distributed() else (0, 1)
    job = _job(task, languages, path)
    pending = [one for one in job.vocabularies if one.language in languages]
    store = job.store(pending)
    if rank == 0:
        for line in [*describe(job.vocabularies), *warnings(job.vocabularies)]:
            logger.info("%s", line)
    missing = store.missing(store.shard(rank + 1, ranks))
    if missing:
        model = load_language_model(path, data.dictionary, hint="name it by --salt-model")
        model = model if cfg.cpu or not torch.cuda.is_available() else model.cuda()
        with tqdm(total=job.size(missing), unit="text", desc="counterparts", disable=rank or None) as bar:
            job.compute(job.finder(model, pending), store, missing, bar.update)
    _barrier()
    if rank == 0:
        counts = job.merge(store, pending)
        for line in rate_lines(counts, {name: job.options.tau(name) for name in counts}):
            logger.info("%s", line)
        logger.info("counterparts written to %s", data.root / data.source_language / FOLDER)
    _barrier()


def _job(task: Any, languages: Sequence[str], path: str) -> CounterpartJob:
    """The job for some of the languages, whose word lists alone need be there; ``--salt-source-in-list`` reads that of
    the source language too."""
    options = options_of(task.cfg, task.source_language, task.salt_languages)
    needed = [*languages, options.source] if options.source_in_list else languages
    needed = [language for language in task.salt_languages if language in needed]
    thresholds = {language: tau for language, tau in options.thresholds.items() if language in needed}
    return CounterpartJob(task.data_bin, replace(options, languages=needed, thresholds=thresholds), path)


def _distributed() -> bool:
    return dist.is_available() and dist.is_initialized()


def _barrier() -> None:
    if _distributed():
        dist.all_reduce(torch.zeros(1, device="cuda" if dist.get_backend() == "nccl" else "cpu"))
