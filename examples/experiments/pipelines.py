#!/usr/bin/env python3
"""Compare the predictions of a checkpoint with those of transformers' pipeline on its export (xl-convert to-hf).

    examples/experiments/pipelines.py runs/xnli/checkpoint_best.pt test-de.tsv --columns 1,2 --rows 1000
    examples/experiments/pipelines.py runs/panx/checkpoint_best.pt test-de.jsonl      # {"words": [...]} per line
    examples/experiments/pipelines.py runs/squad/checkpoint_best.pt xquad.de.json     # needs transformers before 5

Prints how many of the rows are predicted alike, and the largest difference of a probability. Tagging: a word has the
tag of its first piece, so train with --word-pooling first. Questions: only those that fit into one window with
their context are compared, since a pipeline cuts longer ones elsewhere and weighs their windows otherwise.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import transformers

import xl_plugins
from xl_plugins.convert.to_hf import to_hf

PIPELINES = {"text": "text-classification", "sentence_pair": "text-classification", "tagging": "token-classification",
             "qa": "question-answering"}  # fmt: skip


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", metavar="CKPT", help="fine-tuned checkpoint")
    parser.add_argument("input", metavar="FILE", help="tsv, jsonl with words, or JSON of SQuAD; plain or .gz")
    parser.add_argument("--columns", default="1", metavar="1[,2]", help="tsv: columns of the texts (default: 1)")
    parser.add_argument("--rows", type=int, default=1000, metavar="N", help="rows to compare (default: %(default)s)")
    parser.add_argument("--plain", action="store_true", help="as of xl-convert to-hf")
    return parser


def lines(path: str) -> Iterator[str]:
    opened: Any = gzip.open if path.endswith(".gz") else open
    with opened(path, "rt", encoding="utf-8", newline="") as file:
        yield from file


def texts(path: str, columns: str) -> Iterator[Any]:
    places = [int(number) - 1 for number in columns.split(",")]
    for row in csv.reader(lines(path), delimiter="\t", quoting=csv.QUOTE_NONE):
        yield row[places[0]] if len(places) == 1 else tuple(row[place] for place in places)


def sentences(path: str, columns: str) -> Iterator[Any]:
    for line in lines(path):
        yield json.loads(line)["words"]


def questions(path: str, columns: str) -> Iterator[Any]:
    for article in json.loads("".join(lines(path)))["data"]:
        for paragraph in article["paragraphs"]:
            for entry in paragraph["qas"]:
                yield entry["question"], paragraph["context"]


def same_class(model: Any, pipeline: Any, rows: list[Any]) -> tuple[int, float]:
    given = [row if isinstance(row, str) else {"text": row[0], "text_pair": row[1]} for row in rows]
    cut = {"truncation": True, "max_length": model.tuned.task.cfg.max_length}
    same, most = 0, 0.0
    for record, found in zip(model.predict(rows), pipeline(given, top_k=None, **cut)):
        scores = {entry["label"]: entry["score"] for entry in found}
        same += record["label"] == max(scores, key=lambda name: scores[name])
        most = max(most, *(abs(scores[name] - value) for name, value in record["probabilities"].items()))
    return same, most


def same_tags(model: Any, pipeline: Any, rows: list[Any]) -> tuple[int, float]:
    same, most = 0, 0.0
    for words, record in zip(rows, model.predict(rows, probabilities=True)):
        text = " ".join(words)
        found: dict[int, Any] = {}
        for entry in pipeline(text):  # a piece may be the blank before a word alone, or begin with it
            found.setdefault(entry["start"] + (text[entry["start"]] == " "), entry)
        starts = [len(" ".join(words[:number])) + (number > 0) for number in range(len(words))]
        theirs = [found[start]["entity"] for start in starts if start in found]
        same += theirs == record["tags"]
        for start, given in zip(starts, record["probabilities"]):
            if start in found:
                most = max(most, abs(found[start]["score"] - given[found[start]["entity"]]))
    return same, most


def same_answers(model: Any, pipeline: Any, rows: list[Any]) -> tuple[int, float]:
    cfg = model.tuned.task.cfg
    rows[:] = [row for row in rows if len(pipeline.tokenizer(*row)["input_ids"]) <= cfg.max_length]
    given = {"max_seq_len": cfg.max_length, "max_answer_len": cfg.max_answer_length, "align_to_words": False}
    same, most = 0, 0.0
    for (question, context), record in zip(rows, model.predict(rows)):
        found = pipeline(question=question, context=context, **given)
        alike = found["answer"].strip() == record["answer"].strip()
        same += alike
        most = max(most, abs(found["score"] - record["score"]) if alike else 0.0)
    return same, most


COMPARED: dict[str, tuple[Callable[..., Iterator[Any]], Callable[..., tuple[int, float]]]] = {
    "text": (texts, same_class), "sentence_pair": (texts, same_class), "tagging": (sentences, same_tags),
    "qa": (questions, same_answers),
}  # fmt: skip


def main() -> int:
    args = make_parser().parse_args()
    model = xl_plugins.load(args.path, device="cpu")
    read, compare = COMPARED[model.problem]
    rows = list(islice(read(args.input, args.columns), args.rows))
    with tempfile.TemporaryDirectory() as folder:
        for line in to_hf(args.path, str(Path(folder, "hub")), plain=args.plain).lost:
            print(f"not in the folder: {line}", file=sys.stderr)
        more = {"ignore_labels": []} if model.problem == "tagging" else {}
        pipeline = transformers.pipeline(PIPELINES[model.problem], str(Path(folder, "hub")), device="cpu", **more)
        same, most = compare(model, pipeline, rows)
    print(f"{model.problem}: {same:,} of {len(rows):,} rows alike, probabilities within {most:.1e}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
