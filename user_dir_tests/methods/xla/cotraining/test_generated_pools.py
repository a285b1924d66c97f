"""Pools that other commands make than xl-augment vicinity: code-switched copies, SALT's counterparts."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from user_dir_tests.helpers.cotrain import SMALL, TASK
from user_dir_tests.helpers.setups.salt import FIELDS, read_rows
from user_dir_tests.helpers.toys.tiny import build
from user_dir_tests.helpers.toys.toy_counterparts import make_texts
from user_dir_tests.helpers.toys.toy_counterparts import make_world as make_counterparts
from user_dir_tests.helpers.toys.toy_switch import NAMES, read, read_words
from user_dir_tests.helpers.toys.toy_switch import make_world as make_switched
from user_dir_tests.helpers.toys.toy_views import open_pieces, write_pairs, write_tagged
from xl_plugins.augment.primitives.words import WordPieces
from xl_plugins.cli.augment import main
from xl_plugins.data.binary.layout import DataBin
from xl_plugins.errors import UserError

REPEAT = 5  # times six rows


@pytest.fixture(scope="module")
def switched(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders with two copies of most English rows."""
    world = make_switched(tmp_path_factory.mktemp("switched"), REPEAT)
    for data in (world.pairs, world.tagged):
        assert main(world.options(data, ratio=0.7, samples=2)) == 0
    return {NAMES[name]: getattr(world, name) for name in NAMES}


@pytest.fixture(scope="module")
def substituted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders with counterparts of the English rows in German and French."""
    world = make_counterparts(tmp_path_factory.mktemp("counterparts"))
    found = {NAMES[name]: getattr(world, name) for name in NAMES}
    for problem, data in found.items():
        assert main(world.options(data, languages="de,fr")) == 0
        pieces, texts = open_pieces(data), make_texts(12, seed=3)
        for language, split in (("de", "train"), ("de", "valid"), ("en", "valid")):
            if problem == "tagging":
                write_tagged(data / language, split, pieces, texts, gold=True)
            else:
                write_pairs(data / language, split, pieces, [(text, text) for text in texts], [0, 1, 2] * 4)
    return found


def pools(data: Path, problem: str, *names: str, **options: object) -> Any:
    """The pools of a run whose only XLA epoch trains on these; nothing is cut."""
    given = {**SMALL, "batch_size": 4, "save_dir": "", "max_length": 200, "max_positions": 210, **options}
    task = build(data, TASK, problem=problem, **{**given, "xla_datasets": f"1:{','.join(names)}"}).task
    task.load_dataset("train")
    return task.stages.pools


def texts(pool: Any, pieces: WordPieces) -> list[str]:
    """Units without special tokens as people write them."""
    found = []
    for unit in range(len(pool)):
        tokens = pool.dataset.collater([pool.dataset[unit]])["net_input"]["src_tokens"]
        found.append(spelt(pieces, (piece for row in tokens.tolist() for piece in row if piece > 2)))
    return found


def spelt(pieces: WordPieces, ids: Iterable[int]) -> str:
    return pieces.join(tuple(ids)).replace("▁", " ").strip()


@pytest.mark.parametrize("problem", NAMES.values())
def test_code_switched_texts(switched: dict, problem: str) -> None:
    data = switched[problem]
    pool = pools(data, problem, "src", "en/code-switch")["en/code-switch"]
    written = [" ".join(sides) for sides in zip(*(read(data, field=field) for field in FIELDS[problem]))]
    assert texts(pool, open_pieces(data)) == written and 30 < len(pool) < 60
    assert pool.gold is None and pool.rows is None
    if problem == "tagging":
        assert pool.sizes.tolist() == [len(words) for words in read_words(data)]
    else:
        assert pool.sizes.tolist() == [1] * len(pool)


@pytest.mark.parametrize("problem", NAMES.values())
def test_shares_of_code_switched_texts(switched: dict, problem: str) -> None:
    """Copies go with the rows that they were made of."""
    data = switched[problem]
    found = pools(data, problem, "src", "en/code-switch", xla_source_percent="40", xla_source_seed=3)
    rows = sorted(np.random.RandomState(3).permutation(30)[:12].tolist())
    parents = np.load(data / "en" / "code-switch" / "parents.npy").tolist()
    taken = [number for number, parent in enumerate(parents) if parent in rows]
    assert found["src"].rows.tolist() == rows and found["en/code-switch"].rows.tolist() == taken
    written = [" ".join(sides) for sides in zip(*(read(data, field=field) for field in FIELDS[problem]))]
    assert texts(found["en/code-switch"], open_pieces(data)) == [written[number] for number in taken]


def test_code_switched_texts_of_other_data(switched: dict, tmp_path: Path) -> None:
    """The English text was prepared again, with one row less."""
    data, folder = tmp_path / "data", "en/code-switch"
    world = make_switched(tmp_path / "world")
    world.tagged.rename(data)
    assert main(world.options(data)) == 0
    pieces = open_pieces(data)
    write_tagged(data / "en", "train", pieces, [["cat", "dog"]] * 5, gold=True)
    with pytest.raises(
        UserError, match=r"en/code-switch/manifest.json: made from 6 texts, but .* has 5; make the pool"
    ):
        pools(data, "tagging", folder)


@pytest.mark.parametrize("problem", NAMES.values())
def test_counterparts(substituted: dict, problem: str) -> None:
    """They have no file of words: those of the English text hold for them."""
    data, names = substituted[problem], ("en/counterparts/de", "en/counterparts/fr")
    found, pieces = pools(data, problem, "src", "tgt", *names), open_pieces(data)
    own = texts(found["src"], pieces)
    for name in names:
        sides = [read_rows(data, name, field) for field in FIELDS[problem]]
        assert texts(found[name], pieces) == [spelt(pieces, chain(*row)) for row in zip(*sides)]
        assert len(found[name]) == len(own) and found[name].gold is None
        assert sum(one != other for one, other in zip(texts(found[name], pieces), own)) > len(own) // 2
        if problem == "tagging":
            assert not (data / name / "words").exists()
            counts = DataBin(data).open_text("en", "words", "train")
            assert found[name].sizes.tolist() == [len(counts[row]) for row in range(len(counts))]
    shared = pools(data, problem, "src", *names, xla_source_percent="50")  # row i is of row i
    assert np.array_equal(shared[names[0]].rows, shared["src"].rows) and len(shared[names[0]]) == len(own) // 2
