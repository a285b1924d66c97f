"""A user's mistake ends every command with one line and status 2; a fault of the program keeps its traceback."""

from __future__ import annotations

import errno
import json
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from xl_plugins.errors import UserError, find_user_error, install_hook, run_cli

BARE = (
    "import sys, types\nmodule = sys.modules['xl_plugins'] = types.ModuleType('xl_plugins')\n"
    f"module.__path__ = [{str(Path(__file__).parents[1] / 'xl_plugins')!r}]\n"
)


def outcome(main, capsys, monkeypatch, program="/usr/bin/xl-prepare"):
    """Exit status and standard error of the command whose body is ``main``."""
    monkeypatch.setattr(sys, "argv", [program])
    with pytest.raises(SystemExit) as exit:
        run_cli(main)
    return exit.value.code, capsys.readouterr().err


def raising(error):
    def main():
        raise error

    return main


def test_status_of_a_command_that_ends_well(capsys, monkeypatch):
    assert outcome(lambda: 0, capsys, monkeypatch) == (0, "")


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (UserError("dev-de.tsv:17: label\n'x' is unknown"), "dev-de.tsv:17: label 'x' is unknown"),
        (OSError(errno.ENOSPC, "No space left on device", "/data/x.bin"), "/data/x.bin: No space left on device; free"),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "raw/dev"), "raw/dev: No such file or directory"),
        (OSError(errno.EROFS, "Read-only file system", "/ro/a"), "/ro/a: Read-only file system; choose a folder that"),
        (OSError(errno.ENAMETOOLONG, "File name too long", "a"), "a: File name too long; choose a shorter name"),
        (OSError(errno.EBUSY, "Device or resource busy", "/mnt"), "/mnt: Device or resource busy; it is in use"),
        (OSError(errno.EIO, "Input/output error", "x"), "x: Input/output error; check the disk"),
        (OSError(errno.EMFILE, "Too many open files", "x"), "x: Too many open files; raise the limit"),
        (MemoryError(), "not enough memory; make batches smaller (--batch-size, --max-tokens)"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"), "not enough memory; "),
        (UserError("a\x1b[2Jb\u202ec"), "a\\x1b[2Jb\\u202ec"),
    ],
)
def test_mistakes_are_one_line_and_status_2(error, line, capsys, monkeypatch):
    status, err = outcome(raising(error), capsys, monkeypatch)
    assert status == 2
    assert err.startswith(f"xl-prepare: error: {line}")
    assert err.count("\n") == 1


def test_interrupt_is_one_line_and_the_shells_status(capsys, monkeypatch):
    assert outcome(raising(KeyboardInterrupt()), capsys, monkeypatch) == (130, "xl-prepare: error: interrupted\n")


def test_a_full_standard_output_is_a_mistake():
    code = "from xl_plugins.errors import run_cli\nrun_cli(lambda: print('x') or 0)"
    with open("/dev/full", "w") as full:
        ended = subprocess.run([sys.executable, "-c", BARE + code], stdout=full, stderr=subprocess.PIPE, text=True)
    assert (ended.returncode, ended.stderr) == (2, "-c: error: output: No space left on device; free space or choose "
                                                   "another folder\n")  # fmt: skip


@pytest.mark.parametrize(("closed", "status"), [(">&-", 2), ("2>&-", 0), ("<&-", 0)])
def test_closed_streams(closed, status, tmp_path):
    """A closed standard output is said before any work; a closed standard error takes nothing else's place."""
    code = "from xl_plugins.errors import run_cli\nrun_cli(lambda: open('made', 'w').write('whole') and 0)"
    command = [sys.executable, "-c", BARE + code]
    ended = subprocess.run(["bash", "-c", f'"$@" {closed}', "-", *command], stderr=subprocess.PIPE, cwd=tmp_path)
    assert ended.returncode == status
    assert (tmp_path / "made").exists() == (status == 0)
    assert (b"standard output is closed; send it to a file" in ended.stderr) == (status == 2)


def test_nothing_follows_the_line():
    """Destructors and threads that fail while the process ends do not add tracebacks of their own."""
    code = """
from xl_plugins.errors import UserError, run_cli
class Mapped:
    def __del__(self):
        self.buffer
kept = [Mapped()]
kept.append(kept)
def main():
    raise UserError("a: b")
run_cli(main)"""
    ended = subprocess.run([sys.executable, "-c", BARE + code], capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (2, "-c: error: a: b\n")


def test_an_interrupt_during_the_imports_is_one_line():
    """The hook is set before the libraries are imported."""
    code = (
        "import builtins\nreal = builtins.__import__\n"
        "def imports(name, *rest, **more):\n"
        "    if name in ('torch', 'fairseq', 'numpy'): raise KeyboardInterrupt\n"
        "    return real(name, *rest, **more)\n"
        "builtins.__import__ = imports\nimport sys; sys.argv = ['xl-prepare']\nimport xl_plugins"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (130, "xl-prepare: error: interrupted\n")


def test_program_name_when_run_as_a_module(capsys, monkeypatch):
    path = "/x/xl_plugins/cli/evaluate.py"
    assert outcome(raising(UserError("no")), capsys, monkeypatch, path)[1] == "xl-evaluate: error: no\n"


@pytest.mark.parametrize("error", [ValueError("bug"), OSError("no number"), FileNotFoundError(errno.ENOENT, "No such")])
def test_faults_of_the_program_are_not_hidden(error, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["xl-prepare"])
    with pytest.raises(type(error)):
        run_cli(raising(error))


def wrapped(cause):
    """``cause`` wrapped the way fairseq's trainer wraps what happens while it restores a model."""
    try:
        try:
            raise cause
        except Exception:
            raise Exception("Cannot load model parameters from checkpoint")  # noqa: B904
    except Exception as error:
        return error


def test_mistake_is_found_behind_what_wraps_it():
    assert find_user_error(wrapped(UserError("file: why"))) == "file: why"
    assert find_user_error(wrapped(ValueError("bug"))) is None
    assert find_user_error(None) is None


def test_mistake_that_was_handled_is_not_reported():
    try:
        try:
            raise UserError("handled")
        except UserError:
            raise ValueError("bug") from None
    except ValueError as error:
        assert find_user_error(error) is None


def test_mistake_in_a_spawned_process():
    ProcessRaisedException = type("ProcessRaisedException", (Exception,), {})
    text = "\n-- Process 1 terminated with the following error:\nTraceback ...\nxl_plugins.errors.UserError: a: b\n"
    assert find_user_error(ProcessRaisedException(text)) == "a: b"


def test_mistake_in_a_data_loader_worker():
    text = (
        "Caught UserError in DataLoader worker process 0.\nOriginal Traceback ...\nxl_plugins.errors.UserError: a: b\n"
    )
    assert str(UserError(text)) == "a: b"


def test_mistake_crosses_a_process_pool():
    assert str(pickle.loads(pickle.dumps(UserError("a: b")))) == "a: b"


def test_hook_is_installed_once():
    install_hook()
    hook = sys.excepthook
    install_hook()
    assert sys.excepthook is hook


@pytest.mark.parametrize(
    ("error", "status", "last"),
    [("UserError('a: b; do c')", 2, "fairseq-train: error: a: b; do c"), ("ValueError('bug')", 1, "ValueError: bug")],
)
def test_hook_ends_a_host_command(run_bare, error, status, last):
    code = f"sys.argv[0] = '/bin/fairseq-train'\nfrom xl_plugins.errors import *\ninstall_hook()\nraise {error}"
    done = run_bare(code)
    assert done.code == status
    assert done.err.splitlines()[-1] == last
    assert ("Traceback" in done.err) == (status == 1)


def test_json_nested_too_deeply(capsys, monkeypatch):
    def main():
        json.loads("[" * 100_000)

    assert outcome(main, capsys, monkeypatch)[1].startswith("xl-prepare: error: a JSON file is nested too deeply; ")
