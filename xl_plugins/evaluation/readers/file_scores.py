"""Scores of prediction files made elsewhere, in XTREME's folder contract, against gold files."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from itertools import chain

import numpy as np

from ...datasets import XTREME
from ...errors import UserError
from ...functional.scores import counters
from ...functional.scores.metrics import ANSWERS
from ...functional.scores.spans import SpanScheme
from ...output import printable
from ...problems.tagging.span_rules import span_rule
from ..metrics.benchmark import task_name
from ..report.result import Result
from . import questions
from .labels import (
    LABEL_SETS,
    STEMS,
    LabelSet,
    find_labels,
    languages_in,
    read_gold,
    read_lines,
    read_predictions,
    task_folder,
)
from .tags import TAG_SETS, TagFile, check_aligned, read_tags, read_treebank

FILE_METRICS = ("accuracy", "span_f1", "chunk_f1", ANSWERS, "squad2", "set_f1")
logger = logging.getLogger(__name__)

_TAGGING = ("span_f1", "chunk_f1")
_ANSWERS = (ANSWERS, "squad2")
_SUFFIXES = dict.fromkeys(_ANSWERS, "json")


def score_files(
    predictions: str, labels: str, task: str, split: str = "test", source_language: str = "en",
    languages: Sequence[str] | None = None, metric: str | None = None, tag_scheme: str | None = None,
) -> Result:  # fmt: skip
    """Score ``<predictions>/<task>/test-XX.tsv`` (or .json) against the gold files in ``<labels>/[<task>/]``.

    Languages on one side only are left out and listed as missing; a question without a prediction scores 0 and is
    counted in ``unanswered``. ``metric``: how to score (default: XTREME's for its tasks, else by the kind of file).
    ``tag_scheme``: how tags mark spans (default: recognised from the tags of all files).

    Raises UserError for differing numbers of examples, labels that are none, and gold files without gold.
    """
    task = task_name(task)
    folders = [task_folder(predictions, task, "--predictions"), task_folder(labels, task, "--labels")]
    metric = metric or _default_metric(task, folders[0], split)
    there = [languages_in(folders[0], split, _SUFFIXES.get(metric, "tsv")), _gold_languages(metric, folders[1], split)]
    wanted = list(languages or sorted({*there[0], *there[1]}))
    missing = [lang for lang in wanted if not all(lang in found for found in there)]
    scored = sorted((lang for lang in wanted if lang not in missing), key=lambda code: (code != source_language, code))
    if not scored:
        name = f"{STEMS[split]}-XX.{_SUFFIXES.get(metric, 'tsv')}"
        raise UserError(
            f"nothing to score: {folders[0]} has {name} for {', '.join(there[0]) or 'no language'}, {folders[1]} has"
            f" gold for {', '.join(there[1]) or 'no language'}; check --predictions, --labels and --task"
        )
    unanswered: dict[str, int] = {}
    examples: dict[str, np.ndarray] = {}
    made: dict[str, str] = {"predictions": predictions, "labels": labels}
    tags: dict[str, tuple[TagFile, TagFile]] = {}
    for lang in scored:
        predicted = find_labels(folders[0], split, lang, _SUFFIXES.get(metric, "tsv")) or ""
        if metric in _ANSWERS:
            gold = questions.find_gold(folders[1], split, lang) or ""
            examples[lang] = _answers(predicted, gold, task, lang, unanswered, metric)
        else:
            gold = find_labels(folders[1], split, lang) or find_labels(folders[1], split, lang, "conllu") or ""
            if metric in _TAGGING:
                tags[lang] = _tags(predicted, gold, task)
            else:
                examples[lang] = _SCORERS[metric](predicted, gold, task)
    if tags:
        examples, made["tag_scheme"] = _count_tags(tags, task, tag_scheme)
    return Result.of_examples(
        task, task, split, source_language, metric, examples, missing=missing, unanswered=unanswered,
        provenance=made,
    )  # fmt: skip


def _default_metric(task: str, folder: str, split: str) -> str:
    """XTREME's for its tasks; else JSON files are answers to questions and tsv files are labels."""
    metric = XTREME[task].metric if task in XTREME else "accuracy"
    if task not in XTREME and languages_in(folder, split, "json") and not languages_in(folder, split):
        return ANSWERS
    return metric if metric in FILE_METRICS else "accuracy"


def _gold_languages(metric: str, folder: str, split: str) -> list[str]:
    if metric in _ANSWERS:
        return questions.gold_languages(folder, split)
    treebanks = languages_in(folder, split, "conllu") if metric in _TAGGING else []
    return sorted({*languages_in(folder, split), *treebanks})


def _labels(predicted: str, gold: str, task: str) -> np.ndarray:
    label_set = LABEL_SETS.get(task, LabelSet())
    true = read_gold(gold, label_set)
    found = read_predictions(predicted, label_set)
    if len(found) != len(true):
        raise UserError(
            f"{predicted}: {len(found)} predictions, but {gold} has {len(true)} examples; every one needs a prediction"
        )
    if unknown := sorted(set(found) - set(true)):
        shown = ", ".join(printable(label[:60]) for label in unknown[:5]) + (", ..." if len(unknown) > 5 else "")
        logger.warning("%s: predicts %s, which no row of %s is; counted as wrong", predicted, shown, gold)
    return counters.label_counters(true, found)


def _tags(predicted: str, gold: str, task: str) -> tuple[TagFile, TagFile]:
    treebank = gold.removesuffix(".gz").endswith(".conllu")
    true = read_treebank(gold) if treebank else read_tags(gold, TAG_SETS.get(task, ()), gold=True)
    found = read_tags(predicted, TAG_SETS.get(task, ()))
    check_aligned(found, true)
    return true, found


def _count_tags(
    files: Mapping[str, tuple[TagFile, TagFile]], task: str, tag_scheme: str | None
) -> tuple[dict[str, np.ndarray], str]:
    """Counters per language of gold and predicted tags, by one scheme, and its description."""
    names = dict.fromkeys(tag for pair in files.values() for file in pair for tag in chain(*file.sentences))
    scheme = SpanScheme(list(names), span_rule(task, list(names), tag_scheme))
    gold = [*chain.from_iterable(true.sentences for true, _ in files.values())]
    examples = {lang: counters.tag_counters(t.sentences, p.sentences, scheme) for lang, (t, p) in files.items()}
    return examples, scheme.describe(*counters.tag_numbers(gold, scheme))


def _answers(
    predicted: str, gold: str, task: str, language: str, unanswered: dict[str, int], metric: str
) -> np.ndarray:
    """Counters of a QA file; the number of questions without a prediction goes to ``unanswered``."""
    ids, golds = questions.read_questions(gold, unanswerable=metric == "squad2")
    answers = questions.match_answers(predicted, questions.read_answers(predicted), gold, ids)
    if lacking := sum(answer is None for answer in answers):
        unanswered[language] = lacking
    rules = XTREME[task].answers if task in XTREME else "squad"
    counted = counters.squad2_counters if metric == "squad2" else counters.answer_counters
    return counted(golds, answers, rules, language)


def _pairs(predicted: str, gold: str, task: str) -> np.ndarray:
    """BUCC: two ids per line."""
    return counters.pair_counters(read_lines(gold, 2), read_lines(predicted, 2))


_SCORERS = {"accuracy": _labels, "set_f1": _pairs}
