"""Language codes with script or region: kept as spelt, told from folders, refused where two spellings meet."""

from __future__ import annotations

from pathlib import Path

import pytest

from xl_plugins.augment.primitives.dictionaries import dictionary_files
from xl_plugins.data.binary.layout import DataBin
from xl_plugins.datasets import bucc2018, mlqa, tatoeba
from xl_plugins.datasets.layouts.folder import discover
from xl_plugins.datasets.layouts.given import expand
from xl_plugins.datasets.layouts.scopes import Filters
from xl_plugins.errors import UserError
from xl_plugins.evaluation.readers.labels import languages_in
from xl_plugins.evaluation.readers.questions import gold_languages
from xl_plugins.formats.languages import check_distinct, check_language, is_language, parse_languages

CODES = ("zh-CN", "zh_TW", "sr-Latn", "pt_br", "zh-Hant-HK", "es-419", "eng_Latn", "ca-valencia", "de")


@pytest.mark.parametrize("code", CODES)
def test_codes_are_kept_as_they_are(code: str) -> None:
    assert check_language(code, "x") == code and parse_languages(f"en, {code}", "x") == ("en", code)
    assert expand([f"{code}=a/{{lang}}.tsv"], "--train", ()) == {code: f"a/{code}.tsv"}
    assert Filters.parse([f"{code}/test:x=1"]).get(code, "test") == (("x", True, "1"),)
    assert Filters.parse([f"{code}:x=1"]).get("fr", "test") == ()


@pytest.mark.parametrize(
    "name",
    ["EN", "english", "en-view", "zh-CN-view", "en-View", "label", "input0", "en-", "-en", "zh--CN", "../en", "en/de",
     "zh-C", "x-CN", "code-switch", "en\n", "en CN", "dict.txt"],
)  # fmt: skip
def test_names_that_are_no_codes(name: str) -> None:
    assert not is_language(name)
    with pytest.raises(UserError, match=r"^--languages: .* is not a language code; write two or three small letters"):
        check_language(name, "--languages")


def test_two_spellings_of_one_code() -> None:
    check_distinct(CODES, "x")
    with pytest.raises(UserError, match="--languages: zh_TW and zh-tw are one code in two spellings"):
        parse_languages("zh_TW,en,zh-tw", "--languages")


def touch(folder: Path, *names: str) -> str:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")
    return str(folder)


def test_found_in_names_of_files(tmp_path: Path) -> None:
    raw = touch(tmp_path / "a", *(f"test-{code}.tsv" for code in CODES), "train-en.tsv.xz", "test-fr-en.tsv",
                "test-de-en-translated.tsv")  # fmt: skip
    assert set(discover(raw, source="en")) == {*CODES, "en"}
    assert set(languages_in(raw, "test")) == {*CODES, "fr-en"}
    raw = touch(tmp_path / "b", *(f"{code}-en.{end}" for code in CODES for end in (code, "en")))
    assert set(tatoeba._discover(raw)) == set(CODES)
    raw = touch(tmp_path / "c", *(f"{code}-en.training.{end}" for code in CODES for end in (code, "en")))
    assert set(bucc2018._discover(raw)) == set(CODES)
    raw = touch(tmp_path / "d", *(f"test/test-context-{code}-question-{code}.json" for code in CODES))
    assert set(mlqa._discover(raw, None, None)) == set(gold_languages(raw, "test")) == set(CODES)


def test_found_in_data_folders_and_dictionaries(tmp_path: Path) -> None:
    root = tmp_path / "data"
    for name in (*CODES, "label", "zh-CN/en-view/input0"):
        (root / name).mkdir(parents=True, exist_ok=True)
    assert DataBin(root).languages == sorted(CODES)
    assert (
        DataBin(root, "zh-CN").prefix("de", "input0", "test", into_source=True) == f"{root}/de/zh-CN-view/input0/test"
    )
    folder = tmp_path / "muse"
    touch(folder, "en-zh-CN.txt", "en-pt_br.txt.gz", "zh-CN-en.txt", "zh-de.txt", "en-de.0-5000.txt")
    assert set(dictionary_files(folder, "en")) == {"zh-CN", "pt_br"}
    assert set(dictionary_files(folder, "zh-CN")) == {"en"}
    assert set(dictionary_files(folder, "zh")) == {"de"}
