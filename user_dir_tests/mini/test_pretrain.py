"""xl-mini pretrain: text reading, tokenizer and dictionary, a short real run, resuming, refusals."""

import gzip
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random
from typing import Callable

import pytest
import sentencepiece
import torch
from fairseq.data import Dictionary
from fairseq.data.data_utils import load_indexed_dataset

from user_dir_tests.helpers.prepare.runs import tree
from user_dir_tests.helpers.running.killing import die, killed
from xl_plugins.checkpoints.safe_load import load_restricted
from xl_plugins.cli.mini import main
from xl_plugins.data.tokenizer import PieceEncoder
from xl_plugins.errors import UserError
from xl_plugins.mini import pretrain
from xl_plugins.mini.corpora import SEPARATOR, Text, pretraining_lines, read_sentences
from xl_plugins.mini.pretrain import command
from xl_plugins.mini.pretraining_text import DICTIONARY, LOG, MODEL, WORK
from xl_plugins.mini.sizes import Schedule, Sizes
from xl_plugins.output import folder as output_folder
from xl_plugins.output import read_mark
from xl_plugins.starting.encoder_shape import follow_encoder

TINY = "--vocab 300 --layers 1 --dim 16 --heads 2 --ffn 32 --max-positions 64 --batch-size 8 --lr 1e-3".split()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("mini") / "data"
    main(["make", str(target), "--languages", "en,de", *"--train 3 --dev 1 --test 1 --unlabelled 200".split()])
    return target


def test_lines_pair_neighbours_and_translations() -> None:
    texts = [[f"a{i}" for i in range(200)], [f"b{i}" for i in range(100)]]
    aligned = [[f"s{i}" for i in range(50)], [f"t{i}" for i in range(50)], [f"u{i}" for i in range(50)]]
    lines = list(pretraining_lines(texts, aligned, 0.25, Random(1)))
    pairs = [line.split(f" {SEPARATOR} ") for line in lines]
    translations = [pair for pair in pairs if pair[0][0] in "stu"]
    assert len(lines) == 200 and len(translations) == 50
    assert all(left[1:] == right[1:] and (left[0] == "s") != (right[0] == "s") for left, right in translations)
    assert {pair[0][0] for pair in translations} == set("stu")  # the pivot stands on either side
    assert all(int(b[1:]) == int(a[1:]) + 1 and a[0] == b[0] for a, b in (p for p in pairs if p not in translations))


def test_share_zero_and_one() -> None:
    texts, aligned = [["a", "b", "c"]], [["s"], ["t"]]
    assert sorted(pretraining_lines(texts, aligned, 0.0, Random(1))) == [f"a {SEPARATOR} b", "c"]
    assert all(
        set(line.split(f" {SEPARATOR} ")) == {"s", "t"} for line in pretraining_lines(texts, aligned, 1.0, Random(1))
    )


def test_files_plain_and_gzipped(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one  two\r\n\nthree\u2028four\n", encoding="utf-8")
    with gzip.open(tmp_path / "a.gz", "wt", encoding="utf-8") as handle:
        handle.write("one two\n")
    assert read_sentences(tmp_path / "a.txt") == ["one two", "", "three four"]
    assert Text.of_files([tmp_path / "a.gz"]).monolingual() == [["one two"]]


def test_command_records_the_sizes() -> None:
    words = command(Sizes(max_positions=128), Schedule(updates=40))
    options = dict(zip(words[4::2], words[5::2]))
    assert options["--max-positions"] == options["--tokens-per-sample"] == "128"
    assert options["--max-update"] == options["--total-num-update"] == "40"
    assert options["--task"] == options["--criterion"] == "masked_lm" and options["--sample-break-mode"] == "eos"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["nowhere", "out"], "nowhere: no unlabelled/*.txt in it"),
        (["out"], "give DIR and OUT, or with --text only OUT"),
        (["a", "out", "--text", "x.txt"], "give DIR and OUT, or with --text only OUT"),
        (["out", "--text", "x.txt"], "x.txt: No such file or directory"),
        (["out", "--text", "."], ".: Is a directory"),
        (["out", "--text", "latin.txt"], "latin.txt:1: not UTF-8 (byte 0xe4 at offset 1)"),
        (["out", "--text", "cut.gz"], "cut.gz: damaged gzip file"),
        (["out", "--text", "empty.txt"], "empty.txt: no sentence in it"),
        (
            ["out", "--text", "good.txt", "--parallel", "good.txt", "empty.txt"],
            "empty.txt: 0 lines, but good.txt has 40",
        ),
        (["out", "--text", "good.txt", "--vocab", "3"], "--vocab 3: SentencePiece cannot train on this text"),
        (["good", "out", "--parallel", "x"], "--parallel: only together with --text"),
        (["good", "out", "--dim", "130"], "--dim 130: must be a multiple of --heads 4"),
        (["out", "--text", "short.txt"], "too little text"),
    ],
)
def test_bad_input_is_one_line(
    options: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("latin.txt").write_bytes("häh\n".encode("latin-1"))
    Path("empty.txt").write_text("")
    Path("good.txt").write_text("the dog sees a small cat\n" * 40)
    Path("short.txt").write_text("the dog sees a small cat that eats\n")
    Path("cut.gz").write_bytes(gzip.compress(b"some text " * 50)[:-12])
    with pytest.raises(UserError) as error:
        main(["pretrain", *options])
    assert message in str(error.value) and "\n" not in str(error.value)
    assert not (tmp_path / "out").exists() and not list(tmp_path.glob(".*"))


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [("--updates", "0", "expected a whole number from 1"), ("--lr", "-1", "expected more than 0"),
     ("--lr", "nan", "expected more than 0"), ("--parallel-share", "2", "expected a number from 0 to 1"),
     ("--layers", "x", "not a whole number")],
)  # fmt: skip
def test_bad_numbers(option: str, value: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["pretrain", "a", "b", option, value])
    error = capsys.readouterr().err
    assert f"error: {option}: " in error and message in error and error.count("\n") == 1


def test_a_foreign_folder_is_left_alone(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="holds something else"):
        main(["pretrain", str(folder), str(tmp_path), *TINY])
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def fake(monkeypatch: pytest.MonkeyPatch, train: Callable[[Path], None]) -> None:
    """Leave the training out; ``train`` gets the folder under construction."""
    monkeypatch.setattr(pretrain, "prepare", lambda text, out, *rest: (out / DICTIONARY).write_text("new"))
    monkeypatch.setattr(pretrain, "_train", lambda out, *rest: train(out))
    monkeypatch.setattr(pretrain, "_strip", lambda checkpoint, model, **_: model.write_text("new"))


def test_nothing_goes_before_the_new_model_is_whole(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "xlmr.base"
    again = ["pretrain", str(folder), str(out), *TINY, "--overwrite"]
    fake(monkeypatch, lambda new: None)
    main(again[:-1])
    before = tree(out)
    monkeypatch.undo()
    with pytest.raises(UserError, match="--vocab 1: SentencePiece"):
        main([*again, "--vocab", "1"])
    assert tree(tmp_path) == {f"xlmr.base/{name}": content for name, content in before.items()}

    def interrupted(new: Path) -> None:
        assert tree(out) == before
        raise KeyboardInterrupt

    fake(monkeypatch, interrupted)
    with pytest.raises(KeyboardInterrupt):
        main(again)
    assert tree(out) == before and len(list(tmp_path.iterdir())) == 2  # and what the next run goes on from
    out.rename(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="other text or settings was interrupted"):
        main([*again[:-1], "--seed", "2"])
    assert len(list(tmp_path.iterdir())) == 2
    fake(monkeypatch, lambda new: None)
    main([*again, "--seed", "2"])
    assert read_mark(out) is not None and tree(out) != before and len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("kind", ["encoder", "notes", "home"])
def test_overwrite_spares_what_it_did_not_make(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    out = tmp_path / "xlmr.base"
    if kind == "notes":
        fake(monkeypatch, lambda new: None)
        main(["pretrain", str(folder), str(out), *TINY])
        (out / WORK / "mine").write_text("mine")
    else:
        (out / WORK).mkdir(parents=True)
        for name in ("mine", MODEL, DICTIONARY) if kind == "encoder" else ("mine",):
            (out / name).write_text("mine")
    before = tree(tmp_path)
    with pytest.raises(UserError, match="did not make"):
        main(["pretrain", str(folder), str(out), *TINY, "--overwrite"])
    assert tree(tmp_path) == before


@pytest.mark.slow
def test_short_run_gives_an_ordinary_checkpoint(folder: Path, tmp_path: Path, run_cli: Callable) -> None:
    out = tmp_path / "model"
    done = run_cli("mini", "pretrain", folder, out, *TINY, "--updates", "6")
    assert done.code == 0, done.err
    tokenizer = sentencepiece.SentencePieceProcessor(model_file=str(out / "sentencepiece.bpe.model"))
    lines = (out / "dict.txt").read_text(encoding="utf-8").splitlines()
    assert lines == [f"{tokenizer.id_to_piece(i)} 1" for i in range(3, tokenizer.get_piece_size())]
    state = load_restricted(out / MODEL)
    assert {"cfg", "model", "extra_state", "optimizer_history"} <= set(state)
    assert "last_optimizer_state" not in state
    assert state["cfg"]["model"].max_positions == 64
    weights = state["model"]["encoder.sentence_encoder.embed_tokens.weight"]
    assert weights.shape == (len(Dictionary.load(str(out / "dict.txt"))) + 1, 16)  # and <mask>
    assert state["model"]["encoder.sentence_encoder.embed_positions.weight"].shape == (64 + 2, 16)
    assert state["extra_state"]["train_iterator"]["epoch"] == 1
    again = run_cli("mini", "pretrain", folder, out, *TINY, "--updates", "6")
    assert again.code == 0 and "exists already with these settings" in again.out
    other = run_cli("mini", "pretrain", folder, out, *TINY, "--updates", "7")
    assert other.code == 2 and "holds something else (other text or settings)" in other.err


@pytest.mark.slow
def test_a_killed_run_continues(folder: Path, tmp_path: Path, repo: Path) -> None:
    """SIGKILL after the first saved checkpoint; the same command ends with the parameters of an undisturbed run."""
    environment = {**os.environ, "PYTHONPATH": str(repo)}

    def start(out: Path) -> subprocess.Popen:
        words = ["pretrain", str(folder), str(out), *TINY, "--updates", "450"]
        return subprocess.Popen([sys.executable, "-m", "xl_plugins.cli.mini", *words], env=environment)

    whole = start(tmp_path / "whole")
    assert whole.wait(timeout=250) == 0
    victim = start(tmp_path / "killed")
    saved = f".killed.xl-*/new/{WORK}/checkpoints/checkpoint_last.pt"
    deadline = time.monotonic() + 200
    while not list(tmp_path.glob(saved)) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(victim.pid, signal.SIGKILL)
    victim.wait()
    assert list(tmp_path.glob(saved)) and not (tmp_path / "killed").exists()
    assert start(tmp_path / "killed").wait(timeout=250) == 0
    log = (tmp_path / "killed" / LOG).read_text(encoding="utf-8")
    assert "Loaded checkpoint" in log and sorted(path.name for path in tmp_path.iterdir()) == ["killed", "whole"]
    left, right = (load_restricted(tmp_path / name / MODEL)["model"] for name in ("whole", "killed"))
    assert left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


@pytest.mark.slow
@pytest.mark.parametrize("where", ["after training", "while the last checkpoint was copied", "after the end"])
def test_killed_when_all_is_trained(
    folder: Path, tmp_path: Path, where: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The next run trains no further, and cleans up."""

    def make(name: str) -> int:
        return main(["pretrain", str(folder), str(tmp_path / name), *TINY, "--updates", "6"])

    assert make("whole") == 0

    def work() -> None:
        if where == "after the end":
            output_folder._remove_work = die
        else:
            pretrain._strip = die
        make("out")

    killed(work)
    for last in tmp_path.glob(f".out.xl-*/new/{WORK}/checkpoints/checkpoint_last.pt"):
        if where == "while the last checkpoint was copied":
            last.write_bytes(last.read_bytes()[:1000])
    capsys.readouterr()
    assert make("out") == 0
    assert ("exists already" in capsys.readouterr().out) == (where == "after the end")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "whole"]
    left, right = (load_restricted(tmp_path / name / MODEL) for name in ("whole", "out"))
    assert right["optimizer_history"][-1]["num_updates"] == 6
    assert all(torch.equal(left["model"][name], right["model"][name]) for name in left["model"])


@pytest.mark.parametrize("kind", ["wordpiece", "wordpiece-uncased"])
def test_a_small_bert(folder: Path, tmp_path: Path, kind: str) -> None:
    """Made twice alike; token types are zero, one </s> stands between two sentences, and the data fit the model."""
    options = [*TINY, "--updates", "2", "--tokenizer", kind]
    for name in ("one", "other"):
        main(["pretrain", str(folder), str(tmp_path / name), *options])
    names = ["tokenizer.json", DICTIONARY]
    assert [(tmp_path / "one" / name).read_bytes() for name in names] == [
        (tmp_path / "other" / name).read_bytes() for name in names
    ]
    encoder = PieceEncoder(str(tmp_path / "one" / names[0]), str(tmp_path / "one" / DICTIONARY))
    assert encoder.warning is None and 100 < len(encoder.dictionary) <= 304
    ids, _ = encoder.encode(["The Teacher"])
    symbols = [encoder.dictionary.symbols[number] for number in ids[:-1]]
    assert "<unk>" not in symbols and symbols[0].startswith("▁T" if kind == "wordpiece" else "▁t")
    state = load_restricted(tmp_path / "one" / MODEL)
    types = state["model"]["encoder.sentence_encoder.embed_positions.token_types.weight"]
    assert types.shape == (2, 16) and not types.any()
    shape = follow_encoder(str(tmp_path / "one" / MODEL))
    assert (shape["token_types"], shape["max_positions"]) == (2, 64)
    data = str(tmp_path / "one" / WORK / "data" / "train")
    rows = load_indexed_dataset(data, encoder.dictionary, "mmap")
    ends = [row.tolist().count(2) for row in rows]
    assert 2 in ends and max(ends) == 2  # between two sentences, and behind them
    with pytest.raises(UserError, match="holds something else"):
        main(["pretrain", str(folder), str(tmp_path / "one"), *TINY, "--updates", "2"])
