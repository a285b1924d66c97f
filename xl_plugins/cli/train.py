"""``xl-train``: fairseq-train with the plug-in loaded, from whichever folder it is called.

``xl-train DATA --task xmixup_sentence_pair ...`` is ``fairseq-train DATA --user-dir FOLDER --task ...`` with the folder
of the installed package; all other options are fairseq-train's. On several machines or processes:
``torchrun --nproc_per_node 4 -m xl_plugins.cli.train DATA ...``.
"""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Sequence

import xl_plugins
from xl_plugins.errors import UserError, run_cli
from xl_plugins.methods import TASKS
from xl_plugins.starting.task_names import ALIASES

_OF_ONE, _OF_ANY = ([task for task in TASKS if bool(TASKS[task]) is one] for one in (True, False))
_COUNT = ("none", "one", "two", "three", "four")[len(_OF_ANY)]
_NAMES = ", ".join([*_OF_ONE, *ALIASES, *_OF_ANY])
NAMES = textwrap.fill(f"tasks: {_NAMES} (the last {_COUNT} with --problem)", 118)
HELP = f"""\
xl-train DATA --task TASK [options of fairseq-train]

fairseq-train with this plug-in loaded. The options depend on the task; show them with
  xl-train --task xl_sentence_pair --help
{NAMES}

example:
  xl-train data-bin/xnli --task xmixup_sentence_pair --arch xmixup_xlmr --restore-file xlmr.base/model.pt --lr 5e-6 \\
      --save-dir outputs/xnli-xmixup
"""


def with_plugin(words: Sequence[str]) -> list[str]:
    """The arguments of ``fairseq-train``: these, and where the package lies."""
    if _has(words, "--user-dir"):
        raise UserError("--user-dir: xl-train loads this package itself; leave it out, or call fairseq-train")
    if not _has(words, "--task"):  # fairseq would end in a traceback, since no architecture follows
        raise UserError("--task: not given; choose what is trained, such as xl_sentence_pair (xl-train --help)")
    return [*words, "--user-dir", os.path.dirname(os.path.abspath(xl_plugins.__file__))]


def _has(words: Sequence[str], option: str) -> bool:
    return any(word.split("=")[0] == option for word in words)


def main(argv: list[str] | None = None) -> int:
    words = sys.argv[1:] if argv is None else argv
    if "--version" in words:
        print(f"xl_plugins {xl_plugins.__version__}")
        return 0
    if not words or (set(words) & {"-h", "--help"} and not _has(words, "--task")):
        print(HELP, end="")
        return 0 if words else 2
    from fairseq_cli.train import cli_main as fairseq_main

    sys.argv = [sys.argv[0], *with_plugin(words)]
    fairseq_main()
    return 0


def cli_main() -> None:
    run_cli(main)


if __name__ == "__main__":
    cli_main()
