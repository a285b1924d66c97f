"""Words of binarised text: splitting, spelling, tokenising, and files that do not belong together."""

from __future__ import annotations

from pathlib import Path

import pytest
from fairseq.data import Dictionary
from hypothesis import given, settings
from hypothesis import strategies as st

from user_dir_tests.helpers.toys.toy_pieces import TOY, make_dictionary, make_pieces, model_bytes
from xl_plugins.augment.primitives.words import BOUNDARY, WordPieces
from xl_plugins.data.tokenizer import PieceEncoder
from xl_plugins.errors import UserError


@pytest.fixture(scope="module")
def pieces(tiny_spm) -> WordPieces:
    return WordPieces(Dictionary.load(str(tiny_spm.dict)), str(tiny_spm.model))


def text_ids(encoder: PieceEncoder, text: str) -> list[int]:
    return encoder.encode([text])[0].tolist()[:-1]


def test_words_of_a_text_are_its_words(pieces, encoder, tiny_spm) -> None:
    for line in tiny_spm.text.read_text(encoding="utf-8").splitlines()[:200]:
        ids = text_ids(encoder, line)
        words = pieces.split(ids)
        assert [pieces.text(word) for word in words] == line.split(" ")
        assert [piece for word in words for piece in word] == ids
        assert [pieces.encode(word) for word in line.split(" ")] == words


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(4, 200), max_size=30))
def test_any_ids_are_cut_only_before_marked_pieces(pieces, ids: list[int]) -> None:
    words = pieces.split(ids)
    assert [piece for word in words for piece in word] == ids
    assert all(words) and all(isinstance(word, tuple) for word in words)
    marked = [[pieces.dictionary[piece].startswith(BOUNDARY) for piece in word] for word in words]
    assert all(word[0] for word in marked[1:]) and not any(any(word[1:]) for word in marked)


def test_text_that_does_not_begin_with_a_mark_starts_a_word(tmp_path: Path) -> None:
    pieces = make_pieces(tmp_path, TOY)
    find = pieces.dictionary.index
    words = pieces.split([find("a"), find("b"), find("▁ab"), find("c")])
    assert [pieces.text(word) for word in words] == ["ab", "abc"]
    assert pieces.split([]) == []


def test_unknown_and_special_ids_have_no_spelling(tmp_path: Path) -> None:
    pieces = make_pieces(tmp_path, TOY)
    dictionary = pieces.dictionary
    mask = dictionary.add_symbol("<mask>")
    for special in (dictionary.bos(), dictionary.pad(), dictionary.eos(), dictionary.unk(), mask):
        assert pieces.text((dictionary.index("▁a"), special)) is None


@pytest.mark.parametrize("text", ["ab☃", "☃", "a\u00a0b", " ab  abc ", "abc", "", "<s> ab"])
def test_encoding_is_that_of_the_data(tmp_path: Path, text: str) -> None:
    pieces = make_pieces(tmp_path, TOY)
    (tmp_path / "dict.txt").write_text("".join(f"{piece} 1\n" for piece in TOY), encoding="utf-8")
    encoder = PieceEncoder(str(tmp_path / "toy.model"), str(tmp_path / "dict.txt"))
    assert list(pieces.encode(text)) == text_ids(encoder, text)


def test_phrase_is_one_word_with_blanks(tmp_path: Path) -> None:
    pieces = make_pieces(tmp_path, TOY)
    word = pieces.encode("ab abc")
    assert pieces.text(word) == "ab abc"
    assert pieces.join(word) == "▁ab▁abc"


def test_missing_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere\.model: No such file.*need the tokenizer that made the data"):
        WordPieces(make_dictionary(TOY), str(tmp_path / "nowhere.model"))


def test_file_that_is_no_model_is_named(tmp_path: Path) -> None:
    (tmp_path / "some.model").write_text("text")
    with pytest.raises(UserError, match=r"some\.model: not a SentencePiece model"):
        WordPieces(make_dictionary(TOY), str(tmp_path / "some.model"))


def test_model_of_another_dictionary_is_named(tmp_path: Path) -> None:
    (tmp_path / "other.model").write_bytes(model_bytes(TOY))
    with pytest.raises(UserError, match=r"other\.model: 2 of its 9 pieces \(22\.2%\) are not in the dictionary of the"):
        WordPieces(make_dictionary(list(TOY)[:-2]), str(tmp_path / "other.model"))
