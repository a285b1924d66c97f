#!/usr/bin/env python3
"""Tables of the study as Markdown: every system by language with p-values against the data set's first, and costs.

    examples/experiments/study/report.py --results DIR > RESULTS.md     # DIR holds results.jsonl and results/

Seeds of a system are shown as their mean. ``--notes FILE`` puts that text before the tables.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from results import read_results

from xl_plugins.arguments import Parser
from xl_plugins.cli import evaluate
from xl_plugins.errors import UserError, run_cli
from xl_plugins.evaluation.report.result import Result, read_json, to_json

Lines = list[dict[str, Any]]
# title of the table, the system that the others are compared with, and which systems belong to it
FAMILIES: tuple[tuple[str, str, Callable[[str], bool]], ...] = (
    ("", "zero-shot", lambda name: not name.startswith(("salt", "xla-"))),
    ("SALT", "salt-plain", lambda name: name.startswith("salt")),
    ("XLA, mean of three models", "xla-0", lambda name: name.startswith("xla-") and not name.endswith("-ensemble")),
    ("XLA, ensembles", "xla-0-ensemble", lambda name: name.startswith("xla-") and name.endswith("-ensemble")),
)


def make_parser() -> argparse.ArgumentParser:
    parser = Parser(prog="report.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, required=True, metavar="DIR", help="folder of results.jsonl")
    parser.add_argument("--notes", type=Path, metavar="FILE", help="Markdown to begin with")
    return parser


def grouped(lines: Lines) -> Iterator[tuple[str, dict[str, Lines]]]:
    """Data sets in the order of the file, each with its systems and their seeds; learning-rate searches left out."""
    for dataset in dict.fromkeys(line["dataset"] for line in lines):
        systems: dict[str, Lines] = {}
        for line in lines:
            if line["dataset"] == dataset and not line["system"].startswith("search-"):
                systems.setdefault(line["system"], []).append(line)
        if systems:
            yield dataset, systems


def families(systems: dict[str, Lines]) -> Iterator[tuple[str, dict[str, Lines]]]:
    """Systems with the one that they are compared with, which stands first: SALT's and XLA's have their own, because
    they start from another encoder or are three models."""
    for title, baseline, belongs in FAMILIES:
        found = {name: lines for name, lines in systems.items() if belongs(name)}
        if found:
            first = baseline if baseline in found else next(iter(found))
            yield title, {first: found.pop(first), **found}


def comparison(folder: Path, systems: dict[str, Lines]) -> str:
    """The table of ``xl-evaluate --compare``; systems that were scored in other languages stand in tables of their own,
    beside the first system."""
    first, *others = systems
    languages = {name: frozenset(lines[0]["scores"]) for name, lines in systems.items()}
    parts = []
    with tempfile.TemporaryDirectory() as temporary:
        for number, same in enumerate(dict.fromkeys(languages[name] for name in others or [first])):
            chosen = [first, *(name for name in others if languages[name] == same)]
            files = [Path(temporary, f"{number}-{name}.json") for name in chosen]
            for name, file in zip(chosen, files):
                file.write_text(to_json(_seeds(folder, systems[name], same)), encoding="utf-8")
            more = ["--significance"] if len(chosen) > 1 else []
            parts.append(_compare(list(map(str, files)), chosen, more))
    return "\n\n".join(parts)


def _seeds(folder: Path, lines: Lines, languages: Collection[str]) -> list[Result]:
    """Results of a system's seeds, in some languages."""
    results = [one for line in lines for one in read_json(str(folder / "results" / f"{line['run']}.json"))]

    def only(values: dict[str, Any]) -> dict[str, Any]:
        return {language: value for language, value in values.items() if language in languages}

    return [replace(one, counts=only(one.counts), examples=only(one.examples), missing=[]) for one in results]


def _compare(files: Sequence[str], names: Sequence[str], more: Sequence[str]) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        evaluate.main(["--compare", *files, "--names", ",".join(names), "--format", "markdown", *more])
    return out.getvalue().strip()


def costs(systems: dict[str, Lines]) -> str:
    """Updates, and seconds of the steps that made a system, by its first seed: preparation is shared and left out."""
    rows = ["| system | seeds | updates | training, wall s | training, processor s | scoring, wall s |",
            "|---|---:|---:|---:|---:|---:|"]  # fmt: skip
    for name, lines in systems.items():
        seconds = lines[0]["seconds"]
        trained = [cost for step, cost in seconds.items() if step.rpartition("-")[2].isdecimal()]
        scored = [cost for step, cost in seconds.items() if step.endswith(".score")]
        wall, cpu, score = (sum(cost[kind] for cost in part) for part, kind in
                            ((trained, "wall"), (trained, "cpu"), (scored, "wall")))  # fmt: skip
        rows.append(f"| {name} | {len(lines)} | {lines[0]['updates']} | {wall:.0f} | {cpu:.0f} | {score:.0f} |")
    return "\n".join(rows)


def searches(lines: Lines) -> str:
    """Scores of the learning-rate searches on the source's dev sets."""
    found: dict[str, dict[str, float]] = {}
    for line in lines:
        if line["system"].startswith("search-"):
            score = next(iter(line["scores"].values()))
            found.setdefault(line["dataset"], {})[line["system"].removeprefix("search-")] = score
    if not found:
        return ""
    rates = list(dict.fromkeys(rate for scores in found.values() for rate in scores))
    rows = [["data set", *rates]]
    for dataset, scores in found.items():
        rows.append([dataset, *(f"{scores[rate]:.1f}" if rate in scores else "" for rate in rates)])
    return "\n\n".join(["## Learning rates of plain fine-tuning, score on the source's dev set", _table(rows), ""])


def language_model(folder: Path) -> str:
    """Masked-LM loss by language before and after training, and what dictionaries say of SALT's substitutes."""
    parts = []
    before, after = (folder / "results" / "lm" / f"{name}.json" for name in ("before", "after"))
    if before.is_file() and after.is_file():
        losses = [json.loads(path.read_text(encoding="utf-8"))["masked_lm"] for path in (before, after)]
        rows = [["language", "loss before", "after, nats", "right before", "after, %"]]
        for language in losses[0]:
            values = [one[language] for one in losses]
            rows.append(
                [language, *(f"{one['loss']:.2f}" for one in values), *(f"{one['right']:.1f}" for one in values)]
            )
        parts.append(_table(rows))
    for path in sorted((folder / "results").glob("*/salt-counterparts.json")):
        entries = json.loads(path.read_text(encoding="utf-8"))
        shares = {name: entry["counts"].get("translated_above") for name, entry in entries.items()}
        judged = {name: values for name, values in shares.items() if values}
        if judged:
            columns = list(next(iter(judged.values())))
            rows = [[f"{path.parent.name}: translations, %, above", *columns]]
            for name, values in judged.items():
                rows.append([name, *("" if values[at] is None else f"{100 * values[at]:.1f}" for at in columns)])
            parts.append(_table(rows))
    return "\n\n".join(["## Language model", *parts, ""]) if parts else ""


def _table(rows: list[list[str]]) -> str:
    head, *body = (f"| {' | '.join(row)} |" for row in rows)
    return "\n".join([head, f"|---|{'---:|' * (len(rows[0]) - 1)}", *body])


def main(argv: list[str] | None = None) -> int:
    args = make_parser().parse_args(argv)
    lines = list(read_results(args.results / "results.jsonl").values())
    if not lines:
        raise UserError(f"--results {args.results}: holds no results.jsonl; run run.py first")
    parts = [args.notes.read_text(encoding="utf-8").strip(), ""] if args.notes else []
    for dataset, systems in grouped(lines):
        parts += [f"## {dataset}", ""]
        for title, family in families(systems):
            heading = [f"### {dataset}: {title}", ""] if title else []
            parts += [*heading, comparison(args.results, family), "", costs(family), ""]
    parts += [language_model(args.results), searches(lines)]
    with contextlib.suppress(BrokenPipeError):
        print("\n".join(parts).rstrip())
    return 0


if __name__ == "__main__":
    run_cli(main)
