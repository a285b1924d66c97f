"""Folders of BERT that are wrong: one line that says what was found, and nothing written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("transformers")

from user_dir_tests.helpers.hub import change_config
from user_dir_tests.helpers.wordpiece import FAST, SETTINGS, VOCABULARY, vocabulary, write_bert
from xl_plugins.errors import UserError
from xl_plugins.huggingface.from_hf import from_hf

BOTH, ALL = f"{VOCABULARY} {SETTINGS}", f"{VOCABULARY} {SETTINGS} {FAST}"


def write(name: str, content: str | bytes) -> Callable[[Path], Any]:
    return lambda folder: (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)


def pieces(change: Callable[[list[str]], list[str]]) -> Callable[[Path], Any]:
    return write(VOCABULARY, "\n".join(change(vocabulary())) + "\n")


def fast(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], Any]:
    def apply(folder: Path) -> None:
        content = json.loads((folder / FAST).read_text(encoding="utf-8"))
        change(content)
        (folder / FAST).write_text(json.dumps(content), encoding="utf-8")

    return apply


FAULTS: dict[str, tuple[str, Callable[[Path], Any], str]] = {
    "no special token": (VOCABULARY, pieces(lambda p: [x for x in p if x != "[SEP]"]), "vocab.txt: has no [SEP]"),
    "empty": (VOCABULARY, write(VOCABULARY, ""), "vocab.txt: has no [CLS] [MASK] [PAD] [SEP] [UNK]; expected the"),
    "not a text": (VOCABULARY, write(VOCABULARY, b"[PAD]\n\xff\xfe\n"), "vocab.txt: not a UTF-8 text file"),
    "a blank in a piece": (VOCABULARY, pieces(lambda p: [*p, "two words"]), "vocab.txt: has pieces that hold blanks"),
    "more than the table": (VOCABULARY, pieces(lambda p: [*p, "qqq"]), "they do not belong together"),
    "settings no object": (BOTH, write(SETTINGS, "[1]"), "tokenizer_config.json: expected an object"),
    "words of another kind": (BOTH, write(SETTINGS, '{"do_basic_tokenize": false}'),
                              "do_basic_tokenize is False; expected BERT's own words"),
    "files that differ": (ALL, pieces(lambda p: [*p[:-1], "qqq"]), "vocab.txt and tokenizer.json have other pieces"),
    "fast: cut off": (FAST, write(FAST, '{"model": {"type": "WordPiece"'), "tokenizer.json: not JSON"),
    "fast: no vocabulary": (FAST, fast(lambda c: c["model"].pop("vocab")), "its vocab is no object of pieces"),
    "fast: a list": (FAST, fast(lambda c: c["model"].update(vocab=["a"])), "its vocab is no object of pieces"),
    "fast: RoBERTa's kind": (FAST, fast(lambda c: c["model"].update(type="BPE", continuing_subword_prefix="")),
                             "its model is BPE; expected Unigram, SentencePiece's kind, or WordPiece"),
    "fast: prefix": (FAST, fast(lambda c: c["model"].update(continuing_subword_prefix="@@")),
                     "marks continuations by @@ and unknown words by [UNK]; expected ## and [UNK]"),
    "fast: unknown": (FAST, fast(lambda c: c["model"].update(unk_token="<unk>")), "unknown words by <unk>; expected"),
    "fast: normaliser": (FAST, fast(lambda c: c.update(normalizer={"type": "Lowercase"})),
                         "its normalizer is Lowercase; expected BertNormalizer"),
    "fast: no normaliser": (FAST, fast(lambda c: c.update(normalizer=None)), "its normalizer is None; expected Bert"),
    "fast: words": (FAST, fast(lambda c: c.update(pre_tokenizer={"type": "Whitespace"})),
                    "its pre_tokenizer is Whitespace; expected BertPreTokenizer"),
    "fast: no mask": (FAST, fast(lambda c: c["model"]["vocab"].pop("[MASK]")), "tokenizer.json: has no [MASK]"),
    "fast: added words": (
        FAST, fast(lambda c: c["added_tokens"].append({"id": 999, "content": "brandname", "special": False})),
        "has added words (brandname), which are not read"),
    "fast: added no list": (FAST, fast(lambda c: c.update(added_tokens=[3])), "its added_tokens are no list of tokens"),
    "no token types": (VOCABULARY, lambda folder: change_config(folder, type_vocab_size="two"), "type_vocab_size is"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_in_one_line(tmp_path: Path, name: str) -> None:
    names, spoil, message = FAULTS[name]
    write_bert(tmp_path / "hf", tokenizers=names)
    spoil(tmp_path / "hf")
    with pytest.raises(UserError) as raised:
        from_hf(str(tmp_path / "hf"), str(tmp_path / "out"))
    assert message in str(raised.value) and "\n" not in str(raised.value)
    assert [path.name for path in tmp_path.iterdir()] == ["hf"]


def test_a_last_line_and_a_mark_of_bytes(tmp_path: Path) -> None:
    """A vocabulary from a spreadsheet: a byte order mark, no line end behind the last piece."""
    write_bert(tmp_path / "one")
    write_bert(tmp_path / "other")
    write(VOCABULARY, b"\xef\xbb\xbf" + "\n".join(vocabulary()).encode())(tmp_path / "other")
    for name in ("one", "other"):
        from_hf(str(tmp_path / name), str(tmp_path / f"{name}-out"))
    one, other = ((tmp_path / f"{name}-out" / "dict.txt").read_bytes() for name in ("one", "other"))
    assert one == other
