"""Dictionaries and word lists of the embedded benchmark."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import Iterable, Iterator

from xl_plugins.mini.grammar import grammar
from xl_plugins.mini.lexicon import SOURCE
from xl_plugins.mini.meaning import Clause, inventory, put

TRANSLATIONS = 3  # at most this many for one English word


@cache
def _forms(code: str) -> dict[str, Counter[str]]:
    """For each concept of the inventory the single words that say it, with counts; verbs only as positive forms."""
    speaker = grammar(code)
    found: dict[str, Counter[str]] = {}
    for clause in inventory():
        if clause.negated:
            continue
        said = {speaker.say(clause)}
        for changed in _with_synonyms(clause, speaker.lexicon.synonyms):
            said.add(speaker.say(changed))
        for tokens in said:
            for token in tokens:
                if token.concept:
                    found.setdefault(token.concept, Counter())[token.form] += 1
    return found


def _with_synonyms(clause: Clause, synonyms: dict[str, tuple[str, ...]]) -> Iterator[Clause]:
    """The clause with every word that has synonyms replaced by each of them, one at a time."""
    for role in ("subject", "object"):
        phrase = getattr(clause, role)
        if phrase is not None:
            for table, slot in (("n", "noun"), ("a", "adjective")):
                for key in synonyms.get(f"{table}:{getattr(phrase, slot)}", ()):
                    yield put(clause, role, phrase._replace(**{slot: key}))
    for key in synonyms.get(f"v:{clause.verb}", ()):
        yield clause._replace(verb=key)


def dictionary(code: str) -> list[tuple[str, str]]:
    """(English word, word of ``code``) pairs, sorted by the English word, then the more frequent form first."""
    source, target = _forms(SOURCE), _forms(code)
    pairs: dict[str, Counter[str]] = {}
    for concept, words in source.items():
        for word in words:
            pairs.setdefault(word, Counter()).update(target.get(concept, {}))
    result = []
    for word in sorted(pairs):
        best = sorted(pairs[word].items(), key=lambda item: (-item[1], item[0]))[:TRANSLATIONS]
        result += [(word, form) for form, _ in best]
    return result


def count_words(sentences: Iterable[str]) -> list[tuple[str, int]]:
    """(word, count), most frequent first, ties in code point order."""
    counts: Counter[str] = Counter()
    for sentence in sentences:
        counts.update(sentence.split(" "))
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
