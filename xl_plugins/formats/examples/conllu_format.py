"""Sentences of CoNLL-U treebanks (universaldependencies.org/format), with multiword tokens as one word.

A range line such as ``3-4 zum`` stands for the words 3 and 4; as in XTREME, the fused form becomes one word. Its tag
is the one among its parts' tags that comes first in :data:`PRECEDENCE`, the default order of the ud-conversion-tools
that XTREME's script calls. Empty nodes (``8.1``) are skipped.
"""

from __future__ import annotations

from typing import Iterator, NamedTuple

from xl_plugins.errors import UserError

PRECEDENCE = (
    "VERB", "NOUN", "PROPN", "PRON", "ADJ", "NUM", "ADV", "INTJ", "AUX", "ADP", "DET", "PART", "CCONJ", "SCONJ", "X",
    "PUNCT", "SYM",
)  # fmt: skip
UPOS = tuple(sorted(PRECEDENCE))  # also the order of XTREME's label file
COLUMNS = {"upos": 3, "xpos": 4}
_RANK = {tag: rank for rank, tag in enumerate(PRECEDENCE)}


class Tokens(NamedTuple):
    """A sentence; ``text`` is that of its ``# text`` comment, ``tags`` is empty if all UPOS are ``_``."""

    words: list[str]
    tags: list[str]
    lines: list[int]
    text: str | None


def fused_tag(tags: list[str]) -> str:
    """Tag of a fused word; among tags that the order does not know (other tag sets) the first one."""
    return min(tags, key=lambda tag: _RANK.get(tag, len(_RANK)))


def sentences(path: str, lines: Iterator[tuple[int, str]], column: str = "upos") -> Iterator[Tokens]:
    """Stream the sentences of ``(line number, text)`` pairs that end in a blank line; UserError names the line."""
    block: list[tuple[int, list[str]]] = []
    text: str | None = None
    for number, line in lines:
        if line.startswith("#") and line.count("\t") != 9:
            if line.startswith("# text ="):
                text = line[len("# text =") :].strip()
        elif line.strip():
            fields = line.split("\t")
            if len(fields) != 10:
                raise UserError(
                    f"{path}:{number}: {len(fields)} columns, expected the 10 of CoNLL-U, separated by tabs"
                )
            block.append((number, fields))
        elif block:
            yield _fuse(path, block, COLUMNS[column], text)
            block, text = [], None


def _fuse(path: str, block: list[tuple[int, list[str]]], column: int, text: str | None) -> Tokens:
    words: list[str] = []
    tags: list[str] = []
    lines: list[int] = []
    parts: list[str] = []  # tags of the words under the fused form
    expected, fused_end = 1, 0
    for number, fields in block:
        identifier = fields[0]
        if "." in identifier:
            continue
        first, dash, last = identifier.partition("-")
        if not first.isdigit() or (dash and not last.isdigit()):
            raise UserError(f"{path}:{number}: '{identifier}' is no word number of CoNLL-U (3, 3-4 or 3.1)")
        if int(first) != expected or (dash and (int(last) < expected or expected <= fused_end)):
            raise UserError(f"{path}:{number}: word number {identifier}, expected {expected}; words must be in order")
        if dash:
            fused_end, parts = int(last), []
            words.append(fields[1])
            lines.append(number)
            continue
        if expected <= fused_end:
            parts.append(fields[column])
            if expected == fused_end:
                tags.append(fused_tag(parts))
        else:
            words.append(fields[1])
            tags.append(fields[column])
            lines.append(number)
        expected += 1
    if expected <= fused_end:
        raise UserError(
            f"{path}:{block[-1][0]}: the sentence ends inside a multiword token, word {expected} is missing"
        )
    if column == COLUMNS["upos"] and all(tag == "_" for tag in tags):
        tags = []
    return Tokens(words, tags, lines, text)
