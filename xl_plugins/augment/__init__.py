"""Random changes to a text that keep its meaning: subword sampling and code-switch.

Both work on the words of an example, each a tuple of fairseq piece ids, and keep their number and order, so that labels
of words and alignments of views follow from the position alone::

    pieces = WordPieces(task.source_dictionary, "sentencepiece.bpe.model")
    sample = SubwordSampling(pieces, ratio=0.5)
    view = sample(pieces.split(ids), generator(seed, epoch, example, view=1))
    view.words, view.selected

Draws come from a generator made of (seed, epoch, example, view), never from global state: the same whatever the number
of data workers, the order of examples or a resume.
"""
