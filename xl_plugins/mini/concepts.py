"""The concepts of the embedded benchmark: kinds of things, what fits to what, what excludes or implies what."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

Item = TypeVar("Item")

# Kinds of nouns; the kind decides which adjectives fit and which verbs take the noun as subject or object.
KINDS: dict[str, tuple[str, ...]] = {
    kind: tuple(words.split())
    for kind, words in {
        "person": """man woman boy girl child teacher doctor king farmer mother father student queen neighbour singer
            cook nurse grandmother grandfather person driver soldier painter uncle aunt guest hunter thief""",
        "animal": """dog cat horse cow goat sheep lion elephant monkey rabbit mouse bear camel donkey chicken duck
            eagle parrot bird animal""",
        "food": """apple banana orange mango lemon pear fruit potato tomato onion carrot egg cake cucumber""",
        "drink": "water milk coffee tea juice drink",
        "readable": "book letter newspaper",
        "container": "bag box basket bottle",
        "opening": "door window umbrella",
        "furniture": "chair table bed",
        "clothing": "hat shirt dress coat skirt garment",
        "plaything": "ball doll kite toy",
        "transport": "car bicycle boat truck bus vehicle",
        "instrument": "hammer knife saw tool",
        "device": "lamp clock phone radio",
        "thing": "cup plate picture key flower stone mirror ring tree",
    }.items()
}
KIND_OF: dict[str, str] = {noun: kind for kind, nouns in KINDS.items() for noun in nouns}
NOUNS: tuple[str, ...] = tuple(KIND_OF)
ANIMATE = frozenset(KINDS["person"] + KINDS["animal"])
MASS = frozenset(KINDS["drink"])

_HYPONYMS: dict[str, str] = {
    "man": "king grandfather father uncle",
    "woman": "queen grandmother mother aunt",
    "child": "boy girl",
    "person": " ".join(noun for noun in KINDS["person"] if noun != "person"),
    "bird": "chicken duck eagle parrot",
    "animal": " ".join(noun for noun in KINDS["animal"] if noun != "animal"),
    "fruit": "apple banana orange mango lemon pear",
    "drink": "water milk coffee tea juice",
    "garment": "hat shirt dress coat skirt",
    "toy": "ball doll kite",
    "vehicle": "car bicycle boat truck bus",
    "tool": "hammer knife saw",
}
HYPONYMS: dict[str, tuple[str, ...]] = {general: tuple(words.split()) for general, words in _HYPONYMS.items()}
HYPERNYMS: dict[str, tuple[str, ...]] = {
    noun: tuple(general for general, special in HYPONYMS.items() if noun in special) for noun in NOUNS
}


def _both_ways(pairs: str, entry: Callable[[str], Item]) -> dict[str, Item]:
    """Each word of each pair with an entry made of the other one."""
    both = [pair.split() for pair in pairs.split(";")]
    return {one: entry(other) for left, right in both for one, other in ((left, right), (right, left))}


_PAIRS = """aged young; strong weak; rich poor; happy sad; sick healthy; lazy diligent; fat thin; big small; old new;
    heavy light; expensive cheap; beautiful ugly; clean dirty; empty full; fast slow; hot cold"""
COLOURS = ("white", "black", "red", "green", "blue", "yellow")
# Adjectives that cannot hold of the same thing: antonyms, and colours of one another.
EXCLUDES: dict[str, tuple[str, ...]] = _both_ways(_PAIRS, lambda word: (word,)) | {
    colour: tuple(other for other in COLOURS if other != colour) for colour in COLOURS
}
ADJECTIVES: tuple[str, ...] = tuple(EXCLUDES)

_THING = "big small old new heavy light expensive cheap beautiful ugly clean dirty white black red green blue yellow"
FITTING: dict[str, tuple[str, ...]] = {kind: tuple(_THING.split()) for kind in KINDS} | {
    kind: tuple(words.split())
    for kind, words in {
        "person": "aged young strong weak rich poor happy sad sick healthy lazy diligent fat thin",
        "animal": "aged young strong weak sick healthy fat thin big small fast slow clean dirty white black",
        "food": "big small expensive cheap hot cold clean dirty red green yellow",
        "drink": "hot cold expensive cheap",
        "container": _THING + " empty full",
        "transport": _THING + " fast slow empty full",
    }.items()
}

# verb: (kinds of subject, kinds or single nouns it takes as object; "" marks an intransitive verb)
_THINGS = "readable container furniture clothing plaything transport instrument device thing umbrella"
_SMALL = "readable container clothing plaything instrument device cup plate picture key flower stone mirror ring chair"
_FRAMES: dict[str, tuple[str, str]] = {
    "eat": ("person animal", "food"),
    "see": ("person animal", "person animal food transport " + _SMALL),
    "buy": ("person", "food drink " + _THINGS),
    "drink": ("person animal", "drink"),
    "love": ("person", "person animal"),
    "find": ("person animal", "person animal food drink " + _THINGS),
    "read": ("person", "readable"),
    "carry": ("person animal", "food furniture " + _SMALL),
    "open": ("person", "bag box bottle door window umbrella"),
    "push": ("person animal", "transport furniture box basket stone"),
    "sell": ("person", "food drink " + _THINGS),
    "wash": ("person", "clothing transport food cup plate bottle window"),
    "follow": ("person animal", "person animal transport"),
    "write": ("person", "book letter"),
    "close": ("person", "bag box bottle door window umbrella"),
    "hate": ("person", "person animal"),
    "pull": ("person animal", "transport furniture box basket stone"),
    "lose": ("person", "animal transport " + _SMALL),
    "attack": ("person animal", "person animal"),
    "protect": ("person animal", "person animal"),
    "visit": ("person", "person"),
    "cook": ("person", "potato tomato onion carrot egg cake"),
    "break": ("person", "device furniture plaything instrument transport door window cup plate bottle mirror umbrella"),
    "repair": ("person", "device furniture plaything instrument transport door window mirror umbrella"),
    "feed": ("person", "animal child"),
    "draw": ("person", "person animal food transport plaything thing"),
    "bring": ("person", "food drink furniture " + _SMALL),
    "seek": ("person animal", "person animal food drink " + _SMALL),
    "throw": ("person", "plaything stone food hat bottle cup"),
    "hide": ("person animal", "food " + _SMALL),
    "steal": ("person", "food animal transport " + _SMALL),
    "greet": ("person", "person"),
    "sleep": ("person animal", ""),
    "play": ("person animal", ""),
    "run": ("person animal", ""),
    "work": ("person", ""),
    "swim": ("person animal", ""),
    "laugh": ("person", ""),
    "rest": ("person animal", ""),
    "walk": ("person", ""),
    "jump": ("person animal", ""),
    "sing": ("person", ""),
    "cry": ("person", ""),
    "dance": ("person", ""),
    "wait": ("person animal", ""),
    "shout": ("person", ""),
    "travel": ("person", ""),
}
VERBS: tuple[str, ...] = tuple(_FRAMES)
SUBJECTS: dict[str, tuple[str, ...]] = {verb: tuple(frame[0].split()) for verb, frame in _FRAMES.items()}
OBJECTS: dict[str, tuple[str, ...]] = {
    verb: tuple(dict.fromkeys(noun for item in frame[1].split() for noun in KINDS.get(item, (item,))))
    for verb, frame in _FRAMES.items()
}
# Verbs that exclude each other for the same participants, time and place.
OPPOSITES: dict[str, str] = _both_ways(
    "buy sell; find lose; open close; push pull; break repair; love hate; protect attack; laugh cry; work rest", str
)

PLACES: tuple[str, ...] = tuple(
    """kitchen garden school market hospital forest beach street stadium city village station house office restaurant
    shop river mountain library hotel farm bridge room airport island""".split()
)
TIME_GROUPS: tuple[tuple[str, ...], ...] = tuple(
    tuple(group.split())
    for group in (
        "morning evening night noon",
        "monday tuesday wednesday thursday friday saturday sunday",
        "spring summer autumn winter",
    )
)
TIMES: tuple[str, ...] = tuple(time for group in TIME_GROUPS for time in group)
# Times of different groups are compatible (a Monday in winter), times of one group are not.
OTHER_TIMES: dict[str, tuple[str, ...]] = {
    time: tuple(other for other in group if other != time) for group in TIME_GROUPS for time in group
}
NUMBERS = ("two", "three", "four", "five", "six", "seven", "ten")
ABOVE_TWO = NUMBERS[1:]  # these entail "several"
SKEW = 2.5  # 1 draws evenly; the density at rank r goes as r ** (1 / SKEW - 1)
COUNTS = ("the", "a", *NUMBERS, "several")
