"""xl-prepare on the real data sets: counts of sentences, words, questions and pairs, and the layout's invariants."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from user_dir_tests.helpers.prepare import prepared
from user_dir_tests.helpers.prepare.runs import meta, run


def token_rows(path: Path) -> tuple[int, int]:
    """Sentences and words of a file with a word per line, counted in the simplest way."""
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as file:
        blocks = [block for block in file.read().split("\n\n") if block.strip()]
    return len(blocks), sum(len(block.strip("\n").split("\n")) for block in blocks)


@pytest.mark.slow
@pytest.mark.parametrize(("dataset", "count"), [("udpos", 28), ("panx", 37)])
def test_all_words_of_xtreme(tiny_spm: Any, tmp_path: Path, xl_data: Path, dataset: str, count: int) -> None:
    run(tiny_spm, dataset, xl_data / dataset, tmp_path / "b")
    splits = meta(tmp_path / "b")["splits"]
    assert len(splits) == count and meta(tmp_path / "b")["unlabelled"] == {}
    assert [lang for lang in splits if "train" in splits[lang]] == ["en"]
    for language, sizes in splits.items():
        for split in sizes:
            name = {"valid": "dev"}.get(split, split)
            wanted = token_rows(xl_data / dataset / f"{name}-{language}.tsv.gz")
            assert prepared.check_tagging(tmp_path / "b", language, split) == wanted, (language, split)


@pytest.mark.parametrize(("language", "words"), [("de", 18_400), ("fr", 20_200), ("tr", 13_400), ("th", 17_800)])
def test_treebank_words_make_up_the_text(
    tiny_spm: Any, tmp_path: Path, xl_data: Path, language: str, words: int
) -> None:
    """Fused words and no others: joined without blanks they are the sentence."""
    from xl_plugins.formats.examples.sentences import SentenceFile, text_checksum

    path = xl_data / "pud" / f"{language}_pud-ud-test.conllu.gz"
    sentences = list(SentenceFile(str(path), kind="conllu").sentences())
    assert len(sentences) == 800
    same = [text_checksum("".join(s.words)) == text_checksum(s.text or "") for s in sentences]
    assert sum(same) >= 798  # a few treebank errors
    assert abs(sum(len(s.words) for s in sentences) - words) < 0.1 * words


def test_parallel_treebanks_as_translations(tiny_spm: Any, tmp_path: Path, xl_data: Path) -> None:
    pud = xl_data / "pud"
    run(tiny_spm, "conllu", tmp_path / "b", "--languages", "de,en,zh",
        "--train", f"{pud}/{{lang}}_pud-ud-test.conllu[0:600]", "--test", f"{pud}/{{lang}}_pud-ud-test.conllu[600:]",
        "--translate-test", f"de,zh={pud}/en_pud-ud-test.conllu[600:800]")  # fmt: skip
    splits = {"test": 200, "train": 600}
    assert meta(tmp_path / "b")["splits"] == {"de": splits, "en": splits, "zh": splits}
    assert len(prepared.strings(tmp_path / "b/zh/en-view", "raw", "test")) == 200


def test_universal_ner(tiny_spm: Any, tmp_path: Path, xl_data: Path) -> None:
    folder = xl_data / "uner_pud"
    run(tiny_spm, "conll", tmp_path / "b", "--word-column", 2, "--tag-column", 3, "--languages", "de,en,pt,ru,zh",
        "--train", f"{folder}/{{lang}}_pud-ud-test.iob2[0:500]",
        "--test", f"{folder}/{{lang}}_pud-ud-test.iob2[500:]")  # fmt: skip
    assert prepared.labels(tmp_path / "b") == ["B-LOC", "B-ORG", "B-PER", "I-LOC", "I-ORG", "I-PER", "O"]
    for language in ("de", "en", "pt", "ru", "zh"):
        assert prepared.check_tagging(tmp_path / "b", language, "test")[0] == 300


def count_questions(path: Path) -> tuple[int, int]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        paragraphs = [p for a in json.load(file)["data"] for p in a["paragraphs"]]
    return sum(len(p["qas"]) for p in paragraphs), len(paragraphs)


@pytest.mark.slow
@pytest.mark.parametrize("pieces", ["subword", "character"])
def test_every_answer_of_xquad_and_mlqa(tiny_spm: Any, tmp_path: Path, xl_data: Path, pieces: str) -> None:
    """With a piece per character every gold answer of every language is cut out exactly."""
    options = ("--context-pieces", pieces, "--train", xl_data / "squad/train-v1.1.json")
    run(tiny_spm, "xquad", xl_data / "xquad", tmp_path / "xquad", *options)
    run(tiny_spm, "mlqa", xl_data / "mlqa", tmp_path / "mlqa", *options, "--dev-as-test")
    names = {"xquad": "xquad/xquad.{0}", "mlqa": "mlqa/MLQA_V1/dev/dev-context-{0}-question-{0}"}
    for dataset, languages in (("xquad", 11), ("mlqa", 7)):
        tested = [lang for lang, splits in meta(tmp_path / dataset)["splits"].items() if "test" in splits]
        assert len(tested) == languages
        for lang in tested:
            questions, contexts, exact = prepared.check_questions(tmp_path / dataset / lang, "test")
            assert (questions, contexts) == count_questions(xl_data / f"{names[dataset].format(lang)}.json.gz")
            assert exact == questions or pieces == "subword", (dataset, lang)
    questions, _, exact = prepared.check_questions(tmp_path / "xquad/en", "train")
    assert questions == 2019 and (exact == questions or pieces == "subword")


@pytest.mark.slow
def test_tydiqa_repeats_ids(tiny_spm: Any, tmp_path: Path, xl_data: Path) -> None:
    run(tiny_spm, "tydiqa", xl_data / "tydiqa", tmp_path / "b", "--context-pieces", "character")
    questions, contexts, exact = prepared.check_questions(tmp_path / "b/en", "train")
    assert (questions, contexts) == (3696, 3696)
    assert exact == 3695  # one answer begins with an invisible direction mark
    assert len(set(prepared.spans(tmp_path / "b/en", "train")[:, 0].tolist())) == 3696
    tests = {lang: sizes["test"] for lang, sizes in meta(tmp_path / "b")["splits"].items() if "test" in sizes}
    assert tests == {"ar": 737, "bn": 91, "en": 352, "fi": 626, "id": 452, "ru": 650, "sw": 400, "te": 536}


def test_parallel_articles_as_translations(tiny_spm: Any, tmp_path: Path, xl_data: Path) -> None:
    folder = xl_data / "xquad"
    run(tiny_spm, "squad", tmp_path / "b", "--languages", "en,zh", "--train", f"{folder}/xquad.{{lang}}.json[0:30]",
        "--test", f"{folder}/xquad.{{lang}}.json[34:40]", "--back-translation", f"zh={folder}/xquad.en.json[0:30]",
        "--translate-test", f"zh={folder}/xquad.en.json[34:40]")  # fmt: skip
    assert meta(tmp_path / "b")["splits"] == {"en": {"test": 130, "train": 774}, "zh": {"test": 130, "train": 774}}
    for split in ("train", "test"):
        own, view = (prepared.spans(tmp_path / "b/zh" / part, split) for part in ("", "en-view"))
        assert own[:, 0].tolist() == view[:, 0].tolist()
        assert (view == prepared.spans(tmp_path / "b/en", split)).all()


def test_tatoeba(tiny_spm: Any, tmp_path: Path, xl_data: Path) -> None:
    run(tiny_spm, "tatoeba", xl_data / "tatoeba", tmp_path / "b")
    splits = meta(tmp_path / "b")["splits"]
    assert len(splits) == 34 and meta(tmp_path / "b")["views"] == splits
    small = {"jv": 205, "te": 234, "ta": 307, "sw": 390, "th": 548, "kk": 575, "ml": 687, "ka": 746}
    assert {lang: sizes["test"] for lang, sizes in splits.items() if sizes["test"] != 1000} == small
    assert meta(tmp_path / "b")["unlabelled"] == {}
