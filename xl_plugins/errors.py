"""User mistakes: one line that names the fault and the fix, exit status 2, no traceback.

Console commands run through :func:`run_cli`. ``fairseq-train`` is not ours, so :func:`install_hook` teaches the
interpreter's last-resort handler to treat a :class:`UserError` the same way there; any other exception keeps its
traceback.
"""

from __future__ import annotations

import errno
import os
import re
import sys
from pathlib import Path
from typing import Callable, NoReturn

EXIT_STATUS = 2
_SPAWNED = re.compile(r"^xl_plugins\.errors\.UserError: (.+)$", re.MULTILINE)


class UserError(Exception):
    """Something the user can mend; the message is one line: option or file and line, what was expected, the fix."""

    def __init__(self, message: str) -> None:
        original = _SPAWNED.search(message)  # a data loader re-raises its worker's error with the traceback as message
        super().__init__(original.group(1) if original else " ".join(message.splitlines()))


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


def _program() -> str:
    """Name of the running command; ``python -m xl_plugins.cli.prepare`` is the same command as ``xl-prepare``."""
    path = Path(sys.argv[0])
    return f"xl-{path.stem}" if path.parent.name == "cli" and path.suffix == ".py" else path.name


def _fail(message: str, status: int = EXIT_STATUS) -> NoReturn:
    print(f"{_program()}: error: {message}", file=sys.stderr, flush=True)
    raise SystemExit(status)


def run_cli(main: Callable[[], int]) -> NoReturn:
    """Run a console command's ``main`` and turn user mistakes into one line on stderr and exit status 2."""
    try:
        status = main()
    except UserError as error:
        _fail(str(error))
    except BrokenPipeError:  # the reader went away (`xl-predict | head`): not worth a word
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            _fail(f"{error.filename or 'output'}: {error.strerror}; free space or choose another folder")
        if (
            isinstance(
                error, (FileNotFoundError, FileExistsError, PermissionError, IsADirectoryError, NotADirectoryError)
            )
            and error.filename
        ):
            _fail(f"{error.filename}: {error.strerror}; check the path")
        raise
    except KeyboardInterrupt:
        _fail("interrupted", 130)  # 128 + SIGINT, as shells count
    raise SystemExit(status)


def install_hook() -> None:
    """Make an uncaught UserError end a host command (``fairseq-train``) with one line and status 2."""
    previous = sys.excepthook
    if getattr(previous, "_xl_plugins", False):
        return
    if "hydra" in os.path.basename(sys.argv[0]):
        os.environ.setdefault("HYDRA_FULL_ERROR", "1")  # else hydra reports errors itself, with exit status 1

    def hook(kind, error, trace):  # type: ignore[no-untyped-def]
        message = find_user_error(error)
        if message is None:
            previous(kind, error, trace)
        else:
            _fail(message)  # SystemExit inside a hook sets the exit status

    hook._xl_plugins = True  # type: ignore[attr-defined]
    sys.excepthook = hook
