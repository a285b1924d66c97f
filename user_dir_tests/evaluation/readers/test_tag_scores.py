"""Prediction folders of tagging: scores worked by hand, and what is refused."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path

import pytest

from user_dir_tests.helpers.evaluation.predictions import error, rows, score, write
from xl_plugins.evaluation.readers.tags import read_tags
from xl_plugins.formats.predictions import write_answers, write_tags

PANX = [["B-LOC", "I-LOC", "O"], ["O", "B-PER"], ["B-ORG"]]
WORDS = [["New", "York", "."], ["mit", "Anna"], ["UNO"]]


@pytest.fixture
def panx(tmp_path) -> tuple[Path, Path]:
    write(tmp_path / "gold" / "panx" / "test-en.tsv", rows(WORDS, PANX))
    write(tmp_path / "gold" / "panx" / "test-de.tsv", rows(WORDS, PANX))
    write(tmp_path / "pred" / "panx" / "test-en.tsv", write_tags(PANX))
    write(tmp_path / "pred" / "panx" / "test-de.tsv", write_tags([["B-LOC", "O", "O"], ["O", "B-PER"], ["I-ORG"]]))
    return tmp_path / "pred", tmp_path / "gold"


def test_spans(panx):
    """German: B-LOC alone is not the gold span, I-ORG without B-ORG opens one and is."""
    result = score(panx, "panx")
    assert result.metric.name == "span_f1"
    assert result.counts == {"en": (3, 3, 3, 6, 6), "de": (3, 3, 2, 4, 6)}
    assert result.scores == {"en": 100.0, "de": pytest.approx(200 / 3)}
    assert result.figures("accuracy") == {"en": 100.0, "de": pytest.approx(200 / 3)}
    assert result.examples["de"].tolist() == [[1, 1, 0, 2, 3], [1, 1, 1, 2, 2], [1, 1, 1, 0, 1]]
    assert result.summary()["transfer_gap"] == pytest.approx(100 / 3)


def test_chunks_with_accuracy(tmp_path):
    gold, found = [["CCONJ", "SCONJ", "NOUN", "NOUN"]], [["SCONJ", "SCONJ", "NOUN", "NOUN"]]
    write(tmp_path / "pred" / "udpos" / "test-en.tsv", write_tags(found) * 4)
    write(tmp_path / "gold" / "test-en.tsv", "\n".join([rows([list("abcd")], gold)] * 4))
    result = score((tmp_path / "pred", tmp_path / "gold"), "udpos")
    assert result.metric.name == "chunk_f1"
    assert result.counts == {"en": (12, 12, 8, 12, 16)}
    assert result.figures("f1")["en"] == pytest.approx(200 / 3) and result.figures("accuracy")["en"] == 75.0


def test_a_missing_sentence_names_the_file_and_both_counts(panx):
    write(panx[0] / "panx" / "test-de.tsv", write_tags(PANX[:2]))
    message = error(panx, "panx")
    assert "pred/panx/test-de.tsv: 2 sentences (5 tags), but " in message
    assert "gold/panx/test-de.tsv has 3 (6 tokens)" in message


def test_a_missing_token_names_the_line(panx):
    write(panx[0] / "panx" / "test-de.tsv", write_tags([PANX[0], ["O"], PANX[2]]))
    message = error(panx, "panx")
    assert "pred/panx/test-de.tsv:5: sentence 2 has 1 tags, but 2 tokens in " in message
    assert "gold/panx/test-de.tsv:5; every token needs a tag" in message


@pytest.mark.parametrize(
    ("gold", "reason"),
    [
        ("Das\nist\n", "test-en.tsv:1: 'Das' is not one of B-LOC"),
        ("Das\tO\nist\tX-LOC\n", "test-en.tsv:2: 'X-LOC' is not one of"),
        ("Das\tO\nist\t\n", "test-en.tsv:2: '' is not one of"),
        ("a\tO\n" * 10, "the tag is 'O' in every line, a placeholder"),
        ("\n\n", "the file is empty"),
    ],
)
def test_gold_files_without_tags_are_refused(panx, gold, reason):
    write(panx[1] / "panx" / "test-en.tsv", gold)
    assert reason in error(panx, "panx", languages=["en"])


def test_unknown_tags_of_a_prediction(panx):
    write(panx[0] / "panx" / "test-en.tsv", "B-LOC\nI-LOC\nO\n\nO\nPER\n\nB-ORG\n")
    assert "test-en.tsv:6: 'PER' is not one of B-LOC" in error(panx, "panx")


def test_tag_files_may_be_compressed_with_tokens_and_windows_line_ends(panx):
    file = panx[0] / "panx" / "test-de.tsv"
    with gzip.open(f"{file}.gz", "wb") as packed:
        packed.write(("\ufeff\n\n" + rows(WORDS, PANX)).replace("\n", "\r\n").encode())
    file.unlink()
    assert score(panx, "panx").scores["de"] == 100.0


def test_unicode_line_separators_and_spaces_are_tokens(tmp_path):
    path = write(tmp_path / "t.tsv", "a\u2028b\tO\n\x85\tB-PER\n\u3000\tO\n\u3000\t\n\nx y\tO\n")
    assert read_tags(str(path)).sentences == [["O", "B-PER", "O"], ["O"]]


def test_other_data_sets_name_their_metric(panx):
    for folder in panx:
        (folder / "panx").rename(folder / "own")
    assert score(panx, "own", metric="span_f1").scores["de"] == pytest.approx(200 / 3)


def test_one_tag_throughout_is_gold_outside_xtremes_sets(tmp_path):
    folders = styled(tmp_path, "own", "O " * 12, "O " * 11 + "PER")
    assert score(folders, "own", metric="span_f1").counts["en"] == (0, 1, 0, 11, 12)


def test_layout_that_xtremes_scorer_reads(tmp_path):
    """It strips every line and takes an empty one for the end of a sentence."""
    draw = random.Random(1)
    sentences = [[draw.choice(["O", "B-PER", "I-PER"]) for _ in range(draw.randint(1, 9))] for _ in range(50)]
    theirs, sentence = [], []
    for line in write_tags(sentences).splitlines():
        if line.strip():
            sentence.append(line.strip())
        else:
            theirs.append(sentence)
            sentence = []
    assert theirs == sentences and sentence == []
    path = write(tmp_path / "t.tsv", write_tags(sentences))
    assert read_tags(str(path)).sentences == sentences
    assert json.loads(write_answers(["a", "b"], ["x", "北京"])) == {"a": "x", "b": "北京"}


STYLES = {  # gold, predicted, F1
    "hyphen": ("B-art-other I-art-other O B-location-other", "B-person-other I-person-other O B-event-other", 0.0),
    "io": ("ORG ORG O PER", "O O O PER", 200 / 3),
    "event": ("EVENT EVENT EVENT O PER", "EVENT EVENT O O PER", 50.0),
    "bare": ("O B I B I O", "O B I I I O", 0.0),
    "bilou": ("B-PER L-PER B-PER L-PER O U-LOC U-LOC", "B-PER L-PER O O O U-LOC U-LOC", 600 / 7),
}


def styled(tmp_path: Path, name: str, gold: str, found: str) -> tuple[Path, Path]:
    write(tmp_path / "pred" / name / "test-en.tsv", write_tags([found.split()]))
    words = [str(number) for number in range(len(gold.split()))]
    write(tmp_path / "gold" / name / "test-en.tsv", rows([words], [gold.split()]))
    return tmp_path / "pred", tmp_path / "gold"


@pytest.mark.parametrize("metric", ["span_f1", "chunk_f1"])
@pytest.mark.parametrize("name", list(STYLES))
def test_tags_of_other_styles(tmp_path, name, metric):
    *tags, expected = STYLES[name]
    result = score(styled(tmp_path, name, *tags), name, metric=metric)
    assert result.scores["en"] == pytest.approx(expected)
    schemes = {"hyphen": "IOB2", "bare": "IOB2, letters without types", "bilou": "BILOU"}
    assert result.provenance["tag_scheme"] == schemes.get(name, "types without prefixes")


def test_styles_that_do_not_agree_and_the_way_out(tmp_path):
    folders = styled(tmp_path, "own", "B-PER I-PER O", "PER PER O")
    message = error(folders, "own", metric="span_f1")
    assert "'B-PER' and 'PER' are of different styles" in message and "--tag-scheme" in message
    assert score(folders, "own", metric="span_f1", tag_scheme="io").counts["en"] == (2, 1, 0, 1, 3)


def test_the_scheme_is_that_of_all_languages(tmp_path):
    """S alone would be a type in English."""
    folders = styled(tmp_path, "own", "S S O", "S S O")
    assert score(folders, "own", metric="span_f1").counts["en"][0] == 1
    write(tmp_path / "pred" / "own" / "test-de.tsv", write_tags([["B", "E"]]))
    write(tmp_path / "gold" / "own" / "test-de.tsv", rows([["a", "b"]], [["B", "E"]]))
    assert score(folders, "own", metric="span_f1").counts["en"][0] == 2


def test_xtremes_rules_stay_in_its_sets_and_for_parts_of_speech(tmp_path):
    for name in ("udpos", "own"):
        result = score(styled(tmp_path, name, "SYM SYM NOUN NOUN", "SYM SYM NOUN NOUN"), name, metric="chunk_f1")
        assert result.counts["en"][0] == 3 and result.provenance["tag_scheme"] == "XTREME's rules"
