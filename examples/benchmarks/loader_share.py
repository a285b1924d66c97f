"""Share of training time that is spent waiting for data, for any fairseq-train command.

    python examples/benchmarks/loader_share.py --updates 20 -- data-bin/xnli --user-dir xl_plugins \\
        --task xl_sentence_pair --arch xl_xlmr --criterion xtune_criterion --second-view cs \\
        --cs-dictionaries raw/dictionaries --lr 1e-5 --num-workers 1 --cpu

Everything after ``--`` are options of fairseq-train. The updates run through fairseq's own trainer and iterator; what
is counted as waiting is the time between a finished update and the arrival of the next batch. Nothing is saved.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time

from fairseq import options, tasks, utils
from fairseq.data import iterators
from fairseq.dataclass.utils import convert_namespace_to_omegaconf
from fairseq.logging import metrics
from fairseq.trainer import Trainer

from xl_plugins import compat  # noqa: F401  (fairseq's entry points learn our defaults)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--updates", type=int, default=20, help="after two to warm up (default: 20)")
    cut = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    args = parser.parse_args(sys.argv[1:cut])
    words = sys.argv[cut + 1 :]
    cfg = convert_namespace_to_omegaconf(options.parse_args_and_arch(options.get_training_parser(), words))
    utils.import_user_module(cfg.common)
    task = tasks.setup_task(cfg.task)
    trainer = Trainer(cfg, task, task.build_model(cfg.model), task.build_criterion(cfg.criterion))
    epochs = trainer.get_train_iterator(epoch=1, load_dataset=True)
    batches = iterators.GroupedIterator(epochs.next_epoch_itr(shuffle=True), cfg.optimization.update_freq[0])
    waited, trained = [], []
    with metrics.aggregate("train"):
        mark = time.perf_counter()
        for number, samples in enumerate(batches):
            arrived = time.perf_counter()
            trainer.train_step(samples)
            done = time.perf_counter()
            if number >= 2:
                waited.append(arrived - mark)
                trained.append(done - arrived)
            mark = done
            if len(waited) == args.updates:
                break
    total = sum(waited) + sum(trained)
    update, wait = statistics.median(trained), 1000 * statistics.median(waited)
    print(f"{len(waited)} updates, {cfg.dataset.num_workers} data workers: median update {update:.3f} s, median wait "
          f"{wait:.2f} ms, waiting {sum(waited) / total:.2%} of the time")  # fmt: skip


if __name__ == "__main__":
    main()
