"""The grammars' words: worked sentences per language, agreement, and the lexicon's coverage."""

from random import Random

import pytest

from xl_plugins.mini import concepts, meaning
from xl_plugins.mini.grammar import grammar, text
from xl_plugins.mini.grammar.hi import decline as decline_hindi
from xl_plugins.mini.grammar.sw import adjective as swahili_adjective
from xl_plugins.mini.grammar.tr import conjugate, decline
from xl_plugins.mini.lexicon import LANGUAGES, load, parse
from xl_plugins.mini.meaning import Clause, NounPhrase

PLAIN = Clause(NounPhrase("girl", "two"), "read", NounPhrase("book", "the", "old"), "garden", "evening")
DENIED = Clause(NounPhrase("nurse"), "see", NounPhrase("boy", "the", "rich"), "kitchen", "", True, True)


SAID = {
    "en": (
        "two girls read the old book in the garden in the evening",
        "the nurse will not see the rich boy in the kitchen",
    ),
    "de": (
        "zwei Mädchen lesen das alte Buch am Abend im Garten",
        "die Krankenschwester wird den reichen Jungen nicht in der Küche sehen",
    ),
    "es": (
        "dos chicas leen el libro viejo en el jardín por la tarde",
        "la enfermera no verá al chico rico en la cocina",
    ),
    "fr": (
        "deux filles lisent le vieux livre dans le jardin le soir",
        "l'infirmière ne verra pas le garçon riche dans la cuisine",
    ),
    "hi": (
        "दो लड़कियाँ शाम को बग़ीचे में पुरानी किताब पढ़ती हैं",
        "नर्स रसोई में अमीर लड़के को नहीं देखेगी",
    ),
    "id": (
        "dua anak perempuan membaca buku lama itu di kebun pada sore hari",
        "perawat itu tidak akan melihat anak laki-laki kaya itu di dapur",
    ),
    "sw": (
        "wasichana wawili wanasoma kitabu cha zamani bustanini jioni",
        "muuguzi hatamwona mvulana tajiri jikoni",
    ),
    "tr": (
        "iki kız akşamleyin bahçede eski kitabı okuyor",
        "hemşire mutfakta zengin oğlanı görmeyecek",
    ),
}


@pytest.mark.parametrize("code", SAID)
def test_worked_sentences(code: str) -> None:
    assert (text(grammar(code).say(PLAIN)), text(grammar(code).say(DENIED))) == SAID[code]


def test_fronting_moves_the_adverbial_and_inverts_german() -> None:
    clause = PLAIN._replace(front="time")
    assert text(grammar("en").say(clause)) == "in the evening two girls read the old book in the garden"
    assert text(grammar("de").say(clause)) == "am Abend lesen zwei Mädchen das alte Buch im Garten"
    assert text(grammar("tr").say(clause._replace(front="place"))) == "bahçede iki kız akşamleyin eski kitabı okuyor"


@pytest.mark.parametrize(
    ("noun", "stem", "case", "form"),
    [("kitap", "kitab", "acc", "kitabı"), ("araba", "araba", "acc", "arabayı"), ("köpek", "köpeğ", "dat", "köpeğe"),
     ("kadın", "kadın", "abl", "kadından"), ("köpek", "köpeğ", "abl", "köpekten"), ("top", "top", "acc", "topu")],
)  # fmt: skip
def test_turkish_cases(noun: str, stem: str, case: str, form: str) -> None:
    assert decline(noun, stem, case) == form


@pytest.mark.parametrize(
    ("stem", "forms"),
    [("ye", "yiyor yemiyor yiyecek yemeyecek"), ("et", "ediyor etmiyor edecek etmeyecek"),
     ("kaybet", "kaybediyor kaybetmiyor kaybedecek kaybetmeyecek"), ("it", "itiyor itmiyor itecek itmeyecek"),
     ("ara", "arıyor aramıyor arayacak aramayacak"), ("uyu", "uyuyor uyumuyor uyuyacak uyumayacak"),
     ("gör", "görüyor görmüyor görecek görmeyecek"), ("söyle", "söylüyor söylemiyor söyleyecek söylemeyecek")],
)  # fmt: skip
def test_turkish_verbs(stem: str, forms: str) -> None:
    found = [conjugate(stem, future, negated) for future in (False, True) for negated in (False, True)]
    assert " ".join(found) == forms


@pytest.mark.parametrize(
    ("entry", "noun_class", "form"),
    [("-kubwa", 7, "kikubwa"), ("-kubwa", 9, "kubwa"), ("-dogo", 9, "ndogo"),
     ("-zuri", 10, "nzuri"), ("-baya", 9, "mbaya"),
     ("-pya", 5, "jipya"), ("-pya", 8, "vipya"), ("-eupe", 1, "mweupe"),
     ("-eupe", 5, "jeupe"), ("-eupe", 6, "meupe"),
     ("-ekundu", 7, "chekundu"), ("-eusi", 9, "nyeusi"), ("enye nguvu", 2, "wenye nguvu"),
     ("a zamani", 7, "cha zamani"), ("-liojaa", 5, "lililojaa"), ("ghali", 4, "ghali")],
)  # fmt: skip
def test_swahili_agreement(entry: str, noun_class: int, form: str) -> None:
    assert swahili_adjective(entry, noun_class) == form


def test_swahili_verbs_mark_tense_object_and_negation() -> None:
    say = grammar("sw").say
    man, lions = NounPhrase("man"), NounPhrase("lion", "three")
    assert text(say(Clause(man, "love", lions))) == "mwanamume anawapenda simba watatu"
    assert text(say(Clause(man, "eat", NounPhrase("apple"), negated=True))) == "mwanamume hali tufaha"
    assert text(say(Clause(man, "eat", NounPhrase("apple"), future=True))) == "mwanamume atakula tufaha"
    assert text(say(Clause(lions, "sleep", negated=True))) == "simba watatu hawalali"


def test_hindi_declension() -> None:
    assert decline_hindi(("लड़का", "m"), plural=True, oblique=False) == "लड़के"
    assert decline_hindi(("लड़की", "f"), plural=True, oblique=True) == "लड़कियों"
    assert decline_hindi(("राजा", "m!"), plural=True, oblique=True) == "राजाओं"
    assert decline_hindi(("औरत", "f"), plural=True, oblique=False) == "औरतें"


def test_french_elision_and_adjective_place() -> None:
    say = grammar("fr").say
    clause = Clause(NounPhrase("man", "a", "old"), "buy", NounPhrase("lamp", "the", "red"), negated=True)
    assert text(say(clause)) == "un vieil homme n'achète pas la lampe rouge"
    assert (
        text(say(Clause(NounPhrase("eagle"), "see", NounPhrase("tree", "a", "beautiful"))))
        == "l'aigle voit un bel arbre"
    )
    assert text(say(Clause(NounPhrase("girl"), "visit", NounPhrase("man")))) == "la fille rend visite à l'homme"
    assert text(say(Clause(NounPhrase("girl"), "visit", NounPhrase("king")))) == "la fille rend visite au roi"
    assert text(say(Clause(NounPhrase("girl"), "rest", negated=True))) == "la fille ne se repose pas"


def test_spanish_feminine_with_masculine_article() -> None:
    clause = Clause(NounPhrase("eagle", "the", "white"), "drink", NounPhrase("water", "the", "cold"))
    assert text(grammar("es").say(clause)) == "el águila blanca bebe el agua fría"


@pytest.mark.parametrize("code", LANGUAGES)
def test_lexicon_covers_every_concept(code: str) -> None:
    lexicon = load(code)
    assert set(concepts.NOUNS) <= set(lexicon.nouns)
    assert len(concepts.NOUNS) + len(concepts.VERBS) + len(concepts.ADJECTIVES) + len(concepts.PLACES) >= 200
    assert lexicon.synonyms or code == "sw"


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_clause_can_be_said_in_one_clean_line(code: str) -> None:
    rng, speaker = Random(5), grammar(code)
    for _ in range(3000):
        clause = meaning.draw_clause(rng, negated_rate=0.3)
        line = text(speaker.say(speaker.restyle(clause, rng, rate=0.5)))
        assert line == " ".join(line.split()) and len(line.split()) >= 2, clause


@pytest.mark.parametrize("code", LANGUAGES)
def test_different_words_in_different_places_are_distinguished(code: str) -> None:
    """Lexical contrasts that decide labels must be visible: no two excluding concepts share a form."""
    speaker = grammar(code)

    def said(**change: object) -> str:
        return text(speaker.say(Clause(NounPhrase("man"), "sleep", **change)))  # type: ignore[arg-type]

    assert len({said(place=place) for place in concepts.PLACES}) == len(concepts.PLACES)
    assert len({said(time=time) for time in concepts.TIMES}) == len(concepts.TIMES)
    for adjective, others in concepts.EXCLUDES.items():
        for other in others:
            assert load(code).adjectives[adjective] != load(code).adjectives[other]
    for left, right in concepts.OPPOSITES.items():
        assert load(code).verbs[left] != load(code).verbs[right]


def test_parse_refuses_bad_entries() -> None:
    with pytest.raises(ValueError, match="bad lexicon entry 'dog'"):
        parse("cat = a; dog")
    with pytest.raises(ValueError, match="'cat = b'"):
        parse("cat = a\ncat = b")
