"""Writes single texts: a text and a label per row."""

from ..labelled_texts.writer import PairWriter


class TextWriter(PairWriter):
    """``input0`` per part, ``label`` beside gold texts."""

    columns = ("texts", *PairWriter.columns[1:])


WRITER = TextWriter
