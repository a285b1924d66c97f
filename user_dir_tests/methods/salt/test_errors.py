"""Mistakes in SALT's options and in what it reads: one line that names the option or the file; and warnings."""

from __future__ import annotations

import itertools
import math
import shutil
from pathlib import Path

import pytest
from fairseq import tasks
from torch import nn

from user_dir_tests.helpers.running.training import save_archive
from user_dir_tests.helpers.setups.salt import (
    LANGUAGES,
    TASK,
    make,
    read_rows,
    write_counterparts,
    write_field,
    write_manifest,
)
from user_dir_tests.helpers.toys.tiny import build, parse
from user_dir_tests.helpers.toys.toy import make_data
from user_dir_tests.helpers.toys.toy_positions import make_tagging
from xl_plugins.data.binary.digest import file_digest
from xl_plugins.errors import UserError
from xl_plugins.methods.salt.task import check_mixable, parse_mix


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that a test does not change."""
    made = make_data(tmp_path_factory.mktemp("errors") / "data", train=6)
    write_counterparts(made)
    return made


@pytest.fixture
def copied(data: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(data, tmp_path / "data"))


def refused(data: Path, **options: object) -> str:
    with pytest.raises(UserError) as caught:
        make(data, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# -- options --


@pytest.mark.parametrize(
    "text",
    ["constant", "constant:", "constant:1.01", "constant:-0.01", "constant:nan", "constant:inf", "constant:half",
     "uniform:1", "none:0", "Uniform", "", "beta", ":0.5"],
)  # fmt: skip
def test_mixing_that_does_not_exist(data: Path, text: str) -> None:
    expected = f"--mix {text}: expected uniform, none, or constant:R with R from 0 to 1, such as constant:0.5"
    assert refused(data, mix=text) == expected


@pytest.mark.parametrize("text, parsed", [("uniform", ("uniform", 0.0)), ("none", ("none", 0.0)),
                                          ("constant:0", ("constant", 0.0)), ("constant:1.0", ("constant", 1.0)),
                                          ("constant:.25", ("constant", 0.25))])  # fmt: skip
def test_mixing_that_exists(text: str, parsed: tuple[str, float]) -> None:
    assert parse_mix(text) == parsed


@pytest.mark.parametrize(
    "options, words",
    [
        ({"salt_langs": "en,fr,en"}, "--salt-langs: language en is given twice"),
        ({"salt_langs": "en,French"}, "--salt-langs: 'French' is not a language code"),
        ({"salt_langs": ""}, "--salt-langs: no language given"),
        ({"salt_langs": "none,fr"}, "--salt-langs: 'none' is not a language code"),
        ({"salt_top_k": 0}, "--salt-top-k 0: expected at least 1"),
        ({"salt_threshold": 1.5}, "--salt-threshold 1.5: expected a probability from 0 to 1"),
        ({"salt_threshold": -1e-9}, "--salt-threshold -1e-09: expected a probability"),
        ({"salt_source_threshold": math.nan}, "--salt-source-threshold nan: expected a probability"),
        ({"salt_source_threshold": math.inf}, "--salt-source-threshold inf: expected a probability"),
        ({"salt_thresholds": "fr"}, "--salt-thresholds fr: 'fr' is not LANGUAGE=PROBABILITY"),
        ({"salt_thresholds": "fr=x"}, "'fr=x' is not LANGUAGE=PROBABILITY"),
        ({"salt_thresholds": "fr=2"}, "--salt-thresholds fr 2.0: expected a probability"),
        ({"salt_thresholds": "ru=1e-3"}, "--salt-thresholds ru: not one of the languages en,fr,es,de"),
        ({"salt_thresholds": "fr=1e-6,fr=1e-7"}, "--salt-thresholds fr=1e-6,fr=1e-7: fr is given twice"),
        ({"augment": "ss"}, "--augment ss: the counterparts are SALT's only views; leave it out"),
        ({"second_view": "gn"}, "--second-view gn: the counterparts are SALT's only views; leave it out"),
        ({"train_languages": "all"}, "--train-languages all: SALT trains on the source language"),
        ({"train_languages": "en,de", "salt_langs": "none"}, "--train-languages en,de: "),
        ({"salt_build": True, "salt_langs": "ru"}, "--salt-build: no pre-trained model is known; name it by"),
        ({"salt_model": "nowhere/model.pt"}, "--salt-model nowhere/model.pt: no such file"),
        ({"select": "source-dev", "valid_languages": "de"}, "--select source-dev needs dev data of en"),
    ],
    ids=lambda value: ",".join(map(str, value.items())) if isinstance(value, dict) else "",
)
def test_options_are_refused_by_name(data: Path, options: dict, words: str) -> None:
    assert words in refused(data, **options)


@pytest.mark.parametrize("option", ["problem", "mix_granularity", "salt_positions", "salt_case", "select"])
def test_unknown_names(option: str, capsys: pytest.CaptureFixture) -> None:
    """The command line's own check of choices; question answering is none."""
    with pytest.raises(SystemExit):
        parse(Path("DATA"), TASK, **{option: "qa"})
    assert f"--{option.replace('_', '-')}" in capsys.readouterr().err


def test_thresholds_of_no_languages_are_not_asked_for(data: Path) -> None:
    """Without languages SALT's own options do not count."""
    make(data, salt_langs="none", salt_thresholds="ru=7", salt_top_k=0)


# -- files --


def test_missing_counterparts(copied: Path) -> None:
    folder = copied / "en" / "counterparts"
    shutil.rmtree(folder / "es")
    text = refused(copied)
    assert text.startswith(f"{folder}/es: no counterparts in es; make them (xl-augment counterparts {copied}")
    assert all(hint in text for hint in ("--languages en,fr,es,de", "--salt-build", "--salt-langs"))
    make(copied, salt_langs="en,fr,de")
    shutil.rmtree(folder)
    assert refused(copied).startswith(f"{folder}/en: no counterparts in en")
    make(copied, salt_langs="none")


def test_counterparts_of_another_source_language(copied: Path) -> None:
    assert refused(copied, source_language="de").startswith(f"{copied}/de/counterparts/en: no counterparts in en")


@pytest.mark.parametrize("content", ["", "{", "[1]", "\udcff"], ids=["empty", "half", "list", "bytes"])
def test_damaged_manifest(copied: Path, content: str) -> None:
    path = copied / "en" / "counterparts" / "fr" / "manifest.json"
    path.write_text(content, encoding="utf-8", errors="surrogateescape")
    assert refused(copied).startswith(f"{path}: not JSON")


@pytest.mark.parametrize("suffix", ["bin", "idx"])
def test_missing_files(copied: Path, suffix: str) -> None:
    (copied / "en" / "counterparts" / "fr" / "input1" / f"train.{suffix}").unlink()
    assert refused(copied).startswith(f"{copied}/en/counterparts/fr/input1/train.idx: missing")


def test_files_that_do_not_fit(copied: Path) -> None:
    """See data/test_counterpart_files.py for all the ways."""
    rows = read_rows(copied, "en/counterparts/de", "input0")
    write_field(copied, "de", "input0", [*rows[:4], [*rows[4], 9], rows[5]])
    text = refused(copied)
    assert f"row 5 has {len(rows[4]) + 1} pieces, in {copied}/en/input0/train {len(rows[4])}" in text
    write_field(copied, "de", "input0", [*rows[:5], [3, *rows[5][1:]]])
    assert "row 6 differs" in refused(copied) and "<unk>" in refused(copied)


def test_tagged_sentences_that_do_not_fit(tmp_path: Path) -> None:
    made = make_tagging(tmp_path / "data", train=5)
    rows = write_counterparts(made)["fr"]["input0"]
    write_field(made, "fr", "input0", rows[1:])
    with pytest.raises(
        UserError, match=r"counterparts/fr/input0/train\.idx: 4 rows, but .*/en/input0/train\.idx has 5"
    ):
        make(made, "tagging")


# -- warnings --


def warnings(data: Path, caplog: pytest.LogCaptureFixture, **options: object) -> list[str]:
    caplog.clear()
    make(data, **options)
    return [record.getMessage() for record in caplog.records if "was made with" in record.getMessage()]


def test_files_made_with_other_options(copied: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The files count, and the log says so, a line for each difference."""
    folder = copied / "en" / "counterparts"
    assert warnings(copied, caplog) == []
    assert warnings(copied, caplog, salt_thresholds="fr=1e-5") == [
        f"{folder}/fr: was made with threshold 1e-07, the task's options say 1e-05; the files count"
    ]
    assert warnings(copied, caplog, salt_source_threshold=0.01) == [
        f"{folder}/en: was made with threshold 0.001, the task's options say 0.01; the files count"
    ]
    assert len(warnings(copied, caplog, salt_threshold=1e-6)) == 3
    assert warnings(copied, caplog, salt_case="any", salt_langs="de") == [
        f"{folder}/de: was made with case match, the task's options say any; the files count"
    ]
    write_manifest(copied, "es", positions="all", exclude_identity=True, source_in_list=True)
    found = warnings(copied, caplog)
    assert [text.split(" was made with ")[1].split(",")[0] for text in found] == [
        "positions all", "source in list True", "exclude identity True",
    ]  # fmt: skip


@pytest.mark.parametrize("option", ["salt_model", "restore_file", "finetune_from_model"])
def test_files_made_with_another_model(copied: Path, caplog: pytest.LogCaptureFixture, option: str) -> None:
    path = copied.parent / "model.pt"
    save_archive(path, copied / "dict.txt")
    for language in LANGUAGES:
        write_manifest(copied, language, model={"file": "model.pt", "sha256": file_digest(str(path))})
    assert warnings(copied, caplog, **{option: str(path)}) == []
    save_archive(path, copied / "dict.txt", zipped=True)
    folder = copied / "en" / "counterparts"
    expected = [f"{folder}/{language}: was made with another model than {path}" for language in LANGUAGES]
    assert warnings(copied, caplog, **{option: str(path)}) == expected
    assert warnings(copied, caplog) == []


def test_the_runs_own_checkpoint_is_no_pretrained_model(
    copied: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``--restore-file`` has a default, which may exist in the working directory."""
    write_manifest(copied, "fr", model={"file": "model.pt", "sha256": "0"})
    monkeypatch.chdir(copied)
    Path("checkpoint_last.pt").write_bytes(b"x")
    assert warnings(copied, caplog, salt_langs="fr") == []


# -- models --


def test_models_without_mixed_embeddings(data: Path) -> None:
    """X-Mixup's encoder and fairseq's own class; without counterparts any model will do."""
    tagged = make_tagging(data.with_name("tagged"), train=5)
    for arch, folder in itertools.product(("xmixup_xlmr", "roberta_base"), (data, tagged)):
        problem = "tagging" if folder == tagged else None
        cfg = parse(folder, TASK, arch=arch, max_length=32, problem=problem)
        with pytest.raises(UserError, match=f"--arch {arch}: takes no mixed embeddings; pass --arch xl_xlmr"):
            tasks.setup_task(cfg.task).build_model(cfg.model)
    cfg = parse(data, TASK, arch="roberta_base", salt_langs="none")
    tasks.setup_task(cfg.task).build_model(cfg.model)


def test_scaled_or_adaptive_embeddings(data: Path) -> None:
    model = build(data, TASK).model
    check_mixable(model, "xl_xlmr")
    encoder = model.encoder.sentence_encoder
    encoder.embed_scale = 4.0
    with pytest.raises(UserError, match="--arch xl_xlmr: its embeddings are scaled or adaptive"):
        check_mixable(model, "xl_xlmr")
    encoder.embed_scale = 1.0
    del encoder.embed_tokens
    encoder.embed_tokens = nn.Sequential()
    with pytest.raises(UserError, match="scaled or adaptive"):
        check_mixable(model, "xl_xlmr")
