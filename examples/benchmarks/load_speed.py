"""Start of training on a large data folder: seconds until the first batch, and memory.

    python examples/benchmarks/load_speed.py data-bin/panx --task xl_tagging
    python examples/benchmarks/load_speed.py data-bin/squad --task xl_qa --train-languages en

Builds the task, opens the training data of all languages asked for, orders and batches it, and collates one batch. The
memory printed is the peak resident size, and how much it rose over that of the imports; pages of memory-mapped files
that were touched count too.
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np
from fairseq import options, tasks
from fairseq.dataclass.utils import convert_namespace_to_omegaconf

import xl_plugins  # noqa: F401  (registers tasks, models and criterions)


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="binarised folder")
    parser.add_argument("--task", required=True, help="task that reads it, such as xl_tagging")
    parser.add_argument("--train-languages", default="source", help="as in fairseq-train (default: source)")
    parser.add_argument("--batch", type=int, default=16, help="examples per batch (default: 16)")
    return parser


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    args = make_parser().parse_args()
    words = [args.data, "--task", args.task, "--train-languages", args.train_languages, "--cpu"]
    cfg = convert_namespace_to_omegaconf(options.parse_args_and_arch(options.get_training_parser(), words))
    before, start = peak_mib(), time.perf_counter()
    task = tasks.setup_task(cfg.task)
    dataset = task.load_dataset("train")
    opened = time.perf_counter()
    np.random.seed(1)
    batches = dataset.batch_by_size(dataset.ordered_indices(), max_sentences=args.batch)
    batch = dataset.collater([dataset[index] for index in batches[0]])
    done = time.perf_counter()
    shape = tuple(batch["net_input"]["src_tokens"].shape)
    print(f"{len(dataset):,} examples in {len(batches):,} batches; the first is of shape {shape}")
    print(f"opened in {opened - start:.2f} s, first batch after {done - start:.2f} s")
    print(f"peak memory {peak_mib():.0f} MiB, {peak_mib() - before:.0f} MiB above the imports")


if __name__ == "__main__":
    main()
