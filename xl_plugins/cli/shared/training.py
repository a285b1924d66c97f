"""Running ``fairseq-train`` from a command: as a child process that ends with it, and once per list of options."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType

from xl_plugins.errors import UserError
from xl_plugins.output import atomic_file

RECORD = "xtune.json"  # in a save folder: the command line that trains it, and whether that has ended well
_PR_SET_PDEATHSIG = 1
GRACE = 60.0  # seconds that a child has to save a checkpoint and end by itself
# may differ when a run is taken up again: no word on what is learnt
INCIDENTAL = {
    "--user-dir", "--num-workers", "--data-buffer-size", "--log-format", "--log-interval", "--log-file",
    "--no-progress-bar", "--tensorboard-logdir", "--wandb-project", "--cpu", "--distributed-world-size",
    "--distributed-port", "--batch-size", "--update-freq", "--keep-interval-updates", "--keep-last-epochs",
    "--keep-best-checkpoints", "--save-interval", "--save-interval-updates", "--validate-interval",
    "--validate-interval-updates", "--validate-after-updates", "--no-epoch-checkpoints", "--ddp-backend",
    "--continue-with-changes",
}  # fmt: skip
LENGTHS = {"--max-epoch", "--max-update", "--patience", "--stop-time-hours", "--stop-min-lr"}  # a run may be lengthened


def fairseq_train() -> list[str]:
    """The command: the first on the PATH, else of this interpreter's environment."""
    found = shutil.which("fairseq-train")
    return [found] if found else [sys.executable, "-m", "fairseq_cli.train"]


def parse_options(words: Sequence[str]) -> dict[str, list[str]]:
    """Values of each ``--option`` of a command line, the last one counts; words before them under ``""``."""
    found: dict[str, list[str]] = {"": []}
    option = ""
    for word in words:
        if word.startswith("--"):
            option, equal, value = word.partition("=")
            option = "--" + option[2:].replace("_", "-")
            found[option] = [value] if equal else []
        else:
            found[option].append(word)
    return found


class Record:
    """The record of what a save folder was trained with."""

    def __init__(self, folder: Path, words: Sequence[str]) -> None:
        self.path = folder / RECORD
        self._was_there = folder.exists()
        self.words = list(words)

    def is_finished(self) -> bool:
        """Whether a run with these options has ended well; UserError if the folder is another run's."""
        saved = self._read()
        if saved is None:
            return False
        before, now = parse_options(saved["arguments"]), parse_options(self.words)
        changed = [option for option in {**before, **now} if before.get(option) != now.get(option)]
        changed = [option for option in changed if option not in INCIDENTAL]
        other_length = any(option in LENGTHS for option in changed)
        changed = [option for option in changed if option not in LENGTHS]
        if changed and "--continue-with-changes" in now:
            return False  # the trainer names them
        if changed:
            raise UserError(
                f"{self.path}: this run began with {_show(changed, before)}, now it is {_show(changed, now)}; give the"
                " same options, choose another --save-dir, or pass --continue-with-changes"
            )
        return bool(saved["finished"]) and not other_length

    def write(self, finished: bool) -> None:
        """Note the options; of the ranks of a distributed run the first one does."""
        if int(os.environ.get("RANK", 0)):
            return
        if self.path.is_symlink():
            raise UserError(f"{self.path}: is a symbolic link, not replaced; choose another --save-dir")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(self.path) as file:
            json.dump({"arguments": self.words, "finished": finished}, file, indent=1)
            file.write("\n")

    def forget_failure(self) -> None:
        """Remove the note of a run that ended before its first checkpoint: nothing there depends on its options."""
        if int(os.environ.get("RANK", 0)) or any(self.path.parent.glob("checkpoint*.pt")):
            return
        self.path.unlink(missing_ok=True)
        if not self._was_there:
            with suppress(OSError):
                self.path.parent.rmdir()  # only where nothing else is in it

    def _read(self) -> dict | None:
        if self.path.exists() and not self.path.is_file():  # reading a pipe would wait for ever
            raise UserError(f"{self.path}: cannot be read (no plain file); choose another --save-dir")
        try:
            text = self.path.read_text(encoding="utf-8")
            saved = json.loads(text)
            words = saved["arguments"]
            if not isinstance(words, list) or not isinstance(saved["finished"], bool):
                raise ValueError("other types than xl-xtune writes")
            return {"arguments": [str(word) for word in words], "finished": saved["finished"]}
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise UserError(f"{self.path}: cannot be read ({error}); remove it or {self.path.parent}") from None


def _show(options: Sequence[str], values: dict[str, list[str]]) -> str:
    shown = [" ".join([option, *values[option]]).strip() if option in values else f"no {option}" for option in options]
    return ", ".join(shown[:4]) + (", ..." if len(shown) > 4 else "")


class Stopped(Exception):
    """A signal asked this process to end."""


def run_child(command: Sequence[str], keep: Sequence[int] = ()) -> int:
    """Run a command with this process's streams; returns its exit status, 128 + n when signal n ended it.

    SIGINT, SIGTERM, SIGHUP and SIGUSR1 to this process go to the child as well, and it gets SIGTERM when this process
    is killed. ``keep``: descriptors that it inherits, such as a lock's.
    """
    parent = os.getpid()

    def follow() -> None:
        """In the child: SIGTERM when the parent dies, also if it has died already (Linux)."""
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(128 + signal.SIGTERM)

    def stop(number: int, frame: FrameType | None) -> None:
        raise Stopped(number)

    signals = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)
    # an ignored signal stays ignored, as under nohup
    before = {number: signal.getsignal(number) for number in signals if signal.getsignal(number) != signal.SIG_IGN}
    for number in before:
        signal.signal(number, stop)
    try:
        with subprocess.Popen(command, preexec_fn=follow, pass_fds=keep) as child:
            try:
                status = child.wait()
            except KeyboardInterrupt:
                _end(child, signal.SIGINT, asked=True)  # the terminal has sent it to the child as well
                raise
            except Stopped as stopped:
                _end(child, stopped.args[0])
                return 128 + stopped.args[0]
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return 128 - status if status < 0 else status


def _end(child: subprocess.Popen, number: int, asked: bool = False) -> None:
    """End a child: by itself if it was ``asked``, by the signal, in the end by SIGKILL."""
    for step in (None if asked else number, signal.SIGTERM, signal.SIGKILL):
        if step is not None:
            child.send_signal(step)
        with suppress(subprocess.TimeoutExpired, Stopped, KeyboardInterrupt):  # asked again: the next step at once
            child.wait(GRACE if step is not None else GRACE / 2)
            return
