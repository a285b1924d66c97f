"""Time and peak memory of every method against a plain run and against Hugging Face's Trainer, in one table.

    python examples/benchmarks/compare.py                         # XLM-R base, its vocabulary, XNLI's lengths
    python examples/benchmarks/compare.py --encoder FOLDER        # one with XLM-R's tokenizer, as the hub has it
    python examples/benchmarks/compare.py --length 64 --only "Hugging Face"   # batches of 32 x 64, no padding
    python examples/benchmarks/compare.py --bf16 --json base-bf16.json

Everything runs as a user starts it, in a process of its own: ``xl-train``, ``xl-evaluate``, and ``Trainer`` (with
accelerate; without it the same steps by hand). All start from the same weights and head. Each contender runs beside a
plain run of its own, a unit of work in turn (an update with what comes before it: batches, logging; a batch of
prediction), so that a machine that slows down slows both; those of a round cover an epoch. Texts are invented: as long
as XNLI's English pairs, of as many different pieces, with translations 1.09 times as long. Ratios are those of rounds,
median and quartiles; the first round warms up and does not count. Peaks are of the process since its first update,
resident memory (on cuda what torch allocated). ``Hugging Face`` reads the batches of the plain run, the other two rows
shuffle. Its columns divide by the row ``Hugging Face``, for prediction by its prediction.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from comparison import ours, theirs
from comparison.data import SHAPES, Writer, make_encoder
from comparison.gate import Gate

from xl_plugins.output import atomic_file

PLAIN, PREDICTION, XLA = "plain", "prediction", "XLA"
HF = "Hugging Face"
ROWS = [PLAIN, *theirs.ORDERS, *[name for name in ours.RUNS if name != PLAIN], PREDICTION]  # XLA has a second row
REFERENCES = {PREDICTION: theirs.PREDICTION}  # beside a plain run otherwise


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--shape", choices=list(SHAPES), default="base", help="encoder of random weights (default: base)")
    what.add_argument("--encoder", metavar="FOLDER", help="encoder with tokenizer, as Hugging Face's hub has it")
    parser.add_argument("--only", help="these rows, separated by commas, in place of all: " + ", ".join(ROWS))
    parser.add_argument("--rounds", type=int, default=5, help="after one to warm up (default: 5)")
    parser.add_argument("--updates", type=int, default=16, help="of a round, an epoch (default: 16)")
    parser.add_argument("--batch", type=int, default=32, help="rows of a batch (default: 32)")
    parser.add_argument("--length", type=int, default=0, help="pieces of every row (default: those of XNLI)")
    parser.add_argument("--dropout", type=float, default=0.1, help="of all kinds (default: 0.1)")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default: cpu)")
    parser.add_argument("--bf16", action="store_true", help="bfloat16, each side in its own way (default: float32)")
    parser.add_argument(
        "--clock", choices=("wall", "cpu"), default="wall",
        help="wall: seconds that pass (default); cpu: processor seconds, for a busy machine",
    )  # fmt: skip
    parser.add_argument("--json", metavar="FILE", help="write all that was measured")
    parser.add_argument("--folder", help="keep data, encoder and logs there (default: a temporary folder)")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)  # name and descriptor of a measured process
    return parser


class Contender:
    """A measured process."""

    def __init__(self, name: str, folder: Path, facts: dict[str, Any]) -> None:
        self.name, self.log = name, folder / f"{name}.log"
        self.units = facts["updates"] * ours.UPDATES.get(name, 1)
        reports, report = os.pipe()
        with open(self.log, "a") as log:
            self.process = subprocess.Popen(
                [sys.executable, __file__, "--folder", str(folder), "--child", name, str(report)],
                stdin=subprocess.PIPE, stdout=log, stderr=log, pass_fds=[report], text=True,
            )  # fmt: skip
        os.close(report)
        self.reports = os.fdopen(reports)
        self.found: list[dict[str, Any]] = []

    def unit(self, number: int) -> None:
        """Let it do one unit of round ``number``."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write("go\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended, see below
        for line in self.reports:
            self.found.append({**json.loads(line), "round": number})
            if self.found[-1]["kind"] != ours.LABELLING:
                return
        sys.exit(f"{self.name}: ended early\n" + "\n".join(self.log.read_text().splitlines()[-5:]))

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        self.reports.close()


def child(name: str, report: int, folder: Path) -> None:
    """A measured process, or one that prepares for them."""
    facts = json.loads((folder / "facts.json").read_text())
    gate = Gate(report, facts["device"] != "cpu") if report >= 0 else None
    if gate is None:
        {"teacher": ours.teach, "batches": ours.batches}[name](folder, facts)
    elif name in theirs.ORDERS:
        theirs.train(name, folder, facts, gate)
    elif name == theirs.PREDICTION:
        theirs.predict(folder, facts, gate)
    elif name == PREDICTION:
        ours.predict(folder, facts, gate)
    else:
        ours.train(name, folder, facts, gate)


def prepare(folder: Path, args: argparse.Namespace) -> dict[str, Any]:
    """Data, encoder and what the measured processes need besides; what they are told."""
    facts = {name: getattr(args, name) for name in ("batch", "updates", "dropout", "device", "bf16", "length")}
    facts |= {"epochs": args.rounds + 1, "last": 10 * args.updates * (args.rounds + 1)}
    (folder / "facts.json").write_text(json.dumps(facts))
    _, encoder = make_encoder(folder, args.shape, args.encoder, args.dropout)
    Writer(folder / "data", encoder, args.updates * args.batch, args.length).write()
    for name in ("batches", "teacher"):
        words = [sys.executable, __file__, "--folder", str(folder), "--child", name, "-1"]
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            sys.exit(f"{name}: failed\n{done.stdout[-3000:]}")
    return facts


def measure(name: str, folder: Path, facts: dict[str, Any], rounds: int) -> dict[str, list[dict[str, Any]]]:
    """Units of a contender and of what runs beside it, after the round that warms up."""
    names = [REFERENCES.get(name, PLAIN), *([name] if name != PLAIN else [])]
    pair = [Contender(one, folder, facts) for one in names]
    try:
        for number in range(rounds + 1):
            for step in range(max(one.units for one in pair)):
                for one in pair[:: -1 if step % 2 else 1]:  # nobody always comes first
                    if step < one.units:
                        one.unit(number)
    finally:
        for one in pair:
            one.end()
    return {one.name: one.found for one in pair}


def seconds(found: list[dict[str, Any]], kind: str, clock: str, batch: int, rounds: int) -> list[float]:
    """Seconds of a batch in each round that counts; rounds without a unit of the kind are left out."""
    made = []
    for number in range(1, rounds + 1):
        units = [one for one in found if one["round"] == number and one["kind"] == kind]
        if units:
            made.append(batch * sum(one[clock] for one in units) / sum(one["rows"] for one in units))
    return made


def summary(values: list[float]) -> dict[str, float]:
    """Median and quartiles."""
    first, middle, third = statistics.quantiles(values, method="inclusive") if len(values) > 1 else 3 * values
    return {"median": middle, "first_quartile": first, "third_quartile": third}


def row_of(name: str, kind: str, found: dict[str, list[dict[str, Any]]], args: argparse.Namespace) -> dict[str, Any]:
    """Facts that the table states of a contender beside its reference."""
    own, other = found[name], found[REFERENCES.get(name, PLAIN)]
    reference = seconds(other, other[0]["kind"], args.clock, args.batch, args.rounds)
    took = seconds(own, kind, args.clock, args.batch, args.rounds)
    if kind == ours.LABELLING:  # between stages, not in every round
        reference = [statistics.median(reference)] * len(took)
    peak = [max(one["peak"] for one in units) for units in (own, other)]
    return {
        "seconds": summary(took), "peak_gib": peak[0], "loaded_gib": own[0]["loaded"],
        "time": summary([mine / theirs for mine, theirs in zip(took, reference)]), "memory": peak[0] / peak[1],
        "reference": REFERENCES.get(name, PLAIN), "first_loss": own[0].get("loss"),
    }  # fmt: skip


def table(rows: dict[str, dict[str, Any]]) -> list[str]:
    """Lines of text."""
    lines = [
        f"{'':32}{'seconds a batch':>16}{'x plain (quartiles)':>26}{'x HF':>8}{'peak GiB':>10}{'x plain':>9}{'x HF':>7}"
    ]
    theirs_row = rows.get(HF)
    for name, row in rows.items():
        ratio, memory = row["time"]["median"], row["memory"]
        quartiles = f"{row['time']['first_quartile']:.3f} to {row['time']['third_quartile']:.3f}"
        if row["reference"] == PLAIN:
            plain = [f"{ratio:.3f} ({quartiles})", f"{memory:.3f}"]
            hf = (
                [f"{ratio / theirs_row['time']['median']:.3f}", f"{memory / theirs_row['memory']:.3f}"]
                if theirs_row
                else ["", ""]
            )
        else:
            plain, hf = [f"HF: ({quartiles})", ""], [f"{ratio:.3f}", f"{memory:.3f}"]
        lines.append(
            f"{name:32}{row['seconds']['median']:16.3f}{plain[0]:>26}{hf[0]:>8}{row['peak_gib']:10.2f}{plain[1]:>9}{hf[1]:>7}"
        )
    return lines


def compare(args: argparse.Namespace, folder: Path) -> None:
    wanted = [name.strip() for name in args.only.split(",")] if args.only else ROWS
    unknown = [name for name in wanted if name not in ROWS]
    if unknown:
        sys.exit(f"--only {', '.join(unknown)}: expected some of {', '.join(ROWS)}")
    facts = prepare(folder, args)
    rows: dict[str, dict[str, Any]] = {}
    units: dict[str, Any] = {}
    for name in wanted:
        found = units[name] = measure(name, folder, facts, args.rounds)
        rows[name] = row_of(name, "batch" if name == PREDICTION else "update", found, args)
        if name == XLA and any(one["kind"] == ours.LABELLING and one["round"] for one in found[name]):
            rows[ours.LABELLING] = row_of(name, ours.LABELLING, found, args)
        print(f"measured: {name}", file=sys.stderr, flush=True)
    trainer = "Trainer" if theirs.has_trainer() else "the Trainer's steps by hand, as accelerate is not installed"
    about = {
        "encoder": args.encoder or args.shape, "batch": args.batch, "length": args.length or "as in XNLI",
        "updates": args.updates, "rounds": args.rounds, "clock": args.clock, "device": args.device,
        "precision": "bf16" if args.bf16 else "float32", "threads": threads(), "hugging_face": trainer,
    }  # fmt: skip
    print(", ".join(f"{name} {value}" for name, value in about.items()))
    print("\n".join(table(rows)))
    if args.json:
        with atomic_file(Path(args.json)) as file:
            file.write(json.dumps({"about": about, "rows": rows, "units": units}, indent=1) + "\n")


def threads() -> int:
    import torch

    return torch.get_num_threads()


def main() -> None:
    parser = make_parser()
    args = parser.parse_args()
    if args.child:
        return child(args.child[0], int(args.child[1]), Path(args.folder))
    for option in ("json", "folder"):
        if (path := getattr(args, option)) and os.path.lexists(path):
            parser.error(f"--{option} {path}: exists; name a new one")
    if args.encoder and not os.path.isdir(args.encoder):
        parser.error(f"--encoder {args.encoder}: no such folder; give one as Hugging Face's hub has it")
    if args.folder:
        Path(args.folder).mkdir(parents=True)
        compare(args, Path(args.folder))
    else:
        with tempfile.TemporaryDirectory() as folder:
            compare(args, Path(folder))


if __name__ == "__main__":
    main()
