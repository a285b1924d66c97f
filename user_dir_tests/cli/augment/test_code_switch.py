"""xl-augment code-switch: the files it writes, what decides them, and what it refuses."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from user_dir_tests.helpers.prepare.runs import tree
from user_dir_tests.helpers.toys.toy_switch import DICTIONARIES, NAMES, World, read, read_words
from user_dir_tests.helpers.toys.toy_switch import make_world as make_world  # of the fixture master
from xl_plugins.augment.code_switch import job as code_switch_job
from xl_plugins.augment.generation import files as generated_files
from xl_plugins.cli import code_switch
from xl_plugins.cli.augment import main, make_parser
from xl_plugins.data.binary.layout import DataBin
from xl_plugins.errors import run_cli
from xl_plugins.methods.xla.cotraining.plan import parse_datasets
from xl_plugins.output import MARK, FolderLock

Fails = Callable[..., str]
GERMAN = {"languages": "de", "ratio": 1}


@pytest.fixture
def world(master: Path, tmp_path: Path) -> World:
    root = Path(shutil.copytree(master, tmp_path / "w"))
    return World(root / "pairs", root / "tagged", root / "dictionaries")


@pytest.fixture
def fails(world: World, capsys: pytest.CaptureFixture[str]) -> Fails:
    """The message of a command that must fail and leave everything as it was."""

    def run(data: Path | None = None, **options: object) -> str:
        root = world.dictionaries.parent
        before, folders = tree(root), sorted(map(str, root.rglob("*")))
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            run_cli(lambda: main(world.options(data, **options)))
        err = capsys.readouterr().err
        assert ended.value.code == 2
        assert tree(root) == before and sorted(map(str, root.rglob("*"))) == folders
        return err.splitlines()[-1].partition("error: ")[2]

    return run


def manifest(data: Path, name: str = "code-switch") -> dict:
    return json.loads((data / "en" / name / "manifest.json").read_text(encoding="utf-8"))


# -- files --


def test_tagged_texts(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(world.options(**GERMAN)) == 0
    folder = world.tagged / "en" / "code-switch"
    assert capsys.readouterr().out.splitlines() == [
        "en: 4 code-switched texts of 4 of 6 rows; 41.2% of the words switched, 41.2% changed",
        "  dropped of 6 copies: 2 unchanged (equal to the row)",
        f"en: {folder}",
    ]
    assert sorted(tree(folder)) == [
        MARK, "checksums.json", "input0/train.bin", "input0/train.idx", "manifest.json", "parents.npy",
        "words/train.bin", "words/train.idx",
    ]  # fmt: skip
    assert not list(folder.parent.glob(".*"))
    assert read_words(world.tagged) == [
        ["The", "Hund", "sees", "the", "Katze"], ["Katze", "Hund"], ["A", "rot", "Hund"], ["Katze"],
    ]  # fmt: skip
    parents = np.load(folder / "parents.npy")
    assert parents.dtype == np.int32 and parents.tolist() == [0, 1, 3, 4]


def test_pairs(world: World) -> None:
    assert main(world.options(world.pairs, **GERMAN, samples=2)) == 0
    folder = world.pairs / "en" / "code-switch"
    names = [MARK, "checksums.json", "input0", "input1", "manifest.json", "parents.npy"]
    assert sorted(path.name for path in folder.iterdir()) == names
    texts = ["The Hund sees the Katze", "Katze Hund", "NATO <unk> dog.", "A rot Hund", "Katze", "no word listed"]
    assert read(world.pairs) == texts and read(world.pairs, field="input1") == [*texts[1:], texts[0]]
    assert np.load(folder / "parents.npy").tolist() == [0, 1, 2, 3, 4, 5]
    assert manifest(world.pairs)["counts"]["dropped"] == {"unchanged": 0, "duplicate": 6}


def test_manifest(world: World) -> None:
    (world.dictionaries / "en-fr.txt").unlink()
    (world.dictionaries / "en-fr.txt.gz").write_bytes(gzip.compress(DICTIONARIES["fr"].encode()))
    options = {"languages": "fr,de", "ratio": 0.5, "samples": 2, "choice": "covered", "sentence_ratio": 0.9, "seed": 4}
    assert main(world.options(**options, lower=True, keep_duplicates=True)) == 0
    found = manifest(world.tagged)
    assert found["options"] == {**options, "languages": ["fr", "de"], "lower": True, "keep_duplicates": True}
    assert (found["kind"], found["language"], found["split"], found["fields"], found["parents"], found["seed"]) == (
        "code-switch", "en", "train", ["input0"], 6, 4,
    )  # fmt: skip
    assert found["dictionaries"] == {
        language: {"file": name, "sha256": hashlib.sha256((world.dictionaries / name).read_bytes()).hexdigest()}
        for language, name in (("de", "en-de.txt"), ("fr", "en-fr.txt.gz"))
    }
    assert found["dictionary_sha256"] == DataBin(world.tagged).dictionary_digest
    tokenizer = (world.tagged / "sentencepiece.bpe.model").read_bytes()
    assert found["sentencepiece_sha256"] == hashlib.sha256(tokenizer).hexdigest()
    assert len(found["text_sha256"]) == len(found["fingerprint"]) == 64
    counts = found["counts"]
    assert counts["rows"] == counts["rows_used"] == 6 and counts["samples"] == counts["written"] == 12
    assert counts["words"] == 34 and counts["switched"] < counts["changed"] < 24  # The, NATO, A and Dog become small
    assert counts["dropped"] == {"unchanged": 0, "duplicate": 0}


# -- what decides them --


@pytest.mark.parametrize("name", NAMES)
def test_the_same_again(world: World, name: str, tmp_path: Path) -> None:
    """Byte for byte, in another folder too, in blocks of any size; other with another seed or order of languages."""
    data, options = getattr(world, name), {"ratio": 0.6, "samples": 3}
    other = Path(shutil.copytree(data, tmp_path / "other"))
    assert main(world.options(data, **options)) == 0
    made = tree(data / "en" / "code-switch")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(code_switch_job, "_BLOCK", 4)
        assert main(world.options(other, **options)) == 0
    assert tree(other / "en" / "code-switch") == made
    for number, changed in enumerate(({"seed": 2}, {"languages": "fr,de"}, {"choice": "covered"})):
        assert main(world.options(data, **{**options, **changed}, name=f"other-{number}")) == 0
        folder = tree(data / "en" / f"other-{number}")
        assert folder["input0/train.bin"] != made["input0/train.bin"]


def test_up_to_date(world: World, fails: Fails, capsys: pytest.CaptureFixture[str]) -> None:
    folder = world.tagged / "en" / "code-switch"
    assert main(world.options(**GERMAN)) == 0
    made = tree(folder)
    capsys.readouterr()
    assert main(world.options(**GERMAN, overwrite=True)) == 0
    assert capsys.readouterr().out == f"en: up to date in {folder}\n"
    again = (
        f"{folder}: code-switched texts made with other options, text or dictionaries; pass --overwrite to replace"
        " them, or another --name to keep both"
    )
    for changed in ({"seed": 2}, {"ratio": 0.9}, {"samples": 2}, {"lower": True}, {"keep_duplicates": True}):
        assert fails(**{**GERMAN, **changed}) == again
    (folder / "parents.npy").unlink()
    assert main(world.options(**GERMAN)) == 0 and tree(folder) == made  # what is not whole is made anew
    (world.dictionaries / "en-de.txt").write_text("dog Köter\n", encoding="utf-8")
    assert fails(**GERMAN) == again
    assert main(world.options(**GERMAN, overwrite=True)) == 0
    assert manifest(world.tagged)["dictionaries"] != json.loads(made["manifest.json"])["dictionaries"]


def test_another_source_language(world: World, fails: Fails) -> None:
    assert "no dictionary from de into any language" in fails(source_language="de")
    (world.dictionaries / "de-en.txt").write_text("Hund dog\nhund dog\n", encoding="utf-8")
    assert main(world.options(source_language="de", ratio=1)) == 0
    assert [" ".join(words) for words in read_words(world.tagged, "de/code-switch")] == [
        "Der dog bellt", "ein dog", "dog dog",
    ]  # fmt: skip
    assert json.loads((world.tagged / "de" / "code-switch" / "manifest.json").read_text())["language"] == "de"
    assert not (world.tagged / "en" / "code-switch").exists()


# -- refusals --


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dictionaries": None}, "the following arguments are required: --dictionaries"),
        ({"dictionaries": "nowhere"}, "--dictionaries nowhere: no such folder; expected a folder with files such as"),
        ({"languages": ","}, "--languages is empty: expected 'all' or language codes separated by commas"),
        ({"languages": "sw"}, "--dictionaries {root}/dictionaries: no dictionary from en into sw (it has de, fr)"),
        ({"ratio": 30}, "--ratio 30.0: expected a probability between 0 and 1"),
        ({"sentence_ratio": -1}, "--sentence-ratio -1.0: expected a probability between 0 and 1"),
        ({"samples": 0}, "--samples 0: expected at least 1"),
        ({"seed": 2**32}, "--seed: 4294967296: expected a whole number from 0 to 4294967295"),
        ({"choice": "some"}, "--choice: invalid choice: 'some'"),
        ({"name": "a/b"}, "--name a/b: expected the name of a new folder, such as code-switch-2"),
        ({"name": "counterparts"}, "--name counterparts: expected the name of a new folder"),
        ({"source_language": "English"}, "--source-language: 'English' is not a language code"),
        ({"source_language": "sw"}, "{root}/tagged/sw/input0/train.idx: missing; code-switched texts are made from the"
         " training text of 'sw', which xl-prepare writes, or give another --source-language"),
        ({"ratio": 0}, "--ratio 0.0: no text changed with the dictionaries of de, fr; give dictionaries with words of"),
    ],
)  # fmt: skip
def test_options(world: World, fails: Fails, options: dict, message: str) -> None:
    assert fails(**options).startswith(message.format(root=world.tagged.parent))


def test_data_that_does_not_serve(world: World, fails: Fails) -> None:
    (world.tagged / "sentencepiece.bpe.model").unlink()
    assert fails().startswith(f"{world.tagged}/sentencepiece.bpe.model: no such file; copy the model's tokenizer")
    (world.tagged / "meta.json").write_text('{"problem": "qa"}')
    assert fails().endswith("the data is for problem 'qa'; code-switched texts are for sentence_pair, text and tagging")
    (world.dictionaries / "en-de.txt").write_text("dog\n")
    line = fails(world.pairs)
    assert line.startswith(f"{world.dictionaries}/en-de.txt:1: 'dog', one field")
    assert "expected two fields per line, a word and its translation" in line


def test_a_folder_of_something_else_is_never_replaced(world: World, fails: Fails) -> None:
    folder = world.tagged / "en" / "vicinity"
    folder.mkdir()
    (folder / "manifest.json").write_text('{"kind": "vicinity"}')
    assert (
        fails(name="vicinity", overwrite=True) == f"{folder}: holds texts of xl-augment vicinity; give another --name"
    )
    (folder / "manifest.json").write_text("{}")
    assert fails(name="vicinity", overwrite=True) == (
        f"{folder}/manifest.json: not of code-switched texts; remove the folder and run xl-augment code-switch again"
    )
    (folder / "manifest.json").unlink()
    os.mkfifo(folder / "manifest.json")  # reading it would wait for ever
    assert fails(name="vicinity", overwrite=True).startswith(f"{folder}/manifest.json: no plain file; remove")


def test_finished_blocks_are_all_that_is_left_of_what_fails(
    world: World, fails: Fails, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FolderLock.within(world.tagged, "xl-augment code-switch", "DATA"):
        assert fails().startswith(f"DATA {world.tagged}: xl-augment code-switch (process {os.getpid()} on ")
    with monkeypatch.context() as patched:
        patched.setattr(generated_files, "write_json", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left")))
        before = tree(world.tagged)
        with pytest.raises(OSError, match="No space"):
            main(world.options())
        left = {name: content for name, content in tree(world.tagged).items() if ".code-switch.job-" not in name}
        assert left == before
    assert main(world.options()) == 0
    assert not list((world.tagged / "en").glob(".*"))


# -- help --


def test_examples_of_the_help(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["code-switch", "--help"])
    shown = capsys.readouterr().out.partition("examples:\n")[2]
    assert shown.strip() == code_switch.EPILOG.partition("examples:\n")[2].strip()
    example = re.search(r"xl-augment (code-switch .*)", shown)[1]  # type: ignore[index]
    args = make_parser().parse_args(shlex.split(example))
    assert (args.languages, args.samples, args.ratio, args.name) == ("de,fr", 3, 0.3, "code-switch")
    pools = parse_datasets(re.search(r'--xla-datasets "(.*)"', shown)[1], 3)  # type: ignore[index]
    assert pools[0] == ("src", "tgt", "en/code-switch")
