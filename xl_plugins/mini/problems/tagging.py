"""Parts of speech (``udpos``) and named entities (``panx``) with aligned translations, in XTREME's formats.

A translated training text is split into words but has no tags: those of a real one would be unknown as well.
"""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Callable, Iterable, Iterator

from xl_plugins.mini.files import SPLITS, Options, split_of, stream, write_lines
from xl_plugins.mini.grammar import Token
from xl_plugins.mini.lexicon import SOURCE
from xl_plugins.mini.meaning import Clause
from xl_plugins.mini.named import draw_named, has_name
from xl_plugins.mini.sentences import Sentence, entity, part_of_speech, say, text

# Share of sentences without capitals, as in messages: Hindi has none, so a tagger that looks for them alone fails.
LOWER = 0.3
Tagger = Callable[[Token, str], str]
# data set: (what is predicted, share of participants and places that are names, share of sentences that must have one)
DATASETS: dict[str, tuple[Tagger, float, float]] = {
    "udpos": (part_of_speech, 0.25, 0.0),
    "panx": (lambda token, code: entity(token), 0.7, 0.8),
}


def draw_sentence(rng: Random, rate: float, needed: float, split: str) -> Sentence:
    """One or two clauses that belong to ``split``, so that none occurs in two splits."""

    def clause() -> Clause:
        plain = rng.random() >= needed
        while True:
            drawn = draw_named(rng, rate, training=split == "train")
            if split_of(drawn) == split and (plain or has_name(drawn)):
                return drawn

    lower = rng.random() < LOWER
    if rng.random() < 0.7:
        return Sentence((clause(),), "", "!" if rng.random() < 0.1 else ".", lower)
    return Sentence((clause(), clause()), rng.choice(("and", "but")), ".", lower)


def draw_sentences(options: Options, dataset: str, split: str) -> list[Sentence]:
    rng = stream(options, dataset, split)
    return [draw_sentence(rng, *DATASETS[dataset][1:], split) for _ in range(options.rows(split))]


def _tagged(sentences: Iterable[list[Token]], code: str, tagger: Tagger) -> Iterator[str]:
    for words in sentences:
        yield from (f"{token.form}\t{tagger(token, code)}" for token in words)
        yield ""


def _write_split(folder: Path, options: Options, dataset: str, split: str) -> None:
    sentences = draw_sentences(options, dataset, split)
    tagger = DATASETS[dataset][0]

    def said(code: str, *keys: str, passes: int = 0) -> list[list[Token]]:
        rng = stream(options, dataset, split, code, *keys)
        return [say(sentence, code, rng, options.noise, passes) for sentence in sentences]

    def plain(name: str, spoken: list[list[Token]]) -> None:
        write_lines(folder / dataset / name, map(text, spoken))

    write_lines(folder / dataset / f"{split}-{SOURCE}.tsv", _tagged(said(SOURCE), SOURCE, tagger))
    for code in options.targets:
        if split == "train":
            machine = said(code, "machine", passes=1)
            lines = (line for words in machine for line in (*(token.form for token in words), ""))
            write_lines(folder / dataset / f"translate-train/{SOURCE}-{code}.tsv", lines)
            plain(f"back-translation/{SOURCE}-{code}.txt", said(SOURCE, "back", code, passes=2))
        else:
            write_lines(folder / dataset / f"{split}-{code}.tsv", _tagged(said(code), code, tagger))
            plain(f"translate-{split}/{code}-{SOURCE}.txt", said(SOURCE, "machine", code, passes=1))


def write_tagging(folder: Path, options: Options, progress: Callable[[str], None]) -> None:
    """Both tagging sets with all their translations."""
    for dataset in DATASETS:
        progress(dataset)
        for split in SPLITS:
            _write_split(folder, options, dataset, split)
