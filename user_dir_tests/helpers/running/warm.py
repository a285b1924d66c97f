"""fairseq's commands in processes that need not import fairseq and torch first: each is a fork of one that has.

Nothing of the tests' own process is in them, and the package is imported anew. What happens when an interpreter ends is
to be tested in a fresh process.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

PRELOADED = ["torch", "sentencepiece", "sklearn.mixture", "fairseq_cli.hydra_train", "fairseq_cli.train"]


class WarmProcess:
    """``python -c CODE ARGUMENTS`` in ``cwd``, begun at once. ``env``: added to the environment."""

    def __init__(self, code: str, arguments: list[str], cwd: Path | str, env: Mapping[str, str] | None = None) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(PRELOADED)
        self.folder = tempfile.TemporaryDirectory()
        self.files = [os.path.join(self.folder.name, name) for name in ("out", "err")]
        for file in self.files:  # a process may be killed before it opens them
            Path(file).touch()
        self.process = context.Process(target=_run, args=(code, arguments, str(cwd), dict(env or {}), self.files))
        self.process.start()

    def signal(self, number: int) -> None:
        """Send it a signal."""
        os.kill(self.process.pid, number)  # type: ignore[arg-type]

    def finish(self, timeout: float = 240) -> tuple[int, str, str]:
        """Exit status (negative: killed by that signal) and what it printed; TimeoutError when it takes longer."""
        with self.folder:
            self.process.join(timeout)
            if self.process.exitcode is None:
                self.process.kill()
                self.process.join()
                raise TimeoutError(f"not done in {timeout} s")
            out, err = (Path(file).read_text(encoding="utf-8", errors="replace") for file in self.files)
        return self.process.exitcode, out, err


def run_warm(
    module: str, arguments: list[str], cwd: Path, env: Mapping[str, str] | None = None
) -> tuple[int, str, str]:
    """Exit status and what ``python -m MODULE ARGUMENTS`` prints."""
    code = f"import runpy; runpy.run_module({module!r}, None, '__main__', True)"
    return WarmProcess(code, arguments, cwd, env).finish()


def _run(code: str, arguments: list[str], cwd: str, env: dict[str, str], files: list[str]) -> None:
    for number, file in enumerate(files, 1):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)
    os.environ.update(env)
    os.chdir(cwd)
    sys.argv = ["-c", *arguments]
    try:
        exec(compile(code, "<string>", "exec"), {"__name__": "__main__"})
    except SystemExit:
        raise
    except BaseException:
        sys.excepthook(*sys.exc_info())  # which a process of multiprocessing does not call
        raise SystemExit(1) from None
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
