"""The embedded benchmark ``mini``: small multilingual data from a hand-written grammar, so everything runs offline.

One language-free clause (:mod:`~xl_plugins.mini.meaning`) is said in every language
(:mod:`~xl_plugins.mini.grammar`, :mod:`~xl_plugins.mini.lexicon`); pairs of clauses with known relations give inference
and paraphrase data, word noise their "machine translations". Files follow XTREME and MUSE; sizes and seed are free::

    xl-mini make mini --languages en,de,es,fr,sw,tr,hi --train 4000 --dev 300 --test 500 --seed 1 --noise 0.1
    xl-mini pretrain mini mini-xlmr --updates 2000

or from Python:

    >>> from random import Random
    >>> from xl_plugins.mini.meaning import Clause, NounPhrase
    >>> from xl_plugins.mini.grammar import grammar, text
    >>> clause = Clause(NounPhrase("girl", "two"), "read", NounPhrase("book", "the", "old"), "garden")
    >>> text(grammar("en").say(clause))
    'two girls read the old book in the garden'
    >>> text(grammar("tr").say(clause))
    'iki kız bahçede eski kitabı okuyor'
"""
