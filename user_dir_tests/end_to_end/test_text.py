"""The problem ``text`` through the commands: prepared, trained by every method, scored, predicted."""

from __future__ import annotations

import io
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from user_dir_tests.helpers.prepare.raw import sentence, write_rows
from user_dir_tests.helpers.prepare.runs import labels, meta, run, texts
from user_dir_tests.helpers.running.training import load, save_archive, train_here, words
from user_dir_tests.helpers.toys.tiny import build
from xl_plugins.cli import augment, evaluate, predict
from xl_plugins.data.binary.layout import DataBin
from xl_plugins.errors import UserError

LANGUAGES = ("en", "de")
ROWS = {lang: [[sentence(lang, "train", i, 0), "pos" if i % 3 else "neg"] for i in range(9)] for lang in LANGUAGES}
NAMES = ["--labels", "neg,pos"]


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """XTREME's names: English training text, its translation, dev and test sets."""
    folder = tmp_path_factory.mktemp("raw")
    for lang, rows in ROWS.items():
        table = [["text", "label"], *rows]
        for name in (
            f"dev-{lang}",
            f"test-{lang}",
            *(["train-en"] if lang == "en" else [f"translate-train/en-{lang}"]),
        ):
            write_rows(folder / f"{name}.tsv", table[: 7 if name.startswith("dev") else None])
    for name in ("back-translation/en-de", "translate-test/de-en"):
        write_rows(folder / f"{name}.tsv", [["text", "label"], *ROWS["en"]])
    write_rows(folder / "translate-dev" / "de-en.tsv", [["text", "label"], *ROWS["en"][:6]])
    return folder


@pytest.fixture(scope="module")
def data(raw: Path, tiny_spm, tmp_path_factory: pytest.TempPathFactory) -> Path:
    dest = tmp_path_factory.mktemp("data") / "bin"
    run(tiny_spm, "texts", dest, "--folder", raw, *NAMES)
    return dest


def test_prepared_from_names(data: Path, raw: Path, tiny_spm, tmp_path: Path) -> None:
    """As from files that are named one by one, and as single texts of ``xl-prepare pairs`` but for the problem."""
    found = meta(data)
    assert (found["problem"], found["texts"], found["dataset"]) == ("text", 1, "texts")
    assert found["splits"] == {lang: {"test": 9, "train": 9, "valid": 6} for lang in LANGUAGES}
    assert found["views"] == {"de": {"test": 9, "train": 9, "valid": 6}}
    assert texts(data, "de", "input0", "train") == [row[0] for row in ROWS["de"]]
    assert labels(data, "de", "test") == [row[1] for row in ROWS["de"]]
    names = {"back-translation": "en-de", "translate-dev": "de-en", "translate-test": "de-en"}
    views = [word for role, name in names.items() for word in (f"--{role}", f"de={raw}/{role}/{name}.tsv")]
    files = [
        "--train", f"en={raw}/train-en.tsv", f"de={raw}/translate-train/en-de.tsv", "--languages", "en,de",
        "--valid", f"{raw}/dev-{{lang}}.tsv", "--test", f"{raw}/test-{{lang}}.tsv",
        *views,
    ]  # fmt: skip
    for command, columns in (("texts", []), ("pairs", ["--columns", "first=text,second=none"])):
        run(tiny_spm, command, tmp_path / command, *files, *NAMES, *columns)
        for path in (path for path in data.rglob("*") if path.is_file() and path.suffix in (".bin", ".idx")):
            assert (tmp_path / command / path.relative_to(data)).read_bytes() == path.read_bytes(), (command, path)
    assert meta(tmp_path / "texts") == found and meta(tmp_path / "pairs")["problem"] == "sentence_pair"


def test_a_folder_per_language(raw: Path, tiny_spm, tmp_path: Path) -> None:
    """Script codes, another column of texts, rows joined by an id; a language that was not asked for stays out."""
    for lang, code in (("en", "eng_Latn"), ("de", "deu_Latn"), ("de", "swh_Latn")):
        rows = [[str(number), *row] for number, row in enumerate(ROWS[lang])]
        for name in ("train", "dev", "test"):
            order = rows if lang == "en" else rows[::-1]
            write_rows(tmp_path / "sib" / code / f"{name}.tsv", [["index_id", "text", "category"], *order])
    options = "--languages eng_Latn,deu_Latn --source-language eng_Latn --align-on index_id --name sib200".split()
    run(
        tiny_spm,
        "texts",
        tmp_path / "bin",
        "--folder",
        tmp_path / "sib",
        *options,
        *NAMES,
        "--columns",
        "label=category",
    )
    assert set(meta(tmp_path / "bin")["languages"]) == {"eng_Latn", "deu_Latn"}
    assert texts(tmp_path / "bin", "deu_Latn", "input0", "train") == [row[0] for row in ROWS["de"]]


@pytest.mark.parametrize(
    ("words_", "message"),
    [
        (["--folder", "nowhere"], r"--folder nowhere: no such folder"),
        (["--folder", "{raw}/translate-test"], r"no file is named like train-en.tsv, dev-de.csv"),
        (["--folder", "{raw}", "--columns", "first=text"], r"'first=text' .* a key of text, label, id; .* text="),
        (["--folder", "{raw}", "--columns", "text=none"], r"--columns: text of \w+/\S+ cannot be none"),
        (["--folder", "{raw}", "--languages", "en,de,sw"], r"--languages: no file of sw in --folder"),
        ([], r"no file given; see xl-prepare texts --help"),
    ],
)  # fmt: skip
def test_mistakes(raw: Path, tiny_spm, tmp_path: Path, words_: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        run(tiny_spm, "texts", tmp_path / "bin", *(word.format(raw=raw) for word in words_), *NAMES)
    assert not (tmp_path / "bin").exists()


def test_the_raw_folder_is_not_replaced(raw: Path, tiny_spm, tmp_path: Path) -> None:
    shutil.copytree(raw, tmp_path / "raw")
    before = sorted(path.name for path in (tmp_path / "raw").rglob("*"))
    with pytest.raises(UserError, match=r"raw: "):
        run(tiny_spm, "texts", tmp_path / "raw", "--folder", tmp_path / "raw", *NAMES, "--overwrite")
    assert sorted(path.name for path in (tmp_path / "raw").rglob("*")) == before


def test_two_files_for_one_place(raw: Path, tiny_spm, tmp_path: Path) -> None:
    shutil.copytree(raw, tmp_path / "raw")
    shutil.copy(tmp_path / "raw" / "dev-de.tsv", tmp_path / "raw" / "valid-de.tsv")
    with pytest.raises(UserError, match=r"--folder: \S+dev-de.tsv and \S+valid-de.tsv are both valid of de"):
        run(tiny_spm, "texts", tmp_path / "bin", "--folder", tmp_path / "raw", *NAMES)


def trained(monkeypatch, data: Path, save: Path, task: str, **options: object) -> dict:
    given = {"lr": 1e-3, "max_update": 2, "update_freq": 1, "batch_size": 4, **options}
    train_here(monkeypatch, words(data, save, task, **given))
    return load(save / "checkpoint_last.pt")["model"]


def inner_folders(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_dir())


def equal(first: dict, second: dict) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("method", ["xl", "xmixup"])
def test_trained_as_single_texts_of_pairs(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """The same parameters to the last bit as the folder of single texts gave as sentence pairs."""
    other = tmp_path / "other"
    shutil.copytree(data, other)
    (other / "checksums.json").unlink()
    (other / "meta.json").write_text(json.dumps({**meta(data), "problem": "sentence_pair"}))
    made = [
        trained(monkeypatch, folder, tmp_path / problem, f"{method}_{problem}")
        for folder, problem in ((data, "text"), (other, "sentence_pair"))
    ]
    assert equal(*made)


def test_scored_and_predicted(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    trained(monkeypatch, data, tmp_path / "run", "xl_text")
    common = f"--path {tmp_path}/run/checkpoint_best.pt --device cpu"
    evaluate.main(f"{data} {common} --output {tmp_path}/out".split())
    assert "accuracy" in capsys.readouterr().out
    scored = {lang: (tmp_path / "out" / "texts" / f"test-{lang}.tsv").read_text().split() for lang in ROWS}
    for lang, rows in ROWS.items():
        given = "\n".join(row[0] for row in rows).encode()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
        predict.main(f"{common} --data {data}".split())
        found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert [record["label"] for record in found] == scored[lang] and {*found[0]["probabilities"]} == {"neg", "pos"}
        for spelt in ({"text": rows[0][0]}, {"text1": rows[0][0]}):
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(json.dumps(spelt).encode())))
            predict.main(f"{common} --data {data}".split())
            assert json.loads(capsys.readouterr().out) == found[0]
        table = tmp_path / f"{lang}.csv"
        table.write_text("id,review\n" + "".join(f"{i},{row[0]}\n" for i, row in enumerate(rows)))
        predict.main(f"{common} --data {data} {table} --columns text=review".split())
        assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == found
    with pytest.raises(UserError, match=r"--generalised is for sentence pairs, the data is for problem 'text'"):
        evaluate.main(f"{data} {common} --generalised".split())
    with pytest.raises(UserError, match=r"--context-pieces is read for questions only, .* is for text; leave it out"):
        predict.main(f"{common} --data {data} --context-pieces subword {data}/dict.txt".split())


@pytest.mark.parametrize("second", ["ss", "mt"])
def test_xtune(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, second: str) -> None:
    """Weight zero is plain training to the last bit; with weight, views of another kind change the model."""
    plain = trained(monkeypatch, data, tmp_path / "plain", "xl_text", dropout=0, attention_dropout=0, pooler_dropout=0)
    made = {}
    for weight in (0, 5):
        options = {"criterion": "xtune_criterion", "second_view": second, "r1_weight": weight}
        made[weight] = trained(
            monkeypatch, data, tmp_path / str(weight), "xl_text", dropout=0, attention_dropout=0, pooler_dropout=0,
            **options,
        )  # fmt: skip
    assert equal(plain, made[0])
    assert not equal(made[0], made[5])


@pytest.mark.slow
def test_salt_and_xla(data: Path, tiny_spm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counterparts and virtual texts have one field and no words; both methods train on them."""
    folder = tmp_path / "bin"
    shutil.copytree(data, folder)
    save_archive(tmp_path / "model.pt", folder / "dict.txt")
    (tmp_path / "lists").mkdir()
    vocabulary = [line.split()[0].lstrip("▁") for line in (folder / "dict.txt").read_text().splitlines()]
    for lang in LANGUAGES:
        (tmp_path / "lists" / f"{lang}.txt").write_text("\n".join(word for word in vocabulary if word.isalpha()) + "\n")
    common = ["--path", str(tmp_path / "model.pt"), "--device", "cpu"]
    lists = ["--word-lists", str(tmp_path / "lists"), "--languages", "de", "--threshold", "0", "--positions", "all"]
    assert augment.main(["counterparts", str(folder), *common, *lists]) == 0
    made = DataBin(folder)
    assert inner_folders(folder / "en" / "counterparts" / "de") == ["input0"]
    trained(monkeypatch, folder, tmp_path / "salt", "salt_augment_task", problem="text", salt_langs="de")
    vicinity = ["vicinity", str(folder), *common, "--languages", "en,de", "--genlm-min-words", "1", "--samples", "1"]
    assert augment.main([*vicinity, "--genlm-min-chars", "1"]) == 0
    for lang in LANGUAGES:
        inner = folder / lang / "vicinity"
        assert inner_folders(inner) == ["input0"]
        assert len(made.open_text(f"{lang}/vicinity", "input0", "train")) == len(np.load(inner / "parents.npy"))
    trained(
        monkeypatch, folder, tmp_path / "xla", "xla_cotrain_task", problem="text", xla_target="de", xla_epochs=1,
        xla_warmup_passes=1, distill_eta="80", xla_datasets="1:src,tgt,src_virt,tgt_virt", max_update=None,
    )  # fmt: skip
    assert {
        key.split(".")[1]
        for key in load(tmp_path / "xla" / "checkpoint_last.pt")["model"]
        if key.startswith("members.")
    } == {"0", "1", "2"}


def test_options_of_a_task(data: Path) -> None:
    with pytest.raises(UserError, match="--max-length 2: expected at least 3, a word and two special tokens"):
        build(data, "xl_text", max_length=2)
    with pytest.raises(UserError, match="the data is for problem 'text', this task is for 'sentence_pair'"):
        build(data, "xl_sentence_pair")
