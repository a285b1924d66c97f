"""Files of tags: one tag per token, a blank line between sentences, as XTREME's scorer reads them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from ...data.prepare.tagging_notes import note_lines
from ...datasets import XTREME
from ...errors import UserError
from ...formats.examples.columns import ColumnReader, Columns
from ...formats.examples.conllu_format import sentences
from ...formats.examples.words import Notes
from ...formats.tsv import LineReader
from ...problems import TAGGING
from .labels import MIN_CONSTANT, PLACEHOLDERS

logger = logging.getLogger(__name__)

TAG_SETS = {name: task.labels for name, task in XTREME.items() if task.metric in TAGGING.scores}


@dataclass
class TagFile:
    """Sentences of tags; ``lines`` is the line number of every sentence's first tag."""

    path: str
    sentences: list[list[str]]
    lines: list[int]

    @property
    def tokens(self) -> int:
        return sum(map(len, self.sentences))


def read_tags(path: str, known: Sequence[str] = (), gold: bool = False) -> TagFile:
    """Tags of a file: the last of its columns (``token TAB tag``, or the tag alone), read as xl-prepare reads them.

    Args:
        known: tags that may occur; empty for any.
        gold: the file must hold gold tags; UserError for tokens without tags and for one tag throughout, which XTREME
            publishes as test files.
    """
    found, notes = TagFile(path, [], []), Notes()
    fresh = True
    columns = Columns(word=0, tag=-1, separator="auto", comment="#" if gold else None, header="auto")
    for token in ColumnReader(path, columns, notes).tokens(LineReader(path, blank=True)):
        if token.word is None:
            fresh = True
            continue
        tag = token.word.strip() if token.tag is None else token.tag
        if not tag or (known and tag not in known):
            raise UserError(_not_a_tag(path, token.line, tag, known, gold))
        if fresh:
            found.sentences.append([])
            found.lines.append(token.line)
            fresh = False
        found.sentences[-1].append(tag)
    for note in note_lines([(path, notes.found)]):
        logger.warning("%s", note)
    if not found.sentences:
        raise UserError(f"{path}: the file is empty; expected one tag per token, a blank line between sentences")
    constant = gold and found.tokens >= MIN_CONSTANT and len({tag for tags in found.sentences for tag in tags}) == 1
    if constant and (known or found.sentences[0][0] in PLACEHOLDERS):  # of other sets, one tag may be the gold
        raise UserError(
            f"{path}: the tag is '{found.sentences[0][0]}' in every line, a placeholder; scoring needs gold tags"
            " (XTREME publishes test files without them; a set of one tag is scored under another name of --task)"
        )
    return found


def read_treebank(path: str) -> TagFile:
    """Gold UPOS tags of a CoNLL-U file, multiword tokens fused as in the data that xl-prepare makes of it."""
    found = TagFile(path, [], [])
    for sentence in sentences(path, chain(LineReader(path, blank=True), [(0, "")])):
        if not sentence.tags:
            raise UserError(f"{path}:{sentence.lines[0]}: a sentence without UPOS tags; scoring needs gold tags")
        found.sentences.append(sentence.tags)
        found.lines.append(sentence.lines[0])
    if not found.sentences:
        raise UserError(f"{path}: no sentence in it; expected a CoNLL-U treebank")
    return found


def _not_a_tag(path: str, number: int, tag: str, known: Sequence[str], gold: bool) -> str:
    if gold:
        hint = "scoring needs gold tags in the last column (XTREME publishes test files without them)"
    else:
        hint = "correct the line or --task"
    return f"{path}:{number}: '{tag[:60]}' is not one of {', '.join(known) or 'the tags'}; {hint}"


def check_aligned(predicted: TagFile, gold: TagFile) -> None:
    """UserError naming both files and their counts unless every token of every sentence has a tag."""
    if len(predicted.sentences) != len(gold.sentences):
        raise UserError(
            f"{predicted.path}: {len(predicted.sentences)} sentences ({predicted.tokens} tags), but {gold.path} has"
            f" {len(gold.sentences)} ({gold.tokens} tokens); every token of every sentence needs a tag"
        )
    for number, (tags, tokens) in enumerate(zip(predicted.sentences, gold.sentences)):
        if len(tags) != len(tokens):
            raise UserError(
                f"{predicted.path}:{predicted.lines[number]}: sentence {number + 1} has {len(tags)} tags, but"
                f" {len(tokens)} tokens in {gold.path}:{gold.lines[number]}; every token needs a tag"
            )
