"""The training text of one language, of which other texts are made."""

from __future__ import annotations

import hashlib
from functools import cached_property

import numpy as np
from fairseq.data.indexed_dataset import dataset_exists

from ...data.binary.layout import DataBin
from ...data.sentences import Sentences
from ...data.training.tagged_texts import TaggedTexts
from ...errors import UserError
from ...problems import PROBLEMS, SENTENCE_PAIR, TAGGING, Facts, problem_of

WORDS = "words"


def changeable(data: DataBin, what: str = "counterparts") -> Facts:
    """The problem of a data folder whose training texts can be changed; ``what`` for, in messages."""
    pairs = data.has(data.source_language, "train") and _exists(data, "input1")
    facts = problem_of(data.meta, SENTENCE_PAIR if pairs else TAGGING)
    if facts is None or not facts.changeable:
        *names, last = (other.name for other in PROBLEMS.values() if other.changeable)
        raise UserError(
            f"{data.root}/meta.json: the data is for problem '{data.meta['problem']}'; {what} are for"
            f" {', '.join(names)} and {last}"
        )
    if len(facts.texts) > 1 and data.single_text:
        raise UserError(
            f"{data.root}: holds single texts; {what} are for sentence pairs and tagging, or for texts that xl-prepare"
            " texts prepared"
        )
    return facts


def _exists(data: DataBin, field: str) -> bool:
    return dataset_exists(data.prefix(data.source_language, field, "train"), "mmap")


class LanguageTexts:
    """Training texts of a language: both sides of pairs, or sentences with the pieces of each word.

    Args:
        what: texts that are made of these; hint: what to do where there are none.
    """

    def __init__(self, data: DataBin, language: str, what: str, hint: str) -> None:
        self.data, self.language = data, language
        facts = changeable(data, what)
        self.fields = facts.texts
        for field in self.fields:
            prefix = data.prefix(language, field, "train")
            if not dataset_exists(prefix, "mmap"):
                raise UserError(
                    f"{prefix}.idx: missing; {what} are made from the training text of '{language}', which xl-prepare"
                    f" writes, {hint}"
                )
        self.tagged: TaggedTexts | None = None
        if facts.words:
            self.tagged = TaggedTexts(data, language, "train", 1 << 30, labelled=False)
        self.columns = [Sentences.of(data.open_text(language, field, "train")) for field in self.fields]
        if len({len(column) for column in self.columns}) > 1:
            counts = ", ".join(f"{len(column)} in {field}" for column, field in zip(self.columns, self.fields))
            raise UserError(f"{data.root}/{language}: rows differ: {counts}; prepare the data again")
        if not len(self):
            raise UserError(f"{data.prefix(language, self.fields[0], 'train')}.idx: holds no sentence")

    @property
    def files(self) -> tuple[str, ...]:
        """Files of an example: its texts, and of tagged sentences the sizes of their words."""
        return self.fields if self.tagged is None else (*self.fields, WORDS)

    def __len__(self) -> int:
        return len(self.columns[0])

    @cached_property
    def digest(self) -> str:
        """SHA-256 of texts and words."""
        digest = hashlib.sha256()
        for column in self.columns:
            digest.update(np.ascontiguousarray(column.ids).tobytes())
            digest.update(column.sizes.tobytes())
        if self.tagged is not None:
            digest.update(self.tagged.counts.flat.tobytes())
            digest.update(self.tagged.counts.row_sizes.tobytes())
        return digest.hexdigest()
