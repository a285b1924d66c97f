"""A tokenizer and its dictionary with some of their pieces."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from ..data.binary.meta import WORDPIECE
from ..data.tokenizer import sentencepiece_proto, tokenizer_name
from ..data.wordpiece import CONTINUES, LONGEST, SPECIAL, check_rules, make_tokenizer, to_symbol
from ..errors import UserError

_NORMAL = 1  # sentencepiece_model.proto, ModelProto.SentencePiece.Type
_UNIGRAM = 1  # TrainerSpec.ModelType


def reduce_tokenizer(path: str, wanted: Iterable[str]) -> tuple[bytes, list[str]]:
    """The tokenizer in a file with the ``wanted`` pieces, and the symbols of all its ordinary pieces.

    Raises:
        UserError: as :func:`reduce_sentencepiece`.
    """
    reduce = reduce_wordpiece if tokenizer_name(path) == WORDPIECE else reduce_sentencepiece
    return reduce(path, wanted)


def reduce_wordpiece(path: str, wanted: Iterable[str]) -> tuple[bytes, list[str]]:
    """:func:`reduce_tokenizer` of WordPiece.

    Single characters are kept in both forms, so that no word becomes unknown that was not. A text of kept pieces is cut
    as before: each piece is the longest that fits, and longer ones have only become fewer.
    """
    wanted, content = set(wanted), json.loads(Path(path).read_text(encoding="utf-8-sig"))
    check_rules(content, path)
    vocabulary: dict[str, int] = content["model"]["vocab"]
    ordinary = [piece for piece in sorted(vocabulary, key=vocabulary.__getitem__) if piece not in SPECIAL.values()]
    kept = [p for p in ordinary if len(p.removeprefix(CONTINUES)) == 1 or to_symbol(p) in wanted]
    rules = {name: value for name, value in content["normalizer"].items() if name != "type"}
    made = make_tokenizer(kept, rules, content["model"].get("max_input_chars_per_word", LONGEST))
    return json.dumps(made, ensure_ascii=False).encode("utf-8"), [to_symbol(piece) for piece in kept]


def reduce_sentencepiece(path: str, wanted: Iterable[str]) -> tuple[bytes, list[str]]:
    """The SentencePiece model with the ``wanted`` pieces, and the names of all its ordinary pieces.

    Kept besides are single characters, so that no text becomes unknown that was not; everything that is no ordinary
    piece (control, unknown, user-defined, bytes); and the pieces of the lowest and the highest score, from which the
    scores of unknown and user-defined pieces follow. The best segmentation of a text into pieces that are kept stays
    the best: what it competes with has only become less.

    Raises:
        UserError: not a unigram model, where pieces are put together from others that may be gone.
    """
    model = sentencepiece_proto().ModelProto.FromString(Path(path).read_bytes())
    if model.trainer_spec.model_type != _UNIGRAM:
        raise UserError(f"--spm {path}: not a unigram model (XLM-R's kind); others cannot be trimmed")
    ordinary = [piece for piece in model.pieces if piece.type == _NORMAL]
    scores = [piece.score for piece in ordinary]
    extremes = {ordinary[scores.index(value)].piece for value in (min(scores), max(scores))} if scores else set()
    wanted = set(wanted) | extremes
    kept = [p for p in model.pieces if p.type != _NORMAL or len(p.piece) == 1 or p.piece in wanted]
    names = [piece.piece for piece in kept if piece.type == _NORMAL]
    copies = [sentencepiece_proto().ModelProto.SentencePiece.FromString(piece.SerializeToString()) for piece in kept]
    del model.pieces[:]
    model.pieces.extend(copies)
    model.trainer_spec.vocab_size = len(copies)
    return model.SerializeToString(deterministic=True), names


def reduce_dictionary(path: str, kept: Iterable[str], wanted: Iterable[str]) -> str:
    """The lines of ``dict.txt``, in their order, of the tokenizer's kept pieces and of the ``wanted`` symbols."""
    # fairseq splits a piece at white space of any kind in it
    names = {part for piece in kept for part in (piece, *piece.split())} | set(wanted)
    lines = Path(path).read_text(encoding="utf-8").removesuffix("\n").split("\n")
    return "".join(f"{line}\n" for line in lines if _symbol(line) in names or len(_symbol(line)) == 1)


def _symbol(line: str) -> str:
    return line.rstrip().removesuffix(" #fairseq:overwrite").rpartition(" ")[0]
