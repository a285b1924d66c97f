"""The part of a checkpoint's record that says how it came about: method and versions."""

import fairseq
import torch

from ..version import __version__

PLAIN = "plain"


def method_of(*kinds: type | None) -> str:
    """The method that the first of these classes (a task, a criterion) belongs to by its folder; else plain."""
    for kind in kinds:
        _, _, rest = (kind.__module__ if kind else "").partition(".methods.")
        if (name := rest.partition(".")[0]) not in ("", PLAIN):
            return name
    return PLAIN


def versions() -> dict[str, str]:
    """The programs that train."""
    return {"xl_plugins": __version__, "fairseq": str(fairseq.__version__), "torch": str(torch.__version__)}
