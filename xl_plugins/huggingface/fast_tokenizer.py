"""A tokenizer with fairseq's dictionary as tokenizer.json: the way back of ``tokenizer.py``."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..data.tokenizer import sentencepiece_proto
from ..data.wordpiece import SPECIAL as SPECIAL_OF_BERT
from ..data.wordpiece import read_wordpiece, to_symbol
from ..errors import UserError
from .folder import read_json
from .tokenizer import MASK, SPECIAL
from .wordpiece import LARGEST

_MARK = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
_NORMAL = 1  # sentencepiece_model.proto
_ROLES = (
    ("bos", "<s>"), ("cls", "<s>"), ("eos", "</s>"), ("sep", "</s>"), ("pad", "<pad>"), ("unk", "<unk>"),
    ("mask", MASK),
)  # fmt: skip


def fast_tokenizer(proto: bytes, pieces: Sequence[str], name: str) -> dict[str, Any]:
    """The content of tokenizer.json; ids are those of fairseq's dictionary.

    Args:
        proto: SentencePiece model.
        pieces: of dict.txt, in its order.
        name: of the model's file, for messages.

    Raises:
        UserError: no unigram model, or one with other pieces than the dictionary.
    """
    model = sentencepiece_proto().ModelProto.FromString(proto)
    scores = {piece.piece: piece.score for piece in model.pieces if piece.type == _NORMAL}
    if model.trainer_spec.model_type != 1:
        raise UserError(f"{name}: not a unigram model (XLM-R's kind); others have no fast tokenizer here")
    missing = [piece for piece in pieces if piece not in scores]
    if missing or len(scores) != len(pieces):
        found = f"for example {missing[0]}" if missing else f"{len(scores) - len(pieces)} more"
        raise UserError(f"{name}: has other pieces than dict.txt ({found}); give the files of one encoder")
    vocab = [*([symbol, 0.0] for symbol in SPECIAL), *([piece, scores[piece]] for piece in pieces), [MASK, 0.0]]
    ids = {symbol: number for number, symbol in enumerate([*SPECIAL, *pieces, MASK]) if symbol in (*SPECIAL, MASK)}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [_added(symbol, number) for symbol, number in ids.items()],
        "normalizer": _normalizer(model.normalizer_spec),
        "pre_tokenizer": _MARK,
        "post_processor": _template(ids),
        "decoder": _MARK,
        "model": {"type": "Unigram", "unk_id": ids["<unk>"], "vocab": vocab, "byte_fallback": False},
    }


def _added(symbol: str, number: int) -> dict[str, Any]:
    """A special token; <mask> takes the blank before it, as XLM-R's does."""
    return {"id": number, "content": symbol, "single_word": False, "lstrip": symbol == MASK, "rstrip": False,
            "normalized": False, "special": True}  # fmt: skip


def _normalizer(rules: Any) -> dict[str, Any]:
    steps: list[dict[str, Any]] = []
    if rules.precompiled_charsmap:
        charsmap = base64.b64encode(rules.precompiled_charsmap).decode("ascii")
        steps.append({"type": "Precompiled", "precompiled_charsmap": charsmap})
    steps.append({"type": "Strip", "strip_left": True, "strip_right": True})
    steps.append({"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "})
    return {"type": "Sequence", "normalizers": steps}


def _template(ids: dict[str, int]) -> dict[str, Any]:
    """``<s> A </s>`` and ``<s> A </s> </s> B </s>``."""

    def special(symbol: str) -> dict[str, Any]:
        return {"SpecialToken": {"id": symbol, "type_id": 0}}

    first, second = ({"Sequence": {"id": name, "type_id": 0}} for name in "AB")
    begin, end = special("<s>"), special("</s>")
    known = {name: {"id": name, "ids": [ids[name]], "tokens": [name]} for name in ("<s>", "</s>")}
    return {"type": "TemplateProcessing", "single": [begin, first, end],
            "pair": [begin, first, end, end, second, end], "special_tokens": known}  # fmt: skip


def bert_tokenizer(path: Path, symbols: Sequence[str]) -> dict[str, Any]:
    """The content of a tokenizer.json whose numbers are the rows of the model.

    Args:
        symbols: of dict.txt, special ones included.

    Raises:
        UserError: it has other pieces than the dictionary.
    """
    read_wordpiece(str(path))  # it is one
    content: dict[str, Any] = read_json(path, LARGEST)
    vocabulary = {to_symbol(piece): number for piece, number in content["model"]["vocab"].items()}
    if vocabulary != {symbol: number for number, symbol in enumerate([*symbols, MASK])}:
        raise UserError(f"{path}: has other pieces than dict.txt; give the files of one encoder")
    return content


def bert_config(tokenizer: dict[str, Any], longest: int) -> dict[str, Any]:
    """The content of BERT's tokenizer_config.json.

    Args:
        tokenizer: of :func:`bert_tokenizer`.
        longest: positions of the encoder.
    """
    rules = tokenizer["normalizer"]
    return {
        "tokenizer_class": "BertTokenizerFast",
        "model_max_length": longest,
        "model_input_names": ["input_ids", "token_type_ids", "attention_mask"],
        "do_lower_case": rules["lowercase"],
        "strip_accents": rules["strip_accents"],
        "tokenize_chinese_chars": rules["handle_chinese_chars"],
        **{f"{role}_token": SPECIAL_OF_BERT[symbol] for role, symbol in _ROLES if role not in ("bos", "eos")},
    }


def tokenizer_config(longest: int) -> dict[str, Any]:
    """The content of tokenizer_config.json; ``longest``: positions of the encoder."""
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": longest,
        "model_input_names": ["input_ids", "attention_mask"],
        **{f"{role}_token": symbol for role, symbol in _ROLES},
    }
