"""The purpose of this process, as far as its command line tells."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

_HELP = {"-h", "--help", "--version"}


def asks_for_help(argv: Sequence[str] | None = None) -> bool:
    """Whether this is a command of the package that prints its help or version and ends.

    The help of ``xl-train --task X`` lists fairseq's options and the task's, for which everything must be registered.
    """
    words = list(sys.argv if argv is None else argv)
    if not words or not os.path.basename(words[0]).startswith("xl-"):
        return False
    given = words[1 : words.index("--")] if "--" in words else words[1:]
    task = any(word == "--task" or word.startswith("--task=") for word in given)
    return bool(_HELP & set(given)) and not task
