#!/usr/bin/env python3
"""Train and score all systems of the study; what is done is kept, so the same command goes on after any interruption.

    examples/experiments/study/run.py --data DATA --encoder DIR --work WORK --list      # the table of runs
    examples/experiments/study/run.py --data DATA --encoder DIR --work WORK             # all of them
    examples/experiments/study/run.py ... --only 'sick/*' --print                       # their commands, to be pasted

DATA holds the data sets under their own names (sick/, xnli/, ...), DIR model.pt, dict.txt and the tokenizer, as XLM-R's
archive or ``xl-convert from-hf`` has them.
Every run is a sequence of the package's own commands. WORK/results.jsonl has a line per run: scores, commands,
versions, digests of encoder and data, wall and processor time; WORK/results/ the counters of every example, from which
``report.py`` makes the tables. A run that is in the results is skipped.
"""

from __future__ import annotations

import argparse
import fnmatch
import logging
import os
import sys
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import table
from results import Results
from steps import Failed, Run, Step, Workshop, in_order, shown
from training import PRECISIONS, SCALES, Setting, shape_options, tokenizer_file

from xl_plugins.arguments import Parser, whole
from xl_plugins.errors import UserError, run_cli
from xl_plugins.interrupts import clean_up_on_signals
from xl_plugins.output import FolderLock, read_mark, write_mark
from xl_plugins.terminal import say

COMMAND = "examples/study/run.py"  # in the marks of work folders: those from before the script moved stay in use


def make_parser() -> argparse.ArgumentParser:
    parser = Parser(prog="run.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, metavar="DATA", help="folder of the data sets")
    parser.add_argument("--encoder", type=Path, required=True, metavar="DIR", help="folder of the pre-trained encoder")
    parser.add_argument("--work", type=Path, required=True, metavar="WORK", help="folder of all that is made")
    parser.add_argument("--results", type=Path, metavar="DIR", help="folder of the results (default: WORK)")
    parser.add_argument(
        "--scale", choices=SCALES, default="small",
        help="small: the updates and rates of table.py, for an encoder of 12 x 384 on a CPU; paper: the papers'"
        " hyper-parameters, for XLM-R on a GPU (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--only", metavar="PATTERN,...", help="runs by name, such as 'sick/*,xnli/zero-shot-1'")
    parser.add_argument("--seeds", type=whole(1), default=1, metavar="N", help="seeds of SICK, XNLI and PAN-X")
    parser.add_argument("--jobs", type=whole(1), default=1, metavar="N", help="steps at once (default: %(default)s)")
    parser.add_argument(
        "--precision", choices=PRECISIONS, default="float32",
        help="of training, generation and scoring; bfloat16 halves the time on some CPUs (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--train-options", default="", metavar="WORDS", help="for every training, such as '--clip-norm 2'"
    )
    parser.add_argument("--list", action="store_true", help="show the runs and what is done, and run nothing")
    parser.add_argument("--print", action="store_true", help="show the commands of the runs, and run nothing")
    return parser


def choose(runs: Sequence[Run], only: str | None) -> list[Step]:
    """The runs whose names match, and the steps that a pattern without a run matches; UserError for one without any."""
    if only is None:
        return [run for run in runs if run.dataset != table.TRIAL and not run.system.startswith("search-")]
    named: dict[str, Step] = {run.label: run for run in runs}
    steps = {step.name: step for step in in_order(runs)}
    chosen: set[str] = set()
    for pattern in only.split(","):
        found = [named[name] for name in fnmatch.filter(named, pattern)]
        found = found or [steps[name] for name in fnmatch.filter(steps, pattern)]
        if not found:
            raise UserError(f"--only: no run is named {pattern}; --list shows them")
        chosen.update(step.name for step in found)
    return [step for step in in_order(runs) if step.name in chosen]


def carry_out(chosen: Sequence[Step], workshop: Workshop, results: Results, jobs: int) -> int:
    """Make what is missing, up to ``jobs`` steps at once, in the order of the table; returns how many steps failed."""
    with ThreadPoolExecutor(jobs) as pool:
        try:
            return _carry_out(chosen, workshop, results, jobs, pool)
        except BaseException:  # an interrupt: the pool waits for the commands that are at work
            workshop.stop()
            raise


def _carry_out(
    chosen: Sequence[Step], workshop: Workshop, results: Results, jobs: int, pool: ThreadPoolExecutor
) -> int:  # fmt: skip
    pending = list(in_order(step for step in chosen if not (isinstance(step, Run) and results.has(step))))
    done = {step.name for step in pending if workshop.cost(step)}
    failed: set[str] = set()
    running: dict[Future, Step] = {}
    while True:
        for step in pending:
            if step.name in done and isinstance(step, Run) and not results.has(step):
                results.add(step, workshop)
                say(f"{step.label}: {results.describe(step)}")
        pending = [step for step in pending if step.name not in done | failed]
        for step in pending:  # inputs come first
            if any(other.name in failed for other in step.after):
                failed.add(step.name)
        busy = {step.name for step in running.values()}
        ready = [s for s in pending if s.name not in busy | failed and all(o.name in done for o in s.after)]
        for step in ready[: jobs - len(running)]:
            say(f"{step.name} ...")
            running[pool.submit(workshop.carry_out, step)] = step
        if not running:
            return len(failed)
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            step = running.pop(future)
            try:
                cost = future.result()
            except Failed as error:
                say(f"error: {error}", file=sys.stderr)
                failed.add(step.name)
            else:
                done.add(step.name)
                say(f"{step.name}: done in {cost['wall']:.0f} s")


def _take(work: Path) -> None:
    """Make the work folder, marked as ours; UserError for one that holds something else."""
    work.mkdir(parents=True, exist_ok=True)
    mark = read_mark(work)
    if (mark is None and any(work.iterdir())) or (mark is not None and mark["command"] != COMMAND):
        raise UserError(f"--work {work}: holds something else; choose a new or an empty folder")
    write_mark(work, COMMAND, [])


def main(argv: list[str] | None = None) -> int:
    args = make_parser().parse_args(argv)
    logging.getLogger().setLevel(logging.WARNING)
    for option in ("data", "encoder"):
        if not getattr(args, option).is_dir():
            raise UserError(f"--{option} {getattr(args, option)}: no such folder")
    shape, more = shape_options(args.encoder / "model.pt"), tuple(args.train_options.split())
    setting = Setting(shape, args.scale, PRECISIONS[args.precision], more, tokenizer_file(args.encoder))
    chosen = choose(table.runs(setting, args.seeds), args.only)
    folders = {"DATA": args.data, "ENCODER": args.encoder, "WORK": args.work, "STUDY": Path(__file__).parent}
    if args.print:
        say(*(f"{name}={folder.resolve()}" for name, folder in folders.items()))
        for step in in_order(chosen):
            say(f"# {step.name}", *map(shown, step.commands))
        return 0
    results = Results(args.results or args.work, args.encoder)
    if args.list:
        runs = [step for step in chosen if isinstance(step, Run)]
        say(*(f"{run.label}: {results.describe(run) if results.has(run) else '-'}" for run in runs))
        return 0
    _take(args.work)
    threads = max(1, int(os.environ.get("OMP_NUM_THREADS", 0)) or (os.cpu_count() or 1) // args.jobs)
    with FolderLock(args.work / ".study.xl-lock", "run.py", f"--work {args.work}"):
        workshop = Workshop(folders, threads)
        results.check_reports(in_order(chosen), workshop)
        failed = carry_out(chosen, workshop, results, args.jobs)
    if failed:
        say(f"{failed} steps failed or could not begin", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    clean_up_on_signals()
    run_cli(main)
