"""WordPiece tokenizers (BERT) behind the few methods of SentencePiece's that this package calls.

Pieces have SentencePiece's spelling: what begins a word begins with U+2581, and ``##`` falls away, so that
``un ##able`` is ``▁un able``. All that asks where words begin (code-switch, SALT, tagging) then reads both kinds alike.
The special tokens have fairseq's names: ``[CLS]`` is ``<s>``, ``[SEP]`` is ``</s>``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from itertools import chain
from typing import Any

import numpy as np
import tokenizers

from xl_plugins.errors import UserError
from xl_plugins.terminal import printable

SPECIAL = {"<s>": "[CLS]", "<pad>": "[PAD]", "</s>": "[SEP]", "<unk>": "[UNK]", "<mask>": "[MASK]"}
CONTINUES, BEGINS = "##", "\u2581"
_FAIRSEQ = {theirs: ours for ours, theirs in SPECIAL.items()}
_UNKNOWN = "<unk>"
WORDPIECE = "WordPiece"
LONGEST = 100  # characters of a word, BERT's own; a longer one is unknown
# threads of our own encode ahead; the library's are not safe beside processes that fork, as data workers are
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


def to_symbol(piece: str) -> str:
    """The symbol of fairseq's dictionary for a piece of ``vocab.txt``."""
    if piece in _FAIRSEQ:
        return _FAIRSEQ[piece]
    rest = piece.removeprefix(CONTINUES)
    if rest == piece or not rest:
        return BEGINS + piece
    return piece if rest.startswith(BEGINS) else rest  # a continuation that would look like a beginning


def to_piece(symbol: str) -> str:
    """The piece of ``vocab.txt`` for a symbol: the way back of :func:`to_symbol`."""
    if symbol in SPECIAL:
        return SPECIAL[symbol]
    if symbol.startswith(BEGINS):
        return symbol[len(BEGINS) :]
    return symbol if symbol.startswith(CONTINUES + BEGINS) else CONTINUES + symbol


class WordPieceModel:
    """A ``tokenizer.json`` with BERT's rules, read as text alone: ``[SEP]`` in a text is five characters.

    Args:
        content: of the file.
        name: of the file, for messages.

    Raises:
        UserError: it is damaged, or of another kind.
    """

    def __init__(self, content: dict[str, Any], name: str) -> None:
        rules = {**content, "added_tokens": [], "post_processor": None, "truncation": None, "padding": None}
        try:
            self._tokenizer = tokenizers.Tokenizer.from_str(json.dumps(rules))
        except Exception as error:  # the library's own
            raise UserError(f"{name}: not a tokenizer ({printable(str(error))[:120]}); download it again") from None
        vocabulary = self._tokenizer.get_vocab(with_added_tokens=False)
        self.symbols = [""] * (1 + max(vocabulary.values()))
        for piece, number in vocabulary.items():
            self.symbols[number] = to_symbol(piece)

    # -- of a vocabulary, by SentencePiece's names --

    def GetPieceSize(self) -> int:
        return len(self.symbols)

    def IdToPiece(self, number: int) -> str:
        return self.symbols[number]

    def IsControl(self, number: int) -> bool:
        return self.symbols[number] in SPECIAL and self.symbols[number] != _UNKNOWN

    def IsUnknown(self, number: int) -> bool:
        """Never: the symbol of unknown words is in the dictionary."""
        return False

    def IsUnused(self, number: int) -> bool:
        return not self.symbols[number]

    def IsByte(self, number: int) -> bool:
        return False

    # -- of texts --

    def encode(self, texts: list[str], out_type: type = int, num_threads: int = 1) -> list[list[Any]]:
        """Numbers (``int``) or symbols (``str``) of each text's pieces."""
        found = [row.ids for row in self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)]
        return found if out_type is int else [[self.symbols[number] for number in row] for row in found]

    def EncodeAsIds(self, text: str) -> list[int]:
        return self.encode([text])[0]

    def EncodeAsPieces(self, text: str) -> list[str]:
        return self.encode([text], out_type=str)[0]

    def NBestEncodeAsIds(self, text: str, count: int) -> list[list[int]]:
        raise RuntimeError("WordPiece has one segmentation of a word")

    def normalise(self, text: str) -> str:
        """The text as the pieces spell it: without accents where the vocabulary is uncased."""
        return str(self._tokenizer.normalizer.normalize_str(text)).strip()

    def words(self, text: str) -> list[str]:
        """The words of a text, normalised, before they are cut into pieces."""
        cutter = self._tokenizer.pre_tokenizer
        return [word for word, _ in cutter.pre_tokenize_str(self._tokenizer.normalizer.normalize_str(text))]

    def spans(self, texts: list[str]) -> list[tuple[list[str], np.ndarray]]:
        """Symbols of each text's pieces, and the characters ``text[start:end]`` of each, int64 (pieces, 2)."""
        rows = self._tokenizer.encode_batch(texts, add_special_tokens=False)
        return [
            ([self.symbols[number] for number in row.ids], np.array(row.offsets, dtype=np.int64).reshape(-1, 2))
            for row in rows
        ]


def split_wordpieces(symbols: list[str], spans: np.ndarray) -> tuple[list[str], np.ndarray]:
    """A piece for every character, and the characters each covers: those of a piece that the normaliser changed in
    length stay together, as do those of an unknown word."""
    made: list[str] = []
    places: list[tuple[int, int]] = []
    for symbol, (start, end) in zip(symbols, spans.tolist()):
        surface = symbol.removeprefix(BEGINS)
        if symbol == _UNKNOWN or len(surface) != end - start:
            made.append(symbol)
            places.append((start, end))
            continue
        made += [symbol[: 1 + len(symbol) - len(surface)], *surface[1:]]
        places += [(place, place + 1) for place in range(start, end)]
    return made, np.array(places, dtype=np.int64).reshape(-1, 2)


def read_wordpiece(path: str) -> WordPieceModel:
    """The tokenizer of a ``tokenizer.json``; UserError where it is none, or not of BERT's kind."""
    try:
        with open(path, encoding="utf-8-sig") as file:
            content = json.load(file)
        check_rules(content, path)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: not JSON ({printable(str(error))[:80]}); give tokenizer.json") from None
    return WordPieceModel(content, path)


def model_kind(model: Any) -> str | None:
    """The type of a ``tokenizer.json``'s model, which older ones do not name; None for what is none."""
    if not isinstance(model, dict):
        return None
    return model.get("type", WORDPIECE if "continuing_subword_prefix" in model else None)


def check_rules(content: Any, name: str) -> None:
    """UserError unless the content of a ``tokenizer.json`` is BERT's: its normaliser, its words, WordPiece."""
    model = content.get("model") if isinstance(content, dict) else None
    kind = model_kind(model)
    if model is None or kind != WORDPIECE:
        raise UserError(f"{name}: its model is {kind}; expected WordPiece, BERT's kind")
    for part, expected in (("normalizer", "BertNormalizer"), ("pre_tokenizer", "BertPreTokenizer")):
        found = (content.get(part) or {}).get("type") if isinstance(content.get(part) or {}, dict) else "no object"
        if found != expected:
            raise UserError(f"{name}: its {part} is {found}; expected {expected}, BERT's")
    prefix, unknown = model.get("continuing_subword_prefix", CONTINUES), model.get("unk_token", SPECIAL[_UNKNOWN])
    if (prefix, unknown) != (CONTINUES, SPECIAL[_UNKNOWN]):
        found = f"marks continuations by {prefix} and unknown words by {unknown}"
        raise UserError(f"{name}: {found}; expected ## and [UNK]")
    vocabulary = model.get("vocab")
    if not isinstance(vocabulary, dict) or not all(isinstance(number, int) for number in vocabulary.values()):
        raise UserError(f"{name}: its vocab is no object of pieces with numbers; download it again")
    if missing := sorted(set(SPECIAL.values()) - vocabulary.keys()):
        raise UserError(f"{name}: has no {' '.join(missing)}; expected the special tokens of BERT")


def make_tokenizer(pieces: Iterable[str], normaliser: dict[str, Any], longest: int = LONGEST) -> dict[str, Any]:
    """The content of a ``tokenizer.json`` whose numbers are those of fairseq's dictionary.

    Args:
        pieces: of vocab.txt without the special tokens, in the order of the dictionary.
        normaliser: settings of BERT's: clean_text, handle_chinese_chars, strip_accents, lowercase.
        longest: characters of a word; a longer one is unknown.
    """
    *first, mask = SPECIAL.values()
    vocabulary = {piece: number for number, piece in enumerate(chain(first, pieces, (mask,)))}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {"id": vocabulary[name], "content": name, "single_word": False, "lstrip": False, "rstrip": False,
             "normalized": False, "special": True} for name in SPECIAL.values()
        ],
        "normalizer": {"type": "BertNormalizer", **normaliser},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": _template(vocabulary),
        "decoder": {"type": "WordPiece", "prefix": CONTINUES, "cleanup": True},
        "model": {"type": WORDPIECE, "unk_token": SPECIAL[_UNKNOWN], "continuing_subword_prefix": CONTINUES,
                  "max_input_chars_per_word": longest, "vocab": vocabulary},
    }  # fmt: skip


def _template(vocabulary: dict[str, int]) -> dict[str, Any]:
    """``[CLS] A [SEP]`` and ``[CLS] A [SEP] B [SEP]``, with token type 1 from B on."""

    def special(name: str, kind: int = 0) -> dict[str, Any]:
        return {"SpecialToken": {"id": SPECIAL[name], "type_id": kind}}

    first = [special("<s>"), {"Sequence": {"id": "A", "type_id": 0}}, special("</s>")]
    known = {name: {"id": name, "ids": [vocabulary[name]], "tokens": [name]} for name in ("[CLS]", "[SEP]")}
    second = [{"Sequence": {"id": "B", "type_id": 1}}, special("</s>", 1)]
    return {"type": "TemplateProcessing", "single": first, "pair": [*first, *second], "special_tokens": known}
