"""The share of labelling and selection in every stage of a co-training run (XLA).

    python examples/benchmarks/xla_stage_share.py checkpoints/xla-de [--log train.log]

Reads ``xla_stages.jsonl`` of the run's folder: seconds of the passes over the pools, of selection without them, and of
the stage up to the end of its training. With the log of the same run (``--log-format simple`` or ``json``) a stage is
what passed between the reports of two epochs, so with checkpoints and comparing the members on dev data; fairseq
rounds that to seconds. Of an interrupted stage the former counts what followed the resumption, the log everything.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path

FILE = "xla_stages.jsonl"
_SIMPLE = re.compile(r"\btrain \| epoch (\d+) \|.* \| wall (\d+)\b")
_JSON = re.compile(r'\btrain \| (\{.*"train_wall".*\})')


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help=f"--save-dir of the run, or its {FILE}")
    parser.add_argument("--log", type=Path, help="output of fairseq-train")
    return parser


def wall_seconds(log: Path) -> dict[int, float]:
    """Seconds of every epoch, from fairseq's reports at the ends of epochs; a resumed run reports them again."""
    ends = {0: 0.0}
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        if found := _SIMPLE.search(line):
            ends[int(found[1])] = float(found[2])
        elif found := _JSON.search(line):
            values = json.loads(found[1])
            ends[int(values["epoch"])] = float(values["train_wall"])
    return {epoch: ends[epoch] - ends[epoch - 1] for epoch in ends if epoch - 1 in ends}


def main() -> None:
    args = make_parser().parse_args()
    path = args.run / FILE if args.run.is_dir() else args.run
    if not path.is_file():
        sys.exit(f"{path}: no such file; give the --save-dir of a run of xla_cotrain_task")
    entries = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    walls = wall_seconds(args.log) if args.log else {}
    sums = [0.0, 0.0, 0.0, 0.0]
    print("stage  XLA epoch  member  passes  labelling, s  selection, s  stage, s  share")
    for entry in entries:
        labelling = entry["labelling_seconds"]
        selection = entry.get("selection_seconds", labelling) - labelling  # the former includes labelling
        whole = walls.get(entry["stage"]) if args.log else entry.get("seconds")
        shown = "         ?      ?"
        if whole:
            shown = f"{whole:10.1f} {(labelling + selection) / whole:6.1%}"
            sums = [a + b for a, b in zip(sums, (entry["labelling_passes"], labelling, selection, whole))]
        print(f"{entry['stage']:5d}  {entry['epoch'] or 'warm-up':>9}  {entry['member']:6d}  "
              f"{entry['labelling_passes']:6d}  {labelling:12.2f}  {selection:12.2f}{shown}")  # fmt: skip
    passes, labelling, selection, whole = sums
    if whole:
        print(f"  all                     {passes:6.0f}  {labelling:12.2f}  {selection:12.2f}{whole:10.1f}"
              f" {(labelling + selection) / whole:6.1%}")  # fmt: skip


if __name__ == "__main__":
    main()
