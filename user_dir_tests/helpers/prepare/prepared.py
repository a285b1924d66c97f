"""Reads back what xl-prepare wrote for tagging, question answering and retrieval."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from fairseq.data import Dictionary
from fairseq.data.indexed_dataset import MMapIndexedDataset


def rows(folder: Path, field: str, split: str) -> list[np.ndarray]:
    data = MMapIndexedDataset(str(folder / field / split))
    return [data[row].numpy() for row in range(len(data))]


def strings(folder: Path, field: str, split: str) -> list[str]:
    """UTF-8 rows such as raw and answers."""
    return [row.astype(np.uint8).tobytes().decode("utf-8") for row in rows(folder, field, split)]


def words(folder: Path, split: str) -> list[list[str]]:
    return [text.split("\t") for text in strings(folder, "raw", split)]


def tags(folder: Path, split: str) -> list[list[str]]:
    dictionary = Dictionary.load(str(folder.parent / "label" / "dict.txt"))
    return [[dictionary[i] for i in row[:-1]] for row in rows(folder, "label", split)]


def pieces(root: Path, folder: Path, field: str, split: str) -> list[list[str]]:
    """Piece strings, </s> included."""
    dictionary = Dictionary.load(str(root / "dict.txt"))
    return [[dictionary[i] for i in row] for row in rows(folder, field, split)]


def labels(root: Path) -> list[str]:
    return [line.split()[0] for line in (root / "label" / "dict.txt").read_text(encoding="utf-8").splitlines()]


def spans(folder: Path, split: str) -> np.ndarray:
    return np.load(folder / "spans" / f"{split}.npy")


def questions(folder: Path, split: str) -> list[dict[str, Any]]:
    return [json.loads(text) for text in strings(folder, "answers", split)]


def check_tagging(root: Path, language: str, split: str) -> tuple[int, int]:
    """Invariants of one split of tagged sentences; returns sentences and words."""
    folder = root / language
    text, counts, raw = rows(folder, "input0", split), rows(folder, "words", split), words(folder, split)
    assert len(text) == len(counts) == len(raw)
    for ids, count, sentence in zip(text, counts, raw):
        assert ids[-1] == 2 and (ids[:-1] != 2).all()
        assert count.min() >= 1 and count.sum() == len(ids) - 1
        assert len(count) == len(sentence) and all(sentence)
    if (folder / "label" / f"{split}.idx").exists():
        size = len(labels(root))
        for row, count in zip(rows(folder, "label", split), counts):
            assert len(row) == len(count) + 1 and row[-1] == 2
            assert row[:-1].min() >= Dictionary().nspecial and row[:-1].max() < Dictionary().nspecial + size
    return len(text), sum(map(len, raw))


def check_questions(folder: Path, split: str) -> tuple[int, int, int]:
    """Invariants of one split of questions; returns questions, contexts and answers that are exactly pieces."""
    texts, contexts, raw = rows(folder, "input0", split), rows(folder, "input1", split), strings(folder, "raw", split)
    offsets = [row.reshape(-1, 2) for row in rows(folder, "offsets", split)]
    table, answers = spans(folder, split), questions(folder, split)
    assert len(contexts) == len(raw) == len(offsets) and len(texts) == len(answers) == len(table)
    assert table.dtype == np.int64 and table.shape == (len(texts), 6)
    for ids, cut, context in zip(contexts, offsets, raw):
        assert ids[-1] == 2 and len(cut) == len(ids) - 1
        assert (np.diff(cut, axis=0) >= 0).all() and (cut[:, 0] <= cut[:, 1]).all()
        assert cut.min() >= 0 and cut.max() <= len(context)
    exact = 0
    for row, question in zip(table, answers):
        _, paragraph, first, last, start, end = row.tolist()
        assert 0 <= paragraph < len(raw)
        if not question["answers"] or start < 0:
            assert (first, last, start, end) == (-1, -1, -1, -1)
            continue
        cut, context = offsets[paragraph], raw[paragraph]
        assert context[start:end] == question["answers"][0].strip()
        assert 0 <= first <= last < len(cut)
        found = context[cut[first, 0] : cut[last, 1]]
        assert question["answers"][0].strip(" \n\t\u00a0\u200b\u200e") in found
        exact += found == context[start:end]
    return len(texts), len(raw), exact
