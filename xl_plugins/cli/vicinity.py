"""``xl-augment vicinity``: the options and the output of it."""

from __future__ import annotations

import argparse
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..arguments import seed, whole
from ..augment.vicinity import options as defaults
from ..augment.vicinity.options import VicinityOptions, parse_percent, parse_samples
from ..errors import UserError
from ..formats.languages import parse_languages
from ..problems import PROBLEMS
from ..terminal import say
from .shared.generation import check_report, progress_bar, run_jobs
from .shared.offline import add_running, check_running, model_loader, precision_of, write_report

if TYPE_CHECKING:
    from ..augment.vicinity.generator import Vicinity
    from ..augment.vicinity.job import VicinityJob
    from ..data.binary.layout import DataBin


SUMMARY = "make virtual sentences in which the pre-trained model replaces words (XLA's GEN-LM)"
EPILOG = """\
Of every training sentence of a language, words are chosen at random and masked one at a time; each time the most
probable piece of the pre-trained masked language model takes the word's place. Writes DATA/<lang>/vicinity/, without
labels: the pools src_virt and tgt_virt of --task xla_cotrain_task. Needs the text alone, and no trained model. A run
that was stopped goes on where it was. With --shard I/N several processes or machines share the work in one folder; when
all are through, the same command without --shard writes the result, the same as from one process.

examples:
  xl-augment vicinity data-bin/panx --path xlmr.large/model.pt --languages en,de --fp16
  xl-augment vicinity data-bin/pawsx --path xlmr.large/model.pt --languages en,de --percent 40
  xl-augment vicinity data-bin/xnli --path xlmr.base/model.pt --languages zh --genlm-unit piece --report-only --show 5
"""
_SAMPLE = 1000  # rows of a report


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", metavar="DATA", help="data folder of sentence pairs or tagging made by xl-prepare")
    parser.add_argument("--path", required=True, metavar="CKPT", help="pre-trained model, xlmr.base/model.pt")
    parser.add_argument(
        "--languages", metavar="en,de,...", help="whose training text is read (default: all that have one)"
    )
    parser.add_argument(
        "--percent", default=defaults.PERCENT, metavar="P",
        help="words of a sentence that are replaced, at least one (default: %(default)s; XLA's Table 8: 30, PAWS-X 40)",
    )  # fmt: skip
    parser.add_argument(
        "--samples", metavar="N",
        help="virtual sentences per sentence, delta (default: 3 for tagging; 2,2 for pairs, of which all combinations"
        " are made; XLA's Table 8)",
    )  # fmt: skip
    parser.add_argument(
        "--seed", type=seed, default=1, metavar="N", help="of the choice of words (default: %(default)s)"
    )
    parser.add_argument(
        "--rounds", type=whole(), default=1, metavar="N", help="do all of it N times with other words (default: 1)"
    )
    parser.add_argument(
        "--name", default=defaults.NAME, help="folder below that of the language (default: %(default)s)"
    )
    _add_rules(parser)
    _add_running(parser)


def _add_rules(parser: argparse.ArgumentParser) -> None:
    rules = parser.add_argument_group("rules of replacement")
    rules.add_argument(
        "--genlm-unit", default=defaults.SLOTS[0], choices=defaults.SLOTS,
        help="mask whole words, or single pieces in languages without spaces; tagging: word (default: %(default)s)",
    )  # fmt: skip
    rules.add_argument(
        "--genlm-min-chars", type=whole(), metavar="N",
        help="characters of a word that may be replaced (default: 3, XLA's released code; 1 with --genlm-unit piece)",
    )  # fmt: skip
    rules.add_argument(
        "--genlm-min-words", type=whole(), default=defaults.MIN_WORDS, metavar="N",
        help="words of a sentence (default: %(default)s, XLA's released code)",
    )  # fmt: skip
    rules.add_argument(
        "--genlm-max-words", type=whole(), default=defaults.MAX_WORDS, metavar="N",
        help="words of a sentence (default: %(default)s, XLA's released code)",
    )  # fmt: skip
    rules.add_argument(
        "--genlm-word-start-only", action="store_true",
        help="predict only pieces that keep the number of words; else a sample whose number of words changes is"
        " dropped, as in XLA's released code",
    )  # fmt: skip
    rules.add_argument(
        "--genlm-keep-duplicates", action="store_true",
        help="keep samples that equal the original or each other, as XLA's released code does",
    )  # fmt: skip


def _add_running(parser: argparse.ArgumentParser) -> None:
    running = parser.add_argument_group("running")
    running.add_argument("--report-only", action="store_true", help="print counts of a sample, write nothing")
    running.add_argument(
        "--sample", type=whole(), metavar="N", help=f"rows of --report-only (default: {_SAMPLE}, equally spaced)"
    )
    running.add_argument("--show", type=whole(), metavar="N", help="with --report-only: print N examples per language")
    add_running(running, defaults.MAX_TOKENS, "virtual sentences")


def run(args: argparse.Namespace) -> int:
    from ..augment.vicinity.job import KIND, VicinityJob, VicinitySource
    from ..data.binary.layout import DataBin

    check_running(args, ("max_tokens", "sample", "show"), ("json",))
    KIND.check_name(args.name)
    check_report(args, {"sample": "", "show": ""}, ["shard"])
    data = DataBin(Path(args.data))
    languages = _languages(args, data)
    source = VicinitySource(data, _options(args, data), args.path, precision_of(args), args.name)
    load = model_loader(args, data)
    jobs = [VicinityJob(source, language) for language in languages]
    for warning in filter(None, [source.pieces.warning, _fraction(source.options), *map(_shortness, jobs)]):
        say(f"warning: {warning}", file=sys.stderr)

    @cache
    def vicinity() -> Vicinity:
        return source.vicinity(load(), args.max_tokens)

    if args.report_only:
        return _report(args, jobs, vicinity())
    run_jobs(args, jobs, lambda *_: vicinity())
    if args.json:
        write_report(args.json, {job.language: KIND.read_manifest(job.folder) for job in jobs})
    return 0


def _languages(args: argparse.Namespace, data: DataBin) -> tuple[str, ...]:
    if args.languages:
        return parse_languages(args.languages, "--languages")
    found = data.languages_with("train")
    if not found:
        raise UserError(f"{data.root}: no language has training text; run xl-prepare")
    return tuple(found)


def _options(args: argparse.Namespace, data: DataBin) -> VicinityOptions:
    from ..augment.generation.texts import changeable

    problem = changeable(data, "virtual sentences").name
    chars = defaults.MIN_CHARS[args.genlm_unit] if args.genlm_min_chars is None else args.genlm_min_chars
    return VicinityOptions(
        problem, parse_samples(args.samples, problem), parse_percent(args.percent), args.genlm_unit, chars,
        args.genlm_min_words, args.genlm_max_words, args.genlm_word_start_only, args.genlm_keep_duplicates, args.seed,
        args.rounds,
    )  # fmt: skip


def _fraction(options: VicinityOptions) -> str | None:
    """A warning where a share of 1 seems to be meant."""
    if options.percent > 1:
        return None
    return f"--percent {options.percent} is a percentage, so that one word of a sentence is replaced; 30 means 30 %"


def _shortness(job: VicinityJob) -> str | None:
    """A warning where most sentences of tagging give nothing; UserError where masking pieces is what helps."""
    if job.short <= 0.5:
        return None
    text = (
        f"{job.language}: {job.short:.0%} of the sentences have fewer than --genlm-min-words {job.options.min_words}"
        f" {job.options.slot}s and give nothing"
    )
    if job.options.slot == "word" and not PROBLEMS[job.options.problem].words:
        raise UserError(f"{text}; pass --genlm-unit piece for a language without spaces, or a lower minimum")
    return f"{text}; a lower minimum takes them in"


def _report(args: argparse.Namespace, jobs: list[VicinityJob], vicinity: Vicinity) -> int:
    from ..augment.vicinity.report import example_lines

    content: dict[str, Any] = {}
    for job in jobs:
        rows = job.sample(args.sample or _SAMPLE)
        with progress_bar(job, len(rows)) as bar:
            examples, counts = job.examples(vicinity, rows, bar.update)
        say(*job.lines(counts))
        if args.show:
            say(*example_lines(job.texts, examples, args.show))
        content[job.language] = job.manifest(counts)
    if args.json:
        write_report(args.json, content)
    return 0


__all__ = ["EPILOG", "SUMMARY", "add_arguments", "run"]
