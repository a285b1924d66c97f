"""``SAVE_DIR/log.jsonl``: how a run went, one JSON object per line, for programs.

========  ==============================================================================================
event     further members, besides ``updates`` and ``seconds`` (since the command began to train)
========  ==============================================================================================
start     time, command, seed, versions, metric, languages; ``updates``: where this process goes on
train     epoch, stats of the last ``--log-interval`` updates
valid     epoch, subset, stats, languages (figures of each), score, best
epoch     epoch, stats of the whole epoch
end       score and best of the last validation
========  ==============================================================================================

A run that goes on from a checkpoint begins with a further ``start``, whose ``updates`` may lie before the last lines:
what is above them is made once more and noted once more.
"""

from __future__ import annotations

import contextlib
import json
import logging
import math
import os
import time
from collections.abc import Mapping, Sequence
from typing import Any

from ..terminal import printable

logger = logging.getLogger(__name__)
NAME = "log.jsonl"
_BEGINNING = b'{"event": "start",'


class RunLog:
    """The log of one process's part of a run; it is opened at the first event."""

    def __init__(self, save_dir: str, start: Mapping[str, Any]) -> None:
        self.path = os.path.join(save_dir, NAME)
        self._start: Mapping[str, Any] | None = start
        self._began = time.monotonic()
        self._open = True

    def seconds(self) -> float:
        """Since the training began in this process."""
        return time.monotonic() - self._began

    def write(self, event: str, **members: Any) -> None:
        """Add a line; what cannot be written is told once and does not stop the training."""
        if not self._open:
            return
        lines = [{"event": event, "seconds": round(self.seconds(), 2), **members}]
        try:
            if self._start is not None:
                lines.insert(0, {"event": "start", "seconds": 0.0, **self._start})
                self._start = None
                _take(self.path)
            text = "".join(json.dumps(plain(line), ensure_ascii=False) + "\n" for line in lines)
            _append(self.path, text.encode("utf-8", "backslashreplace"))
        except OSError as error:
            self._open = False
            logger.warning("%s: no log from here on: %s", printable(self.path), error.strerror or error)


def _take(path: str) -> None:
    """See that a file of this name is a log, and ends with a whole line.

    Raises:
        OSError: it is something else, which stays as it is.
    """
    if os.path.exists(path) and not os.path.isfile(path):  # a pipe would wait for somebody to write
        raise OSError("there is something of that name which is no plain file; move it away")
    with contextlib.suppress(FileNotFoundError), open(path, "r+b") as file:
        if (beginning := file.read(len(_BEGINNING))) and not _BEGINNING.startswith(beginning):
            raise OSError("there is a file of that name which no training of this package wrote; move it away")
        file.seek(0)
        whole = sum(len(line) for line in file if line.endswith(b"\n"))  # only the last may be torn
        file.truncate(whole)


def _append(path: str, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        length = os.fstat(descriptor).st_size
        if os.write(descriptor, content) != len(content):
            os.ftruncate(descriptor, length)  # a full disk: no half lines
            raise OSError("the disk is full")
    finally:
        os.close(descriptor)


def plain(value: Any) -> Any:
    """``value`` as JSON knows it: numbers of tensors and meters, None for what is no finite number."""
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, str) or value is None or isinstance(value, bool):
        return value
    if isinstance(value, Sequence):
        return [plain(inner) for inner in value]
    value = getattr(value, "smoothed_value", value)
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return value if isinstance(value, int) else str(value)
