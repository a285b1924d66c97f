"""Options limited to some files, and the file arguments of xl-prepare pairs."""

from __future__ import annotations

from pathlib import Path

import pytest

from xl_plugins.datasets.layouts.given import expand, parse_file
from xl_plugins.datasets.layouts.labels import parse_label_map, parse_labels
from xl_plugins.datasets.layouts.scopes import ColumnMap, Filters, Scope, parse_column, parse_scope
from xl_plugins.errors import UserError


@pytest.mark.parametrize(
    ("text", "scope", "rest"),
    [
        ("first=a", Scope(), "first=a"),
        ("nl:first=a", Scope(("nl",)), "first=a"),
        ("test,translate-test:a=b", Scope((), ("test", "translate-test")), "a=b"),
        ("nl,pt/test:a=b", Scope(("nl", "pt"), ("test",)), "a=b"),
        ("a=b:c", Scope(), "a=b:c"),
        ("Set:x=b", Scope(), "Set:x=b"),
    ],
)
def test_scope(text: str, scope: Scope, rest: str) -> None:
    assert parse_scope(text, "--filter") == (scope, rest)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("german:a=b", "'german' is not a language code"),
        ("nl/dev:a=b", "'dev' in 'nl/dev:' is not one of train, valid, test"),
        ("a/b/c:d=e", "more than one '/'"),
    ],
)
def test_bad_scope(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        parse_scope(text, "--filter")


def test_more_specific_columns_win_whatever_the_order() -> None:
    columns = ColumnMap.parse(["nl/test:label=c", "nl:label=b,first=x", "test:label=none", "first=1,second=2,label=a"])
    assert columns.get("nl", "test") == {"first": "x", "second": 1, "label": "c"}
    assert columns.get("nl", "train") == {"first": "x", "second": 1, "label": "b"}
    assert columns.get("de", "test") == {"first": 0, "second": 1, "label": None}


@pytest.mark.parametrize("text", ["0", "00"])
def test_columns_are_counted_from_1(text: str) -> None:
    """Whoever counts from 0 hears of it, instead of reading another column."""
    assert [parse_column(number) for number in ("1", "12", "-1", "a", "1a")] == [0, 11, "-1", "a", "1a"]
    with pytest.raises(UserError, match="--columns: there is no column 0, columns are counted from 1; give"):
        ColumnMap.parse([f"first={text},second=1,label=2"])
    with pytest.raises(UserError, match="--filter: there is no column 0"):
        Filters.parse([f"{text}=x"])


def test_filters_add_up() -> None:
    filters = Filters.parse(["a=1", "nl:b!=x=y", "test:c="])
    assert filters.get("nl", "test") == (("a", True, "1"), ("b", False, "x=y"), ("c", True, ""))
    assert filters.get("de", "train") == (("a", True, "1"),)


def test_labels_and_their_spellings() -> None:
    labels = parse_labels("c, e,n")
    assert labels == ("c", "e", "n")
    assert parse_label_map(["X=c,Y=e", "a=b=n"], labels) == {"X": "c", "Y": "e", "a=b": "n"}
    for bad in ("c", "c,c", "c,", "c,two words"):
        with pytest.raises(UserError, match="--labels"):
            parse_labels(bad)
    with pytest.raises(UserError, match="'X=z' is not SPELLING=LABEL"):
        parse_label_map(["X=z"], labels)


def test_files_of_languages() -> None:
    texts = ["d-{lang}.tsv[0:2]", "en=x.tsv", "quy=y=z.tsv"]
    assert expand(texts, "--train", ("de", "en")) == {"de": "d-de.tsv[0:2]", "en": "x.tsv", "quy": "y=z.tsv"}
    for bad, message in (
        (["en=a", "en=b"], "en is given twice"),
        (["a.tsv"], "neither LANG=FILE nor a path"),
        (["German=a"], "'German' is not a language code"),
    ):
        with pytest.raises(UserError, match=message):
            expand(bad, "--train", ())
    with pytest.raises(UserError, match="--languages does not say which"):
        expand(["{lang}.tsv"], "--train", ())


def test_row_ranges(tmp_path: Path) -> None:
    path = tmp_path / "a[1].tsv"
    path.write_text("x")
    assert parse_file(f"{path}[3:7]", "--train", "en") == (str(path), 3, 7)
    assert parse_file(f"{path}[3:]", "--train", "en") == (str(path), 3, None)
    assert parse_file(str(path), "--train", "en") == (str(path), 0, None)
    with pytest.raises(UserError, match="START must be below END"):
        parse_file(f"{path}[3:3]", "--train", "en")
    with pytest.raises(UserError, match=r"--train: .*b.tsv \(en\) does not exist"):
        parse_file(str(tmp_path / "b.tsv"), "--train", "en")


def test_several_languages_before_one_path() -> None:
    texts = ["de,fr=d-{lang}.tsv[0:2]", "es=d-es.tsv"]
    assert expand(texts, "--train", ()) == {"de": "d-de.tsv[0:2]", "fr": "d-fr.tsv[0:2]", "es": "d-es.tsv"}
    assert expand(["de,fr=en.tsv"], "--train", ()) == {"de": "en.tsv", "fr": "en.tsv"}
    with pytest.raises(UserError, match="--train: fr is given twice"):
        expand([*texts, "fr=x.tsv"], "--train", ())
