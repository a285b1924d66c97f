"""xl-augment counterparts: every mistake is one line with exit status 2 and leaves the data folder as it was."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from user_dir_tests.helpers.prepare.runs import tree
from user_dir_tests.helpers.references.counterparts import texts_of
from user_dir_tests.helpers.running.training import load, save_archive
from user_dir_tests.helpers.toys.toy import write_rows
from user_dir_tests.helpers.toys.toy_counterparts import LISTS, World
from user_dir_tests.helpers.toys.toy_counterparts import make_world as make_world  # of the fixture master
from xl_plugins.cli.augment import main
from xl_plugins.data.binary.layout import DataBin
from xl_plugins.errors import run_cli
from xl_plugins.output import MARK


@pytest.fixture
def world(master: Path, tmp_path: Path) -> World:
    shutil.copytree(master, tmp_path / "w")
    names = {name: tmp_path / "w" / name for name in ("lists", "pairs", "tagged")}
    return World(spm=None, state={}, model=tmp_path / "w" / "model.pt", **names)  # type: ignore[arg-type]


Fails = Callable[..., str]


@pytest.fixture
def fails(world: World, capsys: pytest.CaptureFixture[str]) -> Fails:
    """The message of a command that must fail."""

    def run(data: Path | None = None, **options: object) -> str:
        folder = data or world.pairs
        before = tree(world.model.parent)
        folders = sorted(str(path) for path in folder.rglob("*"))
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            run_cli(lambda: main(world.options(data, **options)))
        err = capsys.readouterr().err
        assert ended.value.code == 2
        assert tree(world.model.parent) == before
        assert sorted(str(path) for path in folder.rglob("*")) == folders
        *rest, line = err.splitlines()
        assert all(other.startswith(("usage:", " ")) for other in rest), err  # argparse says what it expects first
        return line.partition("error: ")[2]

    return run


# -- word lists --


def test_a_missing_list(world: World, fails: Fails) -> None:
    (world.lists / "fr.txt").unlink()
    where = world.lists
    assert fails() == (
        f"--word-lists {where}: no word list for fr: neither {where}/fr.txt nor {where}/fr.txt.gz is there (there are"
        " lists for de, en, es); add the file (one word per line, the most frequent first) or leave the language out"
    )
    assert "no word list for sw: neither" in fails(languages="en,sw")
    assert fails(word_lists=where / "none").startswith(f"--word-lists {where}/none: no such folder; expected a folder")
    assert "en_10k.txt.gz is there" in fails(word_lists=where / "{lang}_10k.txt")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "fr.txt: no words (the file is empty); expected one word per line, the most frequent first"),
        (b"\n# le\n1984\nchat noir\n", "fr.txt: no words (1 empty, 1 comment, 1 no letter, 1 phrase); expected one"),
        (b"le\nch\xe2t\n", "fr.txt:2: "),
        (b"bonjour\n", "none of the 1 words of {lists}/fr.txt is a single piece of {data}/sentencepiece.bpe.model"
                       " (coverage 0.0 %); give a list of words in fr, or leave the language out"),
    ],
)  # fmt: skip
def test_lists_of_no_use(world: World, fails: Fails, content: bytes, message: str) -> None:
    (world.lists / "fr.txt").write_bytes(content)
    assert message.format(lists=world.lists, data=world.pairs) in fails()


def test_a_list_of_hardly_any_use_is_told(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    (world.lists / "fr.txt").write_text("chien\n" + "".join(f"bonjour{'a' * n}\n" for n in range(20)))
    assert main(world.options(report_only=True, languages="fr")) == 0
    assert "warning: fr: 1 of 21 words of" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"languages": "en,fr,en"}, "--languages: language en is given twice; name each language once"),
        ({"languages": ","}, "--languages: no language given; write for example en,de"),
        ({"languages": "en,French"}, "--languages: 'French' is not a language code; write two or three small letters"),
        ({"top_k": 0}, "--top-k 0: expected at least 1 (SALT: 10000)"),
        ({"source_threshold": -0.1}, "--source-threshold -0.1: expected a probability from 0 to 1 (SALT: 0.001 for"),
        ({"threshold": 1.5}, "--threshold 1.5: expected a probability from 0 to 1"),
        ({"threshold": "nan"}, "--threshold nan: expected a probability from 0 to 1"),
        ({"source_threshold": "inf"}, "--source-threshold inf: expected a probability from 0 to 1"),
        ({"threshold": "little"}, "--threshold: invalid float value: 'little'"),
        ({"thresholds": "fr=2"}, "--thresholds fr 2.0: expected a probability from 0 to 1"),
        ({"thresholds": "fr=nan"}, "--thresholds fr nan: expected a probability"),
        ({"thresholds": "fr"}, "--thresholds fr: 'fr' is not LANGUAGE=PROBABILITY, such as fr=1e-6"),
        ({"thresholds": "fr=1e-6,=2"}, "--thresholds fr=1e-6,=2: '=2' is not LANGUAGE=PROBABILITY"),
        ({"thresholds": "fr=1e-6, fr=1e-5"}, "--thresholds fr=1e-6, fr=1e-5: fr is given twice; name each language"),
        ({"thresholds": "sw=1e-6"}, "--thresholds sw: not one of the languages en,fr,es,de; leave it out"),
        ({"renormalize": True}, "--threshold 0.001 for en: with --renormalize the best of 28 words has at least 0.036"),
        ({"renormalize": True, "source_threshold": 0.1}, "--threshold 1e-07 for fr: with --renormalize the best of 19"),
        ({"positions": "some"}, "--positions: invalid choice: 'some' (choose from "),
        ({"case": "lower"}, "--case: invalid choice: 'lower' (choose from "),
        ({"source_in_list": True, "languages": "fr"}, "--source-in-list: the list of en is needed; add en to --langua"),
        ({"word_lists": None}, "the following arguments are required: --word-lists"),
        # -- options that contradict each other --
        ({"sample": 5}, "--sample belongs to --report-only; leave it out, all texts are substituted"),
        ({"sample": 0, "report_only": True}, "--sample 0: expected at least 1"),
        ({"max_tokens": 0}, "--max-tokens 0: expected at least 1"),
        ({"dictionaries": "D"}, "--dictionaries belongs to --report-only; leave it out"),
        ({"report_only": True, "shard": "1/2"}, "--shard has no effect with --report-only; leave one of them out"),
        ({"report_only": True, "write_pieces": "x"}, "--write-pieces has no effect with --report-only; leave one"),
        ({"shard": "1/2", "json": "x"}, "--json: a shard merges nothing; give it when all shards are through"),
        ({"shard": "1/2", "write_pieces": "x"}, "--write-pieces: a shard merges nothing; give it when all shards are"),
        ({"shard": "3/2"}, "--shard 3/2: expected I/N with 1 <= I <= N; the second of four parts is 2/4"),
        ({"fp16": True, "bf16": True}, "--bf16: not allowed with argument --fp16"),
        ({"fp16": True, "device": "cpu"}, "--fp16 needs a CUDA device; leave it out, or use --bf16"),
        ({"device": "abacus"}, "--device abacus: not a torch device; write cpu, cuda or cuda:0"),
        ({"path": "none.pt"}, "--path none.pt: no such file; give model.pt of the pre-trained model"),
    ],
)  # fmt: skip
def test_options_that_make_no_sense(fails: Fails, options: dict, message: str) -> None:
    assert fails(**options).startswith(message)


def test_a_report_that_exists(world: World, fails: Fails) -> None:
    path = world.model.parent / "r.json"
    path.write_text("mine")
    assert fails(json=path) == f"{path} exists; pass --overwrite to replace it or choose another output"
    assert fails(json=world.lists, overwrite=True) == f"{world.lists}: is a folder; choose another output"


# -- checkpoints and tokenizers --


def rewrite(path: Path, change: Callable[[dict], None]) -> None:
    archive = load(path)
    change(archive)
    torch.save(archive, path)


def test_a_checkpoint_without_a_language_model(world: World, fails: Fails) -> None:
    def change(archive: dict) -> None:
        archive["model"] = {name: value for name, value in archive["model"].items() if "lm_head" not in name}

    rewrite(world.model, change)
    assert fails() == (
        f"{world.model}: no encoder.lm_head.weight in it; give a pre-trained checkpoint with its language-model head"
    )


def test_a_fine_tuned_checkpoint(world: World, fails: Fails) -> None:
    def change(archive: dict) -> None:
        archive["model"]["classification_heads.sentence_classification_head.dense.weight"] = torch.zeros(16, 16)

    rewrite(world.model, change)
    assert fails() == (
        f"{world.model}: was fine-tuned (it has classification_heads.sentence_classification_head.dense.weight), which"
        " spoils its language model; give the pre-trained model.pt, or pass --allow-finetuned"
    )
    assert main(world.options(allow_finetuned=True, report_only=True)) == 0


def test_a_checkpoint_of_another_vocabulary(world: World, fails: Fails) -> None:
    names = world.model.parent / "other.txt"
    names.write_text((world.pairs / "dict.txt").read_text(encoding="utf-8") + "zz 1\n", encoding="utf-8")
    save_archive(world.model, names)
    types = len(DataBin(world.pairs).dictionary)
    assert fails() == (
        f"{world.model}: the checkpoint's vocabulary has {types + 1} types, the data's dict.txt with its special tokens"
        f" {types}; prepare the data with the checkpoint's own dict.txt"
    )


@pytest.mark.parametrize("content", [b"", b"no checkpoint", None])
def test_what_is_no_checkpoint(world: World, fails: Fails, content: bytes | None) -> None:
    world.model.write_bytes(world.model.read_bytes()[:5000] if content is None else content)
    assert fails().startswith(f"{world.model}: cannot be read as a checkpoint: truncated, damaged or of another kind")


def test_a_model_that_computes_no_numbers(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    rewrite(world.model, lambda archive: archive["model"]["decoder.lm_head.bias"].fill_(float("inf")))
    with pytest.raises(SystemExit) as ended:
        run_cli(lambda: main(world.options()))
    assert ended.value.code == 2 and "the model's probabilities are not finite" in capsys.readouterr().err
    left = [path for path in (world.pairs / "en/counterparts").rglob("*") if path.is_file()]
    assert [path.name for path in left] == [MARK]  # no block, no language


def test_a_tokenizer_of_another_model(world: World, fails: Fails) -> None:
    lines = (world.pairs / "dict.txt").read_text(encoding="utf-8").splitlines()
    (world.pairs / "dict.txt").write_text("\n".join(f"x{line}" for line in lines) + "\n", encoding="utf-8")
    message = fails()
    assert "sentencepiece.bpe.model: " in message and "(100.0%) are not in the dictionary of the data" in message
    assert message.endswith("model and dictionary must come from the same pre-trained model")
    (world.tagged / "sentencepiece.bpe.model").unlink()
    assert fails(world.tagged) == (
        f"{world.tagged}/sentencepiece.bpe.model: no such file; copy the model's tokenizer there (xl-prepare does)"
    )


# -- texts --


def test_texts_full_of_unknown_pieces(world: World, fails: Fails) -> None:
    rows = [[3] * len(row) for row in texts_of(DataBin(world.pairs))]
    write_rows(world.pairs / "en/input0/train", rows, 60)
    assert fails().endswith(
        "of the pieces of the first training texts are <unk>; SentencePiece model and dict.txt must be those of the"
        " checkpoint"
    )


def test_texts_that_are_empty_or_lost(world: World, fails: Fails) -> None:
    rows = texts_of(DataBin(world.pairs), "input1")
    write_rows(world.pairs / "en/input1/train", rows[:-1], 60)
    assert fails() == f"{world.pairs}/en: rows differ: 30 in input0, 29 in input1; prepare the data again"
    write_rows(world.pairs / "en/input1/train", [[], *rows[1:]], 60)
    assert fails() == (f"{world.pairs}/en/input1/train.bin: row 1 has no piece; remove the row from every file")
    assert fails(source_language="de").endswith("missing; prepare the train data of language 'de' or leave it out")
    (world.pairs / "meta.json").write_text(json.dumps({"problem": "qa"}))
    assert fails().endswith(
        "meta.json: the data is for problem 'qa'; counterparts are for sentence_pair, text and tagging"
    )
    assert fails(world.lists / "x") == f"{world.lists / 'x'}: no such data folder; make one with xl-prepare"


def test_other_counterparts_are_in_the_place(world: World, fails: Fails) -> None:
    main(world.options(languages="fr"))
    message = f"{world.pairs}/en/counterparts/fr: counterparts made with other options, text or model; pass --overwrite"
    for options in ({"threshold": 0.1}, {"case": "any"}, {"top_k": 5}, {"bf16": True}, {"shard": "1/2", "top_k": 5}):
        assert fails(languages="fr", **options).startswith(message)
    (world.lists / "fr.txt").write_text(LISTS["fr"].replace(" ", "\n").replace("homme", ""))
    assert fails().startswith(message)
