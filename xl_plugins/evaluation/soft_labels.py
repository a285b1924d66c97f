"""Soft pseudo-labels of translated training text for tagging (X-Mixup, ICLR 2022, section 4.2).

A model fine-tuned on the source language alone tags the translated training text of every target language; the class
probabilities of each word become its label. The source language keeps its gold tags.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, cached_property
from pathlib import Path

import numpy as np

from ..augment.generation.job import Block, Job, Progress
from ..data.binary.blocks import BlockStore
from ..data.binary.checksums import list_again
from ..data.binary.digest import file_digest
from ..data.binary.layout import DataBin
from ..data.binary.manifest import fingerprint
from ..data.binary.rows import Rows
from ..data.training.tagged_texts import TaggedTexts
from ..data.training.tagging import TagDataset, TagPart
from ..errors import UserError
from ..output import FileOutput, FolderLock, Unfinished, atomic_file
from ..problems import TAGGING, problem_of
from ..problems.predicting import plan_batches, predict_batches
from .checkpoint import FineTuned, load_fine_tuned
from .options import batch_limits, model_options
from .soft_label_inputs import check_model, find_languages, input_files

COMMAND = "xl-augment soft-labels"
NOTE = ".xl-augment-soft-labels.json"  # in DATA while the languages are written
BATCHES = 64  # of a block: what shards share out and resumed runs skip
_VERSION = 1  # to be raised whenever the same input gives other labels
Values = tuple[np.ndarray, np.ndarray, np.ndarray]  # sentences, vectors of all their words, words of each


def open_job(args: argparse.Namespace) -> SoftLabelJob:
    """The job that options of the command describe; the model is loaded, what can be checked is checked."""
    limits = batch_limits(args)
    data = DataBin(Path(args.data))
    facts = problem_of(data.meta, TAGGING)
    if facts is None or not facts.words:
        raise UserError(f"{data.root}/meta.json: the data is for problem '{data.meta['problem']}', not for tagging")
    job = SoftLabelJob(args, data, find_languages(data, args.languages), limits)
    job.pending(args.overwrite)
    before = _state(args.path), job.mark  # of the checkpoint that is loaded now
    tuned = load_fine_tuned(args.path, args.data, **model_options(args))
    if _state(args.path) != before[0]:
        raise UserError(f"--path {args.path}: was written anew while it was read; give one that no run writes")
    check_model(tuned)
    job.open(tuned)
    return job


class SoftLabelJob(Job[str, FineTuned, None]):
    """Soft labels of the languages of a data folder, all by one checkpoint. Blocks are batches of like length."""

    command, label, unit = COMMAND, "soft-labels", "sentence"

    def __init__(
        self, args: argparse.Namespace, data: DataBin, languages: list[str], limits: dict[str, int | None]
    ) -> None:
        self.args, self.data, self.outputs, self.limits = args, data, languages, limits
        self.arrays = {language: f"{data.prefix(language, 'soft', 'train')}.npy" for language in languages}
        names = {language: f"{data.source_language}-{language}.tsv" for language in languages if args.output}
        self.texts = {language: os.path.join(args.output, name) for language, name in names.items()}
        FolderLock.within(data.root, COMMAND, "DATA").clear()
        self.note = Unfinished(data.root / NOTE, COMMAND, cache(self._output_mark))
        # xl-prepare reads soft labels from files
        self.output = FileOutput(COMMAND, args.overwrite or self.note.resumed, also=["xl-prepare"])

    def open(self, tuned: FineTuned) -> None:
        """Open the texts, of which a missing one is found at once, and cut them into blocks."""
        self.tuned = tuned
        self.parts = {language: open_part(tuned, language) for language in self.outputs}
        self.datasets = {
            language: TagDataset([part], tuned.task.data_bin.dictionary, shuffle=False)
            for language, part in self.parts.items()
        }
        self.blocks = [
            (language, batches[start : start + BATCHES])
            for language, dataset in self.datasets.items()
            for batches in [plan_batches(dataset, **self.limits)]
            for start in range(0, len(batches), BATCHES)
        ]

    # -- what is already there --

    def pending(self, overwrite: bool = False) -> list[str]:
        """All languages: files of another run are refused, or replaced when told."""
        self.output.check(self._targets)
        return list(self.outputs)

    @property
    def _targets(self) -> list[str]:
        return [*self.arrays.values(), *self.texts.values()]

    def place(self, output: str) -> tuple[str, Path]:
        return output, Path(self.arrays[output])

    @cached_property
    def mark(self) -> str:
        """Fingerprint of all that decides the blocks."""
        words = [f"{self.data.prefix(name, 'words', 'train')}.{end}" for name in self.outputs for end in ("bin", "idx")]
        files = [*input_files(self.args.path, self.data, self.outputs), *words]
        precision = model_options(self.args)["precision"]
        digests = [file_digest(name) for name in files if os.path.isfile(name)]
        return fingerprint(COMMAND, _VERSION, digests, list(self.outputs), sorted(self.limits.items()), precision)

    def _output_mark(self) -> str:
        """Fingerprint of all that decides the files."""
        return fingerprint(self.mark, self.args.output and os.path.abspath(self.args.output))

    def store(self, outputs: Sequence[str] = ()) -> BlockStore:
        folder = self.data.root / f".soft-labels.job-{self.mark[:16]}"
        return BlockStore(str(folder), self.mark, len(self.blocks), COMMAND)

    def missing(self, store: BlockStore, blocks: Iterable[int]) -> list[int]:
        """Those still to be done, of languages whose array is not there."""
        return store.missing(block for block in blocks if not self.note.has(self.arrays[self.blocks[block][0]]))

    def clear(self) -> None:
        self.store().remove()

    @contextmanager
    def reserve(self) -> Iterator[None]:
        with self.output:
            self.output.plan(self._targets)
            with self.note:
                yield

    # -- work --

    def size(self, blocks: Iterable[int]) -> int:
        return sum(len(batch) for block in blocks for batch in self.blocks[block][1])

    def make(self, engine: FineTuned, block: int, progress: Progress | None = None) -> Block:
        language, batches = self.blocks[block]
        columns = list(predict_batches(engine, self.datasets[language], batches, progress))
        units, values, sizes = (np.concatenate(column) for column in zip(*columns))
        return {"units": units, "values": values, "sizes": sizes}, {}

    def write(self, store: BlockStore, outputs: Sequence[str]) -> None:
        for language in outputs:
            part, array = self.parts[language], self.arrays[language]
            if not self.note.has(array):
                with self.output.writing([array]):
                    write_array(self._values(store, language), part, array)
                    list_again(self.data.root, Path(array))  # xl-prepare's, if read from files
                self.note.add(array)
            if language in self.texts and not self.note.has(self.texts[language]):
                with self.output.writing([self.texts[language]]):
                    write_text(self.data, part, array, self.texts[language])
                self.note.add(self.texts[language])

    def _values(self, store: BlockStore, language: str) -> Iterator[Values]:
        for number, (name, _) in enumerate(self.blocks):
            if name == language:
                arrays = store.read(number)[0]
                yield arrays["units"], arrays["values"], arrays["sizes"]

    def lines(self, counts: None) -> list[str]:
        return [
            f"{language}: {len(part)} sentences, {len(part.target.counts.flat)} words: {self.arrays[language]}"
            for language, part in self.parts.items()
        ]

    def finished(self, counts: None, outputs: Sequence[str]) -> list[str]:
        return self.lines(counts)


def _state(path: str) -> tuple[int, ...]:
    """A file's identity, which is another once it was written anew; empty where there is none."""
    if not os.path.isfile(path):
        return ()
    found = os.stat(path)
    return found.st_ino, found.st_mtime_ns, found.st_size


class Words(TaggedTexts):
    """Sentences of words whose labels, hard or soft, are not looked at: they are about to be made."""

    def _open_labels(self, data: DataBin, language: str, split: str) -> None:
        return None

    def _open_soft(self, data: DataBin, language: str, split: str) -> None:
        return None


def open_part(tuned: FineTuned, language: str) -> TagPart:
    task = tuned.task
    words = Words(task.data_bin, language, "train", task.cfg.max_length)
    return TagPart(language, 0, words, len(task.problem.labels), soft=False)


def write_array(blocks: Iterable[Values], part: TagPart, path: str) -> None:
    """Class probabilities of all words in order, float32 (words, C), as ``path``; complete or not there at all.

    Blocks go straight to the mapped file, so memory does not grow with the data.
    """
    starts = part.target.counts.starts
    with atomic_file(path, "wb") as file:
        array = np.lib.format.open_memmap(file.name, mode="w+", dtype=np.float32, shape=(int(starts[-1]), part.classes))
        _reserve(file.name)
        for units, values, sizes in blocks:
            within = np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes)
            array[np.repeat(starts[units], sizes) + within] = values
        array.flush()
        del array


def write_text(data: DataBin, part: TagPart, array: str, path: str) -> None:
    """``word TAB p1;...;pC`` with 8 decimals, a blank line after every sentence; complete or not there at all."""
    values = np.load(array, mmap_mode="r")
    raw = Rows(data.prefix(part.language, "raw", "train"), np.uint8)
    starts = part.target.counts.starts
    line = "%s\t" + ";".join(["%.8f"] * part.classes) + "\n"
    with atomic_file(path) as file:
        for row in range(len(part)):
            words = raw.text(row).split("\t")
            vectors = values[starts[row] : starts[row + 1]]
            if len(words) != len(vectors):
                raise UserError(f"{raw.prefix}.bin: row {row + 1} has {len(words)} words, expected {len(vectors)}")
            for word, vector in zip(words, vectors.tolist()):
                file.write(line % (word, *vector))
            file.write("\n")


def _reserve(path: str) -> None:
    """Take the space on disk now: a mapped file on a full disk would end the process without a word."""
    if hasattr(os, "posix_fallocate"):
        with open(path, "r+b") as file:
            os.posix_fallocate(file.fileno(), 0, os.path.getsize(path))
