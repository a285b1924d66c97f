"""Inference and paraphrase pairs: relations, balance and what shallow baselines can get out of them."""

import math
from collections import Counter, defaultdict
from functools import cache
from random import Random

import pytest

from xl_plugins.mini import relations
from xl_plugins.mini.concepts import EXCLUDES, HYPERNYMS
from xl_plugins.mini.grammar import grammar, text
from xl_plugins.mini.meaning import Clause, NounPhrase, draw_clause, inventory
from xl_plugins.mini.problems import nli, paraphrase
from xl_plugins.mini.write import Options, draw_rows, split_of

OPTIONS = Options(languages=("en", "de"), train=6000, dev=600, test=2000, unlabelled=10, seed=3)


@cache
def _rows(dataset: str, split: str) -> list[tuple[Clause, Clause, str]]:
    return draw_rows(OPTIONS, dataset, split)


def _entails(premise: Clause, hypothesis: Clause) -> bool:
    """An independent check for positive clauses: every part of the hypothesis is in the premise or more general."""

    def covers(special: NounPhrase, general: NounPhrase) -> bool:
        noun = special.noun == general.noun or general.noun in HYPERNYMS[special.noun]
        count = special.amount == general.amount or (
            general.amount == "several" and special.amount in relations.ABOVE_TWO
        )
        return noun and count and general.adjective in ("", special.adjective)

    if premise.object is None or hypothesis.object is None:
        objects = premise.object is hypothesis.object
    else:
        objects = covers(premise.object, hypothesis.object)
    same = (premise.verb, premise.future) == (hypothesis.verb, hypothesis.future)
    place = hypothesis.place in ("", premise.place)
    time = hypothesis.time in ("", premise.time)
    return same and objects and place and time and covers(premise.subject, hypothesis.subject)


def test_labels_follow_from_the_clauses() -> None:
    rng = Random(1)
    seen: Counter[tuple[str, bool, bool]] = Counter()
    for index in range(3000):
        label = nli.LABELS[index % 3]
        premise, hypothesis = nli.draw_pair(rng, label)
        seen[label, premise.negated, hypothesis.negated] += 1
        if not premise.negated and not hypothesis.negated:
            assert _entails(premise, hypothesis) == (label == "entailment"), (premise, hypothesis)
        elif premise.negated != hypothesis.negated:
            assert label == "contradiction"
        else:
            assert label != "contradiction"
    assert all(seen[label, False, False] > 500 for label in nli.LABELS)
    assert seen["contradiction", True, False] > 50 and seen["contradiction", False, True] > 50


def test_negation_reverses_the_predicate_but_not_the_subject() -> None:
    denied = Clause(NounPhrase("man"), "buy", NounPhrase("fruit", "the", "red"), negated=True)
    stronger = {change.slot: change.clause for change in relations.stronger(denied, Random(0))}
    assert stronger["object.adjective"].object == NounPhrase("fruit")
    assert stronger["subject.adjective"].subject.adjective != ""
    weaker = {change.slot: change.clause for change in relations.weaker(denied, Random(0))}
    assert weaker["subject.noun"].subject.noun == "person"
    assert weaker["object.noun"].object.noun in {"apple", "banana", "orange", "mango", "lemon", "pear"}
    assert weaker["place"].place


def test_alternatives_exclude_each_other() -> None:
    assert EXCLUDES["rich"] == ("poor",) and set(EXCLUDES["red"]) == {"white", "black", "green", "blue", "yellow"}
    clause = Clause(NounPhrase("king", "three", "rich"), "buy", NounPhrase("hat", "the", "red"), "shop", "monday")
    changes = {change.slot: change.clause for change in relations.other(clause, Random(0))}
    assert set(changes) == {"subject.adjective", "subject.count", "object.adjective", "verb", "place", "time"}
    assert changes["verb"].verb == "sell" and changes["subject.adjective"].subject.adjective == "poor"
    assert changes["time"].time in {"tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}


@pytest.mark.parametrize("dataset", ["xnli", "pawsx"])
def test_labels_are_balanced_in_every_split(dataset: str) -> None:
    for split in ("train", "dev", "test"):
        counts = Counter(label for *_, label in _rows(dataset, split))
        assert max(counts.values()) - min(counts.values()) <= 1


@pytest.mark.parametrize("dataset", ["xnli", "pawsx"])
def test_no_second_sentence_is_in_two_splits(dataset: str) -> None:
    said = {s: {b._replace(front="") for _, b, _ in _rows(dataset, s)} for s in ("train", "dev", "test")}
    assert not said["train"] & said["test"] and not said["train"] & said["dev"] and not said["dev"] & said["test"]
    assert {split_of(clause) for clause in said["dev"]} == {"dev"}


def _naive_bayes(train: list[tuple[list[str], str]], test: list[tuple[list[str], str]]) -> float:
    """Accuracy of multinomial naive Bayes with add-one smoothing on bags of words."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for words, label in train:
        counts[label].update(words)
    size = len(set().union(*counts.values()))
    totals = {label: sum(words.values()) + size for label, words in counts.items()}

    def score(words: list[str], label: str) -> float:
        return sum(math.log((counts[label][word] + 1) / totals[label]) for word in words)

    return sum(max(sorted(counts), key=lambda y: score(words, y)) == label for words, label in test) / len(test)


@pytest.mark.parametrize(
    ("dataset", "side", "limit"), [("xnli", 1, 0.40), ("xnli", 0, 0.60), ("pawsx", 0, 0.57), ("pawsx", 1, 0.57)]
)
def test_one_sentence_alone_does_not_tell_the_label(dataset: str, side: int, limit: float) -> None:
    def bags(split: str) -> list[tuple[list[str], str]]:
        speaker = grammar("en")
        rows = [(text(speaker.say(row[side])).split(), row[2]) for row in _rows(dataset, split)]
        return [([*words, f"length {len(words)}"], label) for words, label in rows]

    assert _naive_bayes(bags("train"), bags("test")) < limit


def test_paraphrases_overlap_in_both_classes() -> None:
    rng, speaker = Random(2), grammar("en")
    overlap: dict[str, list[float]] = defaultdict(list)
    for index in range(2000):
        label = paraphrase.LABELS[index % 2]
        first, second = paraphrase.draw_pair(rng, label)
        assert (first._replace(front="") == second._replace(front="")) == (label == "1")
        assert first.front != second.front
        left, right = (Counter(text(speaker.say(clause)).split()) for clause in (first, second))
        overlap[label].append((left & right).total() / max(left.total(), right.total()))
    assert min(overlap["1"]) == 1.0
    assert sum(overlap["0"]) / 1000 > 0.85
    assert sum(share == 1.0 for share in overlap["0"]) > 400


def test_swaps_keep_the_words() -> None:
    clause = Clause(NounPhrase("dog", "the", "big"), "follow", NounPhrase("cat"))
    assert clause._replace(subject=NounPhrase("cat"), object=NounPhrase("dog", "the", "big")) in paraphrase.swaps(
        clause
    )
    assert paraphrase.swaps(Clause(NounPhrase("dog"), "sleep")) == []


def test_drawn_clauses_are_sensible_and_varied() -> None:
    rng = Random(4)
    clauses = [draw_clause(rng) for _ in range(4000)]
    assert all(clause.object is None or clause.object.noun != clause.subject.noun for clause in clauses)
    assert all(clause.object.amount == "the" for clause in clauses if clause.negated and clause.object)
    assert 0.09 < sum(clause.negated for clause in clauses) / 4000 < 0.15
    assert len(set(clauses)) > 3900
    assert len({clause.verb for clause in inventory()}) == 47
