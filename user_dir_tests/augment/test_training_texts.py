"""The texts of a data folder that are scored: every text once, in blocks, whatever rows and files it stands in."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from user_dir_tests.helpers.references.counterparts import texts_of
from user_dir_tests.helpers.toys.toy import write_rows
from user_dir_tests.helpers.toys.toy_counterparts import World, make_world
from xl_plugins.augment.counterparts import finder as counterparts
from xl_plugins.augment.counterparts.finder import TrainingTexts
from xl_plugins.augment.generation.texts import changeable
from xl_plugins.data.binary.layout import DataBin
from xl_plugins.errors import UserError


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


def rows_of(texts: TrainingTexts) -> list[list[int]]:
    own = texts.texts
    return [own.ids[start : start + size].tolist() for start, size in zip(own.starts, own.sizes)]


def test_every_text_once(world: World) -> None:
    data = DataBin(world.pairs)
    texts = TrainingTexts.open(data)
    columns = [texts_of(data, field) for field in ("input0", "input1")]
    known = rows_of(texts)
    assert list(texts.fields) == ["input0", "input1"] and len(texts.rows) == 2
    for column, numbers in zip(columns, texts.rows):
        assert [known[number][:-1] for number in numbers] == column
    different = dict.fromkeys(tuple(row) for column in columns for row in column)
    assert [tuple(row[:-1]) for row in known] == list(different)  # in order of their first appearance
    assert len(known) < 60 - 8  # 30 pairs, of which 6 premises and some hypotheses are repeated


def test_tagged_sentences_have_one_field(world: World) -> None:
    texts = TrainingTexts.open(DataBin(world.tagged))
    assert list(texts.fields) == ["input0"] and len(texts.rows) == 1 and len(texts.rows[0]) == 12


def test_problem_without_meta_follows_from_the_files(world: World) -> None:
    for data, fields in ((world.pairs, ("input0", "input1")), (world.tagged, ("input0",))):
        (data / "meta.json").unlink()
        assert changeable(DataBin(data)).texts == fields


def test_other_problems_are_refused(world: World) -> None:
    (world.pairs / "meta.json").write_text(json.dumps({"problem": "qa"}))
    with pytest.raises(
        UserError, match=r"meta\.json: the data is for problem 'qa'; counterparts are for sentence_pair"
    ):
        TrainingTexts.open(DataBin(world.pairs))


def test_a_row_without_a_piece(world: World) -> None:
    rows = texts_of(DataBin(world.pairs), "input1")
    rows[17] = []
    write_rows(world.pairs / "en" / "input1" / "train", rows, 60)
    with pytest.raises(UserError, match=r"en/input1/train\.bin: row 18 has no piece; remove the row from every file"):
        TrainingTexts.open(DataBin(world.pairs))


def test_files_of_unequal_length(world: World) -> None:
    rows = texts_of(DataBin(world.pairs), "input1")
    write_rows(world.pairs / "en" / "input1" / "train", rows[:-1], 60)
    with pytest.raises(UserError, match=r"pairs/en: rows differ: 30 in input0, 29 in input1; prepare the data again"):
        TrainingTexts.open(DataBin(world.pairs))


@pytest.mark.parametrize(("unknown", "refused"), [(11, False), (12, True)])
def test_texts_full_of_unknown_pieces(world: World, unknown: int, refused: bool) -> None:
    """More than a tenth of the pieces, the ends of the texts included."""
    rows = [[3] * (unknown if row == 0 else 0) + [9 + row] * (50 - unknown * (row == 0)) for row in range(2)]
    rows = [rows[0], rows[1] + [5] * 8]  # 110 with both ends
    write_rows(world.tagged / "en" / "input0" / "train", rows, 60)
    texts = TrainingTexts.open(DataBin(world.tagged))
    if not refused:
        return texts.check_pieces(3, "X")
    with pytest.raises(UserError, match=r"^X: 11% of the pieces of the first training texts are <unk>; SentencePiece"):
        texts.check_pieces(3, "X")


@pytest.mark.parametrize("size", [1, 7, 49, 50, 51, 4096])
def test_blocks_cover_the_texts(world: World, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(counterparts, "BLOCK", size)
    texts = TrainingTexts.open(DataBin(world.pairs))
    blocks = [texts.block(number) for number in range(texts.blocks)]
    assert np.concatenate(blocks).tolist() == list(range(len(texts.texts)))
    assert all(len(block) == size for block in blocks[:-1]) and 0 < len(blocks[-1]) <= size


def test_samples_are_equally_spaced(world: World) -> None:
    texts = TrainingTexts.open(DataBin(world.pairs))
    count = len(texts.texts)
    for number in (1, 7, count - 1, count, count + 1, 20_000):
        sample = texts.sample(number)
        assert len(sample) == min(number, count) == len(set(sample.tolist())) and sample[0] == 0
        gaps = np.diff(sample)
        assert not len(gaps) or (gaps.max() - gaps.min() <= 1 and gaps.min() >= 1 and sample[-1] < count)
