"""Prediction folders of tagging and question answering: scores worked by hand, and what is refused."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path

import pytest

from xl_plugins.errors import UserError
from xl_plugins.evaluation.readers.file_scores import score_files
from xl_plugins.evaluation.readers.questions import read_questions
from xl_plugins.evaluation.readers.tags import read_tags
from xl_plugins.formats.predictions import write_answers, write_tags

PANX = [["B-LOC", "I-LOC", "O"], ["O", "B-PER"], ["B-ORG"]]
WORDS = [["New", "York", "."], ["mit", "Anna"], ["UNO"]]


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def rows(words: list[list[str]], tags: list[list[str]]) -> str:
    return "\n".join("".join(f"{w}\t{t}\n" for w, t in zip(*pair)) for pair in zip(words, tags))


def squad(answers: dict[str, list[str]]) -> str:
    questions = [{"id": key, "question": "?", "answers": [{"text": t, "answer_start": 0} for t in texts]}
                 for key, texts in answers.items()]  # fmt: skip
    paragraphs = [{"context": "c", "qas": questions[:1]}, {"context": "d", "qas": questions[1:]}]
    return json.dumps({"version": "1.1", "data": [{"paragraphs": paragraphs}]}, ensure_ascii=False)


@pytest.fixture
def panx(tmp_path) -> tuple[Path, Path]:
    write(tmp_path / "gold" / "panx" / "test-en.tsv", rows(WORDS, PANX))
    write(tmp_path / "gold" / "panx" / "test-de.tsv", rows(WORDS, PANX))
    write(tmp_path / "pred" / "panx" / "test-en.tsv", write_tags(PANX))
    write(tmp_path / "pred" / "panx" / "test-de.tsv", write_tags([["B-LOC", "O", "O"], ["O", "B-PER"], ["I-ORG"]]))
    return tmp_path / "pred", tmp_path / "gold"


@pytest.fixture
def xquad(tmp_path) -> tuple[Path, Path]:
    gold = {"q1": ["Paris"], "q2": ["the year 1789", "1789"], "q3": ["北京"]}
    for lang in ("en", "zh"):
        write(tmp_path / "gold" / f"xquad.{lang}.json", squad(gold))
    write(tmp_path / "pred" / "xquad" / "test-en.json", json.dumps({"q1": "in Paris", "q2": "Year 1789", "q3": "北京"}))
    write(tmp_path / "pred" / "xquad" / "test-zh.json", json.dumps({"q1": "Paris.", "q3": "", "other": "x"}))
    return tmp_path / "pred", tmp_path / "gold"


def score(folders, task, **options):
    return score_files(str(folders[0]), str(folders[1]), task, **options)


def error(folders, task, **options) -> str:
    with pytest.raises(UserError) as caught:
        score(folders, task, **options)
    return str(caught.value)


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


def test_xtremes_folder_of_bucc_under_both_names(tmp_path):
    write(tmp_path / "gold" / "test-de.tsv", "de-1\ten-4\n")
    write(tmp_path / "old" / "bucc" / "test-de.tsv", "de-1\ten-4\n")
    write(tmp_path / "new" / "bucc2018" / "test-de.tsv", "de-1\ten-4\n")
    for folder, task in (("new", "bucc2018"), ("new", "bucc"), ("old", "bucc2018"), ("old", "bucc")):
        result = score((tmp_path / folder, tmp_path / "gold"), task)
        assert (result.task, result.metric.name, result.scores) == ("bucc2018", "set_f1", {"de": 100.0})


def test_indices_of_tatoeba_that_no_gold_row_has_are_wrong(tmp_path, caplog):
    """XTREME's mock: one number per line."""
    write(tmp_path / "gold" / "tatoeba" / "test-ar.tsv", "3\n0\n1\n")
    write(tmp_path / "pred" / "tatoeba" / "test-ar.tsv", "3\n2\n1\n")
    assert score((tmp_path / "pred", tmp_path / "gold"), "tatoeba").counts == {"ar": (2, 3)}
    assert "predicts 2, which no row of " in caplog.text and "counted as wrong" in caplog.text


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


def test_answers(xquad):
    """English: F1 2/3, exact match of the second, exact; Chinese: exact, missing, empty."""
    result = score(xquad, "xquad")
    assert result.metric.name == "qa"
    assert result.examples["en"].tolist() == [[0, pytest.approx(2 / 3), 1], [1, 1, 1], [1, 1, 1]]
    assert result.examples["zh"].tolist() == [[1, 1, 1], [0, 0, 1], [0, 0, 1]]
    assert result.figures("em") == {"en": pytest.approx(200 / 3), "zh": pytest.approx(100 / 3)}
    assert result.figures("f1")["en"] == pytest.approx(100 * 8 / 9)
    assert result.scores["en"] == pytest.approx((200 / 3 + 800 / 9) / 2)
    assert result.summary()["transfer_gap"] == pytest.approx(100 / 3)  # of exact match
    assert result.unanswered == {"zh": 1} and result.missing == []


def test_json_files_of_other_data_sets_are_answers(xquad):
    (xquad[0] / "xquad").rename(xquad[0] / "squad")
    assert score(xquad, "squad").metric.name == "qa"
    assert score(xquad, "squad").figures("em")["en"] == pytest.approx(200 / 3)


def test_answers_of_mlqa_follow_the_language(tmp_path):
    for lang, gold in (("de", "der Hund"), ("zh", "北京大学"), ("th", "x")):
        write(
            tmp_path / "gold" / "test" / f"test-context-{lang}-question-{lang}.json", squad({"a": [gold], "b": ["y"]})
        )
        write(tmp_path / "gold" / "test" / f"test-context-en-question-{lang}.json", squad({"a": ["no"], "b": ["y"]}))
    write(tmp_path / "pred" / "mlqa" / "test-de.json", json.dumps({"a": "Hund", "b": "z"}))
    write(tmp_path / "pred" / "mlqa" / "test-zh.json", json.dumps({"a": "北京", "b": "z"}))
    folders = (tmp_path / "pred", tmp_path / "gold")
    result = score(folders, "mlqa")
    assert result.figures("f1") == {"de": 50.0, "zh": pytest.approx(100 / 3)} and result.missing == ["th"]
    assert score(folders, "mlqa", languages=["de"]).figures("em") == {"de": 50.0}
    write(tmp_path / "pred" / "mlqa" / "test-th.json", json.dumps({"a": "x"}))
    assert "language 'th': MLQA's scorer has rules for ar, de, en" in error(folders, "mlqa")


def test_tydiqa_is_scored_on_its_dev_files(tmp_path):
    write(tmp_path / "gold" / "tydiqa-goldp-v1.1-dev" / "tydiqa.goldp.sw.dev.json", squad({"a": ["x"], "b": ["y"]}))
    write(tmp_path / "pred" / "tydiqa" / "test-sw.json", json.dumps({"a": "x", "b": "y"}))
    assert score((tmp_path / "pred", tmp_path / "gold"), "tydiqa").scores == {"sw": 100.0}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"q1": "x",\n}', "test-en.json:2: not JSON"),
        ('["q1"]', "test-en.json: a JSON list, expected one object"),
        ('{"q1": null}', "test-en.json: the answer of question 'q1' is no text"),
        ('{"x": "y"}', "test-en.json: none of its 1 ids is one of the 3 questions of "),
    ],
)
def test_answer_files_that_are_none(xquad, text, reason):
    write(xquad[0] / "xquad" / "test-en.json", text)
    assert reason in error(xquad, "xquad", languages=["en"])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (squad({"a": [""], "b": [" "]}), "no question has an answer; scoring needs gold answers"),
        (squad({"a": [], "b": []}), "no question has an answer"),
        ('{"data": [{"paragraphs": [{"qas": [{"id": "x"}]}]}]}', "no question has an answer"),
        ('{"data": [{"paragraphs": [{"qas": [{"answers": []}]}]}]}', "article 1, paragraph 1: 'id' is missing"),
        ("[]", "no question; expected SQuAD's layout"),
        ("", "not JSON"),
        ('[["x"]]', "xquad.en.json:1: a list; expected SQuAD's layout"),
        (
            '[{"id": "q", "question": "?", "context": "x y", "answers": [{"text": "x", "answer_start": 0}]},'
            ' {"id": "q", "question": "!", "context": "x y", "answers": [{"text": "y", "answer_start": 2}]}]',
            "question id q belongs to several questions, whose answers differ; give each its own id",
        ),
    ],
)
def test_gold_files_without_answers_are_refused(xquad, text, reason):
    write(xquad[1] / "xquad.en.json", text)
    assert reason in error(xquad, "xquad", languages=["en"])


def test_gold_is_found_compressed(tmp_path):
    path = tmp_path / "gold" / "test-en.json.gz"
    path.parent.mkdir()
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.write(squad({"a": ["x"], "b": ["y"]}))
    write(tmp_path / "pred" / "xquad" / "test-en.json", '{"a": "x", "b": "z"}')
    assert score((tmp_path / "pred", tmp_path / "gold"), "xquad").figures("em") == {"en": 50.0}
    path.write_bytes(path.read_bytes()[:30])
    with pytest.raises(UserError, match=r"test-en\.json\.gz: damaged gzip file"):
        read_questions(str(path))


def test_pairs_of_sentences(tmp_path):
    write(tmp_path / "gold" / "test-de.tsv", "de-1\ten-4\nde-2\ten-5\nde-3\ten-6\n")
    write(tmp_path / "pred" / "bucc" / "test-de.tsv", "de-1\ten-4\nde-1\ten-4\nde-2\ten-9\n")
    result = score((tmp_path / "pred", tmp_path / "gold"), "bucc")
    assert result.counts == {"de": (3, 2, 1)} and result.scores == {"de": 40.0}
    write(tmp_path / "pred" / "bucc" / "test-de.tsv", "de-1 en-4\n")
    assert "test-de.tsv:1: 1 columns, expected 2" in error((tmp_path / "pred", tmp_path / "gold"), "bucc")


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


SQUAD2 = squad({"a": ["Bern"], "b": ["in Oslo", "Oslo"], "c": [], "d": []})


def test_squad_2_is_scored_when_asked_for(tmp_path):
    write(tmp_path / "gold" / "test-en.json", SQUAD2)
    write(tmp_path / "pred" / "squad" / "test-en.json", json.dumps({"a": "Bern", "b": "near Oslo", "c": "", "d": "x"}))
    folders = tmp_path / "pred", tmp_path / "gold"
    result = score(folders, "squad", metric="squad2")
    found = {figure.name: result.figures(figure.name)["en"] for figure in result.metric.figures}
    assert found == pytest.approx(
        {"avg": 100 * (2 / 4 + 8 / 12) / 2, "em": 50, "f1": 100 * 8 / 12, "has_em": 50, "has_f1": 100 * 5 / 6,
         "no_em": 50, "no_f1": 50}
    )  # fmt: skip
    assert "2 of 4 questions have no answer; pass --metric squad2" in error(folders, "squad")
    write(tmp_path / "pred" / "squad" / "test-en.json", json.dumps({"a": "Bern", "c": ""}))
    assert score(folders, "squad", metric="squad2").unanswered == {"en": 2}
    write(tmp_path / "gold" / "test-en.json", squad({"a": ["Bern"], "b": [" "]}))
    with pytest.raises(UserError, match="question b: its answers are missing or empty texts"):
        score(folders, "squad", metric="squad2")


def test_gold_as_the_hub_delivers_it(tmp_path):
    rows = [{"id": number, "context": "c", "question": "?", "answers": {"text": [text], "answer_start": [0]}}
            for number, text in enumerate(("Bern", "Oslo"))]  # fmt: skip
    write(tmp_path / "gold" / "test-en.json", "".join(json.dumps(row) + "\n" for row in rows))
    write(tmp_path / "pred" / "squad" / "test-en.json", '{"0": "Bern", "1": "x"}')
    assert score((tmp_path / "pred", tmp_path / "gold"), "squad").figures("em") == {"en": 50.0}


def test_without_questions_of_a_kind_its_figures_are_none(tmp_path):
    write(tmp_path / "gold" / "test-en.json", squad({"a": ["Bern"]}))
    write(tmp_path / "pred" / "squad" / "test-en.json", '{"a": "Bern"}')
    (entry,) = score((tmp_path / "pred", tmp_path / "gold"), "squad", metric="squad2").to_dict()["languages"].values()
    assert entry["has_em"] == 100 and entry["no_em"] is None
