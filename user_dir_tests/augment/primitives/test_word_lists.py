"""Word lists: where they lie, what a line may hold, and every list that must be refused."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import pytest

from xl_plugins.augment.primitives.word_lists import find_word_list, read_word_list
from xl_plugins.errors import UserError

EXAMPLE = "chien\nmaison\nle\nl'\nchat noir\n1984\n\n"


def write(path: Path, text: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def words(folder: Path, text: str | bytes, top_k: int = 100) -> list[str]:
    return read_word_list(write(folder / "fr.txt", text), top_k).words


def test_lines_without_a_word_are_counted(tmp_path: Path) -> None:
    path = write(tmp_path / "fr.txt", EXAMPLE)
    found = read_word_list(path, 10000)
    assert found.words == ["chien", "maison", "le", "l'"]
    assert found.skipped == {"phrase": 1, "no letter": 1, "empty": 1}
    assert found.lines == 7 == len(found.words) + sum(found.skipped.values())
    assert (found.path, found.sha256) == (str(path), hashlib.sha256(EXAMPLE.encode()).hexdigest())


def test_comments_and_repeated_words(tmp_path: Path) -> None:
    found = read_word_list(write(tmp_path / "fr.txt", "# the French\n#le\nle\nla\nle\n\uff4c\uff45\n ---\n"), 100)
    assert found.words == ["le", "la"]
    assert found.skipped == {"comment": 2, "repeated": 2, "no letter": 1}


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("  chien \t", "chien"),
        ("chien 22761659", "chien"),
        ("chien 0.0123", "chien"),
        ("chien 1e-05", "chien"),
        ("chien 1,234", "chien"),
        ("chien 3%", "chien"),
        ("chien\tdog", "chien"),
        ("chien\t12\tnoun", "chien"),
        ("A4 7", "A4"),
        ("\ufeffchien", "chien"),
        ("\u00a0chien\u00a0", "chien"),
        ("\ufb01n", "fin"),
        ("cafe\u0301", "caf\u00e9"),
        ("\uff24\uff4f\uff47", "Dog"),
        ("你好 5", "你好"),
    ],
)
def test_first_column_in_normal_form(tmp_path: Path, line: str, word: str) -> None:
    assert words(tmp_path, f"{line}\nlast\n") == [word, "last"]


@pytest.mark.parametrize("line", ["chat noir", "chat\u00a0noir", "chat noir 5", "chat noir\t5", "a\u3000b", "chat ."])
def test_phrases_are_no_words(tmp_path: Path, line: str) -> None:
    assert read_word_list(write(tmp_path / "fr.txt", f"{line}\nlast\n"), 10).skipped == {"phrase": 1}


def test_lines_count_not_words(tmp_path: Path) -> None:
    text = "un\n\n# deux\ntrois\nquatre\n"
    assert words(tmp_path, text, 3) == ["un"]
    assert words(tmp_path, text, 4) == ["un", "trois"]
    assert read_word_list(tmp_path / "fr.txt", 4).lines == 4
    assert read_word_list(tmp_path / "fr.txt", 10000).lines == 5


def test_gzip_byte_order_mark_windows_lines_and_no_last_newline(tmp_path: Path) -> None:
    body = gzip.compress("\ufeffun 3\r\ndeux 2\r\ntrois 1".encode())
    found = read_word_list(write(tmp_path / "fr.txt.gz", body), 10)
    assert (found.words, found.skipped, found.lines) == (["un", "deux", "trois"], {}, 3)
    assert found.sha256 == hashlib.sha256(body).hexdigest()


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("fr.txt", "", "fr.txt: no words (the file is empty)"),
        ("fr.txt", "\n\n12\n", "fr.txt: no words (2 empty, 1 no letter)"),
        ("fr.txt", b"un\nd\xe9j\xe0\n", "fr.txt:2: not UTF-8"),
        ("fr.txt", "un\n".encode("utf-16-le"), "fr.txt:1: UTF-16LE without a byte order mark"),
        ("fr.txt.gz", gzip.compress(b"un\n" * 9, mtime=0)[:-9], "fr.txt.gz: damaged gzip file"),
    ],
)
def test_files_that_are_no_word_lists(tmp_path: Path, name: str, text: str | bytes, told: str) -> None:
    path = write(tmp_path / name, text)
    with pytest.raises(UserError) as caught:
        read_word_list(path, 100)
    assert told in str(caught.value)


def test_lines_left_out_are_shown(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write(tmp_path / "fr.txt", "un\n\n2004\nbon jour\nun\ndeux\n")
    assert read_word_list(path, 100).words == ["un", "deux"]
    assert f"4 of 6 lines left out (1 empty, 1 no letter, 1 phrase, 1 repeated); the first is {path}:2: '', empty" in (
        caplog.text
    )


@pytest.mark.parametrize("top_k", [0, -5])
def test_no_lines_at_all(tmp_path: Path, top_k: int) -> None:
    with pytest.raises(UserError, match=rf"^--top-k {top_k}: .* at least 1$"):
        read_word_list(write(tmp_path / "fr.txt", "un\n"), top_k)
    with pytest.raises(UserError, match=r"^--salt-top-k"):
        read_word_list(tmp_path / "fr.txt", top_k, "--salt-top-k")


@pytest.mark.parametrize(
    ("where", "file"),
    [
        ("", "fr.txt"),
        ("", "fr.txt.gz"),
        ("{lang}_10k.txt", "fr_10k.txt"),
        ("{lang}_10k.txt", "fr_10k.txt.gz"),
        ("{lang}_10k.txt.gz", "fr_10k.txt.gz"),
        ("{lang}/words", "fr/words"),
        ("{lang}/{lang}.txt", "fr/fr.txt"),
        ("{odd}[1]*/{lang}.txt", "{odd}[1]*/fr.txt"),
    ],
)
def test_folder_or_pattern(tmp_path: Path, where: str, file: str) -> None:
    path = write(tmp_path / file, EXAMPLE)
    assert find_word_list(str(tmp_path / where), "fr") == path


def test_plain_text_goes_before_gzip(tmp_path: Path) -> None:
    write(tmp_path / "fr.txt.gz", gzip.compress(b"un\n"))
    plain = write(tmp_path / "fr.txt", "un\n")
    assert find_word_list(f"{tmp_path}/", "fr") == plain


@pytest.mark.parametrize(
    ("where", "told"),
    [
        ("", "/fr.txt.gz is there (there are lists for de, en)"),
        ("{lang}.txt", "/fr.txt.gz is there (there are lists for de, en)"),
        ("deep/{lang}/{lang}.txt", "/deep/fr/fr.txt.gz is there (there are lists for nl)"),
        ("deep/{lang}/{lang}10.txt", "/deep/fr/fr10.txt.gz is there (there are lists for pt)"),
        ("{lang}_10k.txt", "/fr_10k.txt.gz is there ({tmp} holds de.txt.gz, deep, en.txt, {odd}[1]*)"),
        ("{odd}[1]*/{lang}.txt", "is there (there are lists for tr)"),
        ("none/{lang}.txt", "is there (there is no folder {tmp}/none)"),
        ("none", "none: no such folder; expected a folder with files such as fr.txt, or a path that holds {lang}"),
        ("en.txt", "en.txt: is a file; expected a folder"),
    ],
)
def test_missing_list_says_what_is_there(tmp_path: Path, where: str, told: str) -> None:
    for name in ("en.txt", "de.txt.gz", "deep/nl/nl.txt", "deep/es/other.txt", "deep/pt/pt10.txt", "{odd}[1]*/tr.txt"):
        write(tmp_path / name, "x")
    with pytest.raises(UserError) as caught:
        find_word_list(str(tmp_path / where), "fr", "--salt-word-lists")
    text = str(caught.value)
    assert text.startswith(f"--salt-word-lists {tmp_path}") and "fr" in text
    assert told.replace("{tmp}", str(tmp_path)) in text


def test_option_not_given() -> None:
    with pytest.raises(UserError, match=r"^--word-lists is missing: expected a folder"):
        find_word_list("", "fr")


@pytest.mark.parametrize("language", ["en", "fr", "es", "de", "zh_cn"])
def test_real_lists(xl_data: Path, language: str) -> None:
    path = find_word_list(str(xl_data / "wordfreq/{lang}_10k.txt"), language)
    found = read_word_list(path, 10000)
    assert found.lines == 10000 == len(found.words) + sum(found.skipped.values())
    assert len(found.words) > 9900 and not any(set(word) & set(" \t0123456789") for word in found.words[:100])
