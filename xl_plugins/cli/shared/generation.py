"""The common skeleton of ``xl-augment``: options of a job, and a run of it, whole, resumed or as a shard."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from ...data.binary.blocks import parse_shard
from ...errors import UserError, flag
from ...output import FolderLock
from ...terminal import say

if TYPE_CHECKING:
    from ...augment.generation.job import Job

Shard = tuple[int, int]


def add_job(parser: Any, what: str) -> None:
    """Add the options of every job. ``what``: what is made, for help texts."""
    parser.add_argument("--shard", metavar="I/N", help="do part I of N only and merge nothing")
    parser.add_argument("--overwrite", action="store_true", help=f"replace {what}")


def check_shard(args: argparse.Namespace, only_whole: Sequence[str]) -> None:
    """UserError for a shard that is none, or an option of ``only_whole``, which a shard cannot serve."""
    for option in only_whole:
        if args.shard and getattr(args, option):
            raise UserError(f"{flag(option)}: a shard merges nothing; give it when all shards are through")
    if args.shard:
        parse_shard(args.shard)


def check_report(args: argparse.Namespace, only: Mapping[str, str], never: Sequence[str]) -> None:
    """Options that go with ``--report-only`` alone, each with the reason to leave it out, and those that never do."""
    for option, reason in only.items():
        if getattr(args, option) is not None and not args.report_only:
            raise UserError(f"{flag(option)} belongs to --report-only; leave it out{reason}")
    for option in never:
        if args.report_only and getattr(args, option):
            raise UserError(f"{flag(option)} has no effect with --report-only; leave one of them out")


def run_jobs(
    args: argparse.Namespace, jobs: Sequence[Job[Any, Any, Any]], engine: Callable[[Any, list[Any]], Any]
) -> bool:
    """Make what is pending of the jobs of one command in one data folder, or a shard's part of it.

    Blocks that an earlier run finished, or another shard, are kept. One run at a time writes outputs; shards only do
    blocks, and any number of different ones work side by side.

    Args:
        engine: what a job computes its pending outputs with; asked for where a block is missing.

    Returns:
        Whether all outputs are there.
    """
    shard = parse_shard(args.shard) if args.shard else None
    lock = FolderLock.within(jobs[0].data.root, jobs[0].command, "DATA")
    work = sum(len(job.pending(args.overwrite)) for job in jobs)  # what any of them refuses is said at once
    if not work:
        lock.clear()  # a killed process may have left it
    whole = True
    with nullcontext() if shard or not work else lock:
        for job, pending in [(job, job.pending(args.overwrite)) for job in jobs]:  # made by others meanwhile?
            for output in job.outputs:
                if output not in pending:
                    say("{}: up to date in {}".format(*job.place(output)))
            if pending:
                whole = _do(job, pending, shard, engine) and whole
            else:
                job.clear()
    return whole


def _do(
    job: Job[Any, Any, Any], pending: list[Any], shard: Shard | None, engine: Callable[[Any, list[Any]], Any]
) -> bool:
    """Do what is left of a job; whether its outputs were written."""
    store = job.store(pending)
    name, blocks = "shard {}/{}".format(*shard) if shard else "all blocks", store.shard(*(shard or (1, 1)))
    with nullcontext() if shard else job.reserve():
        # before the lock, which makes a folder: a model that is refused leaves nothing behind
        ready = engine(job, pending) if job.missing(store, blocks) else None
        with store.lock(name):
            if ready is not None:
                missing, total = job.missing(store, blocks), job.size(blocks)
                with progress_bar(job, total, total - job.size(missing)) as bar:
                    job.compute(ready, store, missing, bar.update)
        if not shard:
            say(*job.finished(job.merge(store, pending), pending))
            return True
    through = f"{name} is through; when all are, run the same command without --shard"
    say(f"{job.title}: {through}" if job.title else through)
    return False


def progress_bar(job: Job[Any, Any, Any], total: int, done: int = 0) -> tqdm:
    """The bar of a job that has ``done`` units behind it."""
    return tqdm(total=total, initial=done, unit=job.unit, desc=job.label, disable=None, smoothing=0.05)
