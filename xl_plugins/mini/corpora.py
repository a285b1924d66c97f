"""Text for pre-training: reading plain and compressed files, and the lines the masked language model sees.

A line is two sentences, written as a fine-tuned pair is fed to the model (``a </s> </s> b``): mostly two consecutive
ones of the same file, in a given share a sentence and its translation (translation language modelling, Conneau and
Lample, 2019, section 3.4).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Iterator, Sequence

from xl_plugins.errors import UserError
from xl_plugins.formats.text import read_lines
from xl_plugins.mini.lexicon import SOURCE

SEPARATOR = "</s> </s>"


def read_sentences(path: Path) -> list[str]:
    """Every line of ``path`` with its white space normalised. Raises UserError for what cannot be read."""
    try:
        return [" ".join(line.split()) for line in read_lines(path)]
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise UserError(f"{path}: {error.strerror}; give text files, one sentence per line") from None


@dataclass(frozen=True)
class Text:
    """``own``: monolingual files; ``parallel``: line-aligned files, the first is the pivot of all translation pairs."""

    own: tuple[Path, ...]
    parallel: tuple[Path, ...] = ()

    @classmethod
    def of_folder(cls, folder: Path) -> Text:
        """The text of a benchmark folder, the source language first."""
        files = sorted(
            (folder / "unlabelled").glob("*.txt"), key=lambda path: (path.stem.split("-")[-1] != SOURCE, path.name)
        )
        own = tuple(path for path in files if not path.name.startswith("parallel-"))
        if not own:
            raise UserError(
                f"{folder}: no unlabelled/*.txt in it; make the folder with xl-mini make, or pass --text FILES"
            )
        return cls(own, tuple(path for path in files if path.name.startswith("parallel-")))

    @classmethod
    def of_files(cls, own: Sequence[Path], parallel: Sequence[Path] = ()) -> Text:
        return cls(tuple(own), tuple(parallel))

    def digest(self) -> str:
        """Hash of all contents, to tell whether a started run is the same one."""
        total = hashlib.sha256()
        for path in (*self.own, Path("|"), *self.parallel):
            total.update("\n".join(read_sentences(path)).encode() if path != Path("|") else b"|")
            total.update(b"\0")
        return total.hexdigest()

    def monolingual(self) -> list[list[str]]:
        texts = [[line for line in read_sentences(path) if line] for path in self.own]
        for path, sentences in zip(self.own, texts):
            if not sentences:
                raise UserError(f"{path}: no sentence in it; give text, one sentence per line")
        return texts

    def aligned(self) -> list[list[str]]:
        """The parallel files; raises UserError if their line counts differ."""
        texts = [read_sentences(path) for path in self.parallel]
        for path, sentences in zip(self.parallel, texts):
            if len(sentences) != len(texts[0]):
                raise UserError(
                    f"{path}: {len(sentences)} lines, but {self.parallel[0]} has {len(texts[0])}; "
                    "parallel files must be aligned line by line"
                )
        return texts


def pretraining_lines(texts: list[list[str]], aligned: list[list[str]], share: float, rng: Random) -> Iterator[str]:
    """Lines in random order of which ``share`` are translation pairs with the first of ``aligned`` on either side.

    With share 1 there are as many pairs as there would be lines of text.
    """
    lines = []
    for sentences in texts:
        for index in range(0, len(sentences) - 1, 2):
            lines.append(f"{sentences[index]} {SEPARATOR} {sentences[index + 1]}")
        if len(sentences) % 2:
            lines.append(sentences[-1])
    wanted = 0
    if len(aligned) > 1:
        wanted = len(lines) if share == 1 else round(len(lines) * share / (1 - share))
        lines = [] if share == 1 else lines
    while wanted > 0:
        row, other = rng.randrange(len(aligned[0])), rng.randrange(1, len(aligned))
        pair = [aligned[0][row], aligned[other][row]]
        rng.shuffle(pair)
        lines.append(f"{pair[0]} {SEPARATOR} {pair[1]}" if all(pair) else pair[0] or pair[1])
        wanted -= 1
    rng.shuffle(lines)
    yield from (line for line in lines if line)
