"""The counterparts of a data folder, what decides them, and their files and manifests."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from fairseq.data.indexed_dataset import dataset_exists

from ...data.binary.blocks import BlockStore
from ...data.binary.digest import file_digest
from ...data.binary.layout import DataBin
from ...data.binary.manifest import fingerprint
from ...errors import UserError
from ...huggingface.cached import model_digest
from ...output import Staging, check_component, check_replaceable, read_mark
from ..generation.job import Block, Job, Progress
from ..primitives.piece_classes import PieceClasses
from ..primitives.vocabulary import LanguageVocabulary, build_vocabulary
from ..primitives.word_lists import find_word_list, read_word_list
from ..primitives.words import WordPieces
from .files import COMMAND, FOLDER, language_folder, prefix, read_manifest, write_counterparts
from .finder import Changes, CounterpartFinder, TrainingTexts
from .options import MAX_TOKENS, CounterpartOptions
from .report import Counts, rate_lines, threshold_lines
from .scorer import CounterpartScorer

_VERSION = 1  # to be raised whenever the same input gives other counterparts


class CounterpartJob(Job[LanguageVocabulary, CounterpartFinder, "dict[str, Counts]"]):
    """The texts of a data folder, the languages' vocabularies, and what is left to be done.

    Args:
        model_path: checkpoint whose language model scores; it is read only to tell it from others.
        precision: name of the arithmetic, which decides the last digits of scores.

    Raises:
        UserError: word lists, tokenizer or texts that are missing or unfit.
    """

    command, label, unit = COMMAND, "counterparts", "text"

    def __init__(self, data: DataBin, options: CounterpartOptions, model_path: str, precision: str = "fp32") -> None:
        self.data, self.options, self.model_path, self.precision = data, options, model_path, precision
        option = f"{options.prefix}word-lists"
        lists = {
            language: read_word_list(find_word_list(options.word_lists, language, option), options.top_k)
            for language in options.languages
        }
        self.pieces = WordPieces.of(data)
        self.texts = TrainingTexts.open(data)
        self.texts.check_pieces(data.dictionary.unk(), self.pieces.spm_path)
        self.vocabularies = [build_vocabulary(name, words, self.pieces, option) for name, words in lists.items()]
        self.outputs = self.vocabularies
        options.check_sizes({one.language: len(one) for one in self.vocabularies})
        self.classes = PieceClasses(data.dictionary)
        if options.source_in_list and options.source not in options.languages:
            raise UserError(
                f"{options.prefix}source-in-list: the list of {options.source} is needed; add {options.source} to"
                f" {options.languages_option}"
            )

    # -- what is already there --

    @cached_property
    def _inputs(self) -> tuple[str, ...]:
        """Digests of text, dictionary and model."""
        digest = hashlib.sha256()
        for array in (self.texts.texts.ids, self.texts.texts.sizes, *self.texts.rows):
            digest.update(np.ascontiguousarray(array).tobytes())
        symbols = "\n".join(self.data.dictionary.symbols).encode("utf-8")
        return digest.hexdigest(), hashlib.sha256(symbols).hexdigest(), model_digest(self.model_path)

    @property
    def listed(self) -> np.ndarray | None:
        """Words of the source language's list, with ``--source-in-list``; whether or not its counterparts are made."""
        lists = [one.ids for one in self.vocabularies if one.language == self.options.source]
        return lists[0] if self.options.source_in_list else None

    def mark(self, language: LanguageVocabulary) -> str:
        """Fingerprint of all that decides a language's counterparts."""
        options = self.options
        listed = [] if self.listed is None else [self.listed.tolist()]
        return fingerprint(
            _VERSION, *self._inputs, self.precision, language.language == options.source, language.ids.tolist(),
            options.tau(language.language), options.positions, options.case, options.exclude_identity,
            options.renormalize, listed,
        )  # fmt: skip

    def pending(self, overwrite: bool = False) -> list[LanguageVocabulary]:
        left = []
        for vocabulary in self.vocabularies:
            Staging(language_folder(self.data, vocabulary.language), COMMAND, "output").clean()
            try:
                manifest = read_manifest(self.data, vocabulary.language)
            except UserError:
                if not overwrite:
                    raise
                manifest = None
            same = manifest is not None and manifest.get("fingerprint") == self.mark(vocabulary)
            if same and all(
                dataset_exists(prefix(self.data, vocabulary.language, x), "mmap") for x in self.texts.fields
            ):
                continue
            if manifest is not None and not same and not overwrite:
                raise UserError(
                    f"{language_folder(self.data, vocabulary.language)}: counterparts made with other options, text or"
                    " model; pass --overwrite to replace them"
                )
            check_replaceable(language_folder(self.data, vocabulary.language), COMMAND, "output")
            left.append(vocabulary)
        return left

    def place(self, output: LanguageVocabulary) -> tuple[str, Path]:
        return output.language, language_folder(self.data, output.language)

    # -- work --

    def finder(
        self, model: Any, vocabularies: Sequence[LanguageVocabulary], max_tokens: int | None = None
    ) -> CounterpartFinder:
        """The finder that substitutes with ``model``, which is in eval mode on its device."""
        scorer = CounterpartScorer(model, self.classes, vocabularies, self.options)
        return CounterpartFinder(
            scorer, self.texts.texts, self.classes, vocabularies, self.options, self.data.dictionary,
            int(model.args.max_positions), max_tokens or MAX_TOKENS, self.listed,
        )  # fmt: skip

    def store(self, outputs: Sequence[LanguageVocabulary]) -> BlockStore:
        """Finished blocks for these languages; those of more languages where a kill hit the writing of their files."""
        wanted = {one.language: self.mark(one) for one in outputs}
        for made in self._jobs():
            store = self._store(made)
            if made.keys() > wanted.keys() and wanted.items() <= made.items() and not store.missing(range(store.count)):
                return store
        return self._store(wanted)

    def clear(self) -> None:
        for made in self._jobs():
            with contextlib.suppress(UserError):  # a damaged manifest
                manifests = {name: read_manifest(self.data, name) or {} for name in made}
                if all(manifests[name].get("fingerprint") == mark for name, mark in made.items()):
                    self._store(made).remove()

    def _store(self, marks: Mapping[str, str]) -> BlockStore:
        mark = fingerprint(*sorted(marks.items()))
        return BlockStore(str(self._folder / f".job-{mark[:16]}"), mark, self.texts.blocks, COMMAND, languages=marks)

    @property
    def _folder(self) -> Path:
        return self.data.root / self.data.source_language / FOLDER

    def _jobs(self) -> Iterator[dict[str, str]]:
        """Languages of every job that has blocks, with their marks."""
        for folder in sorted(self._folder.glob(".job-*")):
            made = (read_mark(folder) or {}).get("languages")
            if isinstance(made, dict) and all(isinstance(mark, str) for mark in made.values()):
                with contextlib.suppress(UserError):
                    yield {check_component(name, str(folder)): mark for name, mark in made.items()}

    def size(self, blocks: Iterable[int]) -> int:
        return sum(len(self.texts.block(number)) for number in blocks)

    def make(self, engine: CounterpartFinder, block: int, progress: Progress | None = None) -> Block:
        changes, counts = engine.find(self.texts.block(block), progress)
        arrays = {f"{name}/{what}": part for name, both in changes.items() for what, part in zip(_PARTS, both)}
        return arrays, {name: one.to_dict() for name, one in counts.items()}

    def write(self, store: BlockStore, outputs: Sequence[LanguageVocabulary]) -> dict[str, Counts]:
        totals = {one.language: Counts() for one in outputs}
        for number in range(store.count):
            for name, values in store.read(number)[1].items():
                if name in totals:
                    totals[name].merge(Counts.from_dict(values))
        made = {
            one.language: (_changes(store, one.language), self.manifest(one, totals[one.language])) for one in outputs
        }
        write_counterparts(self.data, self.texts, made)
        return totals

    def merge(self, store: BlockStore, outputs: Sequence[LanguageVocabulary]) -> dict[str, Counts]:
        """Write the files of all languages from finished blocks; returns the counts."""
        totals = super().merge(store, outputs)
        self.clear()
        return totals

    def lines(self, counts: dict[str, Counts]) -> list[str]:
        return [*rate_lines(counts, {name: self.options.tau(name) for name in counts}), *threshold_lines(counts)]

    def manifest(self, language: LanguageVocabulary, counts: Counts) -> dict[str, Any]:
        """How the counterparts of a language came about."""
        options, (texts, dictionary, model) = self.options, self._inputs
        rows, words = self.texts.rows[0], language.list
        return {
            "kind": "counterparts", "version": _VERSION, "fingerprint": self.mark(language), "split": "train",
            "language": language.language, "source_language": options.source, "fields": list(self.texts.fields),
            "model": {"file": Path(self.model_path).name, "sha256": model, "precision": self.precision},
            "text_sha256": texts, "dictionary_sha256": dictionary,
            "sentencepiece_sha256": file_digest(self.pieces.spm_path),
            "word_list": {
                "file": Path(words.path).name, "sha256": words.sha256, "top_k": options.top_k, "lines": words.lines,
                "skipped": words.skipped,
            },
            "vocabulary": {"pieces": len(language), "words": language.words, "single_pieces": language.found,
                           "coverage": language.coverage},
            "reading": "within V_L" if options.renormalize else "whole vocabulary",
            "threshold": options.tau(language.language), "positions": options.positions, "case": options.case,
            "source_in_list": options.source_in_list, "exclude_identity": options.exclude_identity,
            "counts": {"examples": len(rows), "texts": len(self.texts.texts), **counts.summary()},
        }  # fmt: skip


_PARTS = ("places", "ids")


def _changes(store: BlockStore, language: str) -> Iterable[Changes]:
    for number in range(store.count):
        arrays = store.read(number)[0]
        yield arrays[f"{language}/places"], arrays[f"{language}/ids"]
