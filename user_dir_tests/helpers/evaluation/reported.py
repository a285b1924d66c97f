"""Small inputs of reports: results with given scores, training logs, matrices, folders of analyses."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from xl_plugins.evaluation.generalised import Matrix
from xl_plugins.evaluation.report.compare import System
from xl_plugins.evaluation.report.result import Result, to_json

ROWS = 200
PIXEL = base64.b64decode(  # a picture of one pixel
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
SELECTION = {"protocol": "source-dev", "score": 81.5, "best": 81.5, "description": "source-dev over en"}


def result(name: str, scores: Mapping[str, float], task: str = "mine", rows: int = ROWS, **facts: Any) -> Result:
    """A result with these percentages; the first rows are right, so that two of them differ in as few as they can."""
    examples = {
        language: np.stack([np.arange(rows) < round(score / 100 * rows), np.ones(rows)], 1).astype(float)
        for language, score in scores.items()
    }
    provenance = {"selection": SELECTION, "inference": {"mode": "plain", "description": "target text alone"}, **facts}
    return Result.of_examples(name, task, "test", "en", "accuracy", examples, provenance=provenance)


def system(name: str, *seeds: Mapping[str, float], **facts: Any) -> System:
    return System(name, [result(f"s{i}", scores, **facts) for i, scores in enumerate(seeds, 1)])


def write_result(path: Path, *seeds: Mapping[str, float], **facts: Any) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(to_json(system(path.stem, *seeds, **facts).results), encoding="utf-8")
    return str(path)


def start(updates: int = 0, **facts: Any) -> dict[str, Any]:
    command = ["xl-train", "data-bin/mine", "--lr", "5e-6"]
    return {"event": "start", "time": "2026-11-30T10:00:00+00:00", "updates": updates, "command": command, "seed": 3,
            "versions": {"torch": "2.13.0"}, **facts}  # fmt: skip


def train(updates: int, loss: float) -> dict[str, Any]:
    return {"event": "train", "updates": updates, "epoch": 1, "seconds": updates * 0.5,
            "stats": {"loss": loss, "lr": 5e-6, "wps": 900.0}}  # fmt: skip


def valid(updates: int, score: float, languages: Sequence[str] = ("de", "en")) -> dict[str, Any]:
    return {"event": "valid", "updates": updates, "epoch": 1, "seconds": updates * 0.5, "subset": "valid",
            "stats": {"loss": 0.5, "acc_select": score},
            "languages": {x: {"accuracy": score + i} for i, x in enumerate(languages)}}  # fmt: skip


def end(updates: int, best: float) -> dict[str, Any]:
    return {"event": "end", "updates": updates, "seconds": updates * 0.5, "best": best}


def write_log(folder: Path, *events: dict[str, Any], tail: str = "") -> str:
    """A save folder with these events; ``tail``: what follows the last line."""
    folder.mkdir(parents=True, exist_ok=True)
    text = "".join(f"{json.dumps(event, separators=(',', ':'))}\n" for event in events)
    (folder / "log.jsonl").write_text(text + tail, encoding="utf-8")
    return str(folder)


def write_matrix(path: Path, languages: Sequence[str], name: str = "crossed") -> str:
    """Cell (i, j) has 50 + i + 2 j of 100 right, at most all."""
    correct = np.array([[min(50 + i + 2 * j, 100) for j in range(len(languages))] for i in range(len(languages))])
    provenance = {"selection": SELECTION, "inference": {"mode": "plain", "description": "target text alone"}}
    path.write_text(Matrix(name, "xnli", "test", list(languages), correct, 100, provenance=provenance).to_json())
    return str(path)


def write_analysis(folder: Path, kind: str = "cka", **pictures: bytes) -> str:
    """A folder of xl-analyze; ``pictures``: content by name, ``__`` for the dot."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {name.replace("__", "."): data for name, data in pictures.items()} or {"layers.png": PIXEL}
    for name, data in files.items():
        (folder / name).write_bytes(data)
    content = {"kind": kind, "numbers": {"layers": {"1": 0.25}, "mean": 0.5}, "pictures": list(files),
               "checkpoint": "runs/a/checkpoint_best.pt"}  # fmt: skip
    (folder / "analysis.json").write_text(json.dumps(content), encoding="utf-8")
    return str(folder)
