"""How spans of tags are counted: XTREME's way in its own data sets, else by the scheme of the tags."""

from __future__ import annotations

from collections.abc import Sequence

from ... import datasets
from ...errors import UserError
from ...formats.examples.benchmark import BenchmarkTask
from ...formats.examples.conllu_format import UPOS
from ...functional.scores.tag_schemes import (
    OUTSIDE,
    TITLES,
    XTREME,
    recognise,
    split_tag,
)
from .. import TAGGING

_UPOS = {*UPOS, OUTSIDE, "_"}  # XTREME's loader adds O to the labels, so a model can predict it


def is_upos(labels: Sequence[str]) -> bool:
    """Whether all labels are universal parts of speech, which XTREME's rules are for."""
    return set(labels) <= _UPOS and set(labels) != {OUTSIDE}


def benchmark_task(dataset: str) -> BenchmarkTask | None:
    """How XTREME scores a data set of tags of this name, None for others."""
    task = datasets.XTREME.get(dataset)
    return task if task is not None and task.metric in TAGGING.scores else None


def span_rule(dataset: str, labels: Sequence[str], chosen: str | None = None) -> str:
    """Rule of :class:`~xl_plugins.functional.scores.spans.SpanScheme`: ``chosen`` (``--tag-scheme``), XTREME's for its
    data sets and for universal parts of speech, else what the labels tell; UserError for labels of mixed schemes."""
    if chosen and chosen != "auto":
        return chosen
    return XTREME if benchmark_task(dataset) or is_upos(labels) else recognise(labels)


def tagging_metric(labels: Sequence[str]) -> str:
    """``span_f1`` for entity tags (types beside O, or tags with a letter such as B-), ``chunk_f1`` for tags of every
    word; both count the same spans."""
    entities = OUTSIDE in labels or all((split_tag(label) or ("", ""))[1] for label in labels)
    return "span_f1" if entities and not is_upos(labels) else "chunk_f1"


def describe_rule(dataset: str, labels: Sequence[str]) -> str:
    """How spans of these labels will be counted, in words; why they cannot be where schemes are mixed."""
    try:
        rule = span_rule(dataset, labels)
    except UserError as error:
        return f"warning: training will refuse the labels: {error}"
    return "spans: XTREME's rules" if rule == XTREME else f"spans: {TITLES[rule]} (from the labels; --tag-scheme)"
