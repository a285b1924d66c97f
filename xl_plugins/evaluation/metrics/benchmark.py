"""XTREME's tasks in its order: how each is scored and over which languages its average is (ICML 2020, table 1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...datasets.span_rules import tagging_metric
from ...formats.languages import XTREME_LANGUAGES

_NOT_UDPOS = ("bn", "jv", "ka", "ml", "ms", "my", "sw")
_NOT_TATOEBA = ("en", "ms", "my", "yo")


@dataclass(frozen=True)
class BenchmarkTask:
    """One task.

    ``metric``: key of :data:`~xl_plugins.functional.scores.metrics.METRICS`. ``parallel``: row i of every
    language's test set is the same example. ``answers``: normalisation of answers (QA).
    """

    title: str
    metric: str
    languages: tuple[str, ...]
    parallel: bool = False
    answers: str = "squad"


XTREME = {
    "xnli": BenchmarkTask(
        "XNLI", "accuracy", tuple("ar bg de el en es fr hi ru sw th tr ur vi zh".split()), parallel=True
    ),
    "pawsx": BenchmarkTask("PAWS-X", "accuracy", tuple("de en es fr ja ko zh".split()), parallel=True),
    "udpos": BenchmarkTask("UDPOS", "chunk_f1", tuple(code for code in XTREME_LANGUAGES if code not in _NOT_UDPOS)),
    "panx": BenchmarkTask("PAN-X", "span_f1", XTREME_LANGUAGES),
    "xquad": BenchmarkTask("XQuAD", "qa", tuple("ar de el en es hi ru th tr vi zh".split()), parallel=True),
    "mlqa": BenchmarkTask("MLQA", "qa", tuple("ar de en es hi vi zh".split()), answers="mlqa"),
    "tydiqa": BenchmarkTask("TyDiQA-GoldP", "qa", tuple("ar bn en fi id ko ru sw te".split())),
    "bucc2018": BenchmarkTask("BUCC", "set_f1", tuple("de fr ru zh".split())),
    "tatoeba": BenchmarkTask(
        "Tatoeba", "retrieval_accuracy", tuple(code for code in XTREME_LANGUAGES if code not in _NOT_TATOEBA)
    ),
}


OLD_NAMES = {"bucc": "bucc2018"}


def task_name(name: str) -> str:
    """XTREME's name, which is that of its folders, of a task that was called otherwise here."""
    return OLD_NAMES.get(name, name)


def find_metric(task: str, problem: str = "sentence_pair", labels: Sequence[str] = ()) -> str:
    """Metric of a data set: XTREME's own, for any other data set by its problem and labels."""
    kinds = {"tagging": ("span_f1", "chunk_f1"), "qa": ("qa",), "sentence_pair": ("accuracy",)}
    if task in XTREME and XTREME[task].metric in kinds.get(problem, ()):
        return XTREME[task].metric
    return tagging_metric(labels) if problem == "tagging" else kinds[problem][0]
