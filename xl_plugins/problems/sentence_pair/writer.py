"""Writes sentence pairs: two texts and a label per row."""

from ..labelled_texts.writer import PairWriter

WRITER = PairWriter
