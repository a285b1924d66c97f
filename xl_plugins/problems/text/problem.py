"""Classification of single texts: sentiment, topic, intent."""

from __future__ import annotations

from .. import TEXT
from ..labelled_texts.problem import LabelledTexts


class Text(LabelledTexts):
    """One label per text."""

    facts = TEXT
    least_length = 3  # a word and two special tokens


PROBLEM = Text
