"""Writing the benchmark to a folder, in the file formats of XTREME (Hu et al., 2020) and MUSE (Conneau et al., 2018).

Every file is a function of the options, its own name and its number of rows: its random stream is seeded with seed and
name, so neither the other languages nor the other files matter, and more rows leave the first ones as they are.
"""

from __future__ import annotations

import shutil
import zlib
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from random import Random
from typing import Callable, Iterable, Iterator

from xl_plugins.errors import UserError
from xl_plugins.mini import nli, paraphrase
from xl_plugins.mini.corpus import stories
from xl_plugins.mini.grammar import grammar, text
from xl_plugins.mini.lexicon import SOURCE
from xl_plugins.mini.meaning import Clause
from xl_plugins.mini.noise import corrupt
from xl_plugins.mini.words import count_words, dictionary

SPLITS = ("train", "dev", "test")


@dataclass(frozen=True)
class Options:
    """What to write. ``noise``: probability that machine translation spoils a word; sizes are rows per file."""

    languages: tuple[str, ...]
    train: int
    dev: int
    test: int
    unlabelled: int
    seed: int = 1
    noise: float = 0.1

    @property
    def targets(self) -> tuple[str, ...]:
        return tuple(code for code in self.languages if code != SOURCE)

    def rows(self, split: str) -> int:
        return int(getattr(self, split))


Pair = tuple[Clause, Clause]
DATASETS: dict[str, tuple[tuple[str, ...], Callable[[Random, str], Pair]]] = {
    "xnli": (nli.LABELS, nli.draw_pair),
    "pawsx": (paraphrase.LABELS, paraphrase.draw_pair),
}


def _stream(options: Options, *purpose: str) -> Random:
    return Random("/".join((str(options.seed), *purpose)))


def split_of(clause: Clause) -> str:
    """The split whose rows may have ``clause`` as second sentence: a tenth each for dev and test.

    No second sentence therefore occurs in two splits, whatever the sizes.
    """
    said = (
        *clause.subject,
        clause.verb,
        *(clause.object or ()),
        clause.place,
        clause.time,
        clause.future,
        clause.negated,
    )
    place = zlib.crc32("/".join(map(str, said)).encode()) % 10
    return SPLITS[place] if place in (1, 2) else SPLITS[0]


def draw_rows(options: Options, dataset: str, split: str) -> list[tuple[Clause, Clause, str]]:
    """(first, second, label) of every row; labels come in shuffled blocks that hold each once, so they are balanced."""
    labels, draw = DATASETS[dataset]
    rng = _stream(options, dataset, split)
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


def _write(path: Path, lines: Iterable[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="\n") as handle:
        handle.writelines(line + "\n" for line in lines)


def _write_split(folder: Path, options: Options, dataset: str, split: str) -> None:
    rows = draw_rows(options, dataset, split)

    def said(code: str, *view: str, passes: int = 0) -> list[list[str]]:
        rng = _stream(options, dataset, split, code, *view)
        return list(_say(rows, code, rng, options.noise, passes))

    def write(name: str, *sides: list[list[str]]) -> None:
        columns = (chain.from_iterable(row) for row in zip(*sides))
        lines = ("\t".join((*texts, label)) for texts, (_, _, label) in zip(columns, rows))
        _write(folder / dataset / name, lines)

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


def write_text(folder: Path, options: Options, progress: Callable[[str], None]) -> None:
    """Unlabelled and parallel text, word lists, dictionaries: shared by all problems."""
    progress("text")
    parallel = list(islice(stories(_stream(options, "parallel")), options.unlabelled))
    for code in options.languages:
        speaker = grammar(code)
        own = islice(stories(_stream(options, "unlabelled", code)), options.unlabelled)
        for name, clauses in ((code, own), (f"parallel-{code}", parallel)):
            rng = _stream(options, "style", name)
            sentences = [text(speaker.say(speaker.restyle(clause, rng))) for clause in clauses]
            _write(folder / "unlabelled" / f"{name}.txt", sentences)
            if name == code:
                counts = count_words(sentences)
                _write(folder / "wordlists" / f"{code}.txt", (f"{word} {count}" for word, count in counts))
        if code != SOURCE:
            pairs = dictionary(code)
            _write(folder / "dictionaries" / f"{SOURCE}-{code}.txt", (f"{word} {other}" for word, other in pairs))


# problem: writer of its labelled files
PROBLEMS: dict[str, Callable[[Path, Options, Callable[[str], None]], None]] = {
    "sentence_pair": write_sentence_pair,
}


def make(
    folder: Path, problem: str, options: Options, overwrite: bool = False, progress: Callable[[str], None] = print
) -> None:
    """Write the benchmark of ``problem`` into ``folder``: first into ``folder``.partial, renamed when complete.

    Raises UserError if ``folder`` exists and ``overwrite`` is not set. On any error nothing is left behind.
    """
    if folder.exists() and not overwrite:
        raise UserError(f"{folder}: exists already; choose another folder or pass --overwrite")
    partial = folder.with_name(folder.name + ".partial")
    if partial.exists():
        shutil.rmtree(partial)
    try:
        partial.mkdir(parents=True)
        PROBLEMS[problem](partial, options, progress)
        write_text(partial, options, progress)
        if folder.is_dir() and not folder.is_symlink():
            shutil.rmtree(folder)
        elif folder.exists():
            folder.unlink()
        partial.rename(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
