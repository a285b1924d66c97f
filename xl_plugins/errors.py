"""User mistakes: one line that names the fault and the fix, exit status 2, no traceback.

Console commands run through :func:`run_cli`. ``fairseq-train`` is not ours, so :func:`install_hook` teaches the
interpreter's last-resort handler to treat a :class:`UserError` the same way there; any other exception keeps its
traceback.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import sys
import threading
import warnings
from pathlib import Path
from typing import Callable, NoReturn

from .terminal import printable

EXIT_STATUS = 2
INTERRUPTED = 130  # 128 + SIGINT, as shells count
_SPAWNED = re.compile(r"^xl_plugins\.(?:errors\.UserError|checkpoints\.safe_load\.DamagedFile): (.+)$", re.MULTILINE)
_SPAWNED_OS = re.compile(r"^(?:OSError|PermissionError): \[Errno (\d+)\] (.+)$", re.MULTILINE)
_NO_MEMORY = re.compile(r"can't allocate memory|out of memory|Unable to allocate|not enough memory", re.IGNORECASE)
_CHECK_PATH = "check the path"
_FREE_SPACE = "free space or choose another folder"
_ADVICE = {
    errno.ENOSPC: _FREE_SPACE,
    errno.EDQUOT: _FREE_SPACE,
    errno.EFBIG: _FREE_SPACE,
    errno.EROFS: "choose a folder that can be written",
    errno.EACCES: "choose a path that you may read or write",
    errno.EPERM: "choose a path that you may read or write",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.EBUSY: "it is in use; choose another path",
    errno.ETXTBSY: "it is in use; choose another path",
    errno.EIO: "check the disk",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
    errno.ENFILE: "raise the limit of open files (ulimit -n)",
    errno.ENOENT: _CHECK_PATH,
    errno.EEXIST: _CHECK_PATH,
    errno.ENOTDIR: _CHECK_PATH,
    errno.EISDIR: _CHECK_PATH,
    errno.ENOTEMPTY: _CHECK_PATH,
    errno.ELOOP: _CHECK_PATH,
    errno.EXDEV: _CHECK_PATH,
}


class UserError(Exception):
    """Something the user can mend; the message is one line: option or file and line, what was expected, the fix."""

    def __init__(self, message: str) -> None:
        original = _SPAWNED.search(message)  # a data loader re-raises its worker's error with the traceback as message
        super().__init__(original.group(1) if original else " ".join(message.splitlines()))


def flag(name: str, prefix: str = "--") -> str:
    """A field's name as an option of the command line."""
    return f"{prefix}{name.replace('_', '-')}"


def find_user_error(error: BaseException | None) -> str | None:
    """Return the message of the UserError behind ``error``, following causes and contexts, else None.

    fairseq wraps what happens while loading into its own exceptions, and ``torch.multiprocessing`` sends the child's
    traceback as text; both are looked through.
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, UserError):
            return str(error)
        if type(error).__name__ == "ProcessRaisedException" and (match := _SPAWNED.search(str(error))):
            return match.group(1)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return None


def explain(error: BaseException | None) -> str | None:
    """Return a line for what the machine refused (disk, permissions, memory), None for a fault of the program."""
    if isinstance(error, OSError) and error.errno in _ADVICE:
        advice = _ADVICE[error.errno]
        if error.filename is None and advice is _CHECK_PATH:
            return None  # not about a file that the user named
        return f"{error.filename or 'output'}: {error.strerror}; {advice}"
    text = str(error) if isinstance(error, (MemoryError, RuntimeError)) else ""
    if isinstance(error, MemoryError) or _NO_MEMORY.search(text):
        return "not enough memory; make batches smaller (--batch-size, --max-tokens) or free memory"
    if isinstance(error, RecursionError) and "JSON" in str(error):
        return "a JSON file is nested too deeply; make it again"
    if type(error).__name__ == "ProcessRaisedException" and (match := _SPAWNED_OS.search(str(error))):
        number, rest = int(match.group(1)), match.group(2)
        return f"{rest}; {_ADVICE[number]}" if number in _ADVICE else None
    return None


def _program() -> str:
    """Name of the running command; ``python -m xl_plugins.cli.prepare`` is the same command as ``xl-prepare``."""
    path = Path(sys.argv[0])
    return f"xl-{path.stem}" if path.parent.name == "cli" and path.suffix == ".py" else path.name


def _fail(message: str, status: int = EXIT_STATUS) -> NoReturn:
    _hush()
    print(f"{_program()}: error: {printable(message)}", file=sys.stderr, flush=True)
    raise SystemExit(status)


def _hush() -> None:
    """Nothing follows the line: what destructors and threads meet while the process ends is no news."""
    sys.unraisablehook = lambda unraisable: None
    threading.excepthook = lambda args: None


def _open_streams() -> None:
    """A closed standard error becomes the null device; a closed standard output is a mistake, said before any work.

    Python leaves the stream None, and the next file to be opened would get its descriptor and what others print.
    """
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
        _fail("standard output is closed; send it to a file or to /dev/null")


def run_cli(main: Callable[[], int]) -> NoReturn:
    """Run a console command's ``main`` and turn user mistakes into one line on stderr and exit status 2."""
    _open_streams()
    # fairseq opens an archive in the old format through interfaces of hydra that are on their way out; users can do
    # nothing about it
    warnings.filterwarnings("ignore", module=r"(hydra|fairseq)(\.|$)")
    try:
        status = main()
        sys.stdout.flush()  # a full disk shows here, not when the interpreter ends
    except UserError as error:
        _fail(str(error))
    except BrokenPipeError:  # the reader went away (`xl-predict | head`): not worth a word
        _hush()
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        _fail("interrupted", INTERRUPTED)
    except Exception as error:
        message = find_user_error(error) or explain(error)
        if message is None:
            raise
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is buffered could not be written
        _fail(message)
    raise SystemExit(status)


def install_hook() -> None:
    """Make a user's mistake end any command, ``fairseq-train`` too, with one line and status 2.

    Called first of all, so that an interrupt while the libraries are imported is one line as well.
    """
    previous = sys.excepthook
    if getattr(previous, "_xl_plugins", False):
        return
    if "hydra" in os.path.basename(sys.argv[0]):
        os.environ.setdefault("HYDRA_FULL_ERROR", "1")  # else hydra reports errors itself, with exit status 1

    def hook(kind, error, trace):  # type: ignore[no-untyped-def]
        if issubclass(kind, KeyboardInterrupt):
            _fail("interrupted", INTERRUPTED)
        message = find_user_error(error) or explain(error)
        if message is None:
            previous(kind, error, trace)
        else:
            _fail(message)  # SystemExit inside a hook sets the exit status

    hook._xl_plugins = True  # type: ignore[attr-defined]
    sys.excepthook = hook
