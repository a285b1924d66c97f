"""Data mistakes that tagging and question answering share: views, whole files, losses that are not finite."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from user_dir_tests.helpers.setups.mistakes import VOCABULARY, accepted, refused, remove
from user_dir_tests.helpers.setups.positions import OPTIONS
from user_dir_tests.helpers.toys.tiny import batch, build
from user_dir_tests.helpers.toys.toy import write_rows
from user_dir_tests.helpers.toys.toy_positions import write_flat
from xl_plugins.errors import UserError


@pytest.fixture
def folder(request: pytest.FixtureRequest, problem: str) -> Path:
    return request.getfixturevalue(problem)


@pytest.mark.parametrize("problem", ["tagging", "qa"])
def test_missing_back_translation(folder: Path, problem: str) -> None:
    remove(folder, "de/en-view/input0/train")
    assert refused(folder, f"xmixup_{problem}") == (
        f"{folder}/de/en-view/input0/train.idx: scheduled sampling is on, but language 'de' has no back-translation;"
        " prepare it (--back-translation) or pass --no-scheduled-sampling"
    )
    accepted(folder, f"xmixup_{problem}", no_scheduled_sampling=True)


@pytest.mark.parametrize("problem", ["tagging", "qa"])
def test_missing_translation_of_dev_text(folder: Path, problem: str) -> None:
    remove(folder, "fr/en-view/input0/valid")
    text = refused(folder, f"xmixup_{problem}")
    assert text.startswith(f"{folder}/fr/en-view/input0/valid.idx: mixup inference needs the valid text of language")
    assert "--no-mixup-inference" in text
    accepted(folder, f"xmixup_{problem}", no_mixup_inference=True)
    accepted(folder, f"xmixup_{problem}", valid_languages="en,de")


@pytest.mark.parametrize(
    "problem, split, count", [("tagging", "train", 6), ("tagging", "valid", 5), ("qa", "train", 6)]
)
def test_view_with_other_rows(folder: Path, problem: str, split: str, count: int) -> None:
    view = folder / "fr" / "en-view"
    write_rows(view / "input0" / split, [[10, 11]] * 3, VOCABULARY)
    if problem == "qa":
        np.save(view / "spans" / f"{split}.npy", np.load(view / "spans" / f"{split}.npy")[:3])
    text = refused(folder, f"xmixup_{problem}")
    same = {"tagging": "sentence", "qa": "question"}[problem]
    assert text == (
        f"{view}/input0/{split}.idx has 3 rows, but {folder}/fr/input0/{split}.idx has {count}; row i of both must be"
        f" the same {same}"
    )


@pytest.mark.parametrize("problem", ["tagging", "qa"])
@pytest.mark.parametrize("language", ["de", "de/en-view"])
def test_empty_text(folder: Path, problem: str, language: str) -> None:
    path = folder / language / "input0" / "valid"
    write_rows(path, [[10], [11], [], [12], [13]], VOCABULARY)
    assert refused(folder, f"xmixup_{problem}").startswith(f"{path}.bin: row 3 has an empty")


@pytest.mark.parametrize("problem", ["tagging", "qa"])
def test_dev_that_is_the_test_set(folder: Path, problem: str) -> None:
    for path in (folder / "de").rglob("test.*"):
        shutil.copy(path, path.with_name(path.name.replace("test", "valid")))
    assert refused(folder, f"xmixup_{problem}").startswith("the dev and test texts of de are the same")
    accepted(folder, f"xmixup_{problem}", select="source-dev")


@pytest.mark.parametrize("problem", ["tagging", "qa"])
@pytest.mark.parametrize("method", ["xl", "xmixup"])
def test_data_of_another_problem(folder: Path, problem: str, method: str) -> None:
    other = {"tagging": "qa", "qa": "tagging"}[problem]
    text = refused(folder, f"{method}_{other}")
    assert text == (f"{folder}/meta.json: the data is for problem '{problem}', this task is for '{other}'")


@pytest.mark.parametrize("problem", ["tagging", "qa"])
def test_unlabelled_dev_data(folder: Path, problem: str) -> None:
    meta = json.loads((folder / "meta.json").read_text())
    (folder / "meta.json").write_text(json.dumps({**meta, "unlabelled": {"fr": ["valid"]}}))
    assert refused(folder, f"xl_{problem}").startswith("the valid data of fr has no gold labels")


FILES = {
    "tagging": ["input0/valid", "words/valid", "label/valid"],
    "qa": ["input0/valid", "input1/valid", "offsets/valid", "raw/valid", "answers/valid"],
}


@pytest.mark.parametrize("suffix", [".bin", ".idx"])
@pytest.mark.parametrize("problem, name", [(p, name) for p, names in FILES.items() for name in names])
@pytest.mark.parametrize("kept", [0, 12, 0.6])
def test_truncated_file(folder: Path, problem: str, name: str, suffix: str, kept: float) -> None:
    path = (folder / "de" / name).with_suffix(suffix)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content)) if kept < 1 else int(kept)])
    assert str(folder / "de" / name) in refused(folder, f"xl_{problem}")


@pytest.mark.parametrize("problem, name", [(p, name) for p, names in FILES.items() for name in names])
def test_missing_file(folder: Path, problem: str, name: str) -> None:
    remove(folder, f"de/{name}")
    text = refused(folder, f"xl_{problem}", valid_languages="en,de")
    assert str(folder / "de" / name) in text or "has no valid data for de" in text


@pytest.mark.parametrize("problem, name", [("tagging", "words/valid"), ("qa", "offsets/valid"), ("qa", "raw/valid")])
def test_numbers_of_another_type(folder: Path, problem: str, name: str) -> None:
    write_flat(folder / "de" / name, [[1, 2]] * 5, np.int64)
    text = refused(folder, f"xl_{problem}")
    assert text.startswith(f"{folder}/de/{name}.idx: holds int64, expected")


@pytest.mark.parametrize("problem", ["tagging", "qa"])
def test_non_finite_loss_names_the_units(folder: Path, problem: str) -> None:
    setup = build(folder, f"xmixup_{problem}", **{**OPTIONS[problem], "mixup_layer": 2})
    setup.model.train(), setup.criterion.train()
    sample = batch(setup, [1])
    next(iter(setup.model.position_heads.values())).out_proj.bias.data.fill_(float("nan"))
    place = {"tagging": "de:2", "qa": "de:q0"}[problem]
    with pytest.raises(UserError, match=rf"loss of 1 example\(s\) is not finite \(language:row {place}\)"):
        setup.criterion(setup.model, sample)
