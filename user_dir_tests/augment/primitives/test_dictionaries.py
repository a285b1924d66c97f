"""Reading bilingual dictionaries: formats, choice of languages, and every line that must be refused."""

from __future__ import annotations

import gzip
import logging
from pathlib import Path

import pytest

from xl_plugins.augment.primitives.dictionaries import load_dictionaries
from xl_plugins.errors import UserError


def write(folder: Path, **texts: str | bytes) -> str:
    """``de="dog Hund\\n"`` becomes en-de.txt."""
    for language, text in texts.items():
        (folder / f"en-{language}.txt").write_bytes(text.encode() if isinstance(text, str) else text)
    return str(folder)


def test_order_and_duplicates_are_kept(tmp_path: Path) -> None:
    folder = write(tmp_path, de="dog Hund\ncat Katze\ndog Rüde\ndog Hund\ntaxi taxi\n")
    expected = {"dog": ["Hund", "Rüde", "Hund"], "cat": "Katze", "taxi": "taxi"}
    assert load_dictionaries(folder, "en", "all") == {"de": expected}


def test_tabs_keep_phrases_and_blanks_do_not(tmp_path: Path) -> None:
    folder = write(tmp_path, fr="potato\tpomme de terre\nicecream glace\r\nNew York\tla Grande Pomme\n")
    expected = {"potato": "pomme de terre", "icecream": "glace", "New York": "la Grande Pomme"}
    assert load_dictionaries(folder, "en", "fr")["fr"] == expected


def test_gzip_byte_order_mark_and_missing_last_newline(tmp_path: Path) -> None:
    (tmp_path / "en-de.txt.gz").write_bytes(gzip.compress("\ufeffdog Hund\ncat Katze".encode()))
    assert load_dictionaries(str(tmp_path), "en", "all") == {"de": {"dog": "Hund", "cat": "Katze"}}


def test_all_are_the_files_of_the_source(tmp_path: Path) -> None:
    folder = write(tmp_path, fr="a b\n", de="a c\n", zh_Hant="a d\n")
    (tmp_path / "en-de.0-5000.txt").write_text("a x\n")  # MUSE's training part
    (tmp_path / "de-en.txt").write_text("c a\n")
    (tmp_path / "en-de.txt.gz").write_bytes(gzip.compress(b"a y\n"))
    found = load_dictionaries(folder, "en", "all")
    assert found == {"de": {"a": "c"}, "fr": {"a": "b"}, "zh_Hant": {"a": "d"}}
    assert list(found) == ["de", "fr", "zh_Hant"]
    assert list(load_dictionaries(folder, "de", "all")) == ["en"]


def test_listed_languages_without_a_file_are_left_out_with_a_warning(tmp_path: Path, caplog) -> None:
    folder = write(tmp_path, de="a c\n", fr="a b\n")
    with caplog.at_level(logging.WARNING):
        assert list(load_dictionaries(folder, "en", "sw, de,ur,de")) == ["de"]
    assert "en-sw, en-ur" in caplog.text and "--cs-languages" in caplog.text


ODD = {
    "dog": "one field alone", "dog Hund Rüde": "more than two words without a tab", "dog  Hund": "more than one blank",
    " Hund": "one field alone", "dog ": "one field alone", "": "empty", " \t ": "empty", "\tHund": "one field alone",
    "dog\t": "one field alone", "dog\tHund\t0.9": "3 columns",
}  # fmt: skip


@pytest.mark.parametrize("line", ODD)
def test_odd_lines_are_left_out_counted_and_shown(tmp_path: Path, line: str, caplog) -> None:
    folder = write(tmp_path, de=f"cat Katze\n{line}\nbird Vogel\n{line}\n\n")
    with caplog.at_level(logging.WARNING):
        assert load_dictionaries(folder, "en", "all") == {"de": {"cat": "Katze", "bird": "Vogel"}}
    count = 3 if ODD[line] == "empty" else 2
    assert f"en-de.txt: 3 of 5 lines left out ({count} {ODD[line]}" in caplog.text
    assert f"the first is {folder}/en-de.txt:2: '" in caplog.text and f"', {ODD[line]}" in caplog.text
    caplog.clear()
    with pytest.raises(UserError, match=rf"en-de\.txt:1: '.*', {ODD[line]}; so are all 2 lines \(2 {ODD[line]}\); exp"):
        load_dictionaries(write(tmp_path, de=f"{line}\n{line}\n"), "en", "all")


@pytest.mark.parametrize("header", ["en de", "EN\tDE", "source\ttarget"])
def test_a_header_is_no_entry(tmp_path: Path, header: str, caplog) -> None:
    with caplog.at_level(logging.WARNING):
        found = load_dictionaries(write(tmp_path, de=f"{header}\ncat Katze\nen de\n"), "en", "all")
    assert (
        found == {"de": {"cat": "Katze", "en": "de"}} and "en-de.txt: 1 of 3 lines left out (1 a header)" in caplog.text
    )


@pytest.mark.parametrize("packed", [False, True])
def test_other_encodings_are_named_with_their_line(tmp_path: Path, packed: bool) -> None:
    raw = "cat Katze\ndog Rüde\n".encode("latin-1")
    (tmp_path / ("en-de.txt.gz" if packed else "en-de.txt")).write_bytes(gzip.compress(raw) if packed else raw)
    with pytest.raises(UserError, match=r"en-de\.txt(\.gz)?:2: not UTF-8"):
        load_dictionaries(str(tmp_path), "en", "all")


@pytest.mark.parametrize("text", ["", "\n"])
def test_empty_dictionary_is_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(UserError, match=r"en-de\.txt(: the file is empty|:1: '', empty; so are all 1 lines)"):
        load_dictionaries(write(tmp_path, de=text), "en", "all")


def test_damaged_gzip_is_named(tmp_path: Path) -> None:
    (tmp_path / "en-de.txt.gz").write_bytes(gzip.compress(b"dog Hund\n" * 50)[:-12])
    with pytest.raises(UserError, match=r"en-de\.txt\.gz: damaged gzip file"):
        load_dictionaries(str(tmp_path), "en", "all")


def test_none_left_is_an_error_that_says_what_was_expected(tmp_path: Path) -> None:
    folder = write(tmp_path, de="a c\n")
    with pytest.raises(
        UserError, match=r"^--cs-dictionaries .* from en into sw, ur \(it has de\); expected .*en-de\.txt"
    ):
        load_dictionaries(folder, "en", "sw,ur")
    with pytest.raises(UserError, match=r"^--cs-dictionaries .* from fr into any language \(it has none\)"):
        load_dictionaries(folder, "fr", "all")


def test_missing_folder_and_empty_options_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^--cs-dictionaries .*no such folder"):
        load_dictionaries(str(tmp_path / "nowhere"), "en", "all")
    with pytest.raises(UserError, match=r"^--cs-dictionaries is missing"):
        load_dictionaries("", "en", "all")
    with pytest.raises(UserError, match=r"^--cs-languages is empty"):
        load_dictionaries(write(tmp_path, de="a c\n"), "en", " ")


def test_real_dictionaries(xl_data: Path) -> None:
    """MUSE as published by CoSDA-ML: 20,000 lines each; many German words translate to themselves only."""
    tables = load_dictionaries(str(xl_data / "dictionaries" / "muse"), "en", "all")
    assert {"de", "es", "fr", "zh", "ru", "th"} <= set(tables)
    for table in tables.values():
        assert sum(1 if isinstance(found, str) else len(found) for found in table.values()) == 20_000
    german = tables["de"]
    assert german["dog"] and "Hund".lower() in german["dog"]
