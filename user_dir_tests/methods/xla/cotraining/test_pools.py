"""Pools by name: their texts, their labels or the lack of them, and the shares of them that are taken."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from user_dir_tests.helpers.cotrain import POOLS, PROBLEMS, copy_of, make, remove, write_virtual
from user_dir_tests.helpers.cotrain import folders as folders  # a fixture
from user_dir_tests.helpers.cotrain import problem as problem
from user_dir_tests.helpers.setups.salt import FIELDS, read_rows, write_counterparts
from user_dir_tests.helpers.toys.tiny import Setup
from user_dir_tests.helpers.toys.toy import write_rows
from xl_plugins.errors import UserError
from xl_plugins.methods.xla.cotraining.pools import PoolOptions, Pools


@pytest.fixture(scope="module")
def setups(folders: dict) -> dict[str, Setup]:
    return {problem: make(folders, problem) for problem in PROBLEMS}


def pools(setup: Setup, names: tuple[str, ...] = POOLS, **options: Any) -> Pools:
    return Pools(setup.task, list(names), PoolOptions("de", **options))


def texts(pool: Any) -> list[list[int]]:
    """Pieces of every unit without special tokens, both sides of a pair one after the other."""
    specials = {0, 2}
    found = []
    for unit in range(len(pool)):
        item = pool.dataset.collater([pool.dataset[unit]])
        found.append([p for row in item["net_input"]["src_tokens"].tolist() for p in row if p not in {*specials, 1}])
    return found


def written(data: Path, problem: str, folder: str) -> list[list[int]]:
    """The same from the files."""
    sides = [read_rows(data, folder, field) for field in FIELDS[problem]]
    return [list(chain(*row)) for row in zip(*sides)]


# -- which texts --


def test_a_pool_is_the_text_of_its_folder(folders: dict, problem: str) -> None:
    setup = make(folders, problem, max_length=64)
    found = pools(setup, ("tgt_virt", "tgt", "src_virt"))
    assert list(found) == ["src", "tgt_virt", "tgt", "src_virt"]  # the source is always there: its labels are needed
    for name, folder in zip(POOLS, ("en", "de", "en/vicinity", "de/vicinity")):
        assert found[name].folder == folder and texts(found[name]) == written(folders[problem], problem, folder)
        assert found[name].rows is None and found[name].row(3) == 4


def test_pools_of_any_folder(folders: dict, problem: str, tmp_path: Path) -> None:
    data = copy_of(folders, problem, tmp_path)
    write_counterparts(data, ["de"])
    write_virtual(data, "de", "second", per=3)
    setup = make({problem: data}, problem, max_length=64)
    found = pools(setup, ("en/counterparts/de", "de/second"))
    for folder in ("en/counterparts/de", "de/second"):
        assert texts(found[folder]) == written(data, problem, folder)
    other = pools(setup, ("tgt_virt",), virtual="second")
    assert other["tgt_virt"].folder == "de/second" and texts(other["tgt_virt"]) == texts(found["de/second"])


def test_words_of_counterparts_are_those_of_the_text(folders: dict, tmp_path: Path) -> None:
    data = copy_of(folders, "tagging", tmp_path)
    write_counterparts(data, ["de"])
    found = pools(make({"tagging": data}, "tagging"), ("en/counterparts/de",))
    assert np.array_equal(found["en/counterparts/de"].sizes, found["src"].sizes)


def test_long_sentences_keep_all_their_words(setups: dict, folders: dict) -> None:
    """Chunks of at most 14 positions."""
    found = pools(setups["tagging"])["tgt"]
    counts = [len(row) for row in read_rows(folders["tagging"], "de", "words")]
    assert any(len(item["rows"]) > 1 for item in (found.dataset[i] for i in range(len(found))))
    assert found.sizes.tolist() == [count + 1 for count in counts]  # read_rows drops an end that counts do not have


# -- labels --


def test_source_has_gold_labels_and_the_others_have_none(setups: dict, folders: dict, problem: str) -> None:
    found = pools(setups[problem])
    gold = [label - 4 for row in read_rows(folders[problem], "en", "label") for label in row]
    assert found["src"].gold.tolist() == gold
    sample = found["src"].dataset.collater([found["src"].dataset[i] for i in range(len(found["src"]))])
    target = sample["target"]
    assert target[target != -100].tolist() == gold
    for name in POOLS[1:]:
        item = found[name].dataset.collater([found[name].dataset[0]])
        assert (item["target"] == (0 if problem == "sentence_pair" else -100)).all()
        assert (found[name].gold is None) == (name != "tgt")
        assert len(found[name].starts) == len(found[name]) and found[name].starts[0] == 0
        assert found[name].starts[-1] + found[name].sizes[-1] == found[name].sizes.sum()


def test_gold_labels_of_the_target_are_announced_once(
    folders: dict, problem: str, caplog: pytest.LogCaptureFixture
) -> None:
    make(folders, problem)
    lines = [r.getMessage() for r in caplog.records if r.levelname == "WARNING" and "labels" in r.getMessage()]
    assert lines == [
        f"{folders[problem]}/de has labels: they are not read for training, the log compares pseudo-labels with them"
    ]


def test_target_needs_no_labels(folders: dict, problem: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    data = copy_of(folders, problem, tmp_path)
    remove(data, "de", "label", "train")
    found = make({problem: data}, problem).task.stages.pools
    assert found["tgt"].gold is None and len(found["tgt"]) == 24
    assert not [r for r in caplog.records if r.levelname == "WARNING"]


# -- shares --


def first_rows(total: int, percent: int, seed: int) -> list[int]:
    """XLA's sub-sampling: a seeded shuffle, of which the first are taken."""
    return sorted(np.random.RandomState(seed).permutation(total)[: total * percent // 100].tolist())


def test_shares_of_both_languages_and_their_generated_texts(setups: dict, folders: dict, problem: str) -> None:
    found = pools(setups[problem], source_percent="50", target_percent="30", source_seed=1, target_seed=2)
    whole, data = pools(setups[problem]), folders[problem]
    for name, language, percent, seed in (("src", "en", 50, 1), ("tgt", "de", 30, 2)):
        rows = first_rows(24, percent, seed)
        assert found[name].rows.tolist() == rows
        assert texts(found[name]) == [texts(whole[name])[row] for row in rows]
        assert found[name].row(1) == rows[1] + 1
        parents = np.load(data / language / "vicinity" / "parents.npy")
        virtual = found[f"{name}_virt"]
        taken = [number for number, parent in enumerate(parents.tolist()) if parent in rows]
        assert virtual.rows.tolist() == taken and 0 < len(taken) < len(parents)
        assert texts(virtual) == [texts(whole[f"{name}_virt"])[number] for number in taken]
    for name in ("src", "tgt"):  # gold labels go with their texts
        expected = [
            whole[name].gold[start : start + size].tolist()
            for row, (start, size) in enumerate(zip(whole[name].starts, whole[name].sizes))
            if row in found[name].rows
        ]
        assert found[name].gold.tolist() == list(chain(*expected))


def test_counts_are_exact(setups: dict) -> None:
    """12.5 % of 24 are 3; 29 % of 24 are 6.96."""
    for percent, count in (("12.5", 3), ("29", 6), ("100.0", 24)):
        assert len(pools(setups["tagging"], ("tgt",), target_percent=percent)["tgt"]) == count


def test_disjoint_shares(setups: dict) -> None:
    """Parallel files: no target text is the translation of a source text."""
    options = {"source_percent": "50", "target_percent": "40", "source_seed": 3, "target_seed": 4}
    free, found = pools(setups["tagging"], **options), pools(setups["tagging"], disjoint=True, **options)
    assert set(free["src"].rows) & set(free["tgt"].rows)
    assert not set(found["src"].rows) & set(found["tgt"].rows) and len(found["tgt"]) == 9
    assert np.array_equal(found["src"].rows, free["src"].rows)


def test_same_seeds_draw_translations(setups: dict, caplog: pytest.LogCaptureFixture) -> None:
    same = {"source_percent": "50", "target_percent": "50", "source_seed": 3, "target_seed": 3}
    found = pools(setups["sentence_pair"], **same)
    assert np.array_equal(found["src"].rows, found["tgt"].rows)
    lines = [r.getMessage() for r in caplog.records if "translations" in r.getMessage()]
    assert len(lines) == 1 and lines[0].startswith("--xla-source-seed 3 and --xla-target-seed 3 draw the same rows")
    caplog.clear()
    pools(setups["sentence_pair"], **{**same, "target_seed": 4})
    pools(setups["sentence_pair"], **{**same, "target_percent": "100"})
    assert not [r for r in caplog.records if "translations" in r.getMessage()]


@pytest.mark.parametrize("language, which", [("en", "source"), ("de", "target")])
def test_empty_share(setups: dict, language: str, which: str) -> None:
    with pytest.raises(UserError, match=rf"^--xla-{which}-percent 2: leaves no text of .*/{language}; take a larger"):
        pools(setups["tagging"], ("src", "tgt"), **{f"{which}_percent": "2"})


def test_disjoint_of_the_whole_source(setups: dict) -> None:
    with pytest.raises(UserError, match=r"^--xla-disjoint-subsets: de: 50 % of 24 rows are 12, but only 0 are not"):
        pools(setups["sentence_pair"], target_percent="50", disjoint=True)


def test_a_stages_rows_are_those_of_the_file(setups: dict, problem: str) -> None:
    """Under a share of the texts as well: they are what messages name."""
    setup = setups[problem]
    pool = pools(setup, ("src", "tgt"), target_percent="25")["tgt"]
    rows = np.array([1, 4])
    part = setup.task.problem.relabelled(pool.part, rows, np.zeros(pool.sizes[rows].sum(), np.int64), pool.sizes[rows])
    assert setup.task.problem.build_dataset([part], shuffle=False).describe([0, 1]) == ", ".join(
        f"{part.language}:{pool.row(row)}" for row in rows.tolist()
    )
    assert pool.row(4) > 6


def test_labels_for_the_log_that_do_not_fit(folders: dict, problem: str, tmp_path: Path) -> None:
    """Before anything is trained, though they matter to the log alone."""
    data = copy_of(folders, problem, tmp_path)
    rows = read_rows(data, "de", "label")
    write_rows(data / "de" / "label" / "train", rows[:-1], 16)
    with pytest.raises(UserError, match=r"/de/label/train"):
        make({problem: data}, problem)


# -- fingerprint --


def test_fingerprint_tells_texts_and_shares(folders: dict, problem: str, tmp_path: Path) -> None:
    data = copy_of(folders, problem, tmp_path)
    setup = make({problem: data}, problem)
    before = pools(setup).fingerprint()
    assert before == pools(make(folders, problem)).fingerprint()  # whatever the place
    assert [size for size, _ in before.values()] == [24, 24, 38, 38]
    assert pools(setup, target_percent="50").fingerprint()["src"] == before["src"]
    assert (
        pools(setup, target_percent="50", target_seed=5).fingerprint()["tgt"]
        != (pools(setup, target_percent="50", target_seed=6).fingerprint()["tgt"])
    )
    rows = read_rows(data, "de", "input0")
    rows[7][0] = 4 + (rows[7][0] - 3) % 60
    write_rows(data / "de" / "input0" / "train", rows, 65)
    after = pools(make({problem: data}, problem)).fingerprint()
    assert [name for name in before if before[name] != after[name]] == ["tgt"]


def test_fingerprint_of_the_target_ignores_its_gold_labels(folders: dict, problem: str, tmp_path: Path) -> None:
    data = copy_of(folders, problem, tmp_path)
    before = pools(make({problem: data}, problem)).fingerprint()
    remove(data, "de", "label", "train")
    assert pools(make({problem: data}, problem)).fingerprint() == before


def test_fingerprint_of_the_source_tells_its_labels(folders: dict, problem: str, tmp_path: Path) -> None:
    data = copy_of(folders, problem, tmp_path)
    before = pools(make({problem: data}, problem)).fingerprint()
    labels = read_rows(data, "en", "label")
    labels[5][0] = 4 + (labels[5][0] - 3) % 3
    write_rows(data / "en" / "label" / "train", labels, 9)
    after = pools(make({problem: data}, problem)).fingerprint()
    assert [name for name in before if before[name] != after[name]] == ["src"]
