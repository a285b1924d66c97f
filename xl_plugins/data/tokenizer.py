"""Text to fairseq ids: pieces of SentencePiece or WordPiece looked up in the fairseq dictionary.

SentencePiece's own ids are not the dictionary's (``<s>`` 0, ``<pad>`` 1, ``</s>`` 2, ``<unk>`` 3 come first there), so
every piece goes through its string once and the ids through the resulting table afterwards.
"""

from __future__ import annotations

import os
from itertools import chain
from pathlib import Path
from typing import Any, Union

import numpy as np
import sentencepiece
from fairseq.data import Dictionary

from xl_plugins.data.binary.frame import BERT, XLMR, Frame
from xl_plugins.data.binary.meta import SPM, TOKENIZERS, WORDPIECE
from xl_plugins.data.wordpiece import WordPieceModel, read_wordpiece
from xl_plugins.errors import UserError

_TOLERATED = 0.01  # share of pieces that may be missing: a dictionary of another model misses far more
BY_STRING = -1  # table entry of pieces whose id follows from the text only
PieceModel = Union[sentencepiece.SentencePieceProcessor, WordPieceModel]


def load_dictionary(path: str) -> Dictionary:
    """fairseq's dictionary; UserError names the line that is not ``piece count``."""
    try:
        with open(path, encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                _, _, count = line.rstrip().removesuffix(" #fairseq:overwrite").rpartition(" ")
                if not count.isdigit():
                    raise UserError(
                        f"{path}:{number}: expected 'piece count' separated by a blank, found {line.strip()[:60]!r}"
                    )
        dictionary = Dictionary.load(path)
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not a UTF-8 text file ({error}); give the dict.txt of the model") from None
    except RuntimeError as error:  # fairseq: a piece given twice
        raise UserError(f"{path}: {error}") from None
    if len(dictionary) == dictionary.nspecial:
        raise UserError(f"{path}: the dictionary is empty; give the dict.txt that belongs to the tokenizer")
    return dictionary


def find_tokenizer(folder: str | os.PathLike[str]) -> Path | None:
    """The tokenizer's file in a data folder or an encoder's: sentencepiece.bpe.model or tokenizer.json, or None."""
    return next((path for name in TOKENIZERS if (path := Path(folder, name)).is_file()), None)


def tokenizer_name(path: str | os.PathLike[str]) -> str:
    """The name that a tokenizer's file has in the folders of this package, by its content."""
    with open(path, "rb") as file:
        begin = file.read(16).removeprefix(b"\xef\xbb\xbf").lstrip()
    return WORDPIECE if begin.startswith(b"{") else SPM  # SentencePiece's are in protobuf, which begins otherwise


def load_tokenizer(path: str) -> PieceModel:
    """The tokenizer in a file of either kind; UserError when it is neither."""
    return read_wordpiece(path) if tokenizer_name(path) == WORDPIECE else load_sentencepiece(path)


def load_sentencepiece(path: str) -> sentencepiece.SentencePieceProcessor:
    """SentencePiece model; UserError when the file is none."""
    model = sentencepiece.SentencePieceProcessor()
    try:
        with open(path, "rb") as file:
            model.LoadFromSerializedProto(file.read())
    except RuntimeError as error:
        raise UserError(
            f"{path}: not a SentencePiece model ({str(error).splitlines()[0].strip()}); give sentencepiece.bpe.model"
        ) from None
    return model


def sentencepiece_proto() -> Any:
    """The module with SentencePiece's message types; UserError where protobuf does not fit."""
    try:
        from sentencepiece import sentencepiece_model_pb2
    except Exception as error:  # a protobuf older than the one sentencepiece was built with, or none
        reason = " ".join(str(error).split())[:120]
        raise UserError(f"protobuf does not fit sentencepiece ({reason}); pip install --upgrade protobuf") from None
    return sentencepiece_model_pb2


def piece_table(
    model: PieceModel, dictionary: Dictionary, spm_name: str, dict_name: str
) -> tuple[np.ndarray, str | None]:
    """fairseq id of each piece of a model, int64, or ``BY_STRING`` where the text itself decides; and a warning.

    Raises UserError if more than 1 % of the pieces are not in the dictionary; the warning names a smaller mismatch.
    """
    indices = dictionary.indices
    size = model.GetPieceSize()
    table = np.full(size, BY_STRING, dtype=np.int64)
    missing: list[str] = []
    ordinary = 0
    for number in range(size):
        if model.IsUnknown(number) or model.IsControl(number) or model.IsUnused(number):
            continue
        piece = model.IdToPiece(number)
        ordinary += 1
        if piece not in indices:
            missing.append(piece)
        if piece.split() == [piece]:  # fairseq splits a line of pieces at every white space of Unicode
            table[number] = indices.get(piece, dictionary.unk())
    if not missing:
        return table, None
    share = len(missing) / ordinary
    text = (
        f"{spm_name}: {len(missing)} of its {ordinary} pieces ({share:.1%}) are not in {dict_name}, "
        f"for example {' '.join(missing[:5])}"
    )
    if share > _TOLERATED:
        raise UserError(f"{text}; model and dictionary must come from the same pre-trained model")
    return table, f"{text}; they become <unk>"


class PieceEncoder:
    """Encode texts exactly as ``spm_encode --output_format=piece | fairseq-preprocess --only-source --srcdict`` does,
    or as BERT's tokenizer does.

    Raises UserError for unreadable files and for a model of which more than 1 % of the pieces are not in the
    dictionary; ``warning`` names a smaller mismatch.
    """

    def __init__(self, spm_path: str, dict_path: str, threads: int = 1) -> None:
        self.dictionary = load_dictionary(dict_path)
        self.model = load_tokenizer(spm_path)
        self.threads = threads
        self.table, self.warning = piece_table(self.model, self.dictionary, spm_path, dict_path)

    @property
    def frame(self) -> Frame:
        """The special symbols around the texts of an example."""
        return Frame.of(self.dictionary, BERT if isinstance(self.model, WordPieceModel) else XLMR)

    def encode(self, texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
        """Return ``(ids, sizes)``, int64: ids of all texts one after the other, each ended by </s>; ids per text."""
        pieces = self.model.encode(texts, out_type=int, num_threads=1)
        sizes = np.fromiter(map(len, pieces), dtype=np.int64, count=len(pieces))
        flat = np.fromiter(chain.from_iterable(pieces), dtype=np.int64, count=int(sizes.sum()))
        ids = self.table[flat]
        odd = ids == BY_STRING
        if odd.any():
            return self._encode_odd(texts, sizes, ids, odd)
        return self._end(ids, sizes)

    def _encode_odd(
        self, texts: list[str], sizes: np.ndarray, ids: np.ndarray, odd: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Redo the texts that hold unknown or odd pieces by way of the piece strings, as fairseq does."""
        owner = np.repeat(np.arange(len(texts)), sizes)
        rows = np.unique(owner[odd])
        strings = self.model.encode([texts[row] for row in rows], out_type=str, num_threads=1)
        find, unknown = self.dictionary.indices.get, self.dictionary.unk()
        parts = np.split(ids, np.cumsum(sizes)[:-1])
        sizes = sizes.copy()
        for row, string in zip(rows, strings):
            parts[row] = np.array([find(piece, unknown) for piece in " ".join(string).split()], dtype=np.int64)
            sizes[row] = len(parts[row])
        return self._end(np.concatenate(parts), sizes)

    def _end(self, ids: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Insert </s> after every text."""
        out = np.empty(len(ids) + len(sizes), dtype=np.int64)
        ends = np.cumsum(sizes + 1) - 1
        inside = np.ones(len(out), dtype=bool)
        inside[ends] = False
        out[ends] = self.dictionary.eos()
        out[inside] = ids
        return out, sizes + 1
