"""GEN-LM in batches: the same virtual sentences as one call of the model per mask, and what spoils a sample."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from user_dir_tests.helpers.references.vicinity import Oracle, maker, sentences, split
from user_dir_tests.helpers.toys.toy_pieces import BOUNDARY, make_pieces
from user_dir_tests.helpers.toys.toy_vicinity import POSITIONS, World
from xl_plugins.augment.primitives.piece_classes import PieceClasses
from xl_plugins.augment.primitives.words import WordPieces
from xl_plugins.augment.vicinity.examples import ExampleMaker
from xl_plugins.augment.vicinity.generator import (
    EMPTY,
    GLUED,
    OVERLONG,
    WHOLE,
    Masked,
    Vicinity,
    mask_slots,
    write_back,
)
from xl_plugins.augment.vicinity.texts import Slots
from xl_plugins.errors import UserError

PAD, MASK = 1, 99


# -- arrays --


def test_masking_and_writing_back() -> None:
    ids = np.array([[10, 11, 12, 13, 14], [20, 21, 22, PAD, PAD], [30, 31, 32, 33, PAD]], dtype=np.int32)
    slots = np.array([[0, 1, 1, 1, 2], [0, 0, 1, -1, -1], [0, 1, 2, 3, -1]], dtype=np.int32)
    masked = mask_slots(ids, slots, np.array([1, 0, 3]), MASK, PAD)
    assert masked.ids.tolist() == [[10, MASK, 14, PAD], [MASK, 22, PAD, PAD], [30, 31, 32, MASK]]
    assert masked.slots.tolist() == [[0, 1, 2, -1], [0, 1, -1, -1], [0, 1, 2, 3]]
    assert masked.lengths.tolist() == [3, 2, 4] and masked.places.tolist() == [1, 0, 3]
    out, numbers, lengths = write_back(masked, [(7,), (8, 9), (5, 6, 4)], PAD)
    assert out.tolist() == [[10, 7, 14, PAD, PAD, PAD], [8, 9, 22, PAD, PAD, PAD], [30, 31, 32, 5, 6, 4]]
    assert numbers.tolist() == [[0, 1, 2, -1, -1, -1], [0, 0, 1, -1, -1, -1], [0, 1, 2, 3, 3, 3]]
    assert lengths.tolist() == [3, 3, 6]
    assert (out.dtype, numbers.dtype) == (ids.dtype, slots.dtype)


def test_masking_the_only_unit() -> None:
    masked = mask_slots(np.array([[4, 5]]), np.array([[0, 0]]), np.array([0]), MASK, PAD)
    assert masked.ids.tolist() == [[MASK]]
    assert [x.tolist() for x in write_back(masked, [(6,)], PAD)] == [[[6]], [[0]], [1]]
    assert isinstance(masked, Masked)


# -- a model whose predictions are given --


class Script:
    """Fills masks with ``answers[left neighbour]``; keeps what it was asked."""

    def __init__(self, answers: dict[str, str], pieces: WordPieces) -> None:
        self.answers, self.pieces, self.asked = answers, pieces, []

    def fill(self, tokens: np.ndarray, places: np.ndarray, starts: np.ndarray) -> np.ndarray:
        symbols = self.pieces.dictionary.symbols
        self.asked.append([" ".join(symbols[i] for i in row if i != PAD) for row in tokens.tolist()])
        rows = range(len(tokens))
        return np.array(
            [self.pieces.dictionary.index(self.answers[symbols[tokens[row, places[row] - 1]]]) for row in rows]
        )


SCORES = {
    "▁": -9.0, "▁a": -1.0, "▁b": -1.0, "▁c": -1.0, "b": -2.0, "c": -2.0, "ing": -2.0, "▁ing": -1.0, "▁abc": -40.0,
    "…": -2.0,
}  # fmt: skip


@pytest.fixture
def engine(tmp_path: Path) -> Callable[..., tuple[Vicinity, Script]]:
    def make(answers: dict[str, str], length: int = 20) -> tuple[Vicinity, Script]:
        pieces = make_pieces(tmp_path, SCORES)
        pieces.dictionary.add_symbol("<mask>")
        script = Script(answers, pieces)
        return Vicinity(script, pieces, PieceClasses(pieces.dictionary), True, length), script

    return make


def one_sentence(engine: Vicinity, text: str) -> Slots:
    words = split(text.split())
    ids = np.array([engine.dictionary.index(piece) for word in words for piece in word])
    sizes = np.array([len(word) for word in words])
    return Slots(ids, np.array([len(ids)]), sizes, np.array([len(words)]))


def result(engine: Vicinity, text: str, *sites: int) -> tuple[str, int, Any]:
    samples = engine.replace(one_sentence(engine, text), np.array([0]), [np.array(sites)])
    found = " ".join(engine.dictionary.symbols[i] for i in samples.sentence(0).tolist())
    return found, int(samples.state[0]), samples


def test_each_word_is_predicted_in_the_changed_sentence(engine: Callable[..., tuple[Vicinity, Script]]) -> None:
    made, script = engine({"<s>": "▁c", "▁c": "▁b", "c": "▁a"})
    found, state, samples = result(made, "▁a b ▁b ▁c c ▁a", 0, 3, 1)
    assert script.asked == [
        ["<s> <mask> ▁b ▁c c ▁a </s>"], ["<s> ▁c ▁b ▁c c <mask> </s>"], ["<s> ▁c <mask> ▁c c ▁a </s>"],
    ]  # fmt: skip
    assert (found, state) == ("▁c ▁b ▁c c ▁a", WHOLE)
    assert (samples.done[0], samples.changed[0]) == (3, 1)  # two predictions are what stood there


def test_a_predicted_word_is_spelt_by_the_tokenizer(engine: Callable[..., tuple[Vicinity, Script]]) -> None:
    made, _ = engine({"▁a": "▁abc"})
    assert result(made, "▁a ▁b ▁c", 1)[:2] == ("▁a ▁a b c ▁c", WHOLE)
    assert result(made, "▁a ▁a b c ▁c", 1)[2].changed[0] == 0  # spelt the same: no other word


def test_the_dictionary_may_lack_a_spelling(
    engine: Callable[..., tuple[Vicinity, Script]], monkeypatch: pytest.MonkeyPatch
) -> None:
    made, _ = engine({"▁a": "▁abc"})
    monkeypatch.setattr(made.pieces, "encode", lambda text: (4, made.dictionary.unk()))
    assert result(made, "▁a ▁b", 1)[:2] == ("▁a ▁abc", WHOLE)


@pytest.mark.parametrize(("answer", "state"), [("ing", GLUED), ("▁", EMPTY), ("…", GLUED)])
def test_what_changes_the_number_of_words_spoils_a_sample(
    engine: Callable[..., tuple[Vicinity, Script]], answer: str, state: int
) -> None:
    made, script = engine({"▁a": answer})
    assert result(made, "▁a ▁b ▁c", 1, 2)[1] == state
    assert len(script.asked) == 1  # dropped at once


def test_nothing_to_glue_to_before_the_first_word(engine: Callable[..., tuple[Vicinity, Script]]) -> None:
    made, _ = engine({"<s>": "ing"})
    assert result(made, "▁a b ▁b", 0)[:2] == ("▁ing ▁b", WHOLE)


def test_a_sample_that_grows_too_long_is_dropped(engine: Callable[..., tuple[Vicinity, Script]]) -> None:
    made, _ = engine({"▁a": "▁abc"}, length=6)
    assert result(made, "▁a ▁b", 1)[:2] == ("▁a ▁a b c", WHOLE)  # four pieces and two special symbols
    assert result(made, "▁a ▁b ▁b", 1)[1] == OVERLONG


# -- the model --


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("changed", [{}, {"word_start_only": True}, {"seed": 9}], ids=str)
def test_equals_one_call_per_mask(world: World, language: str, changed: dict) -> None:
    oracle = Oracle(world, **changed)
    expected = oracle.tagged(language)
    assert min(one.gap for _, one in expected) > 1e-4  # no near ties, on which rounding could decide
    for batch in (1, 7, 64):
        made = maker(world, world.tagged, language, batch * POSITIONS, 5 * batch, **changed)
        assert sentences(made, np.arange(30)) == [(row, one.words) for row, one in expected]
        counts = made.make(np.arange(30))[1]
        names = ("short", "long", "unfit", "ineligible", "glued", "empty", "overlong", "duplicate", "repeated")
        assert {name: counts[name] for name in names} == {name: oracle.counts[name] for name in names}
        assert counts["predictions"] == oracle.calls
    assert len(expected) > 40 and (oracle.counts["glued"] > 3 or changed)


def test_shuffled_input_gives_the_same(world: World) -> None:
    made = maker(world, world.tagged, "de", 7 * POSITIONS, 5)
    ordered = sentences(made, np.arange(30))
    order = np.random.RandomState(0).permutation(30)
    shuffled = sentences(made, order)
    assert [row for row, _ in shuffled] != [row for row, _ in ordered]
    assert sorted(shuffled) == sorted(ordered)
    assert [row for row, _ in shuffled] == sorted((row for row, _ in shuffled), key=order.tolist().index)


def test_pairs_are_all_combinations_of_sides_done_alone(world: World) -> None:
    for language in ("en", "de"):
        oracle = Oracle(world)
        expected = oracle.pairs(language)
        made = maker(world, world.pairs, language, 64 * POSITIONS, 1000)
        sides = [sentences(made, np.arange(24), field) for field in (0, 1)]
        assert sides[0] == [(row, left.words) for row, left, _ in expected]
        assert sides[1] == [(row, right.words) for row, _, right in expected]
        assert made.make(np.arange(24))[1]["one_sided"] == oracle.counts["one_sided"] > 0


def test_what_holds_of_every_virtual_sentence(world: World) -> None:
    for language in ("en", "de"):
        made = maker(world, world.tagged, language, 64 * POSITIONS, 1000)
        originals = dict(enumerate(words(made)))
        for row, found in sentences(made, np.arange(30)):
            original = originals[row]
            assert len(found) == len(original)
            changed = [number for number, (one, other) in enumerate(zip(found, original)) if one != other]
            assert 1 <= len(changed) <= max(1, len(original) * 30 // 100)
            assert not {"<s>", "</s>", "<pad>", "<mask>"} & {piece for word in found for piece in word}
            assert all("<unk>" not in found[number] for number in changed)
            assert all(len("".join(original[number]).replace("<unk>", "?").strip(BOUNDARY)) >= 3 for number in changed)


def words(made: ExampleMaker) -> list[list[list[str]]]:
    slots = made.texts.slots(0, np.arange(30))
    symbols, ends = made.texts.data.dictionary.symbols, np.cumsum(slots.pieces)
    return [split([symbols[i] for i in slots.ids[end - size : end]]) for end, size in zip(ends, slots.pieces)]


def test_another_seed_replaces_other_words(world: World) -> None:
    one, other = (sentences(maker(world, world.tagged, "en", 512, 99, seed=seed), np.arange(30)) for seed in (1, 2))
    assert one != other
    assert one == sentences(maker(world, world.tagged, "en", 512, 99, seed=1), np.arange(30))


def test_logits_that_are_not_finite(world: World) -> None:
    made = maker(world, world.tagged, "en", 512, 99)
    made.vicinity.filler.head.dense.weight.data.fill_(float("nan"))  # type: ignore[attr-defined]
    with pytest.raises(UserError, match="the model's probabilities are not finite; leave --fp16 or --bf16 out"):
        made.make(np.arange(30))


def test_the_head_sees_one_position_per_sample(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    made = maker(world, world.tagged, "en", 512, 99)
    head = made.vicinity.filler.head  # type: ignore[attr-defined]
    seen: list[int] = []
    head.dense.register_forward_hook(lambda module, given, out: seen.append(len(out)))
    counts = made.make(np.arange(30))[1]
    assert sum(seen) == counts["predictions"]
