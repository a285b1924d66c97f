"""The WordPiece tokenizer of a folder, from tokenizer.json or vocab.txt."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from ..data.binary.meta import SPM
from ..data.wordpiece import CONTINUES, LONGEST, SPECIAL, check_rules, make_tokenizer, model_kind, to_symbol
from ..data.wordpiece import WORDPIECE as KIND
from ..errors import UserError
from ..terminal import printable
from .folder import Folder, read_json

FAST, VOCABULARY, SETTINGS = "tokenizer.json", "vocab.txt", "tokenizer_config.json"
LARGEST = 1 << 28  # bytes of a tokenizer
_RULES = ("clean_text", "handle_chinese_chars", "strip_accents", "lowercase")


class WordPiece(NamedTuple):
    """The content of a ``tokenizer.json`` numbered as fairseq's dictionary, the symbols of the dictionary without its
    special ones, and for each row of fairseq's table the row of the folder's."""

    content: bytes
    symbols: list[str]
    rows: list[int]


def has_wordpiece(folder: Folder) -> bool:
    """Whether a folder's tokenizer is WordPiece rather than SentencePiece."""
    fast = folder.file(FAST)
    if folder.file(SPM) is not None or fast is None:
        return folder.file(SPM) is None and folder.file(VOCABULARY) is not None
    return model_kind(read_json(fast, LARGEST).get("model")) == KIND


def read_wordpiece_of(folder: Folder) -> WordPiece:
    """The tokenizer of a folder.

    Raises:
        UserError: its files are damaged, not BERT's, or do not fit each other.
    """
    fast, listed = folder.file(FAST), folder.file(VOCABULARY)
    if fast is None:
        assert listed is not None
        vocabulary, rules, longest, source = read_vocabulary(listed), _settings(folder, listed), LONGEST, listed
    else:
        content = read_json(fast, LARGEST)
        check_rules(content, str(fast))
        refuse_added(content, fast)
        vocabulary, source = content["model"]["vocab"], fast
        rules = {name: content["normalizer"].get(name) for name in _RULES}
        longest = content["model"].get("max_input_chars_per_word", LONGEST)
        if listed is not None and read_vocabulary(listed) != vocabulary:
            raise UserError(f"{folder.path}: {VOCABULARY} and {FAST} have other pieces; keep the one of the model")
    if missing := sorted(set(SPECIAL.values()) - vocabulary.keys()):
        raise UserError(f"{source}: has no {' '.join(missing)}; expected the special tokens of BERT")
    pieces = [piece for piece in sorted(vocabulary, key=vocabulary.__getitem__) if piece not in SPECIAL.values()]
    symbols = [to_symbol(piece) for piece in pieces]
    if len(set(symbols)) != len(symbols) or any(set(symbol) & set(" \r\n") for symbol in symbols):
        raise UserError(f"{source}: has pieces that hold blanks, or {CONTINUES} twice; download it again")
    *first, mask = SPECIAL.values()
    rows = [vocabulary[piece] for piece in (*first, *pieces, mask)]
    made = make_tokenizer(pieces, rules, longest)
    return WordPiece(json.dumps(made, ensure_ascii=False).encode("utf-8"), symbols, rows)


def read_vocabulary(path: Path) -> dict[str, int]:
    """Pieces of ``vocab.txt`` with their rows; of a piece that is there twice the last counts, as in transformers."""
    if path.stat().st_size > LARGEST:
        raise UserError(f"{path}: larger than {LARGEST >> 20} MiB; download it again")
    try:
        lines = path.read_text(encoding="utf-8-sig").removesuffix("\n").split("\n")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not a UTF-8 text file ({error}); download it again") from None
    return {piece: row for row, piece in enumerate(lines) if piece}


def _settings(folder: Folder, vocabulary: Path) -> dict[str, Any]:
    """The normaliser's rules by tokenizer_config.json; where that is silent about case, capitals in the vocabulary tell
    that it is kept."""
    path = folder.file(SETTINGS)
    given = read_json(path, LARGEST) if path is not None else {}
    if given.get("do_basic_tokenize", True) is not True:
        raise UserError(f"{path}: do_basic_tokenize is {given['do_basic_tokenize']}; expected BERT's own words")
    lower = given.get("do_lower_case")
    if lower is None:
        pieces = read_vocabulary(vocabulary).keys() - SPECIAL.values()
        lower = not any(piece != piece.lower() for piece in pieces if not piece.startswith("[unused"))
    return {
        "clean_text": True, "handle_chinese_chars": given.get("tokenize_chinese_chars", True),
        "strip_accents": given.get("strip_accents"), "lowercase": lower,
    }  # fmt: skip


def refuse_added(content: dict[str, Any], path: Path) -> None:
    """UserError where words were added to a vocabulary: they are found in a text before it is cut."""
    try:
        added = [str(token["content"]) for token in content.get("added_tokens") or [] if not token.get("special")]
    except (TypeError, KeyError, AttributeError):
        raise UserError(f"{path}: its added_tokens are no list of tokens; download it again") from None
    if added:
        raise UserError(
            f"{path}: has added words ({printable(', '.join(added[:3]))}), which are not read; give the tokenizer"
            " without them"
        )
