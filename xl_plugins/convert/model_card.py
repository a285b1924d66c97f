"""The README of an exported model: what it is, how it was made, how good it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..evaluation.checkpoint import FineTuned
from ..formats.languages import is_language
from ..huggingface.export import Kind
from ..terminal import printable
from ..version import __version__


def model_card(tuned: FineTuned, kind: Kind, lost: list[str], scores: str | None) -> str:
    """A model card in Markdown with the hub's header.

    Args:
        lost: what the exported model does otherwise than the checkpoint.
        scores: JSON file of ``xl-evaluate --json``.

    Raises:
        UserError: ``scores`` is no such file.
    """
    record = tuned.record  # the task that predicts has its own languages and data
    languages = [name for name in record.get("train_languages", []) if is_language(name)]
    head = ["---", *(["language:", *(f'- "{name}"' for name in languages)] if languages else []),
            "library_name: transformers", f"pipeline_tag: {kind.pipeline}", "tags:", "- xl_plugins", "---"]  # fmt: skip
    name = tuned.task.cfg._name
    body = [
        "# Model card", "",
        f"Fine-tuned with [fairseq](https://github.com/facebookresearch/fairseq) and xl_plugins {__version__}.", "",
        "| | |", "|---|---|",
        *(f"| {key} | {value} |" for key, value in _facts(tuned, record, str(name))),
    ]  # fmt: skip
    if lost:
        body += ["", "Other than in the checkpoint it was made of:", "", *(f"* {line}" for line in lost)]
    if scores:
        body += ["", "## Scores", "", *_table(scores)]
    return "\n".join([*head, "", *body]) + "\n"


def _facts(tuned: FineTuned, record: dict[str, Any], task: str) -> list[tuple[str, str]]:
    selection = tuned.selection
    rows = [("method", record["method"]), ("task", f"`{task}`"), ("source language", record.get("source_language", "")),
            ("training languages", ", ".join(record.get("train_languages", []))),
            ("labels", ", ".join(record.get("labels", []))), ("updates", f"{tuned.updates:,}"),
            ("checkpoint chosen by", selection.describe())]  # fmt: skip
    if selection.score is not None:
        rows.append((f"dev score ({selection.metric})", f"{selection.score:.2f}"))
    digests = record.get("training_data") or {}
    rows += [(f"SHA-256 of the training data, {language}", f"`{value}`") for language, value in digests.items()]
    return [(key, printable(str(value)).replace("|", "\\|")) for key, value in rows if value]


def _table(path: str) -> list[str]:
    """Scores per language of a file that xl-evaluate wrote, by its first figure."""
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        figures = content.get("figures") or {content["metric"]: content}  # one figure alone stands at the top
        figure = next(iter(figures))
        rows = [(str(name), float(found[figure])) for name, found in content["languages"].items()]
        rows.append(("mean", float(figures[figure]["mean"])))
    except (OSError, ValueError, KeyError, StopIteration, TypeError, AttributeError):
        raise UserError(f"--scores {path}: no scores in it; give a file that xl-evaluate --json wrote") from None
    return [
        f"| | {printable(figure)} |",
        "|---|---|",
        *(f"| {printable(name)} | {value:.1f} |" for name, value in rows),
    ]
