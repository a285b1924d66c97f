"""Text of a pre-training: the tokenizer that is learnt from it, SentencePiece as XLM-R has it or WordPiece as BERT, and
its pieces in fairseq's files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from random import Random
from typing import IO, Any

import sentencepiece
import torch
from fairseq.data import Dictionary
from fairseq.data.indexed_dataset import MMapIndexedDatasetBuilder, best_fitting_int_dtype
from tqdm import tqdm

from xl_plugins.data.binary.meta import SPM, WORDPIECE
from xl_plugins.data.tokenizer import PieceEncoder, PieceModel, load_tokenizer
from xl_plugins.data.wordpiece import CONTINUES, SPECIAL, WordPieceModel, make_tokenizer, to_piece, to_symbol
from xl_plugins.errors import UserError
from xl_plugins.mini.corpora import SEPARATOR, Text, pretraining_lines
from xl_plugins.mini.sizes import KINDS, Schedule, Sizes
from xl_plugins.output import atomic_file

DICTIONARY, MODEL, LOG, WORK = "dict.txt", "model.pt", "pretrain.log", "pretraining"
FILES = dict(zip(KINDS, (SPM, WORDPIECE, WORDPIECE)))
_RULES = {"clean_text": True, "handle_chinese_chars": True, "strip_accents": None}
VALID_LINES = 500
FEWEST_LINES = 8  # fairseq finds no batch in fewer


def learn_tokenizer(sentences: list[str], path: Path, vocab: int, kind: str) -> PieceModel:
    """Write and load a tokenizer in which all characters are known; fewer pieces than ``vocab`` if text is short.

    Args:
        kind: one of ``KINDS``.
    """
    if kind == KINDS[0]:
        with atomic_file(path, "wb") as handle:
            train_tokenizer(sentences, handle, vocab)
    else:
        made = train_wordpiece(sentences, kind == KINDS[2], vocab)
        with atomic_file(path) as file:
            file.write(json.dumps(made, ensure_ascii=False))
    return load_tokenizer(str(path))


def train_tokenizer(sentences: Iterable[str], handle: IO[bytes], vocab: int) -> None:
    """Unigram model, normalised as in XLM-R."""
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences), model_writer=handle, vocab_size=vocab, model_type="unigram",
        character_coverage=1.0, hard_vocab_limit=False, num_threads=1, minloglevel=2,
    )  # fmt: skip


def train_wordpiece(sentences: Iterable[str], lowercase: bool, vocab: int) -> dict[str, Any]:
    """The content of tokenizer.json with BERT's words, whose pieces are those of a unigram model of these words: the
    trainer of the tokenizers library gives another vocabulary every time."""
    rules = {**_RULES, "lowercase": lowercase}
    cut = WordPieceModel(make_tokenizer([], rules), WORDPIECE)
    words = [" ".join(cut.words(sentence)) for sentence in sentences]
    letters = sorted({letter for line in words for letter in line} - {" "})
    single = [*letters, *(f"{CONTINUES}{letter}" for letter in letters)]
    handle = BytesIO()
    train_tokenizer(words, handle, max(vocab - len(letters), len(letters) + len(SPECIAL)))
    model = sentencepiece.SentencePieceProcessor(model_proto=handle.getvalue())
    learnt = [to_piece(model.IdToPiece(number)) for number in range(3, model.GetPieceSize())]
    return make_tokenizer([piece for piece in dict.fromkeys([*single, *learnt]) if piece], rules)


def write_dictionary(tokenizer: PieceModel, path: Path) -> Dictionary:
    """fairseq dictionary of a tokenizer's ordinary pieces in their order, each with count 1."""
    special = {"<unk>", *map(to_symbol, SPECIAL.values())}
    names = [tokenizer.IdToPiece(number) for number in range(tokenizer.GetPieceSize())]
    with atomic_file(path) as file:
        file.writelines(f"{name} 1\n" for name in names if name not in special)
    return Dictionary.load(str(path))


def prepare(text: Text, out: Path, sizes: Sizes, schedule: Schedule) -> None:
    """Write tokenizer, dictionary and binarised text; UserError where there is too little of it."""
    texts, aligned = text.monolingual(), text.aligned()
    data = out / WORK / "data"
    data.mkdir(parents=True, exist_ok=True)
    everything = [sentence for sentences in texts for sentence in sentences]
    path = out / FILES[sizes.tokenizer]
    tokenizer = learn_tokenizer(everything, path, sizes.vocab, sizes.tokenizer)
    dictionary = write_dictionary(tokenizer, out / DICTIONARY)
    shutil.copyfile(out / DICTIONARY, data / DICTIONARY)

    lines = list(pretraining_lines(texts, aligned, schedule.parallel_share, Random(f"{schedule.seed}/lines")))
    held_out = min(VALID_LINES, max(FEWEST_LINES, len(lines) // 20))
    if len(lines) < held_out + FEWEST_LINES:
        raise UserError(
            f"too little text to train on: {len(lines)} lines of two sentences, expected at least {2 * FEWEST_LINES}"
        )
    separator = [dictionary.eos()] * PieceEncoder(str(path), str(out / DICTIONARY)).frame.between
    for split, part in (("valid", lines[:held_out]), ("train", lines[held_out:])):
        builder = MMapIndexedDatasetBuilder(str(data / f"{split}.bin"), dtype=best_fitting_int_dtype(len(dictionary)))
        for line in tqdm(part, desc=f"binarise {split}", unit=" lines", disable=None, leave=False):
            builder.add_item(_encode(line, tokenizer, dictionary, separator, sizes.max_positions - 1))
        builder.finalize(str(data / f"{split}.idx"))
    (data / "complete").touch()


def _encode(
    line: str,
    tokenizer: PieceModel,
    dictionary: Dictionary,
    separator: list[int],
    limit: int,
) -> torch.Tensor:
    """Piece ids with the separator between the sentences and </s> at the end, cut to ``limit``."""
    parts: list[int] = []
    for position, sentence in enumerate(line.split(f" {SEPARATOR} ")):
        parts += separator if position else []
        parts += [dictionary.index(piece) for piece in tokenizer.EncodeAsPieces(sentence)]
    return torch.tensor([*parts[: limit - 1], dictionary.eos()], dtype=torch.int)
