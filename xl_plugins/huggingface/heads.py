"""The head of a folder's classifier, as that of a fine-tuned checkpoint: it initialises a run where it fits."""

from __future__ import annotations

from typing import Any, NamedTuple

from torch import Tensor

from ..errors import UserError
from ..problems import QA, SENTENCE_PAIR, TAGGING
from .export import SPANS, TEXTS, WORDS
from .folder import Folder
from .weights import Weights

# kinds, and where our checkpoints have their heads: single texts have that of pairs
_PLACES = ((TEXTS, SENTENCE_PAIR.head), (WORDS, TAGGING.head), (SPANS, QA.head))


class Head(NamedTuple):
    """Weights by the names of our checkpoints, and names of the classes in the order of its outputs, empty where the
    folder has none."""

    weights: dict[str, Tensor]
    labels: list[str]


def read_head(weights: Weights, width: int) -> Head | None:
    """The head that the folder's architecture has; None for an encoder alone.

    Args:
        width: of the encoder.

    Raises:
        UserError: it has another width than the encoder.
    """
    folder, bert = weights.folder, weights.folder.kind == "bert"
    names = folder.config.get("architectures")
    architecture = str(names[0]) if isinstance(names, list) and names else ""
    chosen = next((each for each in _PLACES if architecture.endswith(each[0].architecture)), None)
    if chosen is None:
        return None
    kind, place = chosen
    layers = {ours: theirs.removeprefix("bert.") for ours, theirs in (kind.of_bert if bert else kind.layers).items()}
    if any(f"{theirs}.{part}" not in weights for theirs in layers.values() for part in ("weight", "bias")):
        return None
    found = {}
    for ours, theirs in layers.items():
        matrix = weights[f"{theirs}.weight"]
        if matrix.dim() != 2 or matrix.size(1) != width:
            raise UserError(f"{folder.path}: {theirs}.weight is {tuple(matrix.shape)}; expected rows of {width}")
        found[f"{place}.{ours}.weight"] = matrix.clone()
        found[f"{place}.{ours}.bias"] = weights.take(f"{theirs}.bias", len(matrix))
    return Head(found, _labels(folder, len(found[f"{place}.out_proj.bias"])))


def _labels(folder: Folder, count: int) -> list[str]:
    """Names of the classes, empty unless there is one of each."""
    named: Any = folder.config.get("id2label")
    if not isinstance(named, dict) or set(named) != {str(number) for number in range(count)}:
        return []
    labels = [str(named[str(number)]) for number in range(count)]
    return [] if len(set(labels)) < count or labels == [f"LABEL_{number}" for number in range(count)] else labels
