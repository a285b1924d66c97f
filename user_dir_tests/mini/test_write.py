"""xl-mini make: files, formats, determinism, refusals."""

import errno
import hashlib
from pathlib import Path
from typing import Callable

import pytest

from xl_plugins.cli.mini import main
from xl_plugins.errors import UserError
from xl_plugins.mini import write
from xl_plugins.mini.words import dictionary
from xl_plugins.output import MARK, read_mark

SMALL = ["--train", "60", "--dev", "12", "--test", "15", "--unlabelled", "40", "--seed", "5"]
PAIRS = ("xnli", "pawsx")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("mini") / "data"
    assert main(["make", str(target), "--languages", "en,de,hi,tr", *SMALL]) == 0
    return target


def _hashes(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != MARK)
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _rows(path: Path) -> list[list[str]]:
    content = path.read_bytes().decode("utf-8")
    assert content.endswith("\n") and "\r" not in content
    return [line.split("\t") for line in content[:-1].split("\n")]


def test_all_files_are_there(folder: Path) -> None:
    expected = set()
    for name in PAIRS:
        expected |= {f"{name}/train-en.tsv"} | {
            f"{name}/{s}-{c}.tsv" for s in ("dev", "test") for c in "en de hi tr".split()
        }
        for code in ("de", "hi", "tr"):
            expected |= {f"{name}/{view}/en-{code}.tsv" for view in ("translate-train", "back-translation")}
            expected |= {f"{name}/{view}/{code}-en.tsv" for view in ("translate-dev", "translate-test")}
    expected |= {f"dictionaries/en-{code}.txt" for code in ("de", "hi", "tr")}
    for code in "en de hi tr".split():
        expected |= {f"wordlists/{code}.txt", f"unlabelled/{code}.txt", f"unlabelled/parallel-{code}.txt"}
    assert set(_hashes(folder)) == expected
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    mark = read_mark(folder)
    assert mark is not None and mark["command"] == "xl-mini make" and set(mark["files"]) == expected


def test_same_options_same_bytes_in_another_process(folder: Path, tmp_path: Path, run_cli: Callable) -> None:
    done = run_cli(
        "mini", "make", tmp_path / "again", "--languages", "tr,de,en,hi", *SMALL, env={"PYTHONHASHSEED": "7"}
    )
    assert done.code == 0, done.err
    assert _hashes(tmp_path / "again") == _hashes(folder)


def test_languages_do_not_influence_each_other(folder: Path, tmp_path: Path) -> None:
    main(["make", str(tmp_path / "two"), "--languages", "en,hi", *SMALL])
    alone, together = _hashes(tmp_path / "two"), _hashes(folder)
    assert alone == {name: together[name] for name in alone}
    assert all("de" not in name.replace("dev", "") or "translate-de" in name for name in alone)


def test_more_rows_leave_the_first_ones_alone(folder: Path, tmp_path: Path) -> None:
    more = [*SMALL[:1], "90", *SMALL[2:]]
    main(["make", str(tmp_path / "more"), "--languages", "en,de", *more])
    for name in ("xnli/train-en.tsv", "xnli/translate-train/en-de.tsv", "pawsx/back-translation/en-de.tsv"):
        assert _rows(tmp_path / "more" / name)[:60] == _rows(folder / name)


def test_seed_and_noise_matter(folder: Path, tmp_path: Path) -> None:
    main(["make", str(tmp_path / "seed"), "--languages", "en,de", *SMALL[:-1], "6"])
    main(["make", str(tmp_path / "noise"), "--languages", "en,de", *SMALL, "--noise", "0"])
    train = "xnli/train-en.tsv"
    assert _hashes(tmp_path / "seed")[train] != _hashes(folder)[train] == _hashes(tmp_path / "noise")[train]
    view = "xnli/translate-train/en-de.tsv"
    assert _hashes(tmp_path / "noise")[view] != _hashes(folder)[view]


@pytest.mark.parametrize("name", PAIRS)
def test_columns_and_parallel_rows(folder: Path, name: str) -> None:
    labels = {"xnli": {"contradiction", "entailment", "neutral"}, "pawsx": {"0", "1"}}[name]
    base = folder / name
    train = _rows(base / "train-en.tsv")
    for path in base.rglob("*.tsv"):
        for row in _rows(path):
            assert len(row) == (5 if path.parent != base else 3)
            assert row[-1] in labels and all(cell and cell == cell.strip() for cell in row)
    for code in ("de", "hi", "tr"):
        for view in ("translate-train", "back-translation"):
            rows = _rows(base / view / f"en-{code}.tsv")
            assert [[*row[:2], row[4]] for row in rows] == train
        for split in ("dev", "test"):
            own, english = _rows(base / f"{split}-{code}.tsv"), _rows(base / f"{split}-en.tsv")
            assert [row[2] for row in own] == [row[2] for row in english]
            views = _rows(base / f"translate-{split}" / f"{code}-en.tsv")
            assert [[*row[:2], row[4]] for row in views] == own


def test_hindi_is_in_devanagari(folder: Path) -> None:
    letters = {letter for row in _rows(folder / "xnli/test-hi.tsv") for letter in row[0] + row[1] if letter != " "}
    assert all("\u0900" <= letter <= "\u097f" for letter in letters)


@pytest.mark.parametrize("noise", [0.0, 0.2])
def test_noise_of_the_views(tmp_path: Path, noise: float) -> None:
    """Without synonyms translate-test would equal the original at rate 0; words unknown to it grow with the rate."""
    main(["make", str(tmp_path / "d"), "--languages", "en,tr", "--train", "600", "--dev", "1", "--test", "1",
          "--unlabelled", "1", "--noise", str(noise)])  # fmt: skip
    lost = total = 0
    for en1, _, back1, _, _ in _rows(tmp_path / "d/xnli/back-translation/en-tr.tsv"):
        total += len(en1.split())
        lost += abs(len(en1.split()) - len(back1.split()))
    # two passes that each drop rate / 3 of the words
    assert lost / total == pytest.approx(1 - (1 - noise / 3) ** 2, abs=0.03)


def test_wordlist_counts_the_unlabelled_text(folder: Path) -> None:
    words = (folder / "unlabelled/hi.txt").read_text(encoding="utf-8").split()
    listed = [line.split(" ") for line in (folder / "wordlists/hi.txt").read_text(encoding="utf-8").splitlines()]
    assert sum(int(count) for _, count in listed) == len(words)
    assert {word for word, _ in listed} == set(words)
    assert [int(count) for _, count in listed] == sorted((int(count) for _, count in listed), reverse=True)


@pytest.mark.parametrize(
    ("code", "pairs"),
    [("de", {("dog", "Hund"), ("dogs", "Hunde"), ("eats", "isst"), ("red", "rote"),
             ("two", "zwei"), ("Monday", "Montag")}),
     ("es", {("woman", "mujer"), ("cars", "coches"), ("sells", "vende")}),
     ("fr", {("dog", "chien"), ("lemons", "citrons")}),
     ("hi", {("girl", "लड़की"), ("milk", "दूध"), ("black", "काला")}),
     ("id", {("dog", "anjing"), ("eat", "makan")}),
     ("sw", {("books", "vitabu"), ("child", "mtoto"), ("kitchen", "jikoni")}),
     ("tr", {("book", "kitap"), ("cold", "soğuk")})],
)  # fmt: skip
def test_dictionaries_translate(code: str, pairs: set[tuple[str, str]]) -> None:
    assert pairs <= set(dictionary(code))


@pytest.mark.parametrize("code", ["de", "hi", "tr"])
def test_dictionaries_cover_the_text(folder: Path, code: str) -> None:
    lines = (folder / f"dictionaries/en-{code}.txt").read_text(encoding="utf-8").splitlines()
    table = [line.split(" ") for line in lines]
    assert all(len(pair) == 2 and all(pair) for pair in table) and len(table) > 400
    known = {english for english, _ in table}
    words = " ".join(row[0] for row in _rows(folder / "xnli/train-en.tsv")).split()
    content = [word for word in words if word not in "the a an in on at by will not do does".split()]
    assert sum(word in known for word in content) / len(content) > 0.85


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--languages", "en,xx"], "--languages: unknown language 'xx'; known are en (English), de (German)"),
        (["--languages", "de,fr"], "give en and at least one other language"),
        (["--languages", "en"], "give en and at least one other language"),
        (["--languages", "en,de,de"], "each once"),
        (["--train", "0"], "--train: 0: expected a whole number from 1"),
        (["--dev", "many"], "--dev: 'many' is not a whole number"),
        (["--unlabelled", "-3"], "-3: expected a whole number from 1"),
        (["--noise", "1.5"], "--noise: 1.5: expected a number from 0 to 1"),
        (["--noise", "nan"], "--noise: nan: expected a number from 0 to 1"),
        (["--problem", "parsing"], "--problem: invalid choice: 'parsing' (choose from"),
    ],
)
def test_bad_options(options: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["make", str(tmp_path / "x"), *options])
    error = capsys.readouterr().err
    assert stopped.value.code == 2 and message in error and error.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_existing_folder_is_refused_without_overwrite(tmp_path: Path, run_cli: Callable) -> None:
    target = tmp_path / "data"
    target.mkdir()
    (target / "mine.txt").write_text("keep")
    done = run_cli("mini", "make", target, "--languages", "en,de", *SMALL)
    assert done.code == 2 and (target / "mine.txt").exists()
    lines = [line for line in done.err.splitlines() if "error:" in line]
    assert len(lines) == 1 and "exists; pass --overwrite to replace it or choose another folder" in lines[0]
    assert "Traceback" not in done.err
    with pytest.raises(UserError, match="xl-mini make did not make it"):
        main(["make", str(target), "--languages", "en,de", *SMALL, "--overwrite"])
    assert {path.name: path.read_text() for path in target.iterdir()} == {"mine.txt": "keep"}


def test_its_own_folder_is_replaced(tmp_path: Path) -> None:
    target = tmp_path / "data"
    main(["make", str(target), "--languages", "en,de", *SMALL])
    main(["make", str(target), "--languages", "en,fr", *SMALL, "--overwrite"])
    assert not (target / "xnli" / "dev-de.tsv").exists() and (target / "xnli" / "dev-fr.tsv").exists()
    (target / "bin").mkdir()
    with pytest.raises(UserError, match="holds bin, which xl-mini make did not make"):
        main(["make", str(target), "--languages", "en,de", *SMALL, "--overwrite"])
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_nothing_half_written_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "x")

    monkeypatch.setattr(write, "write_text", full)
    with pytest.raises(OSError, match="No space left"):
        main(["make", str(tmp_path / "data"), "--languages", "en,de", *SMALL])
    assert not list(tmp_path.iterdir())


def test_a_partial_folder_of_the_user_stays(tmp_path: Path) -> None:
    (tmp_path / "data.partial").mkdir()
    (tmp_path / "data.partial" / "old").write_text("mine")
    main(["make", str(tmp_path / "data"), "--languages", "en,de", *SMALL])
    assert (tmp_path / "data.partial" / "old").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "data.partial"]


def test_target_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("x")
    with pytest.raises(UserError, match="exists; pass --overwrite"):
        main(["make", str(tmp_path / "data"), *SMALL])


def test_help_ends_with_a_complete_example(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ([], ["make"], ["pretrain"]):
        with pytest.raises(SystemExit):
            main([*command, "--help"])
        assert "complete example:\n  xl-mini " in capsys.readouterr().out
