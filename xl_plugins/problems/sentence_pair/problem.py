"""Classification of sentence pairs: entailment (XNLI) and paraphrase (PAWS-X)."""

from __future__ import annotations

from .. import SENTENCE_PAIR
from ..labelled_texts.problem import LabelledTexts


class SentencePair(LabelledTexts):
    """One label per pair of texts; in folders of single texts, one per text."""

    facts = SENTENCE_PAIR


PROBLEM = SentencePair
