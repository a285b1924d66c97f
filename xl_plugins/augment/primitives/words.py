"""Words of binarised text: between fairseq ids and the words they spell."""

from __future__ import annotations

from itertools import pairwise
from typing import Iterable, Mapping, Sequence, TypeVar

from fairseq.data import Dictionary

from xl_plugins.augment.primitives.base import Word
from xl_plugins.data.binary.layout import DataBin
from xl_plugins.data.binary.meta import SPM
from xl_plugins.data.tokenizer import BY_STRING, find_tokenizer, load_tokenizer, piece_table
from xl_plugins.data.wordpiece import BEGINS, WordPieceModel
from xl_plugins.errors import UserError

BOUNDARY = BEGINS  # SentencePiece's mark at the beginning of a word; WordPiece's pieces have it here too

T = TypeVar("T")


def text_of(ids: Iterable[int], dictionary: Dictionary) -> str:
    """The text of piece ids, for people; what the tokenizer normalised stays so, unknown pieces are ``<unk>``."""
    special = (dictionary.bos(), dictionary.pad(), dictionary.eos())
    return "".join(dictionary[int(piece)] for piece in ids if int(piece) not in special).replace(BOUNDARY, " ").strip()


class WordPieces:
    """Split ids into words, spell a word, and tokenise a text on its own.

    Args:
        dictionary: fairseq's dictionary of the binarised data; symbols such as ``<mask>`` may have been added.
        spm_path: tokenizer that made the data.

    Raises UserError when the file is missing, is no model or belongs to another dictionary.
    """

    def __init__(self, dictionary: Dictionary, spm_path: str) -> None:
        self.dictionary = dictionary
        self.spm_path = spm_path
        try:
            self.model = load_tokenizer(spm_path)
        except OSError as error:
            raise UserError(
                f"{spm_path}: {error.strerror}; code-switch and subword sampling need the tokenizer that made the data"
            ) from None
        table, self.warning = piece_table(self.model, dictionary, spm_path, "the dictionary of the data")
        self.table: list[int] = table.tolist()
        self._symbols: list[str] = dictionary.symbols
        self._starts = bytearray(symbol.startswith(BOUNDARY) for symbol in self._symbols)
        self._spelt = frozenset(self.table) - {BY_STRING, dictionary.unk()}

    @classmethod
    def of(cls, data: DataBin) -> WordPieces:
        """With the tokenizer of a data folder; UserError where it is missing."""
        path = find_tokenizer(data.root)
        if path is None:
            raise UserError(f"{data.root / SPM}: no such file; copy the model's tokenizer there (xl-prepare does)")
        return cls(data.dictionary, str(path))

    def split(self, ids: Sequence[int]) -> list[Word]:
        """Words of a text: each begins at a piece with U+2581; what comes before the first such piece is a word too."""
        ids, starts = tuple(ids), self._starts
        cuts = [place for place, piece in enumerate(ids) if starts[piece]]
        if ids and (not cuts or cuts[0]):
            cuts.insert(0, 0)
        cuts.append(len(ids))
        return [ids[begin:end] for begin, end in pairwise(cuts)]

    def text(self, word: Word) -> str | None:
        """Spelling of a word as SentencePiece normalised it; None if it holds ``<unk>`` or another special id."""
        if not self._spelt.issuperset(word):
            return None
        return self.join(word).removeprefix(BOUNDARY).replace(BOUNDARY, " ")

    def join(self, word: Word) -> str:
        """Pieces of a word one after the other, U+2581 included."""
        symbols = self._symbols
        return "".join([symbols[piece] for piece in word])

    def spell_keys(self, table: Mapping[str, T]) -> Mapping[str, T]:
        """A table whose words are found by :meth:`text`, too: an uncased WordPiece model has no accents."""
        if not isinstance(self.model, WordPieceModel):
            return table
        spelt = {self.model.normalise(word): entry for word, entry in table.items() if not word.isascii()}
        return {**spelt, **table}

    def encode(self, text: str) -> Word:
        """Canonical ids of a word or a phrase; empty if the text holds nothing but white space."""
        table = self.table
        ids = tuple([table[piece] for piece in self.model.EncodeAsIds(text)])
        if BY_STRING in ids:  # unknown characters and odd pieces: as fairseq reads a line of pieces
            find, unknown = self.dictionary.indices.get, self.dictionary.unk()
            pieces = " ".join(self.model.EncodeAsPieces(text)).split()
            ids = tuple([find(piece, unknown) for piece in pieces])
        return ids
