"""How tags mark spans: schemes, recognised from a whole label set.

A tag is ``O``, or a letter and a type (``B-PER``, split at the first ``-``: the type of ``B-art-other`` is
``art-other``), a letter alone (``B``: spans of one type), or a type alone (``PER``: equal neighbours are a span).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ...errors import UserError

OUTSIDE = "O"
XTREME = "xtreme"
# letters of the tags within spans
LETTERS = {"iob": "BI", "ioe": "IE", "bioes": "BIES", "bilou": "BILU", "io": ""}
TITLES = {"iob": "IOB", "ioe": "IOE", "bioes": "BIOES", "bilou": "BILOU", "io": "types without prefixes"}
SCHEMES = (*LETTERS, XTREME)
_SAME = str.maketrans("LU", "ES")  # BILOU's last and unit are BIOES's end and single
_ALL = "BIESLU"
# tags that mean a scheme but are written in another way: b-per, B_PER, PER-B
_OTHERWISE = (
    re.compile("(?P<letter>[BIESLUbieslu])[-_:/.|](?P<type>.+)"),
    re.compile("(?P<type>.+)[-_:/.|](?P<letter>[BIESLUbieslu])"),
)


def split_tag(tag: str, letters: str = _ALL) -> tuple[str, str] | None:
    """Letter and type of a tag with one of ``letters``, the type empty for a letter alone; None for another tag."""
    if tag[:1] and tag[0] in letters and tag[1:2] in ("", "-"):
        return tag[0], tag[2:]
    return None


def recognise(labels: Sequence[str]) -> str:
    """The scheme of a label set; UserError for one that mixes several.

    Letters alone are taken for letters when the whole set is such and B is among them; ``S`` or ``I`` beside ``O`` are
    types.
    """
    tags = [label for label in labels if label != OUTSIDE]
    found = {tag: split_tag(tag) for tag in tags}
    typed = [tag for tag, parts in found.items() if parts and parts[1]]
    bare = [tag for tag, parts in found.items() if parts and not parts[1]]
    if not typed and ("B" not in bare or len(bare) < len(tags)):
        _refuse_other_spelling(tags)
        return "io"
    other = [tag for tag in tags if tag not in (typed or bare)]
    if other:
        raise UserError(
            f"tags '{typed[0]}' and '{other[0]}' are of different styles, so what is a span is not known; make them"
            f" agree, or name the style by --tag-scheme {'|'.join(SCHEMES)} (io: every tag is a type)"
        )
    used = {parts[0] for parts in found.values() if parts}
    if used & set("ES") and used & set("LU"):
        first, second = (next(t for t in tags if t[0] in side) for side in ("ES", "LU"))
        raise UserError(
            f"tags '{first}' (BIOES) and '{second}' (BILOU) mark spans in different ways; make them agree, or say by"
            " --tag-scheme io that every tag is a type"
        )
    if used & set("LU"):
        return "bilou"
    if used <= set("IE") and "E" in used:
        return "ioe"
    return "bioes" if used & set("ES") else "iob"


def _refuse_other_spelling(tags: Sequence[str]) -> None:
    """UserError for tags that begin and continue a type, written in another way than ``B-PER``."""
    for pattern in _OTHERWISE:
        parts = [match for match in map(pattern.fullmatch, tags) if match]
        if len(parts) + 1 < len(tags):  # one may be an O in another spelling
            continue
        by_type: dict[str, dict[str, str]] = {}
        for match in parts:
            by_type.setdefault(match["type"].lower(), {})[match["letter"].upper()] = match[0]
        for kind, letters in by_type.items():
            if "B" in letters and len(letters) > 1:
                first, (letter, second), title = letters.pop("B"), next(iter(letters.items())), kind.upper()
                raise UserError(
                    f"tags '{first}' and '{second}' seem to mark spans, but are not written like B-{title},"
                    f" {letter}-{title} and O; rename them, or say by --tag-scheme io that every tag is a type"
                )


def letters_and_types(labels: Sequence[str], scheme: str) -> list[tuple[str, str]]:
    """Each label as BIOES's letter and its type, ``("O", "")`` for O; UserError for one that is not of ``scheme``."""
    found = []
    for label in labels:
        if label == OUTSIDE:
            found.append((OUTSIDE, ""))
        elif scheme == "io":
            found.append(("I", label))
        elif parts := split_tag(label, LETTERS[scheme]):
            found.append((parts[0].translate(_SAME), parts[1]))
        else:
            letters = ", ".join(f"{letter}-" for letter in LETTERS[scheme])
            raise UserError(
                f"--tag-scheme {scheme}: tag '{label}' is not O and does not begin with {letters}; name another scheme"
            )
    return found
