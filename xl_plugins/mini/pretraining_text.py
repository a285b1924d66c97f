"""Text of a pre-training: the tokenizer that is learnt from it, and its pieces in fairseq's files."""

from __future__ import annotations

import shutil
from pathlib import Path
from random import Random

import sentencepiece
import torch
from fairseq.data import Dictionary
from fairseq.data.indexed_dataset import MMapIndexedDatasetBuilder, best_fitting_int_dtype
from tqdm import tqdm

from xl_plugins.errors import UserError
from xl_plugins.mini.corpora import SEPARATOR, Text, pretraining_lines
from xl_plugins.mini.sizes import Schedule, Sizes
from xl_plugins.output import atomic_file

TOKENIZER, DICTIONARY, MODEL, LOG, WORK = (
    "sentencepiece.bpe.model",
    "dict.txt",
    "model.pt",
    "pretrain.log",
    "pretraining",
)
VALID_LINES = 500
FEWEST_LINES = 8  # fairseq finds no batch in fewer


def train_tokenizer(sentences: list[str], path: Path, vocab: int) -> sentencepiece.SentencePieceProcessor:
    """Unigram model, normalised as in XLM-R, all characters known; fewer pieces than ``vocab`` if text is short."""
    with atomic_file(path, "wb") as handle:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(sentences), model_writer=handle, vocab_size=vocab, model_type="unigram",
            character_coverage=1.0, hard_vocab_limit=False, num_threads=1, minloglevel=2,
        )  # fmt: skip
    return sentencepiece.SentencePieceProcessor(model_file=str(path))


def write_dictionary(tokenizer: sentencepiece.SentencePieceProcessor, path: Path) -> Dictionary:
    """fairseq dictionary of the pieces after <unk>, <s>, </s>, in their order, each with count 1."""
    pieces = [tokenizer.id_to_piece(index) for index in range(3, tokenizer.get_piece_size())]
    with atomic_file(path) as file:
        file.writelines(f"{piece} 1\n" for piece in pieces)
    return Dictionary.load(str(path))


def prepare(text: Text, out: Path, sizes: Sizes, schedule: Schedule) -> None:
    """Write tokenizer, dictionary and binarised text; UserError where there is too little of it."""
    texts, aligned = text.monolingual(), text.aligned()
    data = out / WORK / "data"
    data.mkdir(parents=True, exist_ok=True)
    everything = [sentence for sentences in texts for sentence in sentences]
    tokenizer = train_tokenizer(everything, out / TOKENIZER, sizes.vocab)
    dictionary = write_dictionary(tokenizer, out / DICTIONARY)
    shutil.copyfile(out / DICTIONARY, data / DICTIONARY)

    lines = list(pretraining_lines(texts, aligned, schedule.parallel_share, Random(f"{schedule.seed}/lines")))
    held_out = min(VALID_LINES, max(FEWEST_LINES, len(lines) // 20))
    if len(lines) < held_out + FEWEST_LINES:
        raise UserError(
            f"too little text to train on: {len(lines)} lines of two sentences, expected at least {2 * FEWEST_LINES}"
        )
    separator = dictionary.encode_line(SEPARATOR, append_eos=False, add_if_not_exist=False)
    for split, part in (("valid", lines[:held_out]), ("train", lines[held_out:])):
        builder = MMapIndexedDatasetBuilder(str(data / f"{split}.bin"), dtype=best_fitting_int_dtype(len(dictionary)))
        for line in tqdm(part, desc=f"binarise {split}", unit=" lines", disable=None, leave=False):
            builder.add_item(_encode(line, tokenizer, dictionary, separator, sizes.max_positions - 1))
        builder.finalize(str(data / f"{split}.idx"))
    (data / "complete").touch()


def _encode(
    line: str,
    tokenizer: sentencepiece.SentencePieceProcessor,
    dictionary: Dictionary,
    separator: torch.Tensor,
    limit: int,
) -> torch.Tensor:
    """Piece ids with the separator between the sentences and </s> at the end, cut to ``limit``."""
    parts: list[int] = []
    for position, sentence in enumerate(line.split(f" {SEPARATOR} ")):
        parts += separator.tolist() if position else []
        parts += [dictionary.index(piece) for piece in tokenizer.encode(sentence, out_type=str)]
    return torch.tensor([*parts[: limit - 1], dictionary.eos()], dtype=torch.int)
