"""The problems, that is, what is predicted: one entry here, and one folder beside this file, for each of them.

An entry states what has to be known of a problem before its code is read, and by those who never read it (parsers, the
data folder, defaults). The folder ``problems/NAME`` holds the code: ``problem.py`` the class that the tasks use,
``writer.py`` what makes binarised data of raw examples, ``raw.py`` what reads examples to be predicted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any


@dataclass(frozen=True)
class Facts:
    """The facts of a problem.

    Args:
        name: in ``meta.json``, in checkpoints and in names of tasks.
        plural: its examples, in messages.
        texts: files of a data folder that hold the texts of an example.
        metric: score in percent that selects checkpoints, as ``<metric>_select``; empty where nothing is trained.
        scores: metrics of test sets, keys of :data:`~xl_plugins.functional.scores.metrics.METRICS`; the first one where
            neither data set nor labels decide.
        words: texts are words, each with a label of its own, and no label of the source's holds for a translation.
        by_row: example i is row i of the first file.
        changeable: words of a training text may be replaced, so that other texts are made of it.
        suffix: of prediction files.
        max_length: positions of an encoded example, the default of ``--max-length``.
        raw_options: options of xl-predict that only examples of this problem need.
        head: where its weights are in a checkpoint, empty where nothing is trained.
        recipes: the problem whose published hyper-parameters serve; its own where this is empty.
    """

    name: str
    plural: str
    texts: tuple[str, ...]
    metric: str
    scores: tuple[str, ...]
    words: bool = False
    by_row: bool = True
    changeable: bool = True
    suffix: str = "tsv"
    max_length: int = 128
    raw_options: tuple[str, ...] = ()
    head: str = ""
    recipes: str = ""

    @property
    def head_name(self) -> str:
        return self.head.rpartition(".")[2]

    @property
    def select_metric(self) -> str:
        return f"{self.metric}_select"

    @property
    def published(self) -> str:
        """The name by which tables of hyper-parameters know it."""
        return self.recipes or self.name

    def load(self, part: str, name: str = "") -> Any:
        """A part of the problem's code, which every folder calls alike: ``PROBLEM`` of ``problem.py``, ``WRITER`` of
        ``writer.py``, ``RAW`` and ``EXAMPLE`` of ``raw.py``."""
        return getattr(import_module(f"{__name__}.{self.name}.{part}"), (name or part).upper())


_TABLE = ("columns", "format", "delimiter")
_TEXTS = "classification_heads.sentence_classification_head"
SENTENCE_PAIR = Facts(
    "sentence_pair", "sentence pairs", ("input0", "input1"), "acc", ("accuracy",), raw_options=_TABLE, head=_TEXTS
)  # fmt: skip
TEXT = Facts(
    "text", "single texts", ("input0",), "acc", ("accuracy",), raw_options=_TABLE, head=_TEXTS,
    recipes=SENTENCE_PAIR.name,
)  # fmt: skip
TAGGING = Facts(
    "tagging", "tagging", ("input0",), "f1", ("span_f1", "chunk_f1"), words=True,
    raw_options=("probabilities", "spans", "segment"), head="position_heads.tagging_head",
)  # fmt: skip
QA = Facts(
    "qa", "questions", ("input0",), "avg", ("qa", "squad2"), changeable=False, suffix="json", max_length=384,
    raw_options=("context_pieces",), head="position_heads.span_head",
)  # fmt: skip
RETRIEVAL = Facts(
    "retrieval", "sentences", ("input0",), "", ("retrieval_accuracy", "set_f1"), by_row=False, changeable=False
)  # fmt: skip

PROBLEMS: dict[str, Facts] = {facts.name: facts for facts in (SENTENCE_PAIR, TEXT, TAGGING, QA, RETRIEVAL)}


def published_name(problem: str) -> str:
    """The name by which tables of hyper-parameters know a problem; a name that is none as it is."""
    return PROBLEMS[problem].published if problem in PROBLEMS else problem


def problem_of(meta: Mapping[str, Any], otherwise: Facts) -> Facts | None:
    """The problem of a data folder by its ``meta.json``: ``otherwise`` for one made by hand, None if it is unknown."""
    return PROBLEMS.get(str(meta.get("problem", otherwise.name)))


def trained(kind: type) -> dict[str, Any]:
    """Classes of the problems that are trained and are of this kind, by name."""
    classes = {facts.name: facts.load("problem") for facts in PROBLEMS.values() if facts.metric}
    return {name: found for name, found in classes.items() if issubclass(found, kind)}
