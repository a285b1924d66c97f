"""Code-switched copies of rows: what may be drawn and how often, which copies are dropped, what decides a draw."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from user_dir_tests.helpers.toys.toy_switch import ENGLISH, World, make_world
from xl_plugins.augment.code_switch.texts import SwitchedTexts, SwitchOptions, lines, summary
from xl_plugins.augment.generation.files import Examples
from xl_plugins.augment.generation.texts import LanguageTexts
from xl_plugins.augment.primitives.base import generator
from xl_plugins.augment.primitives.code_switch import CodeSwitch
from xl_plugins.augment.primitives.dictionaries import load_dictionaries
from xl_plugins.augment.primitives.words import WordPieces
from xl_plugins.data.binary.layout import DataBin
from xl_plugins.errors import UserError

REPEAT = 300


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("switched"), REPEAT)


def maker(world: World, data: Path, **options: Any) -> SwitchedTexts:
    """The job that makes copies of a data folder of the world."""
    opened, chosen = DataBin(data), SwitchOptions(**options)
    pieces, texts = WordPieces.of(opened), LanguageTexts(opened, "en", "copies", "")
    tables = load_dictionaries(str(world.dictionaries), "en", chosen.languages)
    switch = CodeSwitch(pieces, tables, chosen.ratio, chosen.choice, chosen.lower, chosen.sentence_ratio)
    return SwitchedTexts(texts, pieces, switch, chosen)


def spelt(made: SwitchedTexts, examples: Examples) -> list[tuple[int, tuple[str, ...]]]:
    """Row and texts of every copy, words separated by |."""
    found: list[list[str]] = []
    for ids, sizes in examples.texts:
        ends = np.cumsum(sizes)
        rows = [ids[end - size : end].tolist() for end, size in zip(ends, sizes)]
        assert all(row[-1] == 2 and 2 not in row[:-1] for row in rows)
        found.append([made.pieces.join(tuple(row[:-1])) for row in rows])
    return [(int(row), texts) for row, texts in zip(examples.parents, zip(*found))]


def make(world: World, data: Path, rows: range, **options: Any) -> tuple[list, Counter]:
    made, counts = maker(world, data, **options), Counter()
    return spelt(made, made.make(rows, counts)), counts


def test_worked_shares(world: World) -> None:
    """Row 4 is ``cat`` alone: German half of the time, one of two French words else; row 0 has ``sees`` in French."""
    rows = range(4, 6 * REPEAT, 6)
    found, counts = make(world, world.tagged, rows, ratio=0.5, samples=60, keep_duplicates=True)
    assert [row for row, _ in found] == [row for row in rows for _ in range(60)]
    shares = {text: count / len(found) for (text,), count in Counter(text for _, text in found).items()}
    expected = {"▁cat": 0.5, "▁Katze": 0.25, "▁chat": 0.125, "▁minou": 0.125}
    assert shares == pytest.approx(expected, abs=0.015)  # four standard deviations of 18,000 draws
    assert counts["words"] == counts["samples"] == 18_000 and counts["rows"] == counts["rows_used"] == REPEAT
    assert counts["switched"] == counts["changed"] == sum(text != "▁cat" for _, (text,) in found)
    for choice, share in (("any", 0.25), ("covered", 0.5)):  # only French lists it
        _, counts = make(world, world.tagged, range(0, 6 * REPEAT, 6), ratio=0.5, samples=20, choice=choice,
                         languages="de,fr")  # fmt: skip
        switched = (0.5 + 0.5 + share) / 5  # dog, cat, sees among five words
        assert counts["switched"] / counts["words"] == pytest.approx(switched, abs=0.011)


def test_draws_are_those_of_seed_row_and_sample(world: World) -> None:
    made = maker(world, world.pairs, ratio=0.6, samples=3, seed=7, keep_duplicates=True)
    found = spelt(made, made.make(range(12), Counter()))
    expected = []
    for row in range(12):
        for sample in range(3):
            rng = generator(7, sample, row, 0)
            sides = [ENGLISH[row % 6], ENGLISH[(row + 1) % 6]]
            words = [[made.pieces.encode(word) for word in side.split()] for side in sides]
            switched = [made.switch(side, rng).words for side in words]
            expected.append((row, tuple("".join(map(made.pieces.join, side)) for side in switched)))
    assert found == expected and len(set(found)) > 20


@pytest.mark.parametrize("name", ["pairs", "tagged"])
def test_a_row_does_not_depend_on_the_others(world: World, name: str) -> None:
    data, options = getattr(world, name), {"ratio": 0.5, "samples": 4}
    whole, counts = make(world, data, range(40), **options)
    parts = [make(world, data, range(start, start + 8), **options) for start in range(0, 40, 8)]
    assert [one for found, _ in parts for one in found] == whole
    assert sum((part for _, part in parts), Counter()) == counts
    assert make(world, data, range(40), **options, seed=2)[0] != whole
    fewer, _ = make(world, data, range(40), ratio=0.5, samples=2)
    assert set(fewer) < set(whole)  # more samples add copies, and change none


def test_copies_that_are_dropped(world: World) -> None:
    """All words are switched into German; the last row, and the one with NATO, have none that is listed."""
    found, counts = make(world, world.tagged, range(6), ratio=1, samples=3, languages="de")
    assert found == [
        (0, ("▁The▁Hund▁sees▁the▁Katze",)), (1, ("▁Katze▁Hund",)), (3, ("▁A▁rot▁Hund",)), (4, ("▁Katze",)),
    ]  # fmt: skip
    assert summary(counts) == {
        "rows": 6, "samples": 18, "words": 3 * 17, "switched": 3 * 7, "changed": 3 * 7, "rows_used": 4, "written": 4,
        "dropped": {"unchanged": 6, "duplicate": 8},
    }  # fmt: skip
    assert lines("en", counts) == [
        "en: 4 code-switched texts of 4 of 6 rows; 41.2% of the words switched, 41.2% changed",
        "  dropped of 18 copies: 6 unchanged (equal to the row), 8 duplicate (equal to another copy of the row)",
    ]
    found, counts = make(world, world.tagged, range(6), ratio=1, samples=3, languages="de", keep_duplicates=True)
    assert len(found) == 18 and counts["written"] == 18 and counts["unchanged"] == counts["duplicate"] == 0
    assert lines("en", counts)[1] == "  dropped of 18 copies: none"


def test_a_pair_is_kept_if_one_of_its_texts_changed(world: World) -> None:
    """Rows 1, 2 and 4 have a text without a listed word; row 5 is followed by the first sentence."""
    found, counts = make(world, world.pairs, range(6), ratio=1, languages="de")
    texts = ["▁The▁Hund▁sees▁the▁Katze", "▁Katze▁Hund", "▁NATO▁<unk>▁dog.", "▁A▁rot▁Hund", "▁Katze", "▁no▁word▁listed"]
    assert found == [(row, (texts[row], texts[(row + 1) % 6])) for row in range(6)]
    assert counts["words"] == 2 * 17 and counts["switched"] == 2 * 7 and counts["unchanged"] == 0


def test_words_of_tagged_texts_keep_their_number(world: World) -> None:
    """A phrase takes the place of one word."""
    made = maker(world, world.tagged, ratio=1, choice="covered", languages="fr")
    examples = made.make(range(1), Counter())
    assert examples.words is not None
    sizes, counts = examples.words
    text = spelt(made, examples)[0][1][0]
    assert text in (f"▁The▁chien▁regarde▁bien▁the▁{word}" for word in ("chat", "minou"))
    phrase = len(made.pieces.encode("regarde bien"))
    assert counts.tolist() == [5] and sizes.sum() == examples.texts[0][1][0] - 1
    assert sizes.tolist()[:4] == [3, 5, phrase, 3]


def test_lower_case_changes_words_that_are_not_switched(world: World) -> None:
    found, counts = make(world, world.tagged, range(6), ratio=0, lower=True)
    assert found == [
        (0, ("▁the▁dog▁sees▁the▁cat",)), (2, ("▁nato▁<unk>▁dog.",)), (3, ("▁a▁red▁dog",)),
    ]  # fmt: skip
    assert (counts["switched"], counts["changed"], counts["unchanged"]) == (0, 4, 3)


def test_share_of_texts(world: World) -> None:
    rows = range(4, 6 * REPEAT, 6)
    _, counts = make(world, world.tagged, rows, ratio=1, languages="de", samples=30, sentence_ratio=0.4)
    assert counts["switched"] / counts["samples"] == pytest.approx(0.4, abs=0.021)  # 9,000 draws


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ratio": 1.5}, "--ratio 1.5: expected a probability between 0 and 1"),
        ({"sentence_ratio": float("nan")}, "--sentence-ratio nan: expected a probability between 0 and 1"),
        ({"samples": 0}, "--samples 0: expected at least 1"),
        ({"seed": -1}, "--seed -1: expected a number from 0 to 4294967295"),
    ],
)
def test_options(options: dict, message: str) -> None:
    with pytest.raises(UserError) as caught:
        SwitchOptions(**options)
    assert str(caught.value) == message
