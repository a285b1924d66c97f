"""Without ``--verbose`` a run does not print the whole configuration and model, nor what hydra, torch and fairseq warn
their own developers of."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator

_LOOP = "fairseq_cli.train"
_FILES = ("fairseq.data.data_utils", "fairseq.tasks.fairseq_task")  # a line per file that is opened, and the like
_BARS = "fairseq.logging.progress_bar"
# what the warnings of installed versions are about; nothing of it can a user change
_WARNINGS = (
    {"module": r"hydra\.", "category": UserWarning},
    {
        "message": r"\s*'\w+' is validated against ConfigStore schema",
        "category": UserWarning,
    },  # hydra's, without a place
    {"message": r".*torch\.cuda\.amp\.", "category": FutureWarning},
    {"message": r".*'pin_memory' argument is set as true but no accelerator", "category": UserWarning},
)


class _WithoutDumps(logging.Filter):
    """Drops records whose message is an object: the loop logs its configuration and its model so."""

    def filter(self, record: logging.LogRecord) -> bool:
        return isinstance(record.msg, str)


def set_quiet(quiet: bool) -> None:
    """Leave out, or let through again, the two dumps of fairseq's loop, its lines per file, and the warnings."""
    logger = logging.getLogger(_LOOP)
    old = [found for found in logger.filters if isinstance(found, _WithoutDumps)]
    if quiet == bool(old):
        return
    for name in _FILES:
        logging.getLogger(name).setLevel(logging.WARNING if quiet else logging.NOTSET)
    for filter_ in old:
        logger.removeFilter(filter_)
    if quiet:
        logger.addFilter(_WithoutDumps())
        for kind in _WARNINGS:
            warnings.filterwarnings("ignore", **kind)  # type: ignore[arg-type]


@contextlib.contextmanager
def without_bars_lines() -> Iterator[None]:
    """Within the block fairseq's progress bars log nothing; what they tell TensorBoard and the like stays."""
    logger = logging.getLogger(_BARS)
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before
