"""Toy data folders of random pieces for tagging and question answering, in the layout that xl-prepare writes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from fairseq.data import Dictionary

from user_dir_tests.helpers.toys.toy import VOCABULARY, write_rows
from xl_plugins.data.binary.writer import IndexedWriter

TAGS = ("B-LOC", "B-PER", "I-LOC", "I-PER", "O")


def write_flat(prefix: Path, rows: list, dtype: type) -> None:
    """Rows of integers without end marks."""
    prefix.parent.mkdir(parents=True, exist_ok=True)
    writer = IndexedWriter(str(prefix), 1)
    writer.dtype = dtype
    sizes = np.array([len(row) for row in rows], dtype=np.int64)
    writer.append(np.concatenate([np.asarray(row) for row in rows]), sizes)
    writer.close()


def _begin(root: Path, problem: str, **meta: object) -> int:
    root.mkdir(parents=True, exist_ok=True)
    (root / "dict.txt").write_text("".join(f"p{i} 1\n" for i in range(VOCABULARY)))
    (root / "meta.json").write_text(json.dumps({"format": 1, "problem": problem, "source_language": "en", **meta}))
    return len(Dictionary.load(str(root / "dict.txt")))


def make_tagging(
    root: Path, languages: tuple[str, ...] = ("en", "de", "fr"), train: int = 20, valid: int = 8, test: int = 7,
    longest: int = 7, soft: bool = True, tagged: bool = True, seed: int = 0,
) -> Path:  # fmt: skip
    """Row-parallel sentences; the tag of a word follows from its first piece, so that it can be learnt."""
    size = _begin(root, "tagging", dataset="panx")
    (root / "label").mkdir(exist_ok=True)
    (root / "label" / "dict.txt").write_text("".join(f"{name} 1\n" for name in TAGS))
    for split, count in (("train", train), ("valid", valid), ("test", test)):
        for number, language in enumerate(languages):
            draw = np.random.default_rng([seed, number, len(split), count])
            sentences = [
                [draw.integers(4, size, draw.integers(1, 4)).tolist() for _ in range(draw.integers(1, longest))]
                for _ in range(count)
            ]
            tags = [[word[0] % len(TAGS) for word in words] for words in sentences]
            folder = root / language
            write_rows(folder / "input0" / split, [[p for word in words for p in word] for words in sentences], size)
            write_flat(folder / "words" / split, [[len(word) for word in words] for words in sentences], np.uint16)
            raw = ["\t".join(f"{language}{word[0]}" for word in words).encode() for words in sentences]
            write_flat(folder / "raw" / split, [list(text) for text in raw], np.uint8)
            source = number == 0
            if split != "train" or source or tagged:
                write_rows(folder / "label" / split, [[4 + tag for tag in row] for row in tags], len(TAGS) + 4)
            if not source:
                view = [draw.integers(4, size, draw.integers(1, 2 * longest)).tolist() for _ in range(count)]
                write_rows(folder / "en-view" / "input0" / split, view, size)
            if split == "train" and soft and not source:
                vectors = draw.dirichlet(np.ones(len(TAGS)), sum(map(len, sentences))).astype(np.float32)
                (folder / "soft").mkdir(exist_ok=True)
                np.save(folder / "soft" / "train.npy", vectors)
    return root


def make_qa(
    root: Path, languages: tuple[str, ...] = ("en", "de", "fr"), train: int = 18, valid: int = 8, test: int = 7,
    longest: int = 30, seed: int = 0,
) -> Path:  # fmt: skip
    """Questions on paragraphs (two each); piece number p of a raw context is the word ``w<p>``, blank separated."""
    size = _begin(root, "qa", dataset="xquad", answer_metric="squad")
    for split, count in (("train", train), ("valid", valid), ("test", test)):
        for number, language in enumerate(languages):
            _write_questions(root / language, split, count, size, np.random.default_rng([seed, number, count]), longest)
            if number:
                draw = np.random.default_rng([seed, 9, number, count])
                _write_questions(root / language / "en-view", split, count, size, draw, longest)
    return root


def _write_questions(folder: Path, split: str, count: int, size: int, draw: np.random.Generator, longest: int) -> None:
    contexts = [draw.integers(4, size, draw.integers(3, longest)).tolist() for _ in range((count + 1) // 2)]
    questions = [draw.integers(4, size, draw.integers(1, 6)).tolist() for _ in range(count)]
    write_rows(folder / "input0" / split, questions, size)
    write_rows(folder / "input1" / split, contexts, size)
    raw, offsets = [], []
    for context in contexts:
        words = [f"w{piece}" for piece in context]
        starts = np.cumsum([0] + [len(word) + 1 for word in words])[:-1]
        offsets.append(np.stack([starts, starts + [len(word) for word in words]], axis=1).ravel())
        raw.append(" ".join(words))
    write_flat(folder / "offsets" / split, offsets, np.int32)
    write_flat(folder / "raw" / split, [list(text.encode()) for text in raw], np.uint8)
    spans, records = [], []
    for row in range(count):
        paragraph = row // 2
        first = int(draw.integers(0, len(contexts[paragraph])))
        last = int(min(first + draw.integers(0, 3), len(contexts[paragraph]) - 1))
        start, end = int(offsets[paragraph][2 * first]), int(offsets[paragraph][2 * last + 1])
        spans.append([1000 + row, paragraph, first, last, start, end])
        record = {"id": f"q{row}", "question": "q", "answers": [raw[paragraph][start:end]]}
        records.append(list(json.dumps(record).encode()))
    write_flat(folder / "answers" / split, records, np.uint8)
    (folder / "spans").mkdir(parents=True, exist_ok=True)
    np.save(folder / "spans" / f"{split}.npy", np.array(spans, dtype=np.int64))
