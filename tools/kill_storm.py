#!/usr/bin/env python3
"""Kill every command at random instants, run it again, and compare what it made with what an uninterrupted run makes.

    tools/kill_storm.py --kills 200 --disk-full 50            # all commands and methods; hours
    tools/kill_storm.py --kills 20 --only plain,prepare,make  # some of them

Half of the kills hit a random instant of the run, the other half a random call that synchronises, links, renames or
removes (a hook in the killed process). After the kill the same command runs until it ends by itself. Files must then be
equal byte by byte; checkpoints in all tensors, optimizer states, counts of updates and positions in the data.
``--disk-full`` runs a command in a tmpfs of random size (root only), enlarges that, and runs the command again. Prints
a line per kill; exit status 1 if anything differs. Commands are forks of a process that has fairseq imported already,
which spares two thirds of the time.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from storm_compare import differences  # noqa: E402
from storm_jobs import LATER, SETUP, Job, jobs  # noqa: E402

from user_dir_tests.helpers.running.warm import WarmProcess  # noqa: E402

HOOK = """
import os, signal
def _count():
    count, last, tally = [0], int(os.environ.get("XL_STORM_CALL", 0)), os.environ.get("XL_STORM_TALLY")
    def watch(name):
        function = getattr(os, name)
        def watched(*args, **options):
            count[0] += 1
            if tally:
                with open(tally, "a") as file: file.write("x")
            if count[0] == last and not options.pop("spared", False):
                if name == "replace" and last % 2:  # after it
                    function(*args, **options)
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*args, **options)
        setattr(os, name, watched)
    for name in ("replace", "rename", "link", "fsync", "unlink", "remove", "mkdir"):
        watch(name)
if "XL_STORM_CALL" in os.environ or "XL_STORM_TALLY" in os.environ:
    _count()
"""


class Unfit(Exception):
    """A command that fails without being killed."""


class Storm:
    def __init__(self, work: Path, seed: int) -> None:
        self.work, self.inputs, self.draw = work, work / "inputs", random.Random(seed)
        (work / "hook").mkdir(parents=True, exist_ok=True)
        (work / "hook" / "sitecustomize.py").write_text(HOOK, encoding="utf-8")
        self.inputs.mkdir(exist_ok=True)
        self.references: dict[str, tuple[Path, float, int]] = {}
        self.done = self.right = 0

    # -- running --

    def start(self, command: str, folder: Path, **env: object) -> WarmProcess:
        name, *words = command.format(root=ROOT, inputs=self.inputs).split()
        module = f"xl_plugins.cli.{name.removeprefix('xl-')}" if name.startswith("xl-") else "fairseq_cli.train"
        code = f"import sys; sys.argv[0] = {name!r}\nfrom {module} import cli_main\ncli_main()"
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        given = {"PATH": path, "OMP_NUM_THREADS": "1", **{key: str(value) for key, value in env.items()}}
        if env:  # also in the processes that xl-xtune starts
            given["PYTHONPATH"] = str(self.work / "hook")
            code = HOOK + code
        return WarmProcess(code, words, folder, given)

    def end(self, process: WarmProcess) -> int:
        status, out, err = process.finish(1200)
        (self.work / "last.log").write_text(out + err, encoding="utf-8", errors="replace")
        return status

    def run(self, command: str, folder: Path, **env: object) -> int:
        return self.end(self.start(command, folder, **env))

    def tail(self) -> str:
        lines = (self.work / "last.log").read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1] if lines else ""

    def traceback(self) -> bool:
        return b"Traceback (most recent call last)" in (self.work / "last.log").read_bytes()

    def must(self, command: str, folder: Path) -> None:
        if status := self.run(command, folder):
            raise SystemExit(f"{command}: status {status} without any kill: {self.tail()}")

    def prepare(self, chosen: list[Job]) -> None:
        for made, command in SETUP:
            if not (self.inputs / made).exists():
                self.must(command, self.inputs)
        for made, command, copied in (entry for job in chosen for entry in LATER.get(job.name, [])):
            if not (self.inputs / f"{made}.done").exists():
                shutil.rmtree(self.inputs / made, ignore_errors=True)
                if copied:
                    shutil.copytree(self.inputs / copied, self.inputs / made)
                self.must(command, self.inputs)
                (self.inputs / f"{made}.done").touch()

    def folder(self, job: Job, name: str, root: Path | None = None) -> Path:
        folder = root or self.work / name
        if root is None:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
        for copied in job.copies:
            shutil.copytree(self.inputs / copied, folder / copied)
        return folder

    def reference(self, job: Job) -> tuple[Path, float, int]:
        """The uninterrupted run: its folder, how long it took, and how many calls a kill can hit."""
        if job.name not in self.references:
            folder = self.folder(job, f"reference-{job.name}")
            tally = self.work / "tally"
            tally.unlink(missing_ok=True)
            begin = time.monotonic()
            if status := self.run(job.command, folder, XL_STORM_TALLY=tally):
                raise Unfit(f"{job.name}: status {status} without any kill: {self.tail()}")
            calls = tally.stat().st_size if tally.exists() else 0
            self.references[job.name] = folder, time.monotonic() - begin, calls
        return self.references[job.name]

    # -- kills --

    def kill_once(self, job: Job, folder: Path) -> str:
        _, seconds, calls = self.reference(job)
        if calls and self.draw.random() < 0.5:
            number = self.draw.randint(1, calls)
            self.run(job.command, folder, XL_STORM_CALL=number)
            return f"in call {number} of {calls}"
        after = self.draw.uniform(0, seconds)
        process = self.start(job.command, folder)
        process.process.join(after)
        process.process.kill()
        self.end(process)
        return f"after {after:.1f} of {seconds:.1f} s"

    def kill(self, job: Job, number: int) -> None:
        folder = self.folder(job, f"run-{job.name}")
        where = self.kill_once(job, folder)
        self.report(job, number, f"killed {where}", folder, self.run(job.command, folder))

    def fill_disk(self, job: Job, number: int) -> None:
        needed = sum(path.stat().st_size for path in self.reference(job)[0].rglob("*") if path.is_file())
        inputs = sum(f.stat().st_size for name in job.copies for f in (self.inputs / name).rglob("*") if f.is_file())
        size = 4096 * ((inputs + self.draw.randint(0, max(1, needed - inputs))) // 4096 + 8 + 2 * len(job.copies) * 200)
        folder = self.work / "disk"
        folder.mkdir(exist_ok=True)
        mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "kill_storm", str(folder)]
        if subprocess.run(mount, check=False, capture_output=True).returncode:
            raise SystemExit("--disk-full: mount -t tmpfs failed; it needs root")
        try:
            self.folder(job, "", folder)
            status = self.run(job.command, folder)
            shown = f"disk of {size} bytes: status {status}"
            if status and self.traceback():
                self.report(job, number, f"{shown}, a traceback", folder, 99)
                return
            subprocess.run(["mount", "-o", "remount,size=1g", str(folder)], check=True)
            self.report(job, number, shown, folder, self.run(job.command, folder))
        finally:
            subprocess.run(["umount", "-l", str(folder)], check=False)

    def report(self, job: Job, number: int, what: str, folder: Path, status: int) -> None:
        complete = status == 2 and any(word in self.tail() for word in ("exists", "exist"))  # all was done
        differing = [] if status and not complete else differences(self.reference(job)[0], folder)
        right = (status == 0 or complete) and not differing
        self.done, self.right = self.done + 1, self.right + right
        result = "same" if right else f"DIFFERS: {', '.join(differing[:4])}" if differing else f"STATUS {status}"
        print(f"{number:4d} {job.name:12s} {what}: {result}", flush=True)
        if not right:
            kept = self.work / f"failed-{number}-{job.name}"
            shutil.copytree(folder, kept, dirs_exist_ok=True)
            shutil.copy(self.work / "last.log", kept / "last.log")
            print(f"     kept in {kept}; {self.tail()[:200]}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20, metavar="N", help="default: %(default)s")
    parser.add_argument("--disk-full", type=int, default=0, metavar="N", help="full disks (root only)")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="default: %(default)s")
    parser.add_argument("--only", metavar="NAME,...", help=", ".join(job.name for job in jobs()))
    parser.add_argument("--work", type=Path, metavar="DIR", help="keep the inputs there (default: a temporary folder)")
    args = parser.parse_args()
    names = args.only.split(",") if args.only else [job.name for job in jobs()]
    if unknown := set(names) - {job.name for job in jobs()}:
        parser.error(f"--only: no {', '.join(sorted(unknown))}; there are {', '.join(job.name for job in jobs())}")
    chosen = [job for job in jobs() if job.name in names]
    with contextlib.ExitStack() as stack:
        work = args.work or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kill-storm-")))
        storm = Storm(work.resolve(), args.seed)
        storm.prepare(chosen)
        for number in range(args.kills):
            try:
                storm.kill(chosen[number % len(chosen)], number + 1)
            except Unfit as error:
                storm.done += 1
                print(f"{number + 1:4d} {error}", flush=True)
        print(f"{storm.right} of {storm.done}", flush=True)
        killed_right = storm.right == storm.done
        storm.done = storm.right = 0
        for number in range(args.disk_full):
            storm.fill_disk(chosen[number % len(chosen)], number + 1)
        if args.disk_full:
            print(f"full disks: {storm.right} of {storm.done}", flush=True)
    return 0 if killed_right and storm.right == storm.done else 1


if __name__ == "__main__":
    sys.exit(main())
