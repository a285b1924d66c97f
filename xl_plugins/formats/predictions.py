"""Prediction files as XTREME's scorer reads them."""

from __future__ import annotations

import json
from collections.abc import Sequence


def write_labels(labels: Sequence[str]) -> str:
    """One label per line."""
    return "".join(f"{label}\n" for label in labels)


def write_tags(sentences: Sequence[Sequence[str]]) -> str:
    """One tag per line; every sentence is followed by a blank line."""
    return "".join("".join(f"{tag}\n" for tag in sentence) + "\n" for sentence in sentences)


def write_answers(ids: Sequence[str], answers: Sequence[str]) -> str:
    """A JSON object: question id -> answer."""
    return json.dumps(dict(zip(ids, answers)), ensure_ascii=False, indent=0) + "\n"
