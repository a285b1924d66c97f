"""``xl-augment code-switch``: the options and the output of it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..arguments import seed, whole
from ..augment.code_switch import options as defaults
from ..augment.code_switch.options import SwitchOptions
from ..augment.primitives.base import CHOICES
from ..augment.primitives.dictionaries import ALL
from ..formats.languages import check_language
from ..terminal import say
from .shared.generation import add_job, check_shard, run_jobs

SUMMARY = "make code-switched copies of the training text with bilingual dictionaries (a pool of XLA)"
EPILOG = """\
Every word of the source language's training text draws, with probability --ratio, one of the languages and is replaced
by a translation that the language's dictionary lists (CoSDA-ML, as --augment cs of training does it anew each epoch).
Writes DATA/<source>/code-switch/, without labels: a pool of --task xla_cotrain_task. The article of XLA makes its pools
with a language model (xl-augment vicinity); this one needs dictionaries and no model. A run that was stopped goes on
where it was. With --shard I/N several processes or machines share the work in one folder; when all are through, the
same command without --shard writes the result, the same as from one process.

examples:
  xl-augment code-switch data-bin/panx --dictionaries raw/dictionaries --languages de,fr --samples 3
  xl-train data-bin/panx --task xla_cotrain_task --xla-target de \\
      --xla-datasets "1:src,tgt,en/code-switch|2:tgt_virt|3:src,tgt,en/code-switch,tgt_virt" ...
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", metavar="DATA", help="data folder of sentence pairs or tagging made by xl-prepare")
    parser.add_argument(
        "--dictionaries", required=True, metavar="DIR",
        help="folder with MUSE dictionaries such as en-de.txt, a word and its translation per line",
    )  # fmt: skip
    parser.add_argument(
        "--languages", default=ALL, metavar="de,fr,...",
        help="languages to switch into (default: all that have a dictionary)",
    )  # fmt: skip
    parser.add_argument(
        "--ratio", type=float, default=defaults.RATIO, metavar="R",
        help="share of words for which a language is drawn (default: %(default)s, xTune's scripts; PAWS-X 0.5)",
    )  # fmt: skip
    parser.add_argument(
        "--samples", type=whole(), default=1, metavar="N", help="copies of every row (default: %(default)s)"
    )
    parser.add_argument(
        "--choice", default=CHOICES[0], choices=CHOICES,
        help="draw the language among all, so that a word it lacks stays, or among those that list the word (default:"
        " %(default)s, xTune's code)",
    )  # fmt: skip
    parser.add_argument("--lower", action="store_true", help="lower-case a text before words are switched (CoSDA-ML)")
    parser.add_argument(
        "--sentence-ratio", type=float, default=1.0, metavar="R",
        help="share of texts in which words are switched (CoSDA-ML; default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--keep-duplicates", action="store_true",
        help="keep copies that equal their row or another copy of it, which are dropped else",
    )  # fmt: skip
    parser.add_argument("--seed", type=seed, default=1, metavar="N", help="of all draws (default: %(default)s)")
    parser.add_argument(
        "--name", default=defaults.NAME, help="folder below that of the language (default: %(default)s)"
    )
    parser.add_argument(
        "--source-language", metavar="LANG", help="whose text is switched (default: that of the data folder, else en)"
    )
    add_job(parser, "texts made with other options")


def run(args: argparse.Namespace) -> int:
    from ..augment.code_switch.job import KIND, CodeSwitchJob
    from ..data.binary.layout import DataBin

    check_shard(args, ())
    KIND.check_name(args.name)
    source = args.source_language and check_language(args.source_language, "--source-language")
    options = SwitchOptions(
        args.languages, args.ratio, args.samples, args.choice, args.lower, args.sentence_ratio, args.keep_duplicates,
        args.seed,
    )  # fmt: skip
    job = CodeSwitchJob(DataBin(Path(args.data), source), args.dictionaries, options, args.name)
    if job.pieces.warning:
        say(f"warning: {job.pieces.warning}", file=sys.stderr)
    run_jobs(args, [job], lambda *_: job.maker())
    return 0


__all__ = ["EPILOG", "SUMMARY", "add_arguments", "run"]
