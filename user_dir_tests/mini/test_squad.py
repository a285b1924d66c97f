"""Questions and answers: layout, offsets, alignment of the translations, one answer per question, splits, noise."""

import json
from pathlib import Path
from random import Random
from typing import Iterator

import pytest

from xl_plugins.cli.mini import main
from xl_plugins.mini.files import Options, split_of
from xl_plugins.mini.grammar import grammar, text
from xl_plugins.mini.grammar.questions import ASKED, ask
from xl_plugins.mini.lexicon import LANGUAGES, SOURCE
from xl_plugins.mini.meaning import Clause, NounPhrase
from xl_plugins.mini.problems.paragraphs import Question, answers, draw_paragraph
from xl_plugins.mini.problems.squad import answer_places, draw_paragraphs

SIZES = {"train": 60, "dev": 11, "test": 20}
ARGUMENTS = [part for key, value in SIZES.items() for part in (f"--{key}", str(value))]
ARGUMENTS += ["--problem", "qa", "--unlabelled", "10", "--seed", "5"]
TARGETS = [code for code in LANGUAGES if code != SOURCE]
MEAL = Clause(NounPhrase("girl"), "eat", NounPhrase("orange", "two", "old"), "kitchen", "monday")
QUESTIONS = {
    "en": ("who eats two old oranges in the kitchen on Monday", "where does the girl eat two old oranges on Monday",
           "how many old oranges does the girl eat in the kitchen on Monday"),
    "de": ("wer isst am Montag in der Küche zwei alte Orangen", "wo isst das Mädchen am Montag zwei alte Orangen",
           "wie viele alte Orangen isst das Mädchen am Montag in der Küche"),
    "es": ("quién come dos naranjas viejas en la cocina el lunes", "dónde come la chica dos naranjas viejas el lunes",
           "cuántas naranjas viejas come la chica en la cocina el lunes"),
    "fr": ("qui mange deux vieilles oranges dans la cuisine le lundi",
           "où est-ce que la fille mange deux vieilles oranges le lundi",
           "combien de vieilles oranges est-ce que la fille mange dans la cuisine le lundi"),
    "hi": ("कौन सोमवार को रसोई में दो पुराने संतरे खाता है", "लड़की सोमवार को कहाँ दो पुराने संतरे खाती है",
           "लड़की सोमवार को रसोई में कितने पुराने संतरे खाती है"),
    "id": ("siapa yang makan dua jeruk lama di dapur pada hari Senin",
           "di mana anak perempuan itu makan dua jeruk lama pada hari Senin",
           "anak perempuan itu makan berapa jeruk lama di dapur pada hari Senin"),
    "sw": ("nani anakula machungwa ya zamani mawili jikoni Jumatatu",
           "msichana anakula machungwa ya zamani mawili wapi Jumatatu",
           "msichana anakula machungwa ya zamani mangapi jikoni Jumatatu"),
    "tr": ("kim pazartesi günü mutfakta iki eski portakal yiyor", "kız pazartesi günü nerede iki eski portakal yiyor",
           "kız pazartesi günü mutfakta kaç eski portakal yiyor"),
}  # fmt: skip


@pytest.mark.parametrize("code", LANGUAGES)
def test_worked_questions(code: str) -> None:
    said = [text(ask(grammar(code), MEAL, asked)) for asked in ("subject", "place", "object.amount")]
    assert tuple(said) == QUESTIONS[code]


@pytest.mark.parametrize(
    ("code", "question"),
    [("en", "who will three women love"), ("de", "wen werden drei Frauen lieben"),
     ("es", "a quién amarán tres mujeres"), ("fr", "qui est-ce que trois femmes aimeront"),
     ("hi", "तीन औरतें किससे प्यार करेंगी"),
     ("id", "tiga wanita akan mencintai siapa"), ("sw", "wanawake watatu watampenda nani"),
     ("tr", "üç kadın kimi sevecek")],
)  # fmt: skip
def test_questions_for_persons(code: str, question: str) -> None:
    clause = Clause(NounPhrase("woman", "three"), "love", NounPhrase("@PER:Anna"), future=True)
    assert text(ask(grammar(code), clause, "object")) == question


@pytest.mark.parametrize(
    ("code", "asked", "expected"),
    [("es", "object", "chico rico"), ("hi", "object", "अमीर लड़के"), ("de", "place", "in der Küche"),
     ("en", "subject", "three nurses"), ("sw", "subject.amount", "watatu"), ("tr", "time", "akşamleyin")],
)  # fmt: skip
def test_answers_are_phrases_without_preposition_and_case_marker(code: str, asked: str, expected: str) -> None:
    clause = Clause(NounPhrase("nurse", "three"), "see", NounPhrase("boy", "the", "rich"), "kitchen", "evening")
    tokens = grammar(code).say(clause)
    assert " ".join(tokens[index].form for index in answer_places(tokens, asked)) == expected


def make(folder: Path, *more: str, languages: str = ",".join(LANGUAGES)) -> Path:
    assert main(["make", str(folder), "--languages", languages, *ARGUMENTS, *more]) == 0
    return folder / "squad"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("qa") / "data")


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("qa") / "clean", "--noise", "0")


def entries(path: Path) -> Iterator[tuple[str, dict]]:
    """(context, question entry) of a file."""
    content = json.loads(path.read_text(encoding="utf-8"))
    assert content["version"] == "1.1"
    for article in content["data"]:
        assert article["title"]
        for paragraph in article["paragraphs"]:
            assert paragraph["qas"]
            yield from ((paragraph["context"], entry) for entry in paragraph["qas"])


def ids(path: Path) -> list[str]:
    found = [entry["id"] for _, entry in entries(path)]
    assert len(set(found)) == len(found)
    return found


def test_files_and_ids(folder: Path) -> None:
    expected = {"train-en.json"} | {f"{split}-{code}.json" for split in ("dev", "test") for code in LANGUAGES}
    for code in TARGETS:
        expected |= {f"translate-train/en-{code}.json", f"back-translation/en-{code}.json"}
        expected |= {f"translate-{split}/{code}-en.json" for split in ("dev", "test")}
    assert {str(path.relative_to(folder)) for path in folder.rglob("*.json")} == expected
    for split, rows in SIZES.items():
        known = ids(folder / f"{split}-en.json")
        assert len(known) == rows
        for code in TARGETS:
            if split != "train":
                assert ids(folder / f"{split}-{code}.json") == known
                assert ids(folder / f"translate-{split}" / f"{code}-en.json") == known
            else:
                kept = ids(folder / f"translate-train/en-{code}.json")
                assert kept == [name for name in known if name in set(kept)] and 0.4 * rows < len(kept) < rows
                assert ids(folder / f"back-translation/en-{code}.json") == known


def test_every_answer_is_at_its_offset(folder: Path) -> None:
    checked = 0
    for path in folder.rglob("*.json"):
        own = path.parent == folder or path.parent.name == "translate-train"
        for context, entry in entries(path):
            assert len(entry["answers"]) == 1 if own else len(entry["answers"]) <= 1
            assert entry["question"].endswith("?") and "  " not in context and context == context.strip()
            for answer in entry["answers"]:
                start, said = answer["answer_start"], answer["text"]
                assert said and said == said.strip() and context[start : start + len(said)] == said
                before, after = context[start - 1 : start], context[start + len(said)]
                assert before in ("", " ") and after in " .।"
                checked += 1
    assert checked > len(LANGUAGES) * (SIZES["dev"] + SIZES["test"])


def test_without_noise_nothing_is_lost(clean: Path) -> None:
    for code in TARGETS:
        assert ids(clean / f"translate-train/en-{code}.json") == ids(clean / "train-en.json")
        for view in (f"back-translation/en-{code}", f"translate-dev/{code}-en", f"translate-test/{code}-en"):
            assert all(entry["answers"] for _, entry in entries(clean / f"{view}.json"))
    sizes = [len(context.split()) for context, _ in entries(clean / "test-en.json")]
    views = [len(context.split()) for context, _ in entries(clean / "translate-test/hi-en.json")]
    assert sizes == views


def test_words_of_a_hindi_context_are_devanagari(folder: Path) -> None:
    for context, entry in entries(folder / "test-hi.json"):
        assert all("\u0900" <= letter <= "\u097f" or letter in " ?" for letter in context + entry["question"])


def test_exactly_one_sentence_answers_each_question() -> None:
    rng, asked, closest = Random(2), set(), 0
    for _ in range(150):
        paragraph = draw_paragraph(rng, "train")
        assert len(paragraph.clauses) == 5
        for question in paragraph.questions:
            asked.add(question.asked)
            fitting = [i for i, c in enumerate(paragraph.clauses) if answers(question.clause, question.asked, c)]
            assert fitting == [question.sentence]
            others = [c for i, c in enumerate(paragraph.clauses) if i != question.sentence]
            # overlap alone does not do: another sentence has the same verb, and one the same subject
            closest += any(c.verb == question.clause.verb for c in others)
            if question.asked != "subject":
                assert any(c.subject == question.clause.subject for c in others)
    assert asked == set(ASKED) and closest > 280


@pytest.mark.parametrize(
    ("other", "fits"),
    [(MEAL._replace(place="garden"), False), (MEAL._replace(place=""), True), (MEAL._replace(negated=True), False),
     (MEAL._replace(future=True), False), (MEAL._replace(subject=NounPhrase("child")), True),
     (MEAL._replace(object=NounPhrase("orange", "two", "new")), False), (MEAL._replace(time="sunday"), False),
     (MEAL._replace(time="winter"), True), (MEAL._replace(verb="buy"), False)],
)  # fmt: skip
def test_what_could_be_an_answer(other: Clause, fits: bool) -> None:
    assert answers(MEAL, "subject", other) == fits


def test_no_sentence_is_in_two_splits() -> None:
    options = Options(tuple(LANGUAGES), 60, 30, 31, 1)
    for split in ("train", "dev", "test"):
        paragraphs = draw_paragraphs(options, split)
        assert {split_of(clause) for paragraph in paragraphs for clause in paragraph.clauses} == {split}
        questions = [q for paragraph in paragraphs for q in paragraph.questions]
        assert len(questions) == options.rows(split) and all(isinstance(q, Question) for q in questions)


def test_a_language_does_not_depend_on_the_others_nor_on_the_problem(folder: Path, tmp_path: Path) -> None:
    two = make(tmp_path / "two", languages="en,tr")
    everything = make(tmp_path / "all", "--problem", "all", languages="en,tr")
    for path in two.rglob("*.json"):
        name = path.relative_to(two)
        assert path.read_bytes() == (folder / name).read_bytes() == (everything / name).read_bytes(), name


def test_more_rows_leave_the_first_ones_alone(folder: Path, tmp_path: Path) -> None:
    more = make(tmp_path / "more", "--train", "71", languages="en,de")
    for file in ("train-en.json", "back-translation/en-de.json"):
        assert list(entries(more / file))[: SIZES["train"]] == list(entries(folder / file))
    assert len(ids(more / "train-en.json")) == 71
