"""xl-augment vicinity: every mistake is one line with exit status 2 and leaves the data folder as it was."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from user_dir_tests.helpers.prepare.runs import tree
from user_dir_tests.helpers.running.training import load, save_archive
from user_dir_tests.helpers.toys.toy import write_rows
from user_dir_tests.helpers.toys.toy_vicinity import World
from user_dir_tests.helpers.toys.toy_vicinity import make_world as make_world  # of the fixture master
from xl_plugins.cli.augment import main
from xl_plugins.errors import run_cli

Fails = Callable[..., str]


@pytest.fixture
def world(master: Path, tmp_path: Path) -> World:
    shutil.copytree(master, tmp_path / "w")
    root = tmp_path / "w"
    return World(None, root / "model.pt", root / "pairs", root / "tagged", {})  # type: ignore[arg-type]


@pytest.fixture
def fails(world: World, capsys: pytest.CaptureFixture[str]) -> Fails:
    """The message of a command that must fail."""

    def run(data: Path | None = None, **options: object) -> str:
        before = tree(world.model.parent)
        folders = sorted(str(path) for path in world.model.parent.rglob("*"))
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            run_cli(lambda: main(world.options(data, **options)))
        err = capsys.readouterr().err
        assert ended.value.code == 2
        assert tree(world.model.parent) == before
        assert sorted(str(path) for path in world.model.parent.rglob("*")) == folders
        *rest, line = err.splitlines()
        assert all(other.startswith(("usage:", " ", "warning: ")) for other in rest), (
            err
        )  # argparse says what it expects first
        return line.partition("error: ")[2]

    return run


PERCENT = "expected a percentage above 0, up to 100 (XLA: 30; PAWS-X 40)"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"percent": 0}, f"--percent 0: {PERCENT}"),
        ({"percent": 100.5}, f"--percent 100.5: {PERCENT}"),
        ({"percent": -3}, f"--percent -3: {PERCENT}"),
        ({"percent": "nan"}, f"--percent NaN: {PERCENT}"),
        ({"percent": "a third"}, f"--percent a third: {PERCENT}"),
        ({"samples": 0}, "--samples 0: expected one number from 1, such as 3, for data of tagging"),
        ({"samples": "2,2"}, "--samples 2,2: expected one number from 1, such as 3, for data of tagging"),
        ({"samples": "many"}, "--samples many: expected numbers, such as 3 for tagging or 2,2 for pairs"),
        ({"genlm_unit": "piece"}, "--genlm-unit piece: the words of tagged sentences are labelled as wholes; use word"),
        ({"genlm_unit": "letter"}, "--genlm-unit: invalid choice: 'letter'"),
        ({"genlm_min_chars": 0}, "--genlm-min-chars 0: expected at least 1"),
        ({"genlm_min_words": 0}, "--genlm-min-words 0: expected at least 1"),
        ({"genlm_max_words": 4}, "--genlm-max-words 4: expected at least 5, the minimum"),
        ({"rounds": 0}, "--rounds 0: expected at least 1"),
        ({"seed": -1}, "--seed: -1: expected a whole number from 0 to 4294967295"),
        ({"seed": 2**32}, "--seed: 4294967296: expected a whole number from 0 to 4294967295"),
        ({"languages": "en,de,en"}, "--languages: language en is given twice; name each language once"),
        ({"languages": "German"}, "--languages: 'German' is not a language code; write two or three small letters"),
        ({"name": "a/b"}, "--name a/b: expected the name of a new folder, such as vicinity-2"),
        ({"name": "..", }, "--name ..: expected the name of a new folder"),
        ({"name": "words"}, "--name words: expected the name of a new folder"),
        ({"name": "en-view"}, "--name en-view: expected the name of a new folder"),
        ({"shard": "3/2"}, "--shard 3/2: expected I/N with 1 <= I <= N"),
        ({"shard": "1/2", "report_only": True}, "--shard has no effect with --report-only; leave one of them out"),
        ({"shard": "1/2", "json": "r.json"}, "--json: a shard merges nothing; give it when all shards are through"),
        ({"sample": 5}, "--sample belongs to --report-only; leave it out"),
        ({"show": 5}, "--show belongs to --report-only; leave it out"),
        ({"max_tokens": 0}, "--max-tokens 0: expected at least 1"),
        ({"fp16": True, "device": "cpu"}, "--fp16 needs a CUDA device; leave it out, or use --bf16"),
        ({"device": "tape"}, "--device tape: not a torch device"),
        ({"path": "none.pt"}, "--path none.pt: no such file; give model.pt of the pre-trained model"),
    ],
)  # fmt: skip
def test_options(fails: Fails, options: dict, message: str) -> None:
    assert fails(**options).startswith(message)


def test_samples_of_pairs(world: World, fails: Fails) -> None:
    message = "expected two numbers from 1, such as 2,2, for data of sentence_pair"
    assert fails(world.pairs, samples=3) == f"--samples 3: {message}"
    assert fails(world.pairs, samples="2,0") == f"--samples 2,0: {message}"


def test_a_share_instead_of_a_percentage(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(world.options(percent="0.3", report_only=True, sample=1)) == 0
    message = "warning: --percent 0.3 is a percentage, so that one word of a sentence is replaced; 30 means 30 %"
    assert capsys.readouterr().err.splitlines()[0] == message


# -- data --


def test_a_language_without_training_text(world: World, fails: Fails) -> None:
    assert fails(languages="de,sw") == (
        f"{world.tagged}/sw/input0/train.idx: missing; virtual sentences are made from the training text of 'sw', which"
        " xl-prepare writes, or leave the language out"
    )
    shutil.rmtree(world.tagged / "en")
    shutil.rmtree(world.tagged / "de")
    assert fails() == f"{world.tagged}: no language has training text; run xl-prepare"


def test_other_problems(world: World, fails: Fails) -> None:
    (world.tagged / "meta.json").write_text('{"problem": "qa"}')
    assert fails() == (
        f"{world.tagged}/meta.json: the data is for problem 'qa'; virtual sentences are for sentence_pair, text and"
        " tagging"
    )
    assert fails(world.tagged / "none").endswith("none: no such data folder; make one with xl-prepare")


def test_rows_that_differ(world: World, fails: Fails) -> None:
    write_rows(world.pairs / "de" / "input1" / "train", [[5], [6]], 100)
    assert fails(world.pairs, languages="de") == (
        f"{world.pairs}/de: rows differ: 24 in input0, 2 in input1; prepare the data again"
    )


def test_counts_of_words_that_do_not_add_up(world: World, fails: Fails) -> None:
    shutil.copy(world.tagged / "en" / "words" / "train.bin", world.tagged / "de" / "words" / "train.bin")
    shutil.copy(world.tagged / "en" / "words" / "train.idx", world.tagged / "de" / "words" / "train.idx")
    message = "does not add up to the pieces in input0; run xl-prepare again"
    assert fails(languages="de") == f"{world.tagged}/de/words/train.bin: row 1 {message}"


def test_no_tokenizer(world: World, fails: Fails) -> None:
    (world.tagged / "sentencepiece.bpe.model").unlink()
    assert fails() == (
        f"{world.tagged}/sentencepiece.bpe.model: no such file; copy the model's tokenizer there (xl-prepare does)"
    )


def test_a_language_without_spaces(world: World, fails: Fails, capsys: pytest.CaptureFixture[str]) -> None:
    assert fails(world.pairs, languages="de", genlm_min_words=12) == (
        "de: 52% of the sentences have fewer than --genlm-min-words 12 words and give nothing; pass --genlm-unit piece"
        " for a language without spaces, or a lower minimum"
    )
    options = {"languages": "de", "genlm_min_words": 16, "genlm_unit": "piece", "report_only": True, "sample": 1}
    assert main(world.options(world.pairs, **options)) == 0  # said, but pieces are masked already
    assert main(world.options(languages="de", genlm_min_words=12, report_only=True, sample=1)) == 0
    err = capsys.readouterr().err
    assert (
        "warning: de: 67% of the sentences have fewer than --genlm-min-words 12 words and give nothing; a lower" in err
    )


# -- the model --


def test_fine_tuned(world: World, fails: Fails) -> None:
    archive = load(world.model)
    archive["model"]["classification_heads.sentence_classification_head.dense.weight"] = torch.zeros(2, 2)
    torch.save(archive, world.model)
    assert fails() == (
        f"{world.model}: was fine-tuned (it has classification_heads.sentence_classification_head.dense.weight), which"
        " spoils its language model; give the pre-trained model.pt, or pass --allow-finetuned"
    )


def test_no_language_model_head(world: World, fails: Fails) -> None:
    archive = load(world.model)
    archive["model"] = {name: value for name, value in archive["model"].items() if "lm_head" not in name}
    torch.save(archive, world.model)
    assert fails() == (
        f"{world.model}: no encoder.lm_head.weight in it; give a pre-trained checkpoint with its language-model head"
    )


def test_another_vocabulary(world: World, fails: Fails, tmp_path: Path) -> None:
    (tmp_path / "dict.txt").write_text("a 1\nb 1\n")
    save_archive(world.model, tmp_path / "dict.txt")
    assert "the checkpoint's vocabulary has 7 types, the data's dict.txt with its special tokens" in fails()


# -- what is there already --


def test_others_are_in_their_place(world: World, fails: Fails) -> None:
    assert main(world.options(languages="de")) == 0
    again = (
        f"{world.tagged}/de/vicinity: virtual examples made with other options, text or model; pass --overwrite to"
        " replace them, or another --name to keep both"
    )
    for options in ({"seed": 2}, {"percent": 31}, {"samples": 2}, {"genlm_keep_duplicates": True}, {"bf16": True}):
        assert fails(**options) == again
    archive = load(world.model)
    archive["extra_state"]["epoch"] = 43
    torch.save(archive, world.model)
    assert fails() == again


@pytest.mark.parametrize(
    "options, why",
    [
        ({"genlm_min_words": 200, "genlm_max_words": 300}, "30 short (too few words); lower --genlm-min-words"),
        ({"genlm_min_words": 1, "genlm_max_words": 1}, "30 long (too many words); raise --genlm-max-words"),
        ({"genlm_min_chars": 50, "genlm_min_words": 1}, "ineligible (no word to be masked); lower --genlm-min-chars"),
    ],
    ids=["short", "long", "ineligible"],
)  # fmt: skip
def test_options_that_leave_nothing(world: World, fails: Fails, options: dict, why: str) -> None:
    """An empty pool could not be opened, and would be taken for finished."""
    text = fails(languages="de", **options)
    assert text.startswith(f"{world.tagged}/de/vicinity: no virtual example could be made of 30 rows: ") and why in text


def test_a_folder_of_something_else_is_never_replaced(world: World, fails: Fails) -> None:
    folder = world.tagged / "de" / "vicinity"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    message = f"{folder}/manifest.json: No such file or directory; remove the folder and run xl-augment vicinity again"
    assert fails(overwrite=True) == message
    for content in ('{"sort": "counterparts"}', "[]"):
        (folder / "manifest.json").write_text(content)
        assert fails(overwrite=True).startswith(f"{folder}/manifest.json: not of virtual examples; remove the folder")
    (folder / "manifest.json").write_text('{"kind": "counterparts"}')
    assert fails(overwrite=True) == f"{folder}: holds texts of xl-augment counterparts; give another --name"
    (folder / "manifest.json").write_text("{")
    assert fails().startswith(f"{folder}/manifest.json: Expecting property name")
    (folder / "manifest.json").write_text(json.dumps({"kind": "vicinity"}))
    assert fails().startswith(f"{folder}: virtual examples made with other options")


def test_a_report_that_exists(world: World, fails: Fails, tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text("{}")
    assert fails(json=tmp_path / "r.json") == (
        f"{tmp_path}/r.json exists; pass --overwrite to replace it or choose another output"
    )
