"""Proper names: how every language says them, and that the sentence tells what kind of name one is."""

from collections import Counter
from random import Random

import pytest

from xl_plugins.mini.grammar import grammar, text
from xl_plugins.mini.grammar.tr import suffixed
from xl_plugins.mini.lexicon import LANGUAGES, names
from xl_plugins.mini.meaning import Clause, NounPhrase
from xl_plugins.mini.named import ORGANISATION_VERBS, draw_named, has_name, held_out

BANK = Clause(NounPhrase("@ORG:bank:Accra"), "love", NounPhrase("@PER:Anna:Koch"), "@LOC:Milan", "monday")
SAID = {
    "en": "Bank of Accra loves Anna Koch in Milan on Monday",
    "de": "Bank von Accra liebt Anna Koch am Montag in Mailand",
    "es": "Banco de Accra ama a Anna Koch en Milán el lunes",
    "fr": "Banque d'Accra aime Anna Koch à Milan le lundi",
    "hi": "अकरा बैंक सोमवार को मिलान में अन्ना कोख से प्यार करता है",
    "id": "Bank Accra mencintai Anna Koch di Milan pada hari Senin",
    "sw": "Benki ya Accra inampenda Anna Koch huko Milan Jumatatu",
    "tr": "Akra Bankası pazartesi günü Milano'da Anna Koch'u seviyor",
}
TAGS = {
    "en": "B-ORG I-ORG I-ORG O B-PER I-PER O B-LOC O O",
    "hi": "B-ORG I-ORG O O B-LOC O B-PER I-PER O O O O",
    "tr": "B-ORG I-ORG O O B-LOC B-PER I-PER O",
}


@pytest.mark.parametrize("code", LANGUAGES)
def test_worked_sentences(code: str) -> None:
    tokens = grammar(code).say(BANK)
    assert text(tokens) == SAID[code]
    if code in TAGS:
        assert " ".join(t.concept if t.concept[1:2] == "-" else "O" for t in tokens) == TAGS[code]


@pytest.mark.parametrize(
    ("name", "case", "owned", "form"),
    [("Lima", "loc", False, "Lima'da"), ("New York", "loc", False, "New York'ta"), ("Anna", "acc", False, "Anna'yı"),
     ("Müzesi", "loc", True, "Müzesi'nde"), ("Müzesi", "acc", True, "Müzesi'ni"),
     ("Bankası", "abl", True, "Bankası'ndan"), ("José", "dat", False, "José'ye"), ("İzmir", "abl", False, "İzmir'den")],
)  # fmt: skip
def test_turkish_cases_of_names(name: str, case: str, owned: bool, form: str) -> None:
    assert suffixed(name, case, owned) == form


def test_french_contracts_the_article_of_a_city() -> None:
    tokens = grammar("fr").say(Clause(NounPhrase("@PRO:f"), "work", None, "@LOC:Cairo"))
    assert text(tokens) == "elle travaille au Caire" and tokens[-1].concept == "B-LOC"
    assert names.called("@ORG:museum:Cairo", "fr") == ("Musée", "du", "Caire")


@pytest.mark.parametrize("code", LANGUAGES)
def test_very_stands_beside_the_adjective(code: str) -> None:
    clause = Clause(NounPhrase("girl", "the", "old^"), "sleep")
    words = grammar(code).say(clause)
    plain = grammar(code).say(clause._replace(subject=NounPhrase("girl", "the", "old")))
    degree = [index for index, token in enumerate(words) if token.pos == "ADV"]
    assert len(degree) == 1 and len(words) == len(plain) + 1
    assert "ADJ" in {words[degree[0] - 1].pos, words[degree[0] + 1].pos}


def test_the_article_agrees_with_very() -> None:
    clause = Clause(NounPhrase("girl", "a", "aged^"), "sleep")
    assert text(grammar("en").say(clause)) == "a very elderly girl sleeps"


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_name_can_be_said(code: str) -> None:
    known = [f"@PER:{name}" for name in (*names.first_names(), *names.last_names())]
    known += [f"@LOC:{name}" for name in names.cities()]
    known += [f"@ORG:{pattern}:Lima:Quito" for pattern in names.CITY_ORGANISATIONS]
    known += [f"@ORG:{pattern}:King:Koch" for pattern in (*names.PEOPLE_ORGANISATIONS, "and")]
    for name in known:
        for noun, place in (("girl", name), (name, "")):
            clause = Clause(NounPhrase("girl"), "see", NounPhrase(noun), place)
            said = text(grammar(code).say(clause))
            assert "  " not in said and said == said.strip()
            if code == "hi":
                assert all("\u0900" <= letter <= "\u097f" for letter in said.replace(" ", "").replace("&", ""))


def test_names_not_shown_in_training() -> None:
    rng = Random(3)
    train = {part for _ in range(3000) for part in _parts(draw_named(rng, 1.0, training=True))}
    other = {part for _ in range(3000) for part in _parts(draw_named(rng, 1.0, training=False))}
    assert not any(map(held_out, train)) and sum(map(held_out, other)) > 20
    total = len(names.first_names()) + len(names.last_names()) + len(names.cities())
    assert len(train) < 0.8 * total and len(other) > 0.8 * total


def _parts(clause: Clause) -> list[str]:
    found = []
    for noun in (clause.subject.noun, clause.object.noun if clause.object else "", clause.place):
        if names.is_name(noun) and not noun.startswith("@PRO"):
            kind, parts = names.split(noun)
            found += parts[1:] if kind == "ORG" else parts
    return found


def test_the_sentence_tells_what_an_ambiguous_name_is() -> None:
    """A last name alone is an organisation exactly as subject of a verb of organisations, a city only as a place."""
    rng, seen = Random(5), Counter()
    for _ in range(5000):
        clause = draw_named(rng, 1.0, training=False)
        kind, parts = names.split(clause.subject.noun) if names.is_name(clause.subject.noun) else ("", [])
        alone = kind == "PER" and len(parts) == 1 and parts[0] in names.last_names()
        if alone or (kind == "ORG" and parts[0] == "alone"):
            assert (kind == "ORG") == (clause.verb in ORGANISATION_VERBS)
            seen[kind] += 1
        if clause.object and clause.object.noun.startswith("@LOC"):
            assert clause.object.noun[5:] not in (*names.first_names(), *names.last_names())
        seen["name"] += has_name(clause)
    assert min(seen["PER"], seen["ORG"]) > 50 and seen["name"] > 3000
