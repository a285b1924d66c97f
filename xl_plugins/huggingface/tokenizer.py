"""The tokenizer of a folder with the pieces of its dictionary: a SentencePiece model from sentencepiece.bpe.model or
tokenizer.json, or WordPiece."""

from __future__ import annotations

import base64
import binascii
import operator
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ..data.binary.meta import SPM, WORDPIECE
from ..data.tokenizer import sentencepiece_proto
from ..errors import UserError
from .folder import Folder, read_json
from .wordpiece import FAST, LARGEST, VOCABULARY, has_wordpiece, read_wordpiece_of, refuse_added

SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")  # fairseq's order, and that of XLM-R's rows
MASK = "<mask>"
_NORMAL, _UNKNOWN, _CONTROL, _UNIGRAM = 1, 2, 3, 1  # sentencepiece_model.proto
_META = "▁"
_BLANKS = ((" {2,}", " "), (" {2,}", _META))  # a run of blanks, as SentencePiece removes it


class Tokenizer(NamedTuple):
    """A file and its name, the pieces of the dictionary, and for each row of fairseq's table (special symbols, pieces,
    <mask>) the row of the folder's."""

    content: bytes
    pieces: list[str]
    rows: list[int]
    name: str = SPM


def read_tokenizer(folder: Folder) -> Tokenizer:
    """The tokenizer, whichever file holds it.

    Raises:
        UserError: there is none, it is of another kind, or its two files differ.
    """
    spm, fast = folder.file(SPM), folder.file(FAST)
    if has_wordpiece(folder):
        return Tokenizer(*read_wordpiece_of(folder), WORDPIECE)
    if spm is None and fast is None:
        raise UserError(f"{folder.path}: holds no {SPM}, no {FAST} and no {VOCABULARY}; download the one it has")
    if spm is None:
        assert fast is not None
        return _of_json(fast)
    found = _of_proto(spm)
    if fast is not None and (found.pieces, found.rows) != _pieces(*_read_fast(fast)[1:]):
        raise UserError(f"{folder.path}: {SPM} and {FAST} have different pieces; keep the one that the model has")
    return found


def _of_proto(path: Path) -> Tokenizer:
    """Rows of XLM-R: the special symbols, the model's ordinary pieces, <mask>."""
    proto = sentencepiece_proto()
    try:
        model = proto.ModelProto.FromString(path.read_bytes())
    except Exception:  # protobuf's own
        raise UserError(f"{path}: not a SentencePiece model; download it again") from None
    first = [piece.piece for piece in model.pieces[:3]]
    if first != ["<unk>", "<s>", "</s>"]:
        raise UserError(f"{path}: begins with {' '.join(first)}; XLM-R's models begin with <unk> <s> </s>")
    pieces = [piece.piece for piece in model.pieces[3:]]
    return Tokenizer(path.read_bytes(), pieces, list(range(len(pieces) + len(SPECIAL) + 1)))


def _of_json(path: Path) -> Tokenizer:
    """A unigram model of the fast tokenizers."""
    content, scores, added = _read_fast(path)
    _check_steps(content, path)
    pieces, rows = _pieces(scores, added)
    charsmap = next(_find(content.get("normalizer"), "precompiled_charsmap"), "")
    try:
        normaliser = base64.b64decode(charsmap or "", validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise UserError(f"{path}: its precompiled_charsmap is not base64; download it again") from None
    return Tokenizer(_make_proto(pieces, [scores[piece][1] for piece in pieces], normaliser), pieces, rows)


Scores = dict[str, tuple[int, float]]


def _read_fast(path: Path) -> tuple[dict[str, Any], Scores, dict[str, int]]:
    """The content of tokenizer.json, row and score of each piece, and rows of added tokens."""
    content = read_json(path, LARGEST)
    model = content.get("model")
    if not isinstance(model, dict) or model.get("type", "Unigram") != "Unigram" or "vocab" not in model:
        kind = model.get("type") if isinstance(model, dict) else None
        raise UserError(f"{path}: its model is {kind}; expected Unigram, SentencePiece's kind, or WordPiece")
    try:
        scores = {str(piece): (row, float(score)) for row, (piece, score) in enumerate(model["vocab"])}
    except (TypeError, ValueError):
        raise UserError(f"{path}: its vocab is no list of pieces with scores; download it again") from None
    if len(scores) != len(model["vocab"]):
        raise UserError(f"{path}: has pieces that are there twice; download it again")
    refuse_added(content, path)
    try:
        added = {str(token["content"]): operator.index(token["id"]) for token in content.get("added_tokens") or []}
    except (TypeError, KeyError):
        raise UserError(f"{path}: its added_tokens are no list of tokens with ids; download it again") from None
    for name in (*SPECIAL, MASK):
        if name not in scores and added.get(name, -1) < 0:
            raise UserError(f"{path}: has no {name}; expected the special tokens of XLM-R")
    return content, scores, added


def _pieces(scores: Scores, added: dict[str, int]) -> tuple[list[str], list[int]]:
    """The pieces of the dictionary, and the row of each symbol of it."""
    pieces = [piece for piece in scores if piece not in (*SPECIAL, MASK)]
    named = (*SPECIAL, *pieces, MASK)
    return pieces, [scores[name][0] if name in scores else added[name] for name in named]


_STEPS = {  # what XLM-R's fast tokenizers consist of; SentencePiece does the same by its own rules
    "normalizer": {"Sequence", "Precompiled", "Replace", "Strip"},
    "pre_tokenizer": {"Sequence", "Metaspace", "WhitespaceSplit"},
}


def _check_steps(content: dict[str, Any], path: Path) -> None:
    for part, known in _STEPS.items():
        for kind in _find(content.get(part), "type"):
            if kind not in known:
                raise UserError(f"{path}: its {part} has a step {kind}, which SentencePiece has not; give {SPM}")
    steps = content.get("normalizer")
    replaced = list(zip(_find(steps, "Regex"), _find(steps, "content")))
    if any(pair not in _BLANKS for pair in replaced) or len(replaced) != [*_find(steps, "type")].count("Replace"):
        raise UserError(f"{path}: its normalizer replaces more than runs of blanks; give {SPM}")
    marks = content.get("pre_tokenizer")
    first = {*_find(marks, "prepend_scheme"), *("always" for given in _find(marks, "add_prefix_space") if given)}
    if _META not in _find(marks, "replacement") or "always" not in first:
        raise UserError(f"{path}: its pre_tokenizer does not mark the beginnings of words with {_META}; give {SPM}")


def _find(node: Any, key: str) -> Iterator[Any]:
    """Every value of a key in nested objects."""
    if isinstance(node, dict):
        if key in node:
            yield node[key]
        for value in node.values():
            yield from _find(value, key)
    elif isinstance(node, list):
        for value in node:
            yield from _find(value, key)


def _make_proto(pieces: Sequence[str], scores: Sequence[float], normaliser: bytes) -> bytes:
    model = sentencepiece_proto().ModelProto()
    for piece, kind in (("<unk>", _UNKNOWN), ("<s>", _CONTROL), ("</s>", _CONTROL)):
        model.pieces.add(piece=piece, score=0.0, type=kind)
    for piece, score in zip(pieces, scores):
        model.pieces.add(piece=piece, score=score, type=_NORMAL)
    spec = model.trainer_spec
    spec.model_type, spec.vocab_size = _UNIGRAM, len(model.pieces)
    spec.unk_id, spec.bos_id, spec.eos_id, spec.pad_id = 0, 1, 2, -1
    rules = model.normalizer_spec
    rules.name, rules.precompiled_charsmap = "nmt_nfkc" if normaliser else "identity", normaliser
    rules.add_dummy_prefix = rules.remove_extra_whitespaces = rules.escape_whitespaces = True
    return model.SerializeToString(deterministic=True)
