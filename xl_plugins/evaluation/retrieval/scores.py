"""Sentence retrieval with the encoder alone: accuracy on Tatoeba, F1 of mined pairs on BUCC (XTREME, ICML 2020).

Sentences are compared by the cosine of mean-pooled states of one layer; nothing is trained for it.
"""

from __future__ import annotations

import argparse
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor
from tqdm import tqdm

from ...data.binary.layout import DataBin
from ...datasets import XTREME
from ...errors import UserError
from ...formats.languages import parse_languages
from ...functional.scores.mining import MARGINS, MINING
from ...functional.scores.retrieval import normalise
from ...output import FileOutput, check_component
from ...problems import RETRIEVAL
from ...processes import ALONE, Team
from ..metrics.benchmark import task_name
from ..options import batch_limits, column_names, model_options
from ..readers.labels import prediction_path
from ..report.result import Result
from .encode import SentenceEncoder, Sentences, load_sentence_encoder
from .options import POOLINGS
from .search import Mined, Side, find_translations, mine_pairs, read_gold

PROBLEM = RETRIEVAL.name
# data sets whose pairs have to be found; in the others every sentence has a translation
MINED = tuple(name for name, task in XTREME.items() if task.metric == "set_f1")
MAX_LENGTH = 512  # positions of a sentence in XTREME's scripts
BATCH = {"batch_size": 256, "max_tokens": 4096}


@dataclass
class _Work:
    """The data, encoder and limits of one checkpoint's run."""

    data: DataBin
    encoder: SentenceEncoder
    limits: dict[str, int | None]
    bar: Any
    team: Team = ALONE
    last: tuple[str, Tensor] | None = None  # vectors of the source side encoded last, by its content

    def vectors(self, side: Side, shared: bool = False) -> Tensor:
        """Vectors of length 1 of a side's different sentences; a source side that languages share is encoded once."""
        key = _digest(side.sentences) if shared else ""
        if shared and self.last is not None and self.last[0] == key:
            self.bar.update(len(side.first))
            return self.last[1]
        made = normalise(self.encoder.encode(side.distinct, **self.limits, progress=self.bar.update, team=self.team))
        if shared:
            self.last = key, made
        return made


def _digest(sentences: Sentences) -> str:
    made = hashlib.sha256(np.ascontiguousarray(sentences.ids).data)
    made.update(np.ascontiguousarray(sentences.sizes).data)
    return made.hexdigest()


def run(args: argparse.Namespace, written: FileOutput, team: Team = ALONE) -> list[Result]:
    """Score every checkpoint of ``args.path`` on the retrieval folder ``args.data``; ``written`` gets predictions."""
    names, options = column_names(args.names, args.path), model_options(args)
    overrides = options.pop("overrides")
    data = DataBin(Path(args.data), overrides.pop("source_language", None))
    if overrides:
        option = "--mixup-inference" if "no_mixup_inference" in overrides else f"--{next(iter(overrides))}"
        option = option.replace("_", "-")
        raise UserError(f"{option} is not read for retrieval, which uses the plain encoder; leave it out")
    split, task = (
        args.split or "test",
        task_name(args.task or data.meta.get("dataset") or Path(args.data).resolve().name),
    )
    languages = _languages(data, split, args.languages)
    output = getattr(args, "output", None)
    inner = [check_component(name, "--names") for name in names] if output and len(names) > 1 else [""] * len(names)
    folders = [output and os.path.join(output, name) for name in inner]
    written.plan(prediction_path(f, task, split, lang) for f in folders if f for lang in languages)
    limits = batch_limits(args)
    if not (args.batch_size or args.max_tokens):
        limits.update(BATCH)
    results, files = [], {}
    for name, path, folder in zip(names, args.path, folders):
        encoder = load_sentence_encoder(
            path, data.dictionary, args.layer, args.pooling or POOLINGS[0], MAX_LENGTH, **options
        )
        with tqdm(desc=name, unit="sentence", disable=None, leave=False) as bar:
            work = _Work(data, encoder, limits, bar, team)
            way = _mining if task in MINED else _translating
            counters, provenance, predictions = way(work, split, languages, args)
        provenance = {**provenance, "checkpoint": path, "data": str(data.root)}
        results.append(_result(name, task, split, data, counters, languages, provenance))
        if folder:
            files.update({prediction_path(folder, task, split, lang): text for lang, text in predictions.items()})
    if not results[0].counts and not files:
        raise UserError(
            f"{data.root}: no gold pairs in {split} of {', '.join(languages)}, so nothing can be scored; pass --output"
            " to write the predictions"
        )
    written.write(files)
    return results


def _languages(data: DataBin, split: str, asked: str | None) -> list[str]:
    problem = data.meta.get("problem", PROBLEM)
    if problem != PROBLEM:
        raise UserError(f"{data.root}/meta.json: the data is for problem '{problem}', not for retrieval")
    available = [lang for lang in data.languages if data.has(lang, split) and data.has(lang, split, into_source=True)]
    wanted = list(parse_languages(asked, "--languages")) if asked else available
    missing = [language for language in wanted if language not in available]
    if missing or not available:
        raise UserError(
            f"{'--languages' if missing else '--split'}: {data.root} has no {split} sentences"
            f"{' of ' + ', '.join(missing) if missing else ''} with those of {data.source_language}; it has "
            f"{', '.join(available) or 'none'}"
        )
    return wanted


def _sides(work: _Work, language: str, split: str) -> tuple[Side, Side]:
    """The language's sentences and those of the source language to be matched."""
    own, translated = (work.data.open_text(language, "input0", split, into_source) for into_source in (False, True))
    return Side.of(Sentences.of(own)), Side.of(Sentences.of(translated))


def _inference(work: _Work, description: str, **options: Any) -> dict[str, Any]:
    encoder = work.encoder
    return {
        "mode": PROBLEM, "layer": encoder.layer, "pooling": encoder.pooling, **options,
        "description": f"cosine, {encoder.describe()}{description}",
    }  # fmt: skip


Scored = tuple[dict[str, np.ndarray], dict[str, Any], dict[str, str]]  # counters, provenance, files by language


def _translating(work: _Work, split: str, languages: Sequence[str], args: argparse.Namespace) -> Scored:
    """Nearest neighbours in both directions; a hit is the gold row."""
    for option in ("margin", "mine"):
        if getattr(args, option):
            raise UserError(
                f"--{option} is read for {' and '.join(MINED)} only; leave it out or name the set by --task"
            )
    counters, files = {}, {}
    for language in languages:
        own, source = _sides(work, language, split)
        gold = read_gold(work.data, language, split, (len(own.which), len(source.which)))
        found = find_translations(own, work.vectors(own), source, work.vectors(source, shared=True))
        files[language] = "".join(f"{row}\n" for row in found.to_language)
        if gold is not None:
            counters[language] = found.counters(gold)
    return counters, {"inference": _inference(work, ", nearest neighbour")}, files


def _mining(work: _Work, split: str, languages: Sequence[str], args: argparse.Namespace) -> Scored:
    """Mined pairs from the threshold on that is best on the other split's gold, else on this one's."""
    margin, how = args.margin or MARGINS[0], args.mine or MINING[0]
    counters, files, thresholds = {}, {}, {}
    for language in languages:
        mined, gold = _mine(work, language, split, margin, how)
        other = "valid" if split == "test" else None
        tuned = _mine(work, language, other, margin, how) if other and _has_gold(work.data, language, other) else None
        if tuned is not None and tuned[1] is not None:
            threshold, origin = tuned[0].threshold(tuned[1]), other
        elif gold is not None:
            threshold, origin = mined.threshold(gold), split
        else:
            raise UserError(
                f"{work.data.root}/{language}/gold: no gold pairs in valid or {split}; a threshold needs them"
            )
        chosen = mined.pairs[mined.scores >= threshold]
        files[language] = "".join(f"{a}\t{b}\n" for a, b in chosen.tolist())
        thresholds[language] = {"threshold": threshold, "tuned_on": origin}
        if gold is not None:
            counters[language] = mined.counters(gold, threshold)
    seen = [language for language, entry in thresholds.items() if entry["tuned_on"] == split]
    words = f"; threshold tuned on the gold of {split} itself ({', '.join(seen)})" if seen else "; threshold of valid"
    inference = _inference(work, f", margin {margin}, mining {how}{words}", margin=margin, mine=how)
    return counters, {"inference": inference, "thresholds": thresholds}, files


def _has_gold(data: DataBin, language: str, split: str) -> bool:
    return Path(f"{data.prefix(language, 'gold', split)}.npy").is_file() and data.has(language, split)


def _mine(work: _Work, language: str, split: str, margin: str, how: str) -> tuple[Mined, np.ndarray | None]:
    own, source = _sides(work, language, split)
    gold = read_gold(work.data, language, split, (len(own.which), len(source.which)))
    return mine_pairs(own, work.vectors(own), source, work.vectors(source, shared=True), margin, how), gold


def _result(
    name: str, task: str, split: str, data: DataBin, counters: dict[str, np.ndarray], languages: Sequence[str],
    provenance: dict[str, Any],
) -> Result:  # fmt: skip
    unlabelled = [language for language in languages if language not in counters]
    made = Result.of_examples(
        name, task, split, data.source_language, "set_f1" if task in MINED else "retrieval_accuracy", counters,
        provenance={**provenance, "selection": {"description": "not asked for: the encoder is used as it is"}},
        missing=[],
    )  # fmt: skip
    made.unlabelled = unlabelled
    return made
