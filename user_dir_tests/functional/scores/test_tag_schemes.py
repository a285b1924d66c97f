"""Span counts of every tag scheme against seqeval, and what is recognised."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xl_plugins.errors import UserError
from xl_plugins.functional.scores.spans import SpanScheme, f1
from xl_plugins.functional.scores.tag_schemes import recognise, split_tag

TYPES = ["art-other", "person-other", "Ort", "E", "S-Bahn", "B", "I-O", "-x-"]
STRICT = {"iob1": "IOB1", "iob2": "IOB2", "ioe2": "IOE2", "bioes": "IOBES", "bilou": "BILOU"}


def flatten(labels: list[str], sentences: list[list[str]]) -> tuple[np.ndarray, np.ndarray]:
    index = {label: number for number, label in enumerate(labels)}
    return np.array([index[tag] for s in sentences for tag in s], dtype=int), np.array([len(s) for s in sentences])


def count(labels: list[str], gold: list[list[str]], predicted: list[list[str]]) -> np.ndarray:
    true, sizes = flatten(labels, gold)
    return SpanScheme(labels).counts(true, flatten(labels, predicted)[0], sizes)


def mark(scheme: str, spans: list[tuple[int, str]]) -> list[str]:
    """Tags of neighbouring spans (length, type), O for type ''."""
    tags: list[str] = []
    for number, (length, kind) in enumerate(spans):
        if not kind:
            tags += ["O"] * length
            continue
        like_before = number > 0 and spans[number - 1][1] == kind
        like_after = number + 1 < len(spans) and spans[number + 1][1] == kind
        letters = ["I"] * length
        if scheme == "iob2" or (scheme == "iob1" and like_before):
            letters[0] = "B"
        elif scheme == "ioe2" or (scheme == "ioe1" and like_after):
            letters[-1] = "E"
        elif scheme in ("bioes", "bilou"):
            letters[0], letters[-1] = "B", "EL"[scheme == "bilou"]
            if length == 1:
                letters = ["SU"[scheme == "bilou"]]
        tags += [f"{letter}-{kind}" for letter in letters]
    return tags


def labels_of(scheme: str) -> list[str]:
    letters = {"iob": "BI", "ioe": "IE", "bio": "BIES", "bil": "BILU"}[scheme[:3]]
    return ["O", *(f"{letter}-{kind}" for letter in letters for kind in TYPES)]


def lenient(tags: list[str]) -> list[str]:
    """As seqeval's default mode knows them: BIOES."""
    return [{"L": "E", "U": "S"}.get(tag[0], tag[0]) + tag[1:] for tag in tags]


def draw_spans(draw: random.Random) -> list[tuple[int, str]]:
    kinds = draw.sample(TYPES, 3)
    return [(draw.randint(1, 3), draw.choice(["", *kinds])) for _ in range(draw.randint(1, 6))]


def change(tags: list[str], labels: list[str], draw: random.Random, share: float) -> list[str]:
    return [draw.choice(labels) if draw.random() < share else tag for tag in tags]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("scheme", ["iob1", "iob2", "ioe1", "ioe2", "bioes", "bilou"])
def test_against_seqeval(scheme: str) -> None:
    """3,000 pairs, half of the gold and all of the predictions malformed: seqeval's default mode (BILOU as BIOES)."""
    seqeval = pytest.importorskip("seqeval.metrics.sequence_labeling")
    draw, labels = random.Random(scheme), labels_of(scheme)
    gold = [mark(scheme, draw_spans(draw)) for _ in range(3000)]
    gold = [change(tags, labels, draw, 0.3) if number % 2 else tags for number, tags in enumerate(gold)]
    predicted = [change(tags, labels, draw, 0.25) for tags in gold]
    found = count(labels, gold, predicted)
    for number, pair in enumerate(zip(gold, predicted)):
        true, guess = (set(seqeval.get_entities(lenient(tags))) for tags in pair)
        assert found[number].tolist() == [len(true), len(guess), len(true & guess)], pair
    theirs = seqeval.f1_score([lenient(tags) for tags in gold], [lenient(tags) for tags in predicted])
    assert f1(*found.sum(axis=0)) == pytest.approx(100 * theirs, abs=1e-9)


@pytest.mark.parametrize("scheme", list(STRICT))
def test_well_formed_tags_against_seqevals_strict_mode(scheme: str) -> None:
    """seqeval's IOE1 is unfinished, as it says. Its strict mode cuts the hyphens of a type's ends off."""
    module = pytest.importorskip("seqeval.scheme")
    draw, labels = random.Random(scheme), labels_of(scheme)
    pairs = [[draw_spans(draw), draw_spans(draw)] for _ in range(3000)]
    for pair in pairs:  # the same words
        length = min(sum(size for size, _ in spans) for spans in pair)
        pair[:] = [cut(spans, length) for spans in pair]
    gold, predicted = ([mark(scheme, pair[side]) for pair in pairs] for side in (0, 1))
    found = count(labels, gold, predicted)
    sides = [module.Entities(side, getattr(module, STRICT[scheme])).entities for side in (gold, predicted)]
    for number, (true, guess) in enumerate(zip(*sides)):
        assert found[number].tolist() == [len(true), len(guess), len(set(true) & set(guess))]
    assert SpanScheme(labels).describe(*flatten(labels, gold)).lower() == scheme


def cut(spans: list[tuple[int, str]], length: int) -> list[tuple[int, str]]:
    kept = []
    for size, kind in spans:
        size = min(size, length)
        length -= size
        if size:
            kept.append((size, kind))
    return kept


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("letters", ["BI", "BIES", "BILU", ""], ids=["bare iob", "bare bioes", "bare bilou", "io"])
def test_letters_alone_and_types_alone_against_seqeval(letters: str) -> None:
    seqeval = pytest.importorskip("seqeval.metrics.sequence_labeling")
    draw = random.Random(5)
    labels = ["O", *(letters or ["ORG", "EVENT", "SPORT", "BUILDING", "I", "S", "art-other"])]
    gold = [[draw.choice(labels) for _ in range(draw.randint(0, 12))] for _ in range(3000)]
    predicted = [change(tags, labels, draw, 0.3) for tags in gold]
    found = count(labels, gold, predicted)
    for number, pair in enumerate(zip(gold, predicted)):
        known = [lenient(tags) if letters else [t if t == "O" else f"I-{t}" for t in tags] for tags in pair]
        true, guess = (set(seqeval.get_entities(tags)) for tags in known)
        assert found[number].tolist() == [len(true), len(guess), len(true & guess)], pair


@pytest.mark.parametrize(
    ("labels", "scheme"),
    [
        ("O B-PER I-PER", "iob"),
        ("O I-PER I-ORG", "iob"),
        ("B-PER", "iob"),
        ("O E-PER I-PER", "ioe"),
        ("O B-PER E-PER", "bioes"),
        ("O S-PER", "bioes"),
        ("O B-PER I-PER L-PER U-PER", "bilou"),
        ("O U-LOC", "bilou"),
        ("O B I", "iob"),
        ("O B", "iob"),
        ("O B I E S", "bioes"),
        ("O B I L U", "bilou"),
        ("O I", "io"),
        ("O S E", "io"),
        ("O ORG EVENT SPORT B", "io"),
        ("O art-other ORG", "io"),
        ("O b-one b-two i-three", "io"),  # no type is begun and continued
        ("VB_P VB_I NN", "io"),
        ("O", "io"),
        ("", "io"),
    ],
)
def test_recognised(labels: str, scheme: str) -> None:
    assert recognise(labels.split()) == scheme


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ("o b-per i-per O", "tags 'b-per' and 'i-per' seem to mark spans, but are not written like B-PER, I-PER and O"),
        ("B_PER I_PER I_ORG O", "tags 'B_PER' and 'I_PER' seem to mark spans"),
        ("PER-B PER-E O", "tags 'PER-B' and 'PER-E' seem to mark spans, but are not written like B-PER, E-PER and O"),
        ("O B-PER I-PER ORG", "tags 'B-PER' and 'ORG' are of different styles"),
        ("O B-PER B", "tags 'B-PER' and 'B' are of different styles"),
        ("O B-PER M-PER", "'M-PER'"),
        ("O B-PER E-PER L-PER", "tags 'E-PER' (BIOES) and 'L-PER' (BILOU) mark spans in different ways"),
        ("O B S U", "tags 'S' (BIOES) and 'U' (BILOU)"),
    ],
)
def test_mixtures_are_refused(labels: str, words: str) -> None:
    with pytest.raises(UserError) as caught:
        SpanScheme(labels.split())
    assert words in str(caught.value) and "--tag-scheme" in str(caught.value) and "\n" not in str(caught.value)
    assert SpanScheme(labels.split(), "io").rule == "io"


def test_a_scheme_that_the_tags_are_not_of() -> None:
    with pytest.raises(UserError, match="--tag-scheme iob: tag 'E-PER' is not O and does not begin with B-, I-"):
        SpanScheme(["O", "B-PER", "E-PER"], "iob")


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ("I-A I-A B-A O I-B", "IOB1"),
        ("B-A I-A B-A O B-B", "IOB2"),
        ("I-A B-B O", "IOB"),  # neither
        ("O O", "IOB2"),
        ("I-A E-A I-A O", "IOE1"),
        ("I-A E-A E-B O", "IOE2"),
    ],
)
def test_versions_are_told_from_the_gold_tags(tags: str, words: str) -> None:
    labels = ["O", "I-A", "I-B", *(["E-A", "E-B"] if "E" in words else ["B-A", "B-B"])]
    assert SpanScheme(labels).describe(*flatten(labels, [tags.split()])) == words


def test_other_descriptions() -> None:
    empty = np.array([], dtype=int)
    describe: Callable[[str], str] = lambda labels: SpanScheme(labels.split()).describe(empty, empty)  # noqa: E731
    assert describe("O B I") == "IOB2, letters without types"
    assert describe("O ORG") == "types without prefixes"
    assert describe("B-X U-X") == "BILOU"
    assert SpanScheme(["NOUN"], "xtreme").describe(empty, empty) == "XTREME's rules"


def test_types_are_split_at_the_first_hyphen() -> None:
    assert split_tag("B-art-other") == ("B", "art-other")
    assert split_tag("B") == ("B", "")
    assert split_tag("Berg") is split_tag("") is split_tag("-PER") is split_tag("X-PER") is None
    labels = ["B-art-other", "I-art-other", "B-person-other", "I-person-other", "O"]
    assert count(labels, [["B-art-other", "O"]], [["B-person-other", "O"]]).tolist() == [[1, 1, 0]]


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(["iob2", "bioes", "bilou"]), st.randoms(use_true_random=False))
def test_properties(scheme: str, draw: random.Random) -> None:
    """Gold against itself is perfect, sides may be swapped, BILOU and BIOES of the same spans agree with IOB2."""
    spans = [draw_spans(draw) for _ in range(5)]
    gold = [mark(scheme, s) for s in spans]
    labels = labels_of(scheme)
    predicted = [change(tags, labels, draw, 0.3) for tags in gold]
    found, back = count(labels, gold, predicted), count(labels, predicted, gold)
    assert (found[:, [1, 0, 2]] == back).all() and (found[:, 2] <= found[:, :2].min(axis=1)).all()
    assert found[:, 0].tolist() == [sum(bool(kind) for _, kind in s) for s in spans]
    assert (count(labels, gold, gold)[:, 0] == count(labels, gold, gold)[:, 2]).all()
