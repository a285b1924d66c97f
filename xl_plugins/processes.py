"""Processes that share the work of one command, as torchrun starts them: the first one alone writes and speaks."""

from __future__ import annotations

import datetime
import io
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from .errors import EXIT_STATUS, UserError

if TYPE_CHECKING:
    import numpy as np

_FAILED = "xl_plugins_failed"  # key of the store that the first process to fail sets
_WAIT = datetime.timedelta(days=7)  # for a process that has more to do; one that ends closes its connections
T = TypeVar("T")


@dataclass(frozen=True)
class Team:
    """This process among those of its command: ``rank`` from 0 to ``size`` - 1. Alone, nothing is exchanged."""

    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """Whether this process writes the files and prints."""
        return self.rank == 0

    def share(self, items: Sequence[T]) -> Sequence[T]:
        """This process's items, dealt in turn; the next call goes on where the last one ended, so that shares differ
        by one item over all calls. Every process makes the same calls."""
        return items

    def gather(self, arrays: Sequence[np.ndarray]) -> list[list[np.ndarray]]:
        """The arrays of every process, in their order, on all of them."""
        return [list(arrays)]

    def send(self, text: str) -> None:
        """Hand a text to the first process, without waiting for it."""
        raise NotImplementedError

    def receive(self, rank: int) -> str:
        """The next text of a process, on the first one."""
        raise NotImplementedError

    def device(self) -> str | None:
        """The device of this process where none is named: None alone, where it is the usual one."""
        return None


ALONE = Team()


class _Ranks(Team):
    def __init__(self, store: Any, rank: int, size: int) -> None:
        super().__init__(rank, size)
        self.store, self.dealt = store, 0
        self.sending: list[Any] = []

    def share(self, items: Sequence[T]) -> Sequence[T]:
        begin, self.dealt = (self.rank - self.dealt) % self.size, self.dealt + len(items)
        return items[begin :: self.size]

    def gather(self, arrays: Sequence[np.ndarray]) -> list[list[np.ndarray]]:
        import numpy as np
        import torch
        import torch.distributed as dist

        file = io.BytesIO()
        np.savez(file, *arrays)
        own = torch.from_numpy(np.frombuffer(file.getvalue(), np.uint8).copy())
        lengths = [torch.zeros(1, dtype=torch.int64) for _ in range(self.size)]
        dist.all_gather(lengths, torch.tensor([len(own)]))
        longest = int(max(lengths))
        parts = [torch.empty(longest, dtype=torch.uint8) for _ in range(self.size)]
        dist.all_gather(parts, torch.nn.functional.pad(own, (0, longest - len(own))))
        found = []
        for part, length in zip(parts, lengths):
            with np.load(io.BytesIO(part[: int(length)].numpy().tobytes()), allow_pickle=False) as kept:
                found.append([kept[name] for name in kept.files])
        return found

    def send(self, text: str) -> None:
        import numpy as np
        import torch
        import torch.distributed as dist

        content = torch.from_numpy(np.frombuffer(text.encode(), np.uint8).copy())
        for part in (torch.tensor([len(content)]), content) if text else (torch.tensor([0]),):
            self.sending.append((dist.isend(part, 0), part))  # the text lives until it is sent

    def receive(self, rank: int) -> str:
        import torch
        import torch.distributed as dist

        length = torch.zeros(1, dtype=torch.int64)
        dist.recv(length, rank)
        content = torch.empty(int(length), dtype=torch.uint8)
        if len(content):
            dist.recv(content, rank)
        return content.numpy().tobytes().decode()

    def device(self) -> str | None:
        import torch

        local = int(os.environ.get("LOCAL_RANK", self.rank))
        return f"cuda:{local % torch.cuda.device_count()}" if torch.cuda.is_available() else None

    def end(self) -> None:
        """All is sent, and every process has come to its end."""
        import torch.distributed as dist

        for work, _ in self.sending:
            work.wait()
        dist.barrier()
        dist.destroy_process_group()

    def fails_first(self) -> bool:
        """Whether no other process has failed before: this one says why, the others end without a word."""
        with suppress(RuntimeError):  # the store is gone with the process that held it
            return bool(self.store.add(_FAILED, 1) == 1)
        return False


def together(main: Callable[[Team], int]) -> int:
    """Run a command's ``main`` on the processes that torchrun started, or alone.

    An error of one process ends all of them with its line alone. Only the first one has standard streams.

    Raises:
        UserError: another process was killed.
    """
    if int(os.environ.get("WORLD_SIZE", 1)) < 2 or not {"RANK", "MASTER_ADDR", "MASTER_PORT"} <= os.environ.keys():
        return main(ALONE)
    import torch.distributed as dist

    store, rank, size = next(dist.rendezvous("env://", timeout=_WAIT))
    dist.init_process_group(
        "gloo", store=dist.PrefixStore("xl_plugins", store), rank=rank, world_size=size, timeout=_WAIT
    )
    team, heard = _Ranks(store, rank, size), _mute() if rank else []
    try:
        status = main(team)
        sys.stdout.flush()
        team.end()
        return status
    except BaseException as error:
        if not team.fails_first():
            os._exit(EXIT_STATUS)  # at once: an exchange that hangs must not hold the process
        _unmute(heard)
        if isinstance(error, RuntimeError) and "onnection" in str(error):
            raise UserError("another process of this command was ended; see why, and start all of them again") from None
        raise


def _mute() -> list[int]:
    """Let standard output and error lead nowhere, for libraries as well; returns where they led."""
    heard = [os.dup(number) for number in (1, 2)]
    for number in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), number)
    return heard


def _unmute(heard: Sequence[int]) -> None:
    sys.stdout.flush()
    for number, descriptor in enumerate(heard, 1):
        os.dup2(descriptor, number)
