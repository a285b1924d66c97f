"""Virtual examples: slots, what may be masked, what is dropped, and the combinations of a pair's sides."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from user_dir_tests.helpers.references.vicinity import maker, sentences
from user_dir_tests.helpers.toys.toy import write_rows
from user_dir_tests.helpers.toys.toy_pieces import make_pieces
from user_dir_tests.helpers.toys.toy_positions import write_flat
from user_dir_tests.helpers.toys.toy_vicinity import World
from xl_plugins.augment.primitives.piece_classes import PieceClasses
from xl_plugins.augment.primitives.words import WordPieces
from xl_plugins.augment.vicinity.examples import ExampleMaker
from xl_plugins.augment.vicinity.generator import Vicinity
from xl_plugins.augment.vicinity.options import VicinityOptions
from xl_plugins.augment.vicinity.report import lines, summary
from xl_plugins.augment.vicinity.texts import Slots, VicinityTexts, join
from xl_plugins.data.binary.layout import DataBin

SCORES = {"▁": -9.0, **{f"▁{word}": -1.0 for word in "aa bbb cccc ddd eee fff ggg".split()}, "x": -1.0, ".": -1.0}
AA, BBB, CCCC, DDD, EEE, FFF, GGG, X, DOT = range(5, 14)
UNK = 3


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., DataBin]:
    def make(*sides: list[list[int]], words: list[list[int]] | None = None) -> DataBin:
        pieces = make_pieces(tmp_path, SCORES)
        (tmp_path / "dict.txt").write_text("".join(f"{piece} 1\n" for piece in SCORES), encoding="utf-8")
        shutil.move(tmp_path / "toy.model", tmp_path / "sentencepiece.bpe.model")
        for number, rows in enumerate(sides):
            write_rows(tmp_path / "en" / f"input{number}" / "train", rows, len(pieces.dictionary))
        if words is not None:
            write_flat(tmp_path / "en" / "words" / "train", words, np.uint16)
        return DataBin(tmp_path)

    return make


class Cycle:
    """Fills the masks with the pieces given, one after the other."""

    def __init__(self, *answers: int) -> None:
        self.answers = answers
        self.calls = 0

    def fill(self, tokens: np.ndarray, places: np.ndarray, starts: np.ndarray) -> np.ndarray:
        out = [self.answers[(self.calls + row) % len(self.answers)] for row in range(len(tokens))]
        self.calls += len(tokens)
        return np.array(out)


def examples(data: DataBin, filler: Cycle, problem: str, samples: tuple[int, ...], **changed: object) -> ExampleMaker:
    classes = PieceClasses(data.dictionary)
    options = VicinityOptions(problem, samples, **{"min_words": 1, **changed})  # type: ignore[arg-type]
    pieces = WordPieces(data.dictionary, str(data.root / "sentencepiece.bpe.model"))
    engine = Vicinity(filler, pieces, classes, options.slot == "word", 50)
    return ExampleMaker(VicinityTexts(data, "en", classes, options.slot), options, engine)


def test_words_of_pairs_and_of_tagging(folder: Callable[..., DataBin]) -> None:
    rows = [[X, AA, X, DOT, BBB], [], [4, X, CCCC], [UNK, X, 4, UNK]]
    data = folder(rows, rows)
    texts = VicinityTexts(data, "en", PieceClasses(data.dictionary))
    slots = texts.slots(0, np.arange(4))
    assert slots.ids.tolist() == [one for row in rows for one in row]
    assert slots.pieces.tolist() == [5, 0, 3, 4] and slots.counts.tolist() == [3, 0, 2, 2]
    assert slots.sizes.tolist() == [1, 3, 1, 2, 1, 2, 2]  # U+2581 and what follows it are one word
    assert slots.first.tolist() == [0, 3, 3, 5, 7] and slots.starts.tolist() == [0, 1, 4, 5, 7, 8, 10]
    # x | aa x . | bbb | "" x | cccc | <unk> x | "" <unk>
    assert texts.eligible(slots, 3).tolist() == [False, True, True, False, True, False, False]
    assert texts.eligible(slots, 1).all()
    assert texts.slots(1, np.array([2, 0])).sizes.tolist() == [2, 1, 1, 3, 1]
    assert texts.share_below(3) == 0.75
    pieces = VicinityTexts(data, "en", PieceClasses(data.dictionary), "piece")
    slots = pieces.slots(0, np.arange(4))
    assert slots.sizes.tolist() == [1] * 12 and slots.counts.tolist() == [5, 0, 3, 4]
    expected = [X, AA, X, BBB, X, CCCC, UNK, X, UNK]  # <unk> may be a letter
    assert slots.ids[pieces.eligible(slots, 1)].tolist() == expected


def test_words_of_tagging_are_those_of_its_counts(folder: Callable[..., DataBin]) -> None:
    data = folder([[AA, X, BBB, CCCC], [DDD]], words=[[2, 2], [1]])
    slots = VicinityTexts(data, "en", PieceClasses(data.dictionary)).slots(0, np.array([0, 1]))
    assert slots.sizes.tolist() == [2, 2, 1] and slots.counts.tolist() == [2, 1]


def test_samples_that_bring_nothing_new(folder: Callable[..., DataBin]) -> None:
    """Each of four words is replaced once; two of the predictions are the word itself."""
    data = folder([[BBB, BBB, BBB, BBB]], words=[[1, 1, 1, 1]])
    made, counts = examples(data, Cycle(BBB, CCCC, BBB, DDD), "tagging", (4,)).make(np.array([0]))
    assert len(made.parents) == 2
    assert (counts["duplicate"], counts["written"], counts["changed"], counts["predictions"]) == (2, 2, 2, 4)
    kept = examples(data, Cycle(BBB, CCCC, BBB, DDD), "tagging", (4,), keep_duplicates=True).make(np.array([0]))
    assert len(kept[0].parents) == 4 and kept[1]["duplicate"] == 0


def test_equal_samples_are_kept_once(folder: Callable[..., DataBin]) -> None:
    """Both words of ``bbb bbb`` may become the same as their neighbour's replacement makes elsewhere."""
    data = folder([[BBB, CCCC]], words=[[1, 1]])
    made, counts = examples(data, Cycle(DDD, DDD), "tagging", (2,), percent=Decimal(100)).make(np.array([0]))
    assert counts["repeated"] == 1 and made.texts[0][0].tolist() == [DDD, DDD, 2]


def test_rows_of_a_pair(folder: Callable[..., DataBin]) -> None:
    """Two samples on the left, three on the right: six pairs; a side without samples gives none."""
    left, right = [[BBB, CCCC], [BBB, CCCC], [AA]], [[BBB, CCCC, DDD], [AA], [BBB, CCCC]]
    data = folder(left, right)
    made, counts = examples(data, Cycle(EEE, FFF, GGG), "sentence_pair", (2, 3)).make(np.arange(3))
    assert made.parents.tolist() == [0] * 6 and made.parents.dtype == np.int32 and made.words is None
    assert [sizes.tolist() for _, sizes in made.texts] == [[3] * 6, [4] * 6]
    rows = [ids.reshape(6, -1)[:, :-1].tolist() for ids, _ in made.texts]
    assert rows[0][:3] == [rows[0][0]] * 3 and rows[0][3:] == [rows[0][3]] * 3 and rows[0][0] != rows[0][3]
    assert rows[1][:3] == rows[1][3:] and len({tuple(row) for row in rows[1]}) == 3
    assert (counts["one_sided"], counts["ineligible"], counts["written"], counts["rows_used"]) == (2, 2, 6, 1)
    assert all(row not in left for row in rows[0]) and all(row not in right for row in rows[1])


def test_rounds_draw_other_words(world: World) -> None:
    one = maker(world, world.tagged, "en", 512, 99)
    two = maker(world, world.tagged, "en", 512, 99, rounds=2)
    rows = np.arange(30)
    first, both = sentences(one, rows), sentences(two, rows)
    assert {row for row, _ in both} == {row for row, _ in first} and len(first) < len(both) <= 2 * len(first)
    by_row = {row: [text for other, text in both if other == row] for row, _ in both}
    for row, texts in by_row.items():
        alone = [text for other, text in first if other == row]
        assert texts[: len(alone)] == alone  # the first round is that of a single one
        assert all(text not in texts[:number] for number, text in enumerate(texts))


def test_pieces_keep_the_number_of_words(world: World) -> None:
    made = maker(world, world.pairs, "en", 512, 99, slot="piece", min_chars=1)
    rows = np.arange(24)
    found = sentences(made, rows)
    originals = maker(world, world.pairs, "en", 512, 99).texts.slots(0, rows)
    assert len(found) > 10
    assert all(len(text) == originals.counts[row] for row, text in found)
    slots = made.texts.slots(0, rows)
    same = [row for row, text in found if sum(map(len, text)) == slots.pieces[row]]
    assert len(same) > len(found) / 2  # a piece for a piece, but for the first of a sentence
    kept = maker(world, world.pairs, "en", 512, 99, slot="piece", min_chars=1, word_start_only=True)
    counts = kept.make(rows)[1]
    assert counts["glued"] == 0 < made.make(rows)[1]["glued"]
    assert all(len(text) == originals.counts[row] for row, text in sentences(kept, rows))


def test_sizes_of_words_are_those_of_the_text(world: World) -> None:
    made, _ = maker(world, world.tagged, "de", 512, 99).make(np.arange(30))
    assert made.words is not None
    sizes, words = made.words
    assert len(words) == len(made.parents) == len(made.texts[0][1])
    ends = np.cumsum(words)
    totals = [int(sizes[end - count : end].sum()) + 1 for end, count in zip(ends, words)]
    assert totals == made.texts[0][1].tolist() and int(sizes.min()) == 1 < int(sizes.max())


def test_no_example_at_all(folder: Callable[..., DataBin]) -> None:
    told: list[int] = []
    data = folder([[AA, X], [X]], words=[[2], [1]])
    made, counts = examples(data, Cycle(BBB), "tagging", (3,), min_chars=4).make(np.arange(2), told.append)
    assert made.parents.tolist() == [] and made.texts[0][0].tolist() == [] and sum(told) == 2
    assert counts["ineligible"] == 2 and counts["predictions"] == 0
    assert made.words is not None and [x.tolist() for x in made.words] == [[], []]


def test_a_report_adds_up(world: World) -> None:
    told: list[int] = []
    counts = maker(world, world.tagged, "de", 512, 5).make(np.arange(30), told.append)[1]
    found = summary(counts)
    assert sum(told) == 30
    assert found["rows"] == found["sentences"] == 30
    drops = {name: count for name, count in found["dropped"].items() if name != "repeated"}
    assert found["written"] == found["samples"] - sum(drops.values())
    used = found["sentences"] - sum(found["skipped"].values())
    assert 3 * used == found["samples"] + found["dropped"]["repeated"]
    out = lines("de", counts)
    assert out[0].startswith(f"de: {found['written']} virtual examples of {found['rows_used']} of 30 rows; ")
    assert out[1] == "  skipped of 30 sentences: 5 short (too few words), 5 unfit (more pieces than the model takes)"
    assert "glued (the number of words changed)" in out[2]
    assert lines("de", {})[1] == "  skipped of 0 sentences: none"


def test_units_are_joined() -> None:
    one = Slots(np.array([1, 2]), np.array([2]), np.array([1, 1]), np.array([2]))
    other = Slots(np.array([3]), np.array([1, 0]), np.array([1]), np.array([1, 0]))
    both = join([one, other])
    assert both.ids.tolist() == [1, 2, 3] and both.first.tolist() == [0, 2, 3, 3] and len(both) == 3
