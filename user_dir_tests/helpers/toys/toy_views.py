"""Toy data folders of invented words cut by a SentencePiece model, so that words can be cut anew and replaced."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fairseq import tasks

from user_dir_tests.conftest import TinySpm
from user_dir_tests.helpers.toys.tiny import configure
from user_dir_tests.helpers.toys.toy import LABELS, write_rows
from user_dir_tests.helpers.toys.toy_pieces import model_bytes
from user_dir_tests.helpers.toys.toy_positions import TAGS, write_flat
from xl_plugins.augment.primitives.words import WordPieces
from xl_plugins.data.binary.layout import load_with_mask

PROBLEMS = ["sentence_pair", "text", "tagging", "qa"]
LANGUAGES = ("en", "de", "fr")
OPTIONS: dict[str, dict] = {
    "sentence_pair": {"max_length": 30},
    "text": {"max_length": 16},  # long texts are cut
    "tagging": {"max_length": 20},  # sentences of several chunks
    "qa": {"max_length": 40, "max_question_length": 8, "doc_stride": 10},  # contexts of several windows
}


@pytest.fixture(params=PROBLEMS)
def problem(request: pytest.FixtureRequest) -> str:
    return request.param


def make_spm(folder: Path) -> TinySpm:
    """A tokenizer that knows the letters, the syllables and some pairs of syllables of 80 invented words, so that most
    words can be cut in many ways; and a text of these words, and of some with a letter that it does not know."""
    draw = random.Random(3)
    syllables = [onset + vowel for onset in "bdfgklm" for vowel in "aeiou"]
    parts = [*"bdfgklmaeiou", *syllables, *("".join(draw.sample(syllables, 2)) for _ in range(30))]
    scores = {"▁": -4.0, ".": -3.0, "?": -3.5}
    scores |= {prefix + part: -3.0 - 2 * draw.random() for part in parts for prefix in ("", "▁")}
    model, names, text = folder / "toy.model", folder / "dict.txt", folder / "text.txt"
    model.write_bytes(model_bytes(scores))
    names.write_text("".join(f"{piece} 1\n" for piece in scores), encoding="utf-8")
    words = ["".join(draw.choices(syllables, k=draw.randint(1, 4))) for _ in range(80)] + ["bañi", "ñ"]
    lines = [" ".join(draw.choices(words, k=draw.randint(2, 9))) + draw.choice([".", " ?", ""]) for _ in range(2000)]
    text.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return TinySpm(model, names, text)


def make_folder(
    root: Path, spm: TinySpm, problem: str, languages: tuple[str, ...] = LANGUAGES, train: int = 12, valid: int = 4,
    tagged: bool = False, source_texts: bool = False,
) -> Path:  # fmt: skip
    """A data folder with translations of the training text; those of tagged sentences have labels if ``tagged``.
    ``source_texts``: with translations into English, which X-Mixup reads."""
    pieces, lines = begin(root, spm, problem), spm.text.read_text(encoding="utf-8").splitlines()
    for split, count in (("train", train), ("valid", valid)):
        for number, language in enumerate(languages):
            draw = random.Random(f"{split} {number}")
            texts = [line.split() for line in draw.sample(lines, 6 * count)]
            if problem == "sentence_pair":
                pairs = list(zip(texts[:count], texts[count:]))
                write_pairs(root / language, split, pieces, pairs, [row % len(LABELS) for row in range(count)])
            elif problem == "text":
                labels = [[4 + row % len(LABELS)] for row in range(count)]
                _write_texts(root / language / "input0" / split, pieces, [_long(texts, row) for row in range(count)])
                write_rows(root / language / "label" / split, labels, len(LABELS) + 4)
            elif problem == "tagging":
                gold = split != "train" or number == 0 or tagged
                write_tagged(root / language, split, pieces, [_long(texts, row) for row in range(count)], gold)
            else:
                contexts = [_long(texts, row) for row in range((count + 1) // 2)]
                questions = [text[:5] for text in texts[-count:]]
                write_questions(root / language, split, pieces, contexts, questions, draw)
            if source_texts and number:
                _write_view(root / language / "en-view", split, pieces, problem, texts[-count:], draw)
    return root


def _write_view(folder: Path, split: str, pieces: WordPieces, problem: str, texts: list, draw: random.Random) -> None:
    if problem == "qa":
        contexts = [text + texts[0] for text in texts[: (len(texts) + 1) // 2]]
        write_questions(folder, split, pieces, contexts, texts, draw)
        return
    for side in range(2 if problem == "sentence_pair" else 1):
        _write_texts(folder / f"input{side}" / split, pieces, texts[:: 1 - 2 * side])


def begin(root: Path, spm: TinySpm, problem: str) -> WordPieces:
    """Dictionary, tokenizer, label names and meta.json of a folder."""
    (root / "label").mkdir(parents=True, exist_ok=True)
    shutil.copy(spm.dict, root / "dict.txt")
    shutil.copy(spm.model, root / "sentencepiece.bpe.model")
    names = {"sentence_pair": LABELS, "text": LABELS, "tagging": TAGS}.get(problem, ())
    if names:
        (root / "label" / "dict.txt").write_text("".join(f"{name} 1\n" for name in names))
    single = {"texts": 1} if problem == "text" else {}
    (root / "meta.json").write_text(json.dumps({"format": 1, "problem": problem, "source_language": "en", **single}))
    return WordPieces(load_with_mask(root / "dict.txt"), str(root / "sentencepiece.bpe.model"))


def _long(texts: list[list[str]], row: int) -> list[str]:
    """Every third text is made of several."""
    return [word for text in texts[row : row + (3 if row % 3 == 2 else 1)] for word in text]


def _write_texts(prefix: Path, pieces: WordPieces, texts: list[list[str]]) -> None:
    rows = [[piece for word in text for piece in pieces.encode(word)] for text in texts]
    write_rows(prefix, rows, len(pieces.dictionary))


def write_pairs(folder: Path, split: str, pieces: WordPieces, pairs: list, labels: list[int]) -> None:
    for side in (0, 1):
        _write_texts(folder / f"input{side}" / split, pieces, [pair[side] for pair in pairs])
    write_rows(folder / "label" / split, [[4 + label] for label in labels], len(LABELS) + 4)


def write_tagged(folder: Path, split: str, pieces: WordPieces, texts: list[list[str]], gold: bool) -> None:
    """The tag of a word follows from its first piece."""
    _write_texts(folder / "input0" / split, pieces, texts)
    write_flat(folder / "words" / split, [[len(pieces.encode(word)) for word in text] for text in texts], np.uint16)
    write_flat(folder / "raw" / split, [list("\t".join(text).encode()) for text in texts], np.uint8)
    if gold:
        tags = [[4 + pieces.encode(word)[0] % len(TAGS) for word in text] for text in texts]
        write_rows(folder / "label" / split, tags, len(TAGS) + 4)


def write_questions(
    folder: Path, split: str, pieces: WordPieces, contexts: list, questions: list, draw: random.Random,
    spans: list[tuple[int, int]] | None = None,
) -> None:  # fmt: skip
    """Question i asks about context i // 2; answers are whole words or (every second one) any pieces, or ``spans``."""
    _write_texts(folder / "input0" / split, pieces, questions)
    _write_texts(folder / "input1" / split, pieces, contexts)
    symbols, offsets, rows, records = pieces.dictionary.symbols, [], [], []
    for context in contexts:
        ids = [piece for word in context for piece in pieces.encode(word)]
        ends = np.cumsum([len(symbols[piece]) for piece in ids]) - 1  # the text has no blank before its first word
        starts = np.array([0, *ends[:-1]]) + [number > 0 and symbols[p][0] == "▁" for number, p in enumerate(ids)]
        offsets.append(np.stack([starts, ends], axis=1).ravel())
    for row in range(len(questions)):
        context, place = contexts[row // 2], offsets[row // 2]
        first, last = spans[row] if spans else _answer(context, pieces, draw, inside=row % 2 == 1)
        start, end = int(place[2 * first]), int(place[2 * last + 1])
        rows.append([1000 + row, row // 2, first, last, start, end])
        answer = " ".join(context)[start:end]
        record = {"id": f"q{row}", "question": " ".join(questions[row]), "answers": [answer]}
        records.append(list(json.dumps(record).encode()))
    write_flat(folder / "offsets" / split, offsets, np.int32)
    write_flat(folder / "raw" / split, [list(" ".join(context).encode()) for context in contexts], np.uint8)
    write_flat(folder / "answers" / split, records, np.uint8)
    (folder / "spans").mkdir(parents=True, exist_ok=True)
    np.save(folder / "spans" / f"{split}.npy", np.array(rows, dtype=np.int64))


def _answer(context: list[str], pieces: WordPieces, draw: random.Random, inside: bool) -> tuple[int, int]:
    """First and last piece of one to four words, ``inside`` without the outermost pieces where there are enough."""
    ends = np.cumsum([len(pieces.encode(word)) for word in context])
    first = draw.randrange(len(context))
    last = min(len(context) - 1, first + draw.randrange(4))
    start, stop = int(ends[first - 1]) if first else 0, int(ends[last]) - 1
    return (start + 1, stop - 1) if inside and stop - start >= 2 else (start, stop)


def make_dictionaries(
    folder: Path, data: Path, languages: tuple[str, ...] = ("de", "fr"), phrases: bool = True
) -> dict[str, dict]:
    """Bilingual dictionaries of three quarters of the words of the English training text; translations are words of
    vowels, which the text does not have. Returns language -> word -> translations."""
    draw, pieces = random.Random(5), open_pieces(data)
    words = sorted({pieces.text(word) for field in ("input0", "input1") for word in _words(data, field, pieces)})
    tables: dict[str, dict] = {}
    folder.mkdir(parents=True, exist_ok=True)
    for number, language in enumerate(languages):
        table: dict[str, list[str]] = {}
        for word in draw.sample(words, 3 * len(words) // 4):
            made = ["iu"[number] + "".join(draw.choices("aeiou", k=3)) for _ in range(draw.randint(1, 3))]
            table[word] = [*made, f"{made[0]} {made[-1]}"] if phrases and draw.random() < 0.2 else made
        tables[language] = table
        lines = [f"{word}\t{target}\n" for word, targets in table.items() for target in targets]
        (folder / f"en-{language}.txt").write_text("".join(lines), encoding="utf-8")
    return tables


def open_pieces(data: Path) -> WordPieces:
    return WordPieces(load_with_mask(data / "dict.txt"), str(data / "sentencepiece.bpe.model"))


def _words(data: Path, field: str, pieces: WordPieces) -> list[tuple[int, ...]]:
    if not (data / "en" / field / "train.bin").is_file():
        return []
    ids = np.fromfile(data / "en" / field / "train.bin", dtype=np.uint16).tolist()
    return [word for word in pieces.split([i for i in ids if i != 2]) if pieces.text(word)]


# -- data sets --


def open_task(data: Path, problem: str, method: str = "xl", **options: object) -> Any:
    """A task with its training set."""
    given = {"mixup_layer": 2} if method == "xmixup" else {}
    task = tasks.setup_task(configure(data, f"{method}_{problem}", **{**OPTIONS[problem], **given, **options}).task)
    task.load_dataset("train")
    return task


def batches(task: Any, epoch: int = 1, workers: int = 0, split: str = "train", **options: object) -> list[dict]:
    """An epoch's batches as the task's own iterator gives them."""
    iterator = task.get_batch_iterator(
        task.datasets[split], epoch=epoch, num_workers=workers, **{"max_sentences": 4, "seed": 1, **options}
    )
    return drain(iterator.next_epoch_itr(shuffle=split == "train"))


def drain(epoch: Any) -> list[dict]:
    """The remaining batches of an epoch; ends its workers, which garbage collection would take seconds for."""
    found = list(epoch)
    getattr(epoch._itr, "_shutdown_workers", lambda: None)()
    return found


def same(one: Any, other: Any) -> bool:
    """Whether two batches, or lists of them, are identical tensor by tensor."""
    if isinstance(one, torch.Tensor):
        return isinstance(other, torch.Tensor) and one.dtype == other.dtype and torch.equal(one, other)
    if isinstance(one, Mapping):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(np.all(one == other))


def views(item: dict) -> list[list[int]]:
    """All rows of x and then of x' of an item."""
    rows = list(item["rows"]) if "rows" in item else [item["target"]]
    second = item.get("second", [])
    rows += [second] if isinstance(second, torch.Tensor) else list(second)
    return [(row[0] if isinstance(row, tuple) else row).tolist() for row in rows]


_SETS: dict = {}


def open_training_set(problem: str, data: Path, epoch: int = 1, **options: object) -> Any:
    """A training set in an epoch; the same object for the same options."""
    key = (problem, data, *sorted(options.items()))
    if key not in _SETS:
        if "cs" in options.values():
            options["cs_dictionaries"] = str(data.parent / "dictionaries")
        _SETS[key] = open_task(data, problem, **options).datasets["train"]
    _SETS[key].set_epoch(epoch)
    return _SETS[key]


def forget() -> None:
    """Drop the training sets kept so far."""
    _SETS.clear()
