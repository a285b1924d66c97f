"""A toy data folder of random pieces for tests of tasks, models and training."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch
from fairseq.data import Dictionary, indexed_dataset

VOCABULARY = 60
LABELS = ("contradiction", "entailment", "neutral")


def write_rows(prefix: Path, rows: list[list[int]], vocabulary: int) -> None:
    """One binarised file, as fairseq-preprocess writes it; every row gets ``</s>``."""
    prefix.parent.mkdir(parents=True, exist_ok=True)
    builder = indexed_dataset.make_builder(f"{prefix}.bin", impl="mmap", vocab_size=vocabulary)
    for row in rows:
        builder.add_item(torch.tensor([*row, 2], dtype=torch.long))
    builder.finalize(f"{prefix}.idx")


def make_data(
    root: Path, languages: tuple[str, ...] = ("en", "de", "fr"), train: int = 24, valid: int = 10, test: int = 8,
    seed: int = 0, back_translation: bool = True, translate: bool = True, longest: int = 9,
) -> Path:  # fmt: skip
    """Write ``root`` with row-parallel languages; the label of a row is a function of its source text."""
    root.mkdir(parents=True, exist_ok=True)
    pieces = [f"p{i}" for i in range(VOCABULARY)]
    (root / "dict.txt").write_text("".join(f"{p} 1\n" for p in pieces))
    (root / "label").mkdir(exist_ok=True)
    (root / "label" / "dict.txt").write_text("".join(f"{name} 1\n" for name in LABELS))
    size = len(Dictionary.load(str(root / "dict.txt")))
    for split, count in (("train", train), ("valid", valid), ("test", test)):
        draw = np.random.default_rng([seed, len(split), count])
        source = [[draw.integers(4, size, draw.integers(2, longest)).tolist() for _ in range(count)] for _ in range(2)]
        labels = [[4 + sum(row) % len(LABELS)] for row in source[0]]
        for number, language in enumerate(languages):
            texts = [[[4 + (piece - 4 + 7 * number) % (size - 4) for piece in row] for row in side] for side in source]
            views = {language: texts}
            if language != languages[0] and (back_translation if split == "train" else translate):
                views[f"{language}/{languages[0]}-view"] = [[[*row[:-1], 4] for row in side] for side in source]
            for folder, sides in views.items():
                for field, rows in zip(("input0", "input1"), sides):
                    write_rows(root / folder / field / split, rows, size)
            write_rows(root / language / "label" / split, labels, len(LABELS) + 4)
    return root


def make_texts(root: Path, **options: Any) -> Path:
    """The first texts of :func:`make_data`, as single texts."""
    make_data(root, **options)
    for second in root.rglob("input1"):
        shutil.rmtree(second)
    meta = {"format": 1, "problem": "text", "texts": 1, "source_language": "en"}
    (root / "meta.json").write_text(json.dumps(meta))
    return root
