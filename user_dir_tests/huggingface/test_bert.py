"""BERT's folders: states, token types, language model and pieces are those of transformers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("transformers")

from user_dir_tests.conftest import made_up_text
from user_dir_tests.helpers.wordpiece import (
    FAST,
    SETTINGS,
    VOCABULARY,
    tokenizer_of,
    write_bert,
    write_tokenizer,
)
from xl_plugins.data.binary.frame import BERT
from xl_plugins.data.binary.layout import load_with_mask
from xl_plugins.data.offsets import ContextEncoder
from xl_plugins.data.tokenizer import PieceEncoder
from xl_plugins.data.wordpiece import to_piece, to_symbol
from xl_plugins.huggingface.from_hf import from_hf
from xl_plugins.models.pretrained import build_pretrained, read_pretrained
from xl_plugins.models.token_types import second_text

TEXTS = [
    *made_up_text(200, 7),
    "Bade's éclair: Naïve １２ ① Ａ",
    "two  blanks\u00a0no-break",
    "xyz ÿ 火山 [SEP] [MASK] </s>",
    " before and\tafter ",
    "a\u200bb\u0000c soft\u00adhyphen",
    "x" * 101,
    "İstanbul ﬁne straße",
    "क्ष नमस्ते",
]


def load(folder: Path, with_lm_head: bool = False) -> Any:
    path = str(folder / "model.pt")
    return build_pretrained(path, read_pretrained(path), load_with_mask(folder / "dict.txt"), with_lm_head)


def encoder_of(folder: Path) -> PieceEncoder:
    return PieceEncoder(str(folder / FAST), str(folder / "dict.txt"))


def theirs_of(folder: Path, ids: list[int]) -> list[int]:
    """Rows of the vocabulary for ids of the dictionary."""
    rows = {piece: row for row, piece in enumerate((folder / VOCABULARY).read_text(encoding="utf-8").split("\n"))}
    symbols = load_with_mask(folder.parent / "out" / "dict.txt").symbols
    return [rows[to_piece(symbols[number])] for number in ids]


@pytest.mark.parametrize("piece", ["a", "##a", "##", "#", "[CLS]", "[MASK]", "▁", "##▁", "##▁x", "[unused1]", "▁##"])
def test_symbols_and_pieces_are_two_names_of_one_thing(piece: str) -> None:
    assert to_piece(to_symbol(piece)) == piece


def test_second_text_is_what_follows_the_first_separator() -> None:
    tokens = torch.tensor([[0, 7, 2, 8, 9, 2], [0, 7, 8, 2, 1, 1], [0, 2, 2, 1, 1, 1]])
    assert second_text(tokens, 2).tolist() == [[0, 0, 0, 1, 1, 1], [0, 0, 0, 0, 1, 1], [0, 0, 1, 1, 1, 1]]


@pytest.mark.parametrize(
    "changed",
    [{}, {"hidden_size": 20, "num_attention_heads": 5, "intermediate_size": 7, "num_hidden_layers": 3},
     {"type_vocab_size": 3, "hidden_act": "relu", "layer_norm_eps": 0.01}, {"type_vocab_size": 1}],
    ids=["small", "odd sizes", "three types", "one type"],
)  # fmt: skip
@pytest.mark.parametrize("cased", [True, False], ids=["cased", "uncased"])
def test_states_of_pairs_are_those_of_transformers(tmp_path: Path, cased: bool, changed: dict) -> None:
    """``[CLS] a [SEP] b [SEP]`` with its token types, padded on both sides."""
    theirs = write_bert(tmp_path / "hf", cased, **changed)
    from_hf(str(tmp_path / "hf"), str(tmp_path / "out"))
    encoder, model = encoder_of(tmp_path / "out"), load(tmp_path / "out")
    texts = TEXTS[:6]
    ids, sizes = encoder.encode(texts)
    parts = [torch.from_numpy(row[:-1]) for row in np.split(ids, np.cumsum(sizes)[:-1])]
    rows = [encoder.frame.enclose(one[:20], other[:20]) for one, other in zip(parts[:3], parts[3:])]
    tokens = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=1)
    with torch.no_grad():
        ours = model(tokens, features_only=True)[0]
    for row, states in zip(rows, ours):
        known = torch.tensor([theirs_of(tmp_path / "hf", row.tolist())])
        types = second_text(row[None], 2) if changed.get("type_vocab_size", 2) > 1 else None
        for left in (0, 3):  # padding on the left moves positions, which transformers counts from its first column
            if left and changed:
                continue
            pad = torch.zeros((1, left), dtype=torch.long)
            mask = torch.cat([pad, torch.ones_like(known)], dim=1)
            given = {"position_ids": torch.cat([pad, torch.arange(len(row))[None]], dim=1)} if left else {}
            kinds = None if types is None else torch.cat([pad, types], dim=1)
            with torch.no_grad():
                expected = theirs(torch.cat([pad, known], dim=1), mask, kinds, **given).last_hidden_state[0, left:]
            torch.testing.assert_close(states[: len(row)], expected, atol=1e-5, rtol=1e-5)
    assert encoder.frame.between == BERT


def test_token_types_matter(tmp_path: Path) -> None:
    write_bert(tmp_path / "hf")
    from_hf(str(tmp_path / "hf"), str(tmp_path / "out"))
    model = load(tmp_path / "out")
    tokens = torch.tensor([[0, 30, 31, 2, 32, 2]])
    with torch.no_grad():
        one = model(tokens, features_only=True)[0]
        model.encoder.sentence_encoder.embed_positions.token_types.weight.zero_()
        other = model(tokens, features_only=True)[0]
    assert (one - other).abs().max() > 0.1


@pytest.mark.parametrize("cased", [True, False], ids=["cased", "uncased"])
def test_the_language_model_predicts_alike(tmp_path: Path, cased: bool) -> None:
    theirs = write_bert(tmp_path / "hf", cased, head="ForMaskedLM")
    assert from_hf(str(tmp_path / "hf"), str(tmp_path / "out")).language_model
    symbols = load_with_mask(tmp_path / "out" / "dict.txt").symbols
    tokens = torch.tensor([[0, 30, len(symbols) - 1, 31, 2]])
    rows = theirs_of(tmp_path / "hf", list(range(len(symbols))))
    with torch.no_grad():
        expected = theirs(torch.tensor([[rows[number] for number in tokens[0].tolist()]])).logits[..., rows]
        found = load(tmp_path / "out", with_lm_head=True)(tokens)[0]
    torch.testing.assert_close(found, expected, atol=2e-5, rtol=1e-5)


@pytest.mark.parametrize("names", [f"{VOCABULARY} {SETTINGS}", FAST, f"{VOCABULARY} {FAST}", VOCABULARY])
@pytest.mark.parametrize("cased", [True, False], ids=["cased", "uncased"])
def test_texts_get_the_pieces_of_transformers(tmp_path: Path, cased: bool, names: str) -> None:
    """Whichever file has the vocabulary; without settings capitals in it tell that case is kept."""
    (tmp_path / "all").mkdir()
    write_tokenizer(tmp_path / "all", cased)
    write_bert(tmp_path / "hf", cased, tokenizers=names)
    from_hf(str(tmp_path / "hf"), str(tmp_path / "out"))
    encoder, theirs = encoder_of(tmp_path / "out"), tokenizer_of(tmp_path / "all")
    plain = [text for text in TEXTS if "[" not in text]  # transformers reads [SEP] in a text as the special token
    ids, sizes = encoder.encode(plain)
    symbols = encoder.dictionary.symbols
    start = 0
    for text, size in zip(plain, sizes):
        pieces = [to_piece(symbols[number]) for number in ids[start : start + size - 1]]
        assert pieces == theirs.tokenize(text), text
        start += size
    special = {encoder.dictionary.bos(), encoder.dictionary.pad(), encoder.dictionary.eos()}
    assert not special & set(encoder.encode(["[CLS] [SEP] [MASK] <s> </s> <mask>"])[0][:-1].tolist())


@pytest.mark.parametrize("cased", [True, False], ids=["cased", "uncased"])
def test_characters_of_pieces(tmp_path: Path, cased: bool) -> None:
    """Those of the library, but that invisible characters belong to the one before them."""
    write_bert(tmp_path / "hf", cased)
    from_hf(str(tmp_path / "hf"), str(tmp_path / "out"))
    encoder, theirs = encoder_of(tmp_path / "out"), tokenizer_of(tmp_path / "hf")
    texts = [text for text in TEXTS if "[" not in text and "\u200b" not in text]
    _, sizes, spans = ContextEncoder(encoder).encode(texts)
    for text, size, found in zip(texts, sizes, spans):
        expected = theirs(text, return_offsets_mapping=True, add_special_tokens=False)["offset_mapping"]
        assert size == len(expected) + 1 and [tuple(span) for span in found.tolist()] == expected, text


def test_characters_as_pieces(tmp_path: Path) -> None:
    write_bert(tmp_path / "hf", cased=False)
    from_hf(str(tmp_path / "hf"), str(tmp_path / "out"))
    encoder = encoder_of(tmp_path / "out")
    ids, _, (spans,) = ContextEncoder(encoder, characters=True).encode(["Bad é火"])
    symbols = [encoder.dictionary.symbols[number] for number in ids]
    assert symbols == ["▁b", "a", "d", "▁e", "▁火", "</s>"]
    assert spans.tolist() == [[0, 1], [1, 2], [2, 3], [4, 5], [5, 6]]
