"""Peak memory of co-training three members (XLA) against fine-tuning one model, in real runs of fairseq-train.

    python examples/benchmarks/xla_memory.py                    # 6 layers x 512, 60,000 types, on the CPU
    python examples/benchmarks/xla_memory.py --device cuda --layers 12 --width 768 --types 250002

Every run is a process of its own on invented tagging data, with the same batches and as many updates; co-training
goes through the warm-up of its members into the first stage of adaptation. Printed are peaks of resident memory (on
cuda of what torch allocated) above that of the same process before it built its model, of labelling a pool on its own
and of everything else, and what the weights take as counted: members, one gradient, one state of Adam, and with
``--xla-select best`` the copy of a member that is kept in main memory. What one model needs besides (activations, what
Adam computes with) is taken from its run.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from fairseq import tasks
from fairseq_cli.train import cli_main
from salt_speed import resident
from xla_parts import tagging_data

import xl_plugins
from xl_plugins.methods.xla.cotraining.labelling import Labeller
from xl_plugins.methods.xla.model import MEMBERS

TEXTS = {"en/train": 64, "de/train": 512, "en/valid": 16, "de/valid": 16}
RUNS = {
    "one model": ["--task", "xl_tagging", "--arch", "xl_xlmr"],
    "XLA, last": ["--xla-select", "last"],
    "XLA, best": ["--xla-select", "best"],
}
XLA = (
    "--task xla_cotrain_task --problem tagging --arch xla_cotrain_xlmr --xla-target de --xla-epochs 1"
    " --xla-datasets 1:src,tgt --distill-eta 100"
)


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layers", type=int, default=6, help="of the encoder (default: 6)")
    parser.add_argument("--width", type=int, default=512, help="of the encoder, 64 per head (default: 512)")
    parser.add_argument("--types", type=int, default=60000, help="vocabulary with special tokens (default: 60,000)")
    parser.add_argument("--batch", type=int, default=8, help="sentences per update (default: 8)")
    parser.add_argument("--updates", type=int, default=2, help="of a stage of the warm-up (default: 2)")
    parser.add_argument("--label-tokens", type=int, default=16384, help="as --xla-label-tokens (default: 16384)")
    parser.add_argument("--interval", type=int, default=0, help="updates between checkpoints within a stage (0: none)")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default: cpu)")
    parser.add_argument("--note", help=argparse.SUPPRESS)  # run fairseq-train with the arguments after --
    return parser


class Peak:
    """The peak of memory since the last look, in bytes."""

    def __init__(self, cuda: bool) -> None:
        self.cuda = cuda

    def now(self) -> int:
        return torch.cuda.memory_allocated() if self.cuda else resident("VmRSS")

    def look(self) -> int:
        if self.cuda:
            peak = torch.cuda.max_memory_allocated()
            torch.cuda.reset_peak_memory_stats()
            return peak
        peak = resident("VmHWM")
        Path("/proc/self/clear_refs").write_text("5")
        return peak


def note_memory(path: Path, words: list[str]) -> None:
    """``fairseq-train`` in this process; bytes before and after building the model, and peaks, into a file."""
    peak = Peak("--cpu" not in words)
    found = {"training": 0, "labelling": 0}
    set_up, label = tasks.setup_task, Labeller._label

    def set_up_noting(*args: Any, **kwargs: Any) -> Any:
        task = set_up(*args, **kwargs)
        build = task.build_model

        def build_model(*args: Any, **kwargs: Any) -> Any:
            found["before"] = peak.now()
            model = build(*args, **kwargs)
            member = getattr(model, "members", [model])[0]
            found["built"] = peak.now()
            found["weights"] = sum(4 * p.numel() for p in member.parameters())
            found["trained"] = sum(4 * p.numel() for p in member.parameters() if p.requires_grad)
            return model

        task.build_model = build_model
        return task

    def label_noting(*args: Any) -> Any:
        found["training"] = max(found["training"], peak.look())
        found.setdefault("first", found["training"])
        labels = label(*args)
        found["labelling"] = max(found["labelling"], peak.look())
        return labels

    sys.argv = ["fairseq-train", *words]
    with mock.patch.object(tasks, "setup_task", set_up_noting), mock.patch.object(Labeller, "_label", label_noting):
        cli_main()
    found["training"] = max(found["training"], peak.look())
    path.write_text(json.dumps(found))


def run(name: str, data: Path, args: argparse.Namespace) -> dict[str, int]:
    """Bytes of a run."""
    words = [str(data), "--user-dir", str(Path(xl_plugins.__file__).parent), *RUNS[name]]
    updates = MEMBERS * args.updates
    if name != "one model":
        share = args.updates * args.batch / TEXTS["en/train"]
        words += [*XLA.split(), "--xla-warmup-passes", str(share), "--xla-passes", str(share)]
        words += ["--xla-label-tokens", str(args.label_tokens)]
        updates += args.updates
    for option, value in {
        "encoder-layers": args.layers, "encoder-embed-dim": args.width, "encoder-ffn-embed-dim": 4 * args.width,
        "encoder-attention-heads": max(1, args.width // 64), "batch-size": args.batch, "update-freq": 1, "lr": 1e-5,
        "max-update": updates, "num-workers": 0, "log-format": "simple", "max-length": 280,
        "save-interval-updates": args.interval, "keep-interval-updates": 1,
    }.items():  # fmt: skip
        words += [f"--{option}", str(value)]
    words += ["--no-epoch-checkpoints"] + ["--cpu"] * (args.device == "cpu")
    with tempfile.TemporaryDirectory() as folder:
        note, log = Path(folder, "memory.json"), Path(folder, "log")
        with open(log, "w") as output:
            done = subprocess.run(
                [sys.executable, __file__, "--note", str(note), "--", *words, "--save-dir", folder],
                stdout=output, stderr=subprocess.STDOUT,
            )  # fmt: skip
        if done.returncode:
            sys.exit(f"{name}: fairseq-train failed\n{log.read_text()[-3000:]}")
        return json.loads(note.read_text())


def counted(name: str, found: dict[str, int]) -> int:
    """Bytes of the weights, of a gradient and of the state of Adam, and of the copy in main memory."""
    members = 1 if name == "one model" else MEMBERS
    return members * found["weights"] + 3 * found["trained"] + (name == "XLA, best") * found["weights"]


def main() -> None:
    cut = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    args = make_parser().parse_args(sys.argv[1:cut])
    if args.note:
        note_memory(Path(args.note), sys.argv[cut + 1 :])
        return
    with tempfile.TemporaryDirectory() as folder:
        data = tagging_data(Path(folder), args.types, TEXTS, words=25, pieces=1.3)
        rest = single = 0
        for name in RUNS:
            found = run(name, data, args)
            used, weights = found["training"] - found["before"], counted(name, found)
            if name == "one model":
                single, rest = used, used - weights
            print(f"{name}: {mib(found['before'])} before the model, {mib(found['built'] - found['before'])} more with"
                  f" it ({mib(found['weights'])} of a member, {mib(found['trained'])} of them trained)")  # fmt: skip
            print(f"  training: {mib(used)}, {used / single:.3f} x one model; counted weights {mib(weights)}, with the"
                  f" {mib(rest)} that one model needs besides {mib(weights + rest)}; measured : counted"
                  f" {used / (weights + rest):.3f}", flush=True)  # fmt: skip
            if found["labelling"]:
                print(f"  labelling: {mib(found['labelling'] - found['before'])}; training before that"
                      f" {mib(found['first'] - found['before'])}", flush=True)  # fmt: skip


def mib(count: int) -> str:
    return f"{count / 2**20:.0f} MiB"


if __name__ == "__main__":
    main()
