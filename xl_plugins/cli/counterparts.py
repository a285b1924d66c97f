"""``xl-augment counterparts``: the options and the output of it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..arguments import whole
from ..augment.counterparts import options as defaults
from ..augment.counterparts.options import MAX_TOKENS, CounterpartOptions, parse_thresholds
from ..augment.counterparts.report import THRESHOLDS, translation_lines
from ..augment.primitives.dictionaries import load_dictionaries
from ..formats.languages import parse_languages
from ..terminal import say
from .shared.generation import check_report, progress_bar, run_jobs
from .shared.offline import add_running, check_running, model_loader, precision_of, write_report

if TYPE_CHECKING:
    from ..augment.counterparts.job import CounterpartJob


SUMMARY = "substitute words by other languages' words that the pre-trained model finds probable (SALT)"
EPILOG = """\
Every training sentence of the source language is scored once by the pre-trained masked language model, unmasked; at
each whole word the most probable word of a language takes its place if its probability is above the threshold. Writes
DATA/<source>/counterparts/<language>/, which --task salt_augment_task trains on. A run that was stopped goes on where
it was. With --shard I/N several processes or machines share the work in one folder; when all are through, the same
command without --shard writes the result, the same as from one process.

examples:
  xl-augment counterparts data-bin/xnli --path xlmr.base/model.pt --word-lists raw/wordlists --report-only
  xl-augment counterparts data-bin/xnli --path xlmr.base/model.pt --word-lists 'raw/wordfreq/{lang}_10k.txt' --fp16
"""
_SAMPLE = 20_000  # texts of a report
_REPORT_ONLY = {"sample": ", all texts are substituted", "dictionaries": ", dictionaries change no counterpart"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", metavar="DATA", help="data folder of sentence pairs or tagging made by xl-prepare")
    parser.add_argument("--path", required=True, metavar="CKPT", help="pre-trained model, xlmr.base/model.pt")
    parser.add_argument(
        "--word-lists", required=True, metavar="DIR",
        help="folder of <lang>.txt, a word per line, frequent ones first; or a pattern such as 'lists/{lang}_10k.txt'",
    )  # fmt: skip
    parser.add_argument(
        "--languages", default=",".join(defaults.LANGUAGES), metavar="en,fr,...",
        help="L; the source language gives synonyms (default: %(default)s, SALT 3.1)",
    )  # fmt: skip
    parser.add_argument(
        "--top-k", type=whole(), default=defaults.TOP_K, metavar="N",
        help="lines of a word list that count (default: %(default)s, SALT's footnote 2)",
    )  # fmt: skip
    parser.add_argument("--source-language", metavar="LANG", help="default: the one in meta.json, else en")
    _add_rules(parser)
    _add_running(parser)


def _add_rules(parser: argparse.ArgumentParser) -> None:
    rules = parser.add_argument_group("rules of substitution")
    rules.add_argument(
        "--source-threshold", type=float, default=defaults.SOURCE_THRESHOLD, metavar="P",
        help="tau of the source language (default: %(default)s, SALT's Appendix A for mBERT)",
    )  # fmt: skip
    rules.add_argument(
        "--threshold", type=float, default=defaults.THRESHOLD, metavar="P",
        help="tau of other languages (default: %(default)s, SALT's Appendix A for mBERT; see --report-only)",
    )  # fmt: skip
    rules.add_argument("--thresholds", default="", metavar="fr=P,...", help="tau of single languages")
    rules.add_argument(
        "--positions", default=defaults.POSITIONS[0], choices=defaults.POSITIONS,
        help="words of one piece, or every piece with a letter (default: %(default)s)",
    )  # fmt: skip
    rules.add_argument(
        "--case", default=defaults.CASES[0], choices=defaults.CASES,
        help="candidates of the word's own case, or of any (default: %(default)s)",
    )  # fmt: skip
    rules.add_argument(
        "--source-in-list", action="store_true", help="substitute words of the source language's list only"
    )
    rules.add_argument(
        "--exclude-identity", action="store_true", help="a word is no counterpart of itself in other languages either"
    )
    rules.add_argument(
        "--renormalize", action="store_true",
        help="probabilities within a language's words; thresholds have to be chosen anew for it",
    )  # fmt: skip


def _add_running(parser: argparse.ArgumentParser) -> None:
    running = parser.add_argument_group("running")
    running.add_argument(
        "--report-only", action="store_true", help="print rates and quantiles of a sample, write nothing"
    )
    running.add_argument(
        "--sample", type=whole(), metavar="N", help=f"texts of --report-only (default: {_SAMPLE}, equally spaced)"
    )
    running.add_argument(
        "--dictionaries", metavar="DIR",
        help="with --report-only: count which substitutes the dictionaries DIR/en-fr.txt etc. know as translations",
    )  # fmt: skip
    running.add_argument("--write-pieces", metavar="DIR", help="also write lines of pieces, DIR/train.input0.fr")
    add_running(running, MAX_TOKENS, "counterparts")


def run(args: argparse.Namespace) -> int:
    from ..augment.counterparts.job import CounterpartJob
    from ..augment.primitives.vocabulary import describe, warnings
    from ..data.binary.layout import DataBin

    check_running(args, ("max_tokens", "sample"), ("json", "write_pieces"))
    check_report(args, _REPORT_ONLY, ("shard", "write_pieces"))
    data = DataBin(Path(args.data), args.source_language)
    options = _options(args, data.source_language)
    load = model_loader(args, data)
    job = CounterpartJob(data, options, args.path, precision_of(args))
    say(*describe(job.vocabularies))
    for warning in [*filter(None, [job.pieces.warning]), *warnings(job.vocabularies)]:
        say(f"warning: {warning}", file=sys.stderr)

    if args.report_only:
        return _report(args, job, load())
    return _make(args, job, load)


def _options(args: argparse.Namespace, source: str) -> CounterpartOptions:
    return CounterpartOptions(
        source, parse_languages(args.languages, "--languages"), args.word_lists, args.top_k, args.source_threshold,
        args.threshold, parse_thresholds(args.thresholds, "--thresholds"), args.positions, args.case,
        args.source_in_list, args.exclude_identity, args.renormalize,
    )  # fmt: skip


def _report(args: argparse.Namespace, job: CounterpartJob, model: Any) -> int:
    from ..augment.counterparts.dictionary import TranslationPairs

    finder = job.finder(model, job.vocabularies, args.max_tokens)
    if args.dictionaries:
        names = [one.language for one in job.vocabularies if one.language != job.options.source]
        tables = load_dictionaries(args.dictionaries, job.options.source, ",".join(names), "--dictionaries")
        judges = {name: TranslationPairs(table, job.data.dictionary, job.classes) for name, table in tables.items()}
        finder.judges.update(judges)
    numbers = job.texts.sample(args.sample or _SAMPLE)
    with progress_bar(job, len(numbers)) as bar:
        counts = finder.find(numbers, bar.update)[1]
    say(f"{len(numbers)} of {len(job.texts.texts)} different texts")
    say(*job.lines(counts))
    if finder.judges:
        say(*translation_lines({name: counts[name] for name in finder.judges}))
    if args.json:
        content = {one.language: job.manifest(one, counts[one.language]) for one in job.vocabularies}
        for entry in content.values():
            entry["counts"]["texts"] = len(numbers)
        for name in finder.judges:
            shares = {f"{value:.0e}": counts[name].translated_above(value) for value in THRESHOLDS}
            content[name]["counts"]["translated_above"] = shares
        write_report(args.json, content)
    return 0


def _make(args: argparse.Namespace, job: CounterpartJob, load: Callable[[], Any]) -> int:
    from ..augment.counterparts.files import check_pieces, read_manifest, write_pieces

    names = [one.language for one in job.vocabularies]
    if args.write_pieces:
        check_pieces(names, job.texts, args.write_pieces)
    if not run_jobs(args, [job], lambda _, pending: job.finder(load(), pending, args.max_tokens)):
        return 0
    if args.shard:
        say("nothing is left to be done")
    if args.write_pieces:
        say(*write_pieces(job.data, names, job.texts, args.write_pieces))
    if args.json:
        write_report(args.json, {name: read_manifest(job.data, name) for name in names})
    return 0


__all__ = ["EPILOG", "SUMMARY", "add_arguments", "run"]
