"""fairseq's commands in processes that need not import fairseq and torch first: each is a fork of one that has."""

from __future__ import annotations

import multiprocessing
import os
import runpy
import sys
import tempfile
from pathlib import Path

PRELOADED = ["torch", "sentencepiece", "sklearn.mixture", "fairseq_cli.hydra_train", "fairseq_cli.train"]


def run_warm(module: str, arguments: list[str], cwd: Path, timeout: float = 240) -> tuple[int, str, str]:
    """Exit status and what ``python -m MODULE ARGUMENTS`` prints, in ``cwd``.

    Nothing of the tests' own process is in it, and the package is imported anew. Signals and what happens when an
    interpreter ends are to be tested in a fresh process.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    with tempfile.TemporaryDirectory() as folder:
        files = [os.path.join(folder, name) for name in ("out", "err")]
        process = context.Process(target=_run, args=(module, arguments, str(cwd), files))
        process.start()
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise TimeoutError(f"{module} {' '.join(arguments)}: not done in {timeout} s")
        out, err = (Path(file).read_text(encoding="utf-8", errors="replace") for file in files)
    return process.exitcode, out, err


def _run(module: str, arguments: list[str], cwd: str, files: list[str]) -> None:
    for number, file in enumerate(files, 1):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT), number)
    os.chdir(cwd)
    sys.argv = [module, *arguments]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit:
        raise
    except BaseException:
        sys.excepthook(*sys.exc_info())  # which a process of multiprocessing does not call
        raise SystemExit(1) from None
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
