"""Steps of a study: commands of the package that make a folder, in an order that their inputs decide."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from xl_plugins.errors import UserError
from xl_plugins.interrupts import death_with_parent
from xl_plugins.output import atomic_file

Words = tuple[str, ...]


@dataclass(frozen=True)
class Step:
    """``commands`` make ``name`` below $WORK, once the steps ``after`` are done. $DATA, $ENCODER, $WORK and $STUDY
    stand for folders. Each command, given again after it was stopped, goes on or does the same again.

    best_only: it trains, and of its checkpoints only the best are read afterwards; the others go once it is done.
    """

    name: str
    commands: tuple[Words, ...]
    after: tuple[Step, ...] = ()
    best_only: bool = field(default=False, kw_only=True)

    @property
    def digest(self) -> str:
        """SHA-256 of the commands, and of those that made their inputs."""
        content = [self.name, self.commands, [step.digest for step in self.after]]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    @property
    def reports(self) -> bool:
        """Whether the commands write ``$WORK/NAME.json``."""
        return any(f"$WORK/{self.name}.json" in words for words in self.commands)


@dataclass(frozen=True)
class Run(Step):
    """A step that scores a system: its last command writes ``$WORK/NAME.json``.

    dataset, system: rows and columns of the tables; updates: how long it was trained in all.
    """

    dataset: str = ""
    system: str = ""
    seed: int = 1
    updates: int = 0

    @property
    def label(self) -> str:
        """Its name in the table of runs and in the results."""
        return f"{self.dataset}/{self.system}-{self.seed}"


def _prepare(more: Callable[[], None] | None) -> Callable[[], None]:
    """A function for a child to begin with: a parent that was asked to end ignores signals, the child must not."""

    def prepare() -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        if more is not None:
            more()

    return prepare


class Failed(Exception):
    """A command ended with a status that is not 0."""


def in_order(steps: Iterable[Step]) -> Iterator[Step]:
    """Each step once, after those it needs."""
    seen: set[str] = set()

    def visit(step: Step) -> Iterator[Step]:
        if step.name not in seen:
            seen.add(step.name)
            for other in step.after:
                yield from visit(other)
            yield step

    for step in steps:
        yield from visit(step)


def shown(words: Words) -> str:
    """A command as it can be pasted, with the folders as variables of the shell."""
    return " ".join(f'"{word}"' if "$" in word else shlex.quote(word) for word in words)


class Workshop:
    """Carries out steps in a work folder and remembers which are done.

    Args:
        folders: DATA, ENCODER, WORK and STUDY.
        threads: of each command.
    """

    def __init__(self, folders: Mapping[str, Path], threads: int) -> None:
        self.work = folders["WORK"]
        self.folders = {name: str(folder.resolve()) for name, folder in folders.items()}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self._running: set[subprocess.Popen] = set()
        self._stopped = False
        self._env = {**os.environ, "PATH": path, "OMP_NUM_THREADS": str(threads)}

    def cost(self, step: Step) -> dict[str, float]:
        """Seconds that a finished step took: ``wall``, ``cpu``, and how often it was begun; empty if it is not done.

        Raises:
            UserError: other commands have made it.
        """
        try:
            note = json.loads(self._note(step).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        if note["digest"] != step.digest:
            raise UserError(f"{self.work}: {step.name} was made by other commands; give another --work, or remove it")
        return dict(note["cost"])

    def carry_out(self, step: Step) -> dict[str, float]:
        """Run the commands of a step that is not done; all output goes to ``$WORK/logs/NAME.log``.

        Raises:
            Failed: with the end of the log.
        """
        log = self.work / "logs" / f"{step.name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        (self.work / step.name).parent.mkdir(parents=True, exist_ok=True)
        begun, wall, cpu = self._begun(step), time.monotonic(), 0.0
        with open(log, "ab") as out:
            for words in step.commands:
                out.write(f"$ {shown(words)}\n".encode())
                out.flush()
                status, seconds = self._call(words, out)
                cpu += seconds
                if status:
                    tail = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
                    raise Failed(f"{step.name}: {words[0]} ended with status {status} (log: {log}): {''.join(tail)}")
        cost = {"wall": round(time.monotonic() - wall, 1), "cpu": round(cpu, 1), "begun": begun}
        with atomic_file(self._note(step)) as file:
            json.dump({"digest": step.digest, "cost": cost}, file)
        if step.best_only:
            self._keep_best(step)
        return cost

    def _keep_best(self, step: Step) -> None:
        """Remove what only a resumed training would read; with XLM-R's vocabulary each is a gigabyte."""
        for best in sorted((self.work / step.name).rglob("checkpoint_best.pt")):
            for other in best.parent.glob("checkpoint*.pt"):
                if other.name != best.name:
                    other.unlink()

    def _call(self, words: Words, out: object) -> tuple[int, float]:
        """Exit status and seconds of processor time of a command, its own children included."""
        argv = [self.expand(word) for word in words]
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, env=self._env,  # type: ignore[arg-type]
            preexec_fn=_prepare(death_with_parent()),
        )  # fmt: skip
        self._running.add(process)
        if self._stopped:  # meanwhile
            process.terminate()
        _, status, usage = os.wait4(process.pid, 0)
        self._running.discard(process)
        process.returncode = os.waitstatus_to_exitcode(status)
        return process.returncode, usage.ru_utime + usage.ru_stime

    def stop(self) -> None:
        """Ask the commands at work to end; a training saves what it has."""
        self._stopped = True
        for process in list(self._running):
            process.terminate()

    def expand(self, word: str) -> str:
        for name, folder in self.folders.items():
            word = word.replace(f"${name}", folder)
        return word

    def _note(self, step: Step) -> Path:
        return self._file(step, "done.json")

    def _file(self, step: Step, end: str) -> Path:
        path = self.work / "steps" / f"{step.name}.{end}"
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def _begun(self, step: Step) -> int:
        """How often the step was begun, this time included."""
        path = self._file(step, "begun")
        with open(path, "a", encoding="utf-8") as file:
            file.write("x")
        return path.stat().st_size
