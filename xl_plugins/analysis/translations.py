"""``xl-analyze translations``: how good texts translated into the source language are, and whether it tells where
transfer fails."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..data.binary.layout import SPLITS, DataBin
from ..errors import UserError
from ..formats.languages import parse_languages
from ..formats.text import read_lines
from ..formats.tsv import find_file
from ..output import Staging
from ..terminal import say
from .example_texts import ExampleTexts
from .folder import Analysis
from .pictures import charts
from .pictures.style import check_available
from .scores import Scores, correlate
from .similarity.texts import parse_files

COMMAND = "xl-analyze translations"
KINDS = {"train": "back-translation", "valid": "translate-test (valid)", "test": "translate-test"}
FILES = "translation"
# how BLEU cuts text of languages without blanks into words; others by sacrebleu's default
_BY_CHARACTER = {"zh": "zh", "ja": "char", "ko": "char", "th": "char", "my": "char"}


@dataclass
class Compared:
    """Texts translated into the source language and the gold texts, line by line."""

    translated: list[str]
    gold: list[str]


def run(args: argparse.Namespace, command: str) -> int:
    """The command on parsed arguments; returns the exit status."""
    check_available()
    sacrebleu = _sacrebleu()
    files = parse_files(args.text or [])
    if bool(files) != bool(args.reference) or bool(files) == bool(args.data):
        raise UserError("give DATA, or --text LANG=FILE with --reference FILE, the gold source text")
    inputs = [args.data, args.reference, args.scores, *files.values()]
    with Staging(args.out, COMMAND, "--out", args.overwrite, inputs) as staging:
        scores = Scores(args.scores) if args.scores else None
        if files:
            if args.languages or args.split:
                raise UserError("--languages, --split are not read with --text, which names the files; leave them out")
            source = args.source_language or "en"
            texts = {FILES: _of_files(files, args.reference, args.sample)}
        else:
            data = DataBin(Path(args.data), args.source_language)
            source, texts = data.source_language, _of_data(data, args)
        analysis = Analysis("translations", command, source_language=source, sample=args.sample)
        tokenizer = _BY_CHARACTER.get(source[:2], "13a")
        metrics = {"chrf": sacrebleu.metrics.CHRF(), "bleu": sacrebleu.metrics.BLEU(tokenize=tokenizer)}
        rows: list[list[Any]] = []
        for kind, languages in texts.items():
            found = {language: score(compared, metrics) for language, compared in languages.items()}
            analysis.numbers[kind] = {"languages": found}
            rows += [[kind, language, *values.values()] for language, values in found.items()]
            _picture(analysis, kind, source, found, scores, len(texts) > 1)
        shown = {"chrf": f"chrF{metrics['chrf'].beta}", "bleu": "BLEU"}
        analysis.facts["signatures"] = {name: f"{shown[name]}|{one.get_signature()}" for name, one in metrics.items()}
        analysis.add_table("translations", ["kind", "language", *next(iter(found.values()))], rows)
        analysis.write(staging)
    _print(analysis, args.out)
    return 0


def _sacrebleu() -> Any:
    try:
        import sacrebleu
    except ImportError:
        raise UserError("chrF and BLEU need sacrebleu; pip install 'xl-plugins[report]'") from None
    return sacrebleu


def score(compared: Compared, metrics: Mapping[str, Any]) -> dict[str, Any]:
    """chrF and BLEU of a corpus, 0 to 100, lines, the share of lines that are the gold ones in percent, and the length
    of the translations in characters by that of the gold texts."""
    made = {name: metric.corpus_score(compared.translated, [compared.gold]).score for name, metric in metrics.items()}
    same = np.mean([one == other for one, other in zip(compared.translated, compared.gold)])
    lengths = [sum(map(len, side)) for side in (compared.translated, compared.gold)]
    return {
        **made, "lines": len(compared.gold), "identical_percent": 100 * float(same),
        "length_ratio": lengths[0] / max(lengths[1], 1),
    }  # fmt: skip


def _spaced(total: int, sample: int) -> np.ndarray:
    return np.unique(np.linspace(0, total - 1, min(sample, total)).astype(np.int64)) if total else np.zeros(0, np.int64)


def _of_files(files: Mapping[str, str], reference: str, sample: int) -> dict[str, Compared]:
    path = find_file(reference)
    if path is None:
        raise UserError(f"--reference {reference}: no such file")
    gold = read_lines(path)
    found: dict[str, Compared] = {}
    for language, name in files.items():
        lines = read_lines(find_file(name) or name)
        if len(lines) != len(gold) or not gold:
            raise UserError(f"{name}: {len(lines)} lines, but {reference} has {len(gold)}; line i translates line i")
        rows = _spaced(len(gold), sample)
        found[language] = Compared([lines[row] for row in rows], [gold[row] for row in rows])
    return found


def _of_data(data: DataBin, args: argparse.Namespace) -> dict[str, dict[str, Compared]]:
    """By kind: translations into the source language that have as many rows as its gold text of the split."""
    wanted = parse_languages(args.languages, "--languages") if args.languages else None
    languages = [one for one in data.languages if one != data.source_language and (not wanted or one in wanted)]
    missing = [one for one in wanted or () if one not in languages]
    if missing:
        raise UserError(
            f"--languages: {data.root} has no texts of {', '.join(missing)} translated into {data.source_language}; it"
            f" has {', '.join(one for one in data.languages if one != data.source_language) or 'none'}"
        )
    found: dict[str, dict[str, Compared]] = {}
    for split in [args.split] if args.split else SPLITS:
        if not data.has(data.source_language, split):
            continue
        for language in languages:
            if data.has(language, split, into_source=True):
                one = _compare(data, language, split, args.sample)
                if one is None:
                    say(
                        f"xl-analyze: warning: {language}, {split}: not as many rows as the source language's, so they"
                        " are no translations of it; left out", file=sys.stderr,
                    )  # fmt: skip
                else:
                    found.setdefault(KINDS[split], {})[language] = one
    if not found:
        raise UserError(
            f"{data.root}: no texts translated into {data.source_language} beside gold ones of as many rows; prepare"
            " back-translations or translate-test texts, or give --text and --reference"
        )
    return found


def _compare(data: DataBin, language: str, split: str, sample: int) -> Compared | None:
    total = len(data.open_text(data.source_language, "input0", split))
    if not total or len(data.open_text(language, "input0", split, into_source=True)) != total:
        return None
    sides = (ExampleTexts(data, language, split, total, True), ExampleTexts(data, data.source_language, split, total))
    translated, gold = ([text for row in _spaced(total, sample) for text in side.row(int(row))] for side in sides)
    return Compared(translated, gold) if len(translated) == len(gold) else None


def _picture(
    analysis: Analysis, kind: str, source: str, found: Mapping[str, Mapping[str, Any]], scores: Scores | None,
    several: bool,
) -> None:  # fmt: skip
    end = f"-{kind.split(' (')[0].replace('translate-test', 'test')}" if several else ""
    end += "-valid" if several and "(valid)" in kind else ""
    for name, unit in (("chrf", "chrF (0 to 100)"), ("bleu", "BLEU (0 to 100)")):
        values = dict(sorted(((x, one[name]) for x, one in found.items()), key=lambda item: -item[1]))
        title = f"{kind.capitalize()} into {source} against gold {source}"
        analysis.add_picture(f"{name}{end}", charts.bars(values, title, unit))
    if scores is None:
        return
    gaps = scores.gaps()
    shared: Sequence[str] = [language for language in found if language in gaps]
    entry = analysis.numbers[kind]
    for name in ("chrf", "bleu"):
        entry[f"{name}_and_gap"] = correlate({x: one[name] for x, one in found.items()}, gaps)
    analysis.facts["scores"] = {"file": scores.path, "metric": scores.metric, "transfer_gap": gaps}
    if shared:
        rho = entry["chrf_and_gap"]["rho"]
        words = "undefined" if np.isnan(rho) else f"{rho:.2f}"
        title = f"{kind.capitalize()} and transfer gap: Spearman's rho {words}"
        points = {language: (found[language]["chrf"], gaps[language]) for language in shared}
        names = ("chrF (0 to 100)", f"transfer gap ({scores.metric}, points)")
        analysis.add_picture(f"chrf-gap{end}", charts.named_points(points, title, names))


def _print(analysis: Analysis, out: str) -> None:
    for kind, entry in analysis.numbers.items():
        say(kind)
        for language, values in entry["languages"].items():
            say(f"  {language}  chrF {values['chrf']:.1f}  BLEU {values['bleu']:.1f}  {values['lines']} lines")
        if (about := entry.get("chrf_and_gap")) and not np.isnan(about["rho"]):
            say(f"  Spearman's rho of chrF and transfer gap: {about['rho']:.2f} ({about['count']} languages)")
    say(f"written: {out}")
