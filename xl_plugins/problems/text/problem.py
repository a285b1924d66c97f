"""Classification of single texts: sentiment, topic, intent."""

from __future__ import annotations

from typing import Any

from ...data.binary.layout import DataBin
from ...errors import UserError
from .. import TEXT
from ..labelled_texts.problem import LabelledTexts


class Text(LabelledTexts):
    """One label per text."""

    facts = TEXT
    shortest = 3, "a word and two special tokens"

    def __init__(self, data: DataBin, cfg: Any) -> None:
        super().__init__(data, cfg)
        if not data.single_text:
            raise UserError(
                f"{data.root}: holds pairs of texts; pass a task of sentence pairs, or prepare single texts"
            )


PROBLEM = Text
