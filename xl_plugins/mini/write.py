"""Writing the benchmark to a folder, in the file formats of XTREME (Hu et al., 2020) and MUSE (Conneau et al., 2018).

Every file is a function of the options, its own name and its number of rows: its random stream is seeded with seed and
name, so neither the other languages nor the other files matter, and more rows leave the first ones as they are.
"""

from __future__ import annotations

from itertools import chain, islice
from pathlib import Path
from random import Random
from typing import Callable, Iterable, Iterator

from xl_plugins.mini.corpus import Line, mixture, stories
from xl_plugins.mini.files import SPLITS, Options, split_of, stream, write_lines
from xl_plugins.mini.grammar import grammar, text
from xl_plugins.mini.lexicon import SOURCE
from xl_plugins.mini.meaning import Clause
from xl_plugins.mini.noise import corrupt
from xl_plugins.mini.problems import nli, paraphrase
from xl_plugins.mini.problems.squad import write_qa
from xl_plugins.mini.problems.tagging import write_tagging
from xl_plugins.mini.problems.topic import write_topics
from xl_plugins.mini.words import count_words, dictionary
from xl_plugins.output import Staging
from xl_plugins.problems import QA, SENTENCE_PAIR, TAGGING, TEXT

COMMAND = "xl-mini make"
Pair = tuple[Clause, Clause]
DATASETS: dict[str, tuple[tuple[str, ...], Callable[[Random, str], Pair]]] = {
    "xnli": (nli.LABELS, nli.draw_pair),
    "pawsx": (paraphrase.LABELS, paraphrase.draw_pair),
}


def draw_rows(options: Options, dataset: str, split: str) -> list[tuple[Clause, Clause, str]]:
    """(first, second, label) of every row; labels come in shuffled blocks that hold each once, so they are balanced."""
    labels, draw = DATASETS[dataset]
    rng = stream(options, dataset, split)
    rows: list[tuple[Clause, Clause, str]] = []
    while len(rows) < options.rows(split):
        for label in rng.sample(labels, len(labels)):
            first, second = draw(rng, label)
            while split_of(second) != split:
                first, second = draw(rng, label)
            rows.append((first, second, label))
    return rows[: options.rows(split)]


def _say(
    rows: Iterable[tuple[Clause, Clause, str]], code: str, rng: Random, noise: float, passes: int
) -> Iterator[list[str]]:
    """Both sentences of each row in language ``code``, spoiled ``passes`` times."""
    speaker = grammar(code)
    for first, second, _ in rows:
        sentences = []
        for clause in (first, second):
            tokens = speaker.say(speaker.restyle(clause, rng))
            for _ in range(passes):
                tokens = corrupt(tokens, code, noise, rng)
            sentences.append(text(tokens))
        yield sentences


def _write_split(folder: Path, options: Options, dataset: str, split: str) -> None:
    rows = draw_rows(options, dataset, split)

    def said(code: str, *keys: str, passes: int = 0) -> list[list[str]]:
        rng = stream(options, dataset, split, code, *keys)
        return list(_say(rows, code, rng, options.noise, passes))

    def write(name: str, *sides: list[list[str]]) -> None:
        columns = (chain.from_iterable(row) for row in zip(*sides))
        lines = ("\t".join((*texts, label)) for texts, (_, _, label) in zip(columns, rows))
        write_lines(folder / dataset / name, lines)

    source = said(SOURCE)
    write(f"{split}-{SOURCE}.tsv", source)
    for code in options.targets:
        if split == "train":
            write(f"translate-train/{SOURCE}-{code}.tsv", source, said(code, "machine", passes=1))
            write(f"back-translation/{SOURCE}-{code}.tsv", source, said(SOURCE, "back", code, passes=2))
        else:
            human = said(code)
            write(f"{split}-{code}.tsv", human)
            write(f"translate-{split}/{code}-{SOURCE}.tsv", human, said(SOURCE, "machine", code, passes=1))


def write_sentence_pair(folder: Path, options: Options, progress: Callable[[str], None]) -> None:
    """Inference and paraphrase pairs with all their translations."""
    for dataset in DATASETS:
        progress(dataset)
        for split in SPLITS:
            _write_split(folder, options, dataset, split)


def write_text(
    folder: Path, options: Options, progress: Callable[[str], None], lines: Callable[[Random], Iterator[Line]] = stories
) -> None:
    """Unlabelled and parallel text, word lists, dictionaries: shared by all problems of the folder."""
    progress("text")
    parallel = list(islice(lines(stream(options, "parallel")), options.unlabelled))
    for code in options.languages:
        own = islice(lines(stream(options, "unlabelled", code)), options.unlabelled)
        for name, items in ((code, own), (f"parallel-{code}", parallel)):
            rng = stream(options, "style", name)
            sentences = [line.text(code, rng) for line in items]
            write_lines(folder / "unlabelled" / f"{name}.txt", sentences)
            if name == code:
                counts = count_words(sentences)
                write_lines(folder / "wordlists" / f"{code}.txt", (f"{word} {count}" for word, count in counts))
        if code != SOURCE:
            pairs = dictionary(code)
            write_lines(folder / "dictionaries" / f"{SOURCE}-{code}.txt", (f"{word} {other}" for word, other in pairs))


# problem: writers of its labelled files
PROBLEMS: dict[str, tuple[Callable[[Path, Options, Callable[[str], None]], None], ...]] = {
    SENTENCE_PAIR.name: (write_sentence_pair,),
    TAGGING.name: (write_tagging,),
    QA.name: (write_qa,),
    TEXT.name: (write_topics,),
    "all": (write_sentence_pair, write_tagging, write_qa, write_topics),
}


def make(
    folder: Path, problem: str, options: Options, overwrite: bool = False, progress: Callable[[str], None] = print
) -> None:
    """Write the benchmark of ``problem`` into ``folder``, which appears when it is complete.

    Raises UserError if ``folder`` exists and ``overwrite`` is not set, or if it is not a benchmark that this made. On
    any error nothing is left behind.
    """
    with Staging(folder, COMMAND, "DIR", overwrite) as staging:
        for write in PROBLEMS[problem]:
            write(staging.new, options, progress)
        # names, questions and punctuation are no part of the pairs and of the text that goes with them
        write_text(staging.new, options, progress, stories if problem == SENTENCE_PAIR.name else mixture)
        staging.commit()
