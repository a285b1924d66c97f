"""Checkpoint files are whole or absent, whenever the process dies and whenever the disk is full.

fairseq writes the first of a save's files beside and renames it, and copies it over the others in place. Here every
file gets its name in one step, and all files of a save are hard links to one where the file system has links: so no
checkpoint may ever be opened for writing under its own name.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from typing import IO, Any

import torch
from fairseq import checkpoint_utils
from fairseq.file_io import PathManager

from ..errors import UserError
from ..methods import TASKS
from ..output import atomic_file, clear_stale
from ..output.atomic import SUFFIX, sync_folder
from . import signals
from .ranks import fail_together

logger = logging.getLogger(__name__)
LAST = "checkpoint_last.pt"
CRASH = "crash.pt"  # what fairseq saves when an update fails, before it tells why
_TEMPORARY = re.compile(r"\.(.+\.pt)\.[0-9a-f]{16}" + re.escape(SUFFIX))
_ATTEMPTS, _PAUSE = 3, 2.5  # fairseq's, for network file systems


def install() -> None:
    """Replace the two functions of fairseq that write checkpoint files, once."""
    if getattr(checkpoint_utils.save_checkpoint, "_xl_plugins", False):
        return
    checkpoint_utils.save_checkpoint = _whole_saves(checkpoint_utils.save_checkpoint)
    checkpoint_utils.torch_persistent_save = _persistent_save(checkpoint_utils.torch_persistent_save)


def is_ours(trainer: Any) -> bool:
    """Whether a trainer works on a task of this package."""
    return getattr(trainer.cfg.task, "_name", None) in TASKS


def _whole_saves(save: Callable) -> Callable:
    @functools.wraps(save)
    def save_checkpoint(cfg: Any, trainer: Any, epoch_itr: Any, val_loss: Any) -> Any:
        if not is_ours(trainer):
            return save(cfg, trainer, epoch_itr, val_loss)
        if cfg.write_checkpoints_asynchronously:
            # fairseq would write the first name only, under that name from the beginning
            logger.warning("--write-checkpoints-asynchronously: checkpoints are written synchronously, as whole files")
            cfg.write_checkpoints_asynchronously = False
        with fail_together(trainer), _linked_copies():
            path = save(cfg, trainer, epoch_itr, val_loss)
        if not cfg.no_save and not cfg.no_last_checkpoints:
            signals.saved(trainer)
        return path

    save_checkpoint._xl_plugins = True  # type: ignore[attr-defined]
    return save_checkpoint


@contextlib.contextmanager
def _linked_copies() -> Any:
    """Within the block fairseq's copies of a checkpoint are further names of it.

    ``checkpoint_last.pt`` changes at the end of the block, when fairseq has removed what the new files replace: killed
    before, the run makes this save again, and there is nothing that a finished run would leave lying.
    """
    with contextlib.ExitStack() as later:

        class Linking(PathManager):
            @staticmethod
            def copy(src_path: str, dst_path: str, overwrite: bool = False) -> bool:
                if os.path.basename(dst_path).startswith(LAST.removesuffix(".pt")):  # or a shard of it
                    later.enter_context(giving_name(src_path, dst_path))
                else:
                    give_name(src_path, dst_path)
                return True

        before, checkpoint_utils.PathManager = checkpoint_utils.PathManager, Linking
        try:
            yield
        finally:
            checkpoint_utils.PathManager = before


def give_name(source: str, target: str) -> None:
    """Give the file ``source`` the further name ``target`` in one step, in place of what was there.

    Raises:
        UserError: the disk is full, the name is a folder's, or the like.
    """
    with giving_name(source, target):
        pass


@contextlib.contextmanager
def giving_name(source: str, target: str) -> Iterator[None]:
    """The same at the end of the block, however that ends; ``source`` may vanish in it."""
    clear_stale(target)
    folder, name = os.path.split(os.path.abspath(target))
    temporary = os.path.join(folder, f".{name}.{secrets.token_hex(8)}{SUFFIX}")
    with _in_a_line(target):
        try:
            os.link(source, temporary)
        except OSError:  # no links here, or too many of them
            _copy(source, temporary)
    try:
        yield
    finally:
        with _in_a_line(target):
            try:
                os.replace(temporary, target)
            finally:
                with contextlib.suppress(FileNotFoundError):  # renaming onto another name of the same file does nothing
                    os.unlink(temporary)
            sync_folder(folder)


def _copy(source: str, target: str) -> None:
    """A new file, whole or absent."""
    try:
        with open(source, "rb") as read, open(target, "xb") as write:
            shutil.copyfileobj(read, write, 1 << 20)
            write.flush()
            os.fsync(write.fileno())
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(target)
        raise


@contextlib.contextmanager
def _in_a_line(target: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _cannot_write(target, error) from None


def _persistent_save(original: Callable) -> Callable:
    @functools.wraps(original)
    def torch_persistent_save(obj: Any, filename: Any, async_write: bool = False) -> None:
        if not isinstance(filename, (str, os.PathLike)) or async_write or not PathManager.supports_rename(filename):
            original(obj, filename, async_write=async_write)
            return
        for attempt in range(_ATTEMPTS):
            try:
                return save_whole(obj, filename)
            except OSError as error:
                if os.path.basename(filename) == CRASH:
                    logger.warning("%s", _cannot_write(filename, error))
                    return None  # what made the update fail is worth telling, not this
                if attempt + 1 == _ATTEMPTS or not isinstance(error, TimeoutError):
                    raise _cannot_write(filename, error) from None
                time.sleep(_PAUSE)

    return torch_persistent_save


class _Watched:
    """A file whose first failure is kept: torch's archive writer makes another exception of it."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.failure: OSError | None = None

    def write(self, data: Any) -> int:
        if self.failure is not None:
            raise self.failure
        try:
            return self.file.write(data)
        except OSError as error:
            self.failure = error
            raise

    def flush(self) -> None:
        self.file.flush()


def save_whole(state: Any, path: str | os.PathLike[str]) -> None:
    """``torch.save`` to a file that gets its name when it is complete.

    Raises:
        OSError: it could not be written; ``path`` is as it was.
    """
    with atomic_file(path, "wb") as file:
        save_into(state, file)


def save_into(state: Any, file: IO[bytes]) -> None:
    """``torch.save`` whose failure is that of the file, such as a full disk, where torch tells of a wrong position.

    Raises:
        OSError: it could not be written.
    """
    watched: Any = _Watched(file)
    try:
        torch.save(state, watched)
    except Exception:
        if watched.failure is not None:
            raise watched.failure from None
        raise


def _cannot_write(path: str | os.PathLike[str], error: OSError) -> UserError:
    folder, name = os.path.split(os.path.abspath(path))
    return UserError(
        f"--save-dir {folder}: {name} cannot be written ({error.strerror or error}); the checkpoints before it are"
        " whole: make room there, and give the same command again"
    )


def clear_temporary(folder: str) -> None:
    """Remove what killed writers of checkpoints left in a folder of which the caller has the lock."""
    with contextlib.suppress(OSError):
        for name in {match.group(1) for match in map(_TEMPORARY.fullmatch, os.listdir(folder)) if match}:
            clear_stale(os.path.join(folder, name))
