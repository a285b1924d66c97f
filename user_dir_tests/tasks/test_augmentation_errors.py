"""Mistakes in the options of augmentations and in what they read: one line that names the option or the file."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import sentencepiece

from user_dir_tests.helpers.toys.toy import LABELS, write_rows
from user_dir_tests.helpers.toys.toy_positions import TAGS
from user_dir_tests.helpers.toys.toy_views import PROBLEMS, make_dictionaries, make_folder, make_spm, open_task
from xl_plugins.errors import UserError

TRAIN = 6


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders that a test does not change."""
    root = tmp_path_factory.mktemp("errors")
    spm = make_spm(root)
    made = {problem: make_folder(root / problem, spm, problem, train=TRAIN) for problem in PROBLEMS}
    make_dictionaries(root / "dictionaries", made["sentence_pair"])
    return made


@pytest.fixture
def copied(folders: dict[str, Path], tmp_path: Path) -> dict[str, Path]:
    """Folders that a test may change."""
    return {problem: Path(shutil.copytree(path, tmp_path / problem)) for problem, path in folders.items()}


def dictionaries(folders: dict[str, Path]) -> str:
    return str(folders["sentence_pair"].parent / "dictionaries")


def refused(data: Path, problem: str, method: str = "xl", **options: object) -> str:
    with pytest.raises(UserError) as caught:
        open_task(data, problem, method, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# -- numbers --

BAD = [
    ("ss_ratio", -0.1), ("ss_ratio", 1.5), ("ss_ratio", float("nan")), ("cs_ratio", 2.0), ("cs_ratio", -1e-9),
    ("cs_sentence_ratio", 1.01), ("cs_sentence_ratio", float("nan")), ("ss_alpha", -0.5), ("ss_alpha", float("inf")),
    ("ss_alpha", float("nan")), ("ss_nbest", 0), ("ss_nbest", 1), ("ss_nbest", 513), ("noise_eps", -1e-9),
    ("noise_eps", float("nan")), ("noise_eps", float("inf")),
]  # fmt: skip


@pytest.mark.parametrize("option, value", BAD)
def test_numbers_out_of_range(folders: dict, option: str, value: float) -> None:
    """Checked whatever the augmentation."""
    for problem in PROBLEMS:
        text = refused(folders[problem], problem, **{option: value})
        assert text.startswith(f"--{option.replace('_', '-')} {value}: expected")


@pytest.mark.parametrize(
    "options",
    [{"ss_nbest": 512, "ss_alpha": 0.0, "ss_ratio": 1.0}, {"ss_nbest": 2}, {"ss_nbest": -7}, {"ss_alpha": 1e9}],
)
def test_numbers_at_the_edge(folders: dict, options: dict) -> None:
    dataset = open_task(folders["qa"], "qa", augment="ss", second_view="ss", **options).datasets["train"]
    assert dataset.collater([dataset[0], dataset[len(dataset) - 1]])["nsentences"] == 2


@pytest.mark.parametrize("option", ["augment", "second_view"])
def test_unknown_names(folders: dict, option: str, capsys: pytest.CaptureFixture) -> None:
    """The command line's own check of choices."""
    from user_dir_tests.helpers.toys.tiny import parse

    with pytest.raises(SystemExit):
        parse(folders["qa"], "xl_qa", **{option: "xx"})
    assert f"--{option.replace('_', '-')}" in capsys.readouterr().err


# -- options that contradict each other --


@pytest.mark.parametrize("problem", ["tagging", "qa"])
@pytest.mark.parametrize("augment", ["none", "mt", "ss"])
def test_translations_as_second_view_of_words(folders: dict, problem: str, augment: str) -> None:
    text = refused(folders[problem], problem, augment=augment, second_view="mt")
    assert text.startswith("--second-view mt: ") and "cannot be aligned" in text and "use ss or cs" in text


@pytest.mark.parametrize("problem", PROBLEMS)
def test_code_switch_of_translations(folders: dict, problem: str) -> None:
    text = refused(folders[problem], problem, augment="mt", second_view="cs")
    assert text.startswith("--second-view cs: ") and "use ss" in text


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("option", ["augment", "second_view"])
def test_translations_with_xmixup(folders: dict, problem: str, option: str) -> None:
    text = refused(folders[problem], problem, "xmixup", **{option: "mt"})
    assert "mt" in text and ("--augment" in text or "--second-view mt" in text)


@pytest.mark.parametrize("languages", ["all", "de", "en,de"])
def test_translations_beside_other_training_languages(folders: dict, languages: str) -> None:
    text = refused(folders["sentence_pair"], "sentence_pair", augment="mt", train_languages=languages)
    assert text.startswith(f"--train-languages {languages}: ") and "--mt-languages" in text


@pytest.mark.parametrize("problem", PROBLEMS)
def test_naming_the_source_is_as_good_as_source(folders: dict, problem: str) -> None:
    for source in (None, "en"):
        task = open_task(folders[problem], problem, augment="mt", train_languages="en", source_language=source)
        assert len(task.datasets["train"]) > len(task.datasets["train"].base)


@pytest.mark.parametrize("languages", ["all", "de", "en,fr"])
@pytest.mark.parametrize("option", ["augment", "second_view"])
def test_dictionaries_for_other_training_languages(folders: dict, languages: str, option: str) -> None:
    given = {option: "cs", "cs_dictionaries": dictionaries(folders), "train_languages": languages}
    text = refused(folders["sentence_pair"], "sentence_pair", **given)
    assert text.startswith("--train-languages ") and "dictionaries translate from en only" in text


# -- code-switch --


@pytest.mark.parametrize("option", ["augment", "second_view"])
@pytest.mark.parametrize("problem", PROBLEMS)
def test_no_dictionaries(folders: dict, problem: str, option: str) -> None:
    assert refused(folders[problem], problem, **{option: "cs"}).startswith("--cs-dictionaries: ")


def test_unusable_dictionaries(folders: dict, tmp_path: Path) -> None:
    def found(folder: Path, **options: object) -> str:
        return refused(folders["qa"], "qa", second_view="cs", cs_dictionaries=str(folder), **options)

    missing = tmp_path / "no such"
    assert found(missing).startswith(f"--cs-dictionaries {missing}: no such folder")
    folder = tmp_path / "dictionaries"
    folder.mkdir()
    assert found(folder).startswith(f"--cs-dictionaries {folder}: no dictionary from en into any language")
    (folder / "de-en.txt").write_text("hund dog\n")
    assert "no dictionary from en" in found(folder)
    path = folder / "en-de.txt"
    path.write_text("")
    assert found(folder).startswith(f"{path}: the file is empty; expected two fields")
    path.write_text("dog\ncat\n")
    assert found(folder).startswith(f"{path}:1: 'dog', one field alone; so are all 2 lines")
    path.write_text("cat die Katze\n")
    assert found(folder).startswith(f"{path}:1: 'cat die Katze', more than two words without a tab; so are all 1")
    path.write_bytes(b"dog Hund\ncat K\xe4tzchen\n")
    assert found(folder).startswith(f"{path}:2: not UTF-8")
    path.write_text("dog Hund\n")
    assert "no dictionary from en into fr" in found(folder, cs_languages="fr")
    open_task(folders["qa"], "qa", second_view="cs", cs_dictionaries=str(folder), cs_languages="de,fr")


# -- the tokenizer of the folder --


@pytest.mark.parametrize("name", ["ss", "cs"])
@pytest.mark.parametrize("problem", PROBLEMS)
def test_no_sentencepiece_model(folders: dict, copied: dict, problem: str, name: str) -> None:
    data = copied[problem]
    (data / "sentencepiece.bpe.model").unlink()
    text = refused(data, problem, second_view=name, cs_dictionaries=dictionaries(folders))
    assert text.startswith(f"{data}/sentencepiece.bpe.model: no such file") and "copy the model" in text
    for other in ("gn", "mt") if problem == "sentence_pair" else ("gn",):
        open_task(data, problem, augment=other, second_view=other)


def train_model(folder: Path, kind: str) -> None:
    """A model of the folder's own text, with its dictionary or without."""
    spm = make_spm(folder)
    sentencepiece.SentencePieceTrainer.train(
        input=str(spm.text), model_prefix=str(folder / kind), vocab_size=60, model_type=kind, character_coverage=1.0,
        hard_vocab_limit=False, num_threads=1, minloglevel=2,
    )  # fmt: skip


def test_model_of_the_wrong_type(copied: dict, tmp_path: Path) -> None:
    data = copied["sentence_pair"]
    train_model(tmp_path, "bpe")
    model = sentencepiece.SentencePieceProcessor(model_file=str(tmp_path / "bpe.model"))
    path = data / "sentencepiece.bpe.model"
    shutil.copy(tmp_path / "bpe.model", path)
    pieces = [model.id_to_piece(number) for number in range(3, model.get_piece_size())]
    known = (data / "dict.txt").read_text(encoding="utf-8").split("\n")
    new = [f"{piece} 1" for piece in pieces if f"{piece} 1" not in known]
    (data / "dict.txt").write_text("\n".join([*filter(None, known), *new]) + "\n", encoding="utf-8")
    text = refused(data, "sentence_pair", augment="ss")
    assert text.startswith(f"{path}: not a unigram model")


def test_model_of_another_dictionary(folders: dict, copied: dict, tmp_path: Path) -> None:
    data = copied["tagging"]
    path = data / "sentencepiece.bpe.model"
    train_model(tmp_path, "unigram")
    shutil.copy(tmp_path / "unigram.model", path)
    names = (data / "dict.txt").read_text(encoding="utf-8").splitlines()
    (data / "dict.txt").write_text("".join(f"x{row} 1\n" for row, _ in enumerate(names)), encoding="utf-8")
    for name in ("ss", "cs"):
        text = refused(data, "tagging", second_view=name, cs_dictionaries=dictionaries(folders))
        assert text.startswith(f"{path}: ") and "must come from the same pre-trained model" in text
    path.write_bytes(b"no model")
    assert refused(data, "tagging", second_view="ss").startswith(f"{path}: not a SentencePiece model")


# -- translations --


@pytest.mark.parametrize("problem", PROBLEMS)
def test_unknown_languages(folders: dict, problem: str) -> None:
    text = refused(folders[problem], problem, augment="mt", mt_languages="de,xx")
    assert (
        text.startswith("--mt-languages de,xx: ")
        and "no translated training text in xx" in text
        and "it has de, fr" in text
    )


@pytest.mark.parametrize(
    "options",
    [{"mt_exclude": "de,fr"}, {"mt_languages": "de", "mt_exclude": "de"}, {"mt_languages": ""}, {"mt_languages": " ,"}],
)
def test_no_language_is_left(folders: dict, options: dict) -> None:
    for problem in PROBLEMS:
        assert refused(folders[problem], problem, augment="mt", **options).startswith("--mt-languages: no language")


def test_no_translations_at_all(tmp_path: Path) -> None:
    data = make_folder(tmp_path / "data", make_spm(tmp_path), "sentence_pair", languages=("en",), train=3)
    assert "no language is left" in refused(data, "sentence_pair", augment="mt")


@pytest.mark.parametrize("labels", ["absent", "use"])
def test_labels_of_translated_sentences(copied: dict, labels: str) -> None:
    data = copied["tagging"]
    if labels == "use":
        text = refused(data, "tagging", augment="mt", mt_labels="use")
        assert text.startswith(f"{data}/de/label/train.idx: ") and "has no tags" in text
    counts = np.load(data / "en" / "spans" / "train.npy") if (data / "en" / "spans").exists() else None
    assert counts is None
    other = make_folder(data.parent / "tagged", make_spm(data.parent), "tagging", train=TRAIN, tagged=True)
    if labels == "absent":
        text = refused(other, "tagging", augment="mt")
        assert text.startswith(f"{other}/de/label/train.idx: ") and "--mt-labels ignore" in text
    else:
        open_task(other, "tagging", augment="mt", mt_labels="use")
    open_task(other, "tagging", augment="mt", mt_labels="ignore")
    write_rows(other / "de" / "label" / "train", [[4]] * TRAIN, len(TAGS) + 4)
    assert "not one label for every word" in refused(other, "tagging", augment="mt", mt_labels=labels)


@pytest.mark.parametrize("problem", ["sentence_pair", "tagging"])
def test_unequal_numbers_of_records(folders: dict, tmp_path: Path, problem: str) -> None:
    data = make_folder(tmp_path / "data", make_spm(tmp_path), problem, train=TRAIN + 1)
    shutil.rmtree(data / "fr")
    shutil.copytree(folders[problem] / "fr", data / "fr")
    text = refused(data, problem, augment="mt")
    assert text.startswith(
        f"{data}/fr/input0/train.idx has {TRAIN} rows, but {data}/en/input0/train.idx has {TRAIN + 1}"
    )
    open_task(data, problem, augment="mt", mt_exclude="fr")


def test_translated_pairs_with_other_labels(copied: dict) -> None:
    data = copied["sentence_pair"]
    labels = [[4 + row % len(LABELS)] for row in range(TRAIN)]
    write_rows(data / "fr" / "label" / "train", [*labels[:3], [4 + 1], *labels[4:]], len(LABELS) + 4)
    text = refused(data, "sentence_pair", second_view="mt")
    assert text == (
        f"{data}/fr/label/train: row 4 is '{LABELS[1]}', but '{LABELS[0]}' in en; the files are not row-parallel"
    )
    write_rows(data / "fr" / "label" / "train", labels[:-1], len(LABELS) + 4)
    assert f"{TRAIN} rows, but {TRAIN - 1} labels" in refused(data, "sentence_pair", augment="mt")


def test_missing_questions(copied: dict) -> None:
    data = copied["qa"]
    path = data / "fr" / "spans" / "train.npy"
    spans = np.load(path)
    spans[2, 0] = 77
    np.save(path, spans)
    text = refused(data, "qa", augment="mt")
    assert text.startswith("--mt-missing error: 1 translations are missing") and "'q2' in language 'fr'" in text
    for missing in ("skip", "random"):
        open_task(data, "qa", augment="mt", mt_missing=missing)
    spans[3, 0] = spans[2, 0]
    np.save(path, spans)
    assert "occurs more than once" in refused(data, "qa", augment="mt", mt_missing="skip")


def test_another_source_language(copied: dict) -> None:
    """Translations are of the source's text, whichever that is; dictionaries begin with its code."""
    task = open_task(copied["sentence_pair"], "sentence_pair", augment="mt", source_language="de")
    assert task.datasets["train"].views.translations.languages == ["en", "fr"]
    meta = copied["qa"] / "meta.json"
    meta.write_text(json.dumps({**json.loads(meta.read_text()), "source_language": "fr"}))
    assert open_task(copied["qa"], "qa", augment="mt").datasets["train"].views.translations.languages == ["de", "en"]
