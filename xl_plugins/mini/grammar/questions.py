"""Questions about one part of a clause, in every language: who, what, where, when, how many.

English, German, Spanish and French put the question word first (with inversion or "est-ce que"), Hindi, Swahili
and Turkish leave it where the answer would stand, Indonesian does one or the other by its kind.
"""

from __future__ import annotations

from typing import Callable

from xl_plugins.mini.grammar.base import Grammar, Token, kind
from xl_plugins.mini.lexicon import each
from xl_plugins.mini.meaning import Clause, NounPhrase

# What can be asked for. "subject.amount" and "object.amount" ask how many.
ASKED = ("subject", "object", "place", "time", "subject.amount", "object.amount")
_WHERE = each("where, wo, dónde, où, कहाँ, di mana, wapi, nerede")
_WHEN = each("when, wann, cuándo, quand, कब, kapan, lini, ne zaman")

Parts = dict[str, list[Token]]


def words(text: str, pos: str = "PRON") -> list[Token]:
    return [Token(word, pos) for word in text.split()]


def _animate(noun: str) -> bool:
    return kind(noun) in ("person", "animal", "organisation")


def _uncounted(tokens: list[Token]) -> list[Token]:
    return [token for token in tokens if not token.concept.startswith("c:")]


def parts(speaker: Grammar, clause: Clause) -> Parts:
    """The words of each role, in the order of the sentence."""
    found: Parts = {role: [] for role in ("subject", "verb", "object", "place", "time")}
    for token in speaker.say(clause._replace(front="")):
        if token.role:
            found[token.role].append(token)
    return found


def english(speaker: Grammar, clause: Clause, asked: str, part: Parts) -> list[Token]:
    rest = [*part["place"], *part["time"]]
    if asked == "subject":
        return [*words("who"), *part["verb"], *part["object"], *rest]
    if asked == "subject.amount":
        return [*words("how many"), *_uncounted(part["subject"]), *part["verb"], *part["object"], *rest]
    many = clause.subject.amount not in ("the", "a")
    auxiliary = words("will" if clause.future else "do" if many else "does", "AUX")
    verb = words(speaker.lexicon.verbs[clause.verb][0], "VERB")
    target = part["object"]
    first = words({"place": "where", "time": "when"}.get(asked, "what"))
    if asked == "object":
        first, target = words("who" if clause.object and _animate(clause.object.noun) else "what"), []
    elif asked == "object.amount":
        first, target = [*words("how many"), *_uncounted(target)], []
    return [*first, *auxiliary, *part["subject"], *verb, *target, *rest]


def german(speaker: Grammar, clause: Clause, asked: str, part: Parts) -> list[Token]:
    """The question word takes the first place, the finite verb follows."""
    if asked.startswith("subject"):
        body = [token for token in speaker.arrange(clause, part["time"], part["place"]) if token.role != "subject"]
        first = words("wer") if asked == "subject" else [*words("wie viele"), *_uncounted(part["subject"])]
        return [*first, *body]
    body = speaker.arrange(clause._replace(front="time"), part["time"], part["place"])
    if asked in ("place", "time"):
        return [*words(_WHERE["de"] if asked == "place" else _WHEN["de"]), *body]
    body = [token for token in body if token.role != "object"]
    if asked == "object":
        return [*words("wen" if clause.object and _animate(clause.object.noun) else "was"), *body]
    return [*words("wie viele"), *_uncounted(part["object"]), *body]


def spanish(speaker: Grammar, clause: Clause, asked: str, part: Parts) -> list[Token]:
    rest = [*part["place"], *part["time"]]
    if asked.startswith("subject"):
        first = words("quién") if asked == "subject" else _how_many_es(speaker, clause.subject, part["subject"])
        return [*first, *part["verb"], *part["object"], *rest]
    inverted = [*part["verb"], *part["subject"]]
    if asked in ("place", "time"):
        return [*words(_WHERE["es"] if asked == "place" else _WHEN["es"]), *inverted, *part["object"], *rest]
    assert clause.object is not None
    if asked == "object":
        first = words("a quién" if kind(clause.object.noun) in ("person", "animal") else "qué")
    else:
        first = _how_many_es(speaker, clause.object, part["object"])
    return [*first, *inverted, *rest]


def _how_many_es(speaker: Grammar, phrase: NounPhrase, tokens: list[Token]) -> list[Token]:
    feminine = speaker.gender(phrase.noun) != "m"
    preposition = [token for token in tokens[:1] if token.pos == "ADP"]
    rest = _uncounted(tokens[len(preposition) :])
    return [*preposition, *words("cuántas" if feminine else "cuántos"), *rest]


def _elided(word: str, tokens: list[Token]) -> list[Token]:
    """French que, de before a vowel: qu'Anna, d'oranges."""
    first, *rest = tokens
    if first.form[0].lower() in "aeiouyâàéèêîôûœh":
        return [*words(word)[:-1], first._replace(form=word.split()[-1][:-1] + "'" + first.form), *rest]
    return [*words(word), *tokens]


def french(speaker: Grammar, clause: Clause, asked: str, part: Parts) -> list[Token]:
    rest = [*part["place"], *part["time"]]
    if asked == "subject":
        return [*words("qui"), *part["verb"], *part["object"], *rest]
    if asked == "subject.amount":
        counted = _elided("combien de", _uncounted(part["subject"]))
        return [*counted, *part["verb"], *part["object"], *rest]
    statement = [*part["subject"], *part["verb"]]
    if asked in ("place", "time"):
        asking = _elided(f"{_WHERE['fr'] if asked == 'place' else _WHEN['fr']} est-ce que", statement)
        return [*asking, *part["object"], *rest]
    assert clause.object is not None
    to = [token for token in part["object"][:1] if token.form in ("à", "au")]
    if asked == "object":
        what = "qui est-ce que" if _animate(clause.object.noun) else "qu'est-ce que"
        return [*words("à" if to else ""), *_elided(what, statement), *rest]
    counted = _elided("combien de", _uncounted(part["object"][len(to) :]))
    return [*words("à" if to else ""), *counted, *_elided("est-ce que", statement), *rest]


def hindi(speaker: Grammar, clause: Clause, asked: str, part: Parts) -> list[Token]:
    role = asked.split(".")[0]
    if asked.endswith("amount"):
        phrase = clause.subject if role == "subject" else clause.object
        assert phrase is not None
        many = words("कितनी" if speaker.gender(phrase.noun) == "f" else "कितने")
        return _in_place(speaker, clause, role, [*many, *_uncounted(part[role])])
    new = {"subject": "कौन", "place": _WHERE["hi"], "time": _WHEN["hi"]}.get(asked, "क्या")
    if asked == "object" and part["object"][-1].pos == "ADP":
        postposition = part["object"][-1].form
        new = "किस पर" if postposition == "पर" else "किस" + postposition
    return _in_place(speaker, clause, role, words(new))


def turkish(speaker: Grammar, clause: Clause, asked: str, part: Parts) -> list[Token]:
    role = asked.split(".")[0]
    if asked.endswith("amount"):
        return _in_place(speaker, clause, role, [*words("kaç"), *_uncounted(part[role])])
    new = {"subject": "kim", "place": _WHERE["tr"], "time": _WHEN["tr"]}.get(asked, "ne")
    if asked == "object" and clause.object:
        case = str(speaker.government(clause.verb))
        if _animate(clause.object.noun):
            new = {"acc": "kimi", "dat": "kime", "abl": "kimden"}[case]
        elif case != "acc" or clause.object.amount == "the":
            new = {"acc": "neyi", "dat": "neye", "abl": "neden"}[case]
    return _in_place(speaker, clause, role, words(new))


def indonesian(speaker: Grammar, clause: Clause, asked: str, part: Parts) -> list[Token]:
    role = asked.split(".")[0]
    if asked.endswith("amount"):
        return _in_place(speaker, clause, role, [*words("berapa"), *_uncounted(part[role])])
    if asked in ("place", "time"):
        question = words(_WHERE["id"] if asked == "place" else _WHEN["id"])
        return [*question, *_in_place(speaker, clause, role, [])]
    animate = clause.object is not None and _animate(clause.object.noun)
    return _in_place(speaker, clause, role, words("siapa yang" if role == "subject" else "siapa" if animate else "apa"))


def swahili(speaker: Grammar, clause: Clause, asked: str, part: Parts) -> list[Token]:
    role = asked.split(".")[0]
    if asked.endswith("amount"):
        phrase = clause.subject if role == "subject" else clause.object
        assert phrase is not None
        # the numeral two shows the agreement: wawili, miwili, mawili, viwili, mbili
        two = speaker.phrase(phrase._replace(amount="two"))[-1].form
        many = {"wawili": "wangapi", "miwili": "mingapi", "mawili": "mangapi", "viwili": "vingapi"}.get(two, "ngapi")
        return _in_place(speaker, clause, role, [*_uncounted(part[role]), *words(many)])
    animate = clause.object is not None and _animate(clause.object.noun)
    new = {"subject": "nani", "place": _WHERE["sw"], "time": _WHEN["sw"]}.get(asked, "nani" if animate else "nini")
    return _in_place(speaker, clause, role, words(new))


def _in_place(speaker: Grammar, clause: Clause, role: str, new: list[Token]) -> list[Token]:
    """The statement with the words of ``role`` replaced by ``new``."""
    tokens = speaker.say(clause._replace(front=""))
    start = next((index for index, token in enumerate(tokens) if token.role == role), len(tokens))
    return [*tokens[:start], *new, *(token for token in tokens[start:] if token.role != role)]


_LANGUAGES: dict[str, Callable[[Grammar, Clause, str, Parts], list[Token]]] = {
    "en": english, "de": german, "es": spanish, "fr": french, "hi": hindi, "id": indonesian, "sw": swahili,
    "tr": turkish,
}  # fmt: skip


def ask(speaker: Grammar, clause: Clause, asked: str) -> list[Token]:
    """The words of the question for part ``asked`` (one of ASKED) of the positive clause, without punctuation.

    What replaces the part in the clause decides agreement only: a place or time must be there to be asked for.
    """
    if asked == "subject":
        clause = clause._replace(subject=NounPhrase("man"))
    full = parts(speaker, clause)
    if asked in ("place", "time"):
        full[asked] = [] if speaker.code in ("en", "de", "es", "fr") else full[asked]
    return _LANGUAGES[speaker.code](speaker, clause, asked, full)
