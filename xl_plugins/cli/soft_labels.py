"""``xl-augment soft-labels``: the options of it; the job is in :mod:`xl_plugins.evaluation.soft_labels`."""

from __future__ import annotations

import argparse

from ..arguments import whole
from .shared.generation import add_job, check_shard, run_jobs

SUMMARY = "tag translated training text with a source-language model; one probability distribution per word"
EPILOG = """\
Writes DATA/<lang>/soft/train.npy, which training reads with --target-labels soft. With --output also text files
<source>-<lang>.tsv (word TAB p1;p2;..., classes as in label/dict.txt, a blank line after every sentence), which
xl-prepare udpos and panx find in RAW/soft-labels. A run that was stopped goes on where it was. With --shard I/N several
processes or machines share the work in one folder; when all are through, the same command without --shard writes the
result, the same as from one process.

example:
  xl-augment soft-labels data-bin/panx --path runs/zero-shot/checkpoint_best.pt --output raw/panx/soft-labels
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", metavar="DATA", help="binarised tagging folder with translated training text")
    parser.add_argument("--path", required=True, metavar="CKPT", help="checkpoint of task xl_tagging")
    parser.add_argument("--languages", metavar="de,fr,...", help="these languages only (default: all but the source)")
    parser.add_argument("--output", metavar="DIR", help="write text files DIR/<source>-<lang>.tsv as well")
    add_job(parser, "existing soft labels")
    parser.add_argument("--batch-size", type=whole(), metavar="N", help="most sentences in a batch (default: 64)")
    parser.add_argument("--max-tokens", type=whole(), metavar="N", help="most positions in a batch")
    parser.add_argument("--device", metavar="DEVICE", help="cpu, cuda, cuda:1 (default: cuda when there is one)")
    precision = parser.add_mutually_exclusive_group()
    precision.add_argument("--fp16", action="store_true", help="compute in float16 (CUDA only)")
    precision.add_argument("--bf16", action="store_true", help="compute in bfloat16")
    parser.set_defaults(mixup_inference=None, inference_average=None)


def run(args: argparse.Namespace) -> int:
    from ..evaluation import soft_labels

    check_shard(args, ["output"])
    job = soft_labels.open_job(args)
    run_jobs(args, [job], lambda *_: job.tuned)
    return 0
