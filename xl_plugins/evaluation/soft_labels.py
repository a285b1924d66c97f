"""Soft pseudo-labels of translated training text for tagging (X-Mixup, ICLR 2022, section 4.2).

A model fine-tuned on the source language alone tags the translated training text of every target language; the class
probabilities of each word become its label. The source language keeps its gold tags.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
from tqdm import tqdm

from ..data.binary.checksums import list_again
from ..data.binary.digest import file_digest
from ..data.binary.layout import DataBin
from ..data.binary.manifest import fingerprint
from ..data.binary.rows import Rows
from ..data.training.tagged_texts import TaggedTexts
from ..data.training.tagging import TagDataset, TagPart
from ..errors import UserError
from ..formats.languages import parse_languages
from ..output import FileOutput, FolderLock, Unfinished, atomic_file
from ..problems import TAGGING, problem_of
from ..problems.predicting import predict_batches
from ..terminal import say
from .checkpoint import FineTuned, load_fine_tuned
from .options import batch_limits, model_options

COMMAND = "xl-augment soft-labels"
NOTE = ".xl-augment-soft-labels.json"  # in DATA while the languages are written


def run(args: argparse.Namespace) -> int:
    limits = batch_limits(args)
    data = DataBin(Path(args.data))
    facts = problem_of(data.meta, TAGGING)
    if facts is None or not facts.words:
        raise UserError(f"{data.root}/meta.json: the data is for problem '{data.meta['problem']}', not for tagging")
    languages = find_languages(data, args.languages)
    arrays = {language: f"{data.prefix(language, 'soft', 'train')}.npy" for language in languages}
    texts = {lang: os.path.join(args.output, f"{data.source_language}-{lang}.tsv") for lang in languages if args.output}
    targets = [*arrays.values(), *texts.values()]
    lock = FolderLock.within(data.root, COMMAND, "DATA")
    lock.clear()
    note = Unfinished(data.root / NOTE, COMMAND, cache(lambda: _mark(args, data, languages, limits)))
    output = FileOutput(COMMAND, args.overwrite or note.resumed, also=["xl-prepare"])  # it reads soft labels from files
    output.check(targets)
    tuned = load_fine_tuned(args.path, args.data, **model_options(args))
    check_model(tuned)
    parts = {language: open_part(tuned, language) for language in languages}  # a missing file is found at once
    # one checkpoint at a time, or the languages would be of several
    with lock, output:
        output.plan(targets)
        with note:
            for language, part in parts.items():
                if not note.has(arrays[language]):
                    with output.writing([arrays[language]]):
                        _tag(tuned, part, arrays[language], limits)
                        list_again(data.root, Path(arrays[language]))  # xl-prepare's, if read from files
                    note.add(arrays[language])
                if language in texts and not note.has(texts[language]):
                    with output.writing([texts[language]]):
                        write_text(data, part, arrays[language], texts[language])
                    note.add(texts[language])
                say(f"{language}: {len(part)} sentences, {len(part.target.counts.flat)} words: {arrays[language]}")
    return 0


def _tag(tuned: FineTuned, part: TagPart, path: str, limits: dict) -> None:
    """Write the soft labels of a language, with a progress bar."""
    with tqdm(total=len(part), desc=part.language, unit="sentence", disable=None) as bar:
        write_array(tuned, part, path, limits, bar.update)


def _mark(args: argparse.Namespace, data: DataBin, languages: list[str], limits: dict[str, int | None]) -> str:
    """Fingerprint of all that decides the files."""
    names = [f"{data.prefix(language, 'input0', 'train')}.{end}" for language in languages for end in ("bin", "idx")]
    digests = [file_digest(name) for name in (args.path, *names) if os.path.isfile(name)]
    output = args.output and os.path.abspath(args.output)
    return fingerprint(digests, languages, output, sorted(limits.items(), key=str), args.fp16, args.bf16)


def find_languages(data: DataBin, asked: str | None) -> list[str]:
    """Target languages with training text; UserError for others."""
    source = data.source_language
    available = [language for language in data.languages_with("train") if language != source]
    wanted = list(parse_languages(asked, "--languages")) if asked else available
    if source in wanted:
        raise UserError(f"--languages: {source} is the source language, whose tags are gold; leave it out")
    missing = [language for language in wanted if language not in available]
    if missing or not available:
        raise UserError(
            f"{'--languages' if missing else 'DATA'}: {data.root} has no translated training text"
            f"{' of ' + ', '.join(missing) if missing else ''}; prepare it (--translate-train). It has"
            f" {', '.join(available) or 'none'}"
        )
    return wanted


def check_model(tuned: FineTuned) -> None:
    """The model has to tag, from the text alone."""
    if not tuned.task.problem.facts.words:
        raise UserError(
            f"--path {tuned.path}: trained on problem '{tuned.task.problem.name}'; give a checkpoint of task xl_tagging"
        )
    if tuned.task.inference()["mode"] != "plain":
        raise UserError(
            f"--path {tuned.path}: trained with X-Mixup; soft labels come from a model fine-tuned on the source"
            " language alone, give a checkpoint of task xl_tagging"
        )


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


def write_array(
    tuned: FineTuned, part: TagPart, path: str, limits: dict, progress: Callable[[int], object] | None = None
) -> None:
    """Class probabilities of all words in order, float32 (words, C), as ``path``; complete or not there at all.

    Batches go straight to the mapped file, so memory does not grow with the data.
    """
    dataset = TagDataset([part], tuned.task.data_bin.dictionary, shuffle=False)
    starts = part.target.counts.starts
    with atomic_file(path, "wb") as file:
        array = np.lib.format.open_memmap(file.name, mode="w+", dtype=np.float32, shape=(int(starts[-1]), part.classes))
        _reserve(file.name)
        for units, values, sizes in predict_batches(tuned, dataset, progress=progress, **limits):
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
