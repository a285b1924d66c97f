"""The binarised layout on disk: the languages, splits and source translations of a folder, and how they are opened.

::

    data-bin/xnli/
      dict.txt  label/dict.txt  [sentencepiece.bpe.model | tokenizer.json]  [meta.json]
      en/input0/train.{bin,idx}  en/input1/...  en/label/...
      de/...                     de/en-view/input0/...        (the same text translated into the source language)

Tagging has ``words`` (pieces per word) beside ``input0``, and perhaps ``soft`` labels; question answering has
questions in ``input0``, paragraphs in ``input1``, and ``offsets``, ``raw``, ``answers`` and ``spans``. For sentence
pairs all of it is ``fairseq-preprocess`` output, so the folder can be made by hand; ``meta.json`` is written by
``xl-prepare`` and optional for reading.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from fairseq.data import Dictionary, data_utils
from fairseq.data.indexed_dataset import MMapIndexedDataset, dataset_exists

from ...errors import UserError
from ...formats.languages import is_language
from . import mapped
from .folder_check import check_folder
from .frame import BERT, XLMR, Frame
from .meta import BERTS, NAME, SPM, WORDPIECE, read_meta

SPLITS = ("train", "valid", "test")
TEXTS = ("input0", "input1")  # fields that hold pieces


def _read_dictionary(path: Path, hint: str) -> Dictionary:
    """fairseq dictionary file; UserError when it is missing or damaged."""
    if not path.is_file():
        raise UserError(f"{path}: no such file; {hint}")
    try:
        return Dictionary.load(str(path))
    except Exception as error:  # fairseq reports a wrong encoding as a bare Exception
        reason = " ".join(str(error).split())[:120]
        raise UserError(f"{path}: not a fairseq dictionary ({reason}); expected 'symbol count' on every line") from None


def load_with_mask(path: Path) -> Dictionary:
    """fairseq dictionary of pieces; ``<mask>`` is added last, as in the XLM-R archives."""
    hint = "give a folder made by xl-prepare (or by fairseq-preprocess as the recipes show)"
    dictionary = _read_dictionary(path, hint)
    dictionary.add_symbol("<mask>")
    return dictionary


def digest_of(dictionary: Dictionary) -> str:
    """SHA-256 of the pieces in their order, ``<mask>`` included."""
    return hashlib.sha256("\n".join(dictionary.symbols).encode("utf-8")).hexdigest()


@dataclass(frozen=True)
class DataBin:
    """A binarised data folder.

    Args:
        root: the folder.
        source_language: language of the gold labels; None takes it from ``meta.json``, else ``en``.
    """

    root: Path
    requested_source: str | None = None

    def __post_init__(self) -> None:
        if not self.root.is_dir():
            raise UserError(f"{self.root}: no such data folder; make one with xl-prepare")
        check_folder(self.root, self.meta)

    @cached_property
    def meta(self) -> dict:
        """Content of ``meta.json``, empty when the folder was made by hand."""
        return read_meta(self.root / NAME)

    @cached_property
    def source_language(self) -> str:
        return self.requested_source or self.meta.get("source_language", "en")

    @cached_property
    def dictionary(self) -> Dictionary:
        return load_with_mask(self.root / "dict.txt")

    @cached_property
    def dictionary_digest(self) -> str:
        """SHA-256 of the pieces in their order, ``<mask>`` included."""
        return digest_of(self.dictionary)

    @cached_property
    def frame(self) -> Frame:
        """The special symbols around the texts of an example, by the kind of tokenizer."""
        bert = (self.root / WORDPIECE).is_file() and not (self.root / SPM).is_file()
        return Frame.of(self.dictionary, BERT if self.meta.get("tokenizer") == BERTS or bert else XLMR)

    @cached_property
    def labels(self) -> list[str]:
        """Label names in the order of the model's outputs."""
        hint = "write one label and a count per line in the order of the outputs"
        dictionary = _read_dictionary(self.root / "label" / "dict.txt", hint)
        return dictionary.symbols[dictionary.nspecial :]

    @cached_property
    def languages(self) -> list[str]:
        """Language codes that have a folder, sorted."""
        return sorted(p.name for p in self.root.iterdir() if p.is_dir() and is_language(p.name))

    @cached_property
    def single_text(self) -> bool:
        """Whether an example is one text to be classified, ``input0`` alone, where sentence pairs have ``input1``."""
        if self.meta:
            return self.meta.get("texts") == 1
        return not any(
            dataset_exists(self.prefix(lang, "input1", split), "mmap") for lang in self.languages for split in SPLITS
        )

    def prefix(self, language: str, field: str, split: str, into_source: bool = False) -> str:
        """Path without suffix of one binarised file; ``into_source``: of the source translation."""
        folder = self.root / language / f"{self.source_language}-view" if into_source else self.root / language
        return str(folder / field / split)

    def has(self, language: str, split: str, into_source: bool = False) -> bool:
        return dataset_exists(self.prefix(language, "input0", split, into_source), "mmap")

    def languages_with(self, split: str) -> list[str]:
        return [language for language in self.languages if self.has(language, split)]

    def open_text(self, language: str, field: str, split: str, into_source: bool = False) -> MMapIndexedDataset:
        """Memory-mapped piece ids, each row ending in ``</s>``."""
        prefix = self.prefix(language, field, split, into_source)
        if not dataset_exists(prefix, "mmap"):
            raise UserError(f"{prefix}.idx: missing; prepare the {split} data of language '{language}' or leave it out")
        try:
            dataset = data_utils.load_indexed_dataset(prefix, self.dictionary, "mmap")
        except (ValueError, AssertionError, OSError, KeyError, struct.error) as error:
            raise UserError(f"{prefix}.idx: cannot be read ({error}); prepare the data again") from None
        self._check_ids(prefix, dataset, len(self.dictionary))
        if split == "train" and Path(prefix).parent.name in TEXTS:
            self.training_texts.add(prefix)
        return dataset

    @cached_property
    def training_texts(self) -> set[str]:
        """Paths without suffix of the training texts opened so far, whatever for."""
        return set()

    @staticmethod
    def _check_ids(prefix: str, dataset: MMapIndexedDataset, types: int) -> None:
        """The file is whole, and no id lies outside the dictionary: such an id would only show as a crash in
        training."""
        mapped.check(prefix, dataset)
        count = int(np.sum(dataset.sizes, dtype=np.int64))
        size = Path(f"{prefix}.bin").stat().st_size
        if size != count * mapped.element_type(dataset).itemsize:
            raise UserError(
                f"{prefix}.bin: {size} bytes do not fit {prefix}.idx; the file is truncated, prepare it again"
            )
        step = 1 << 24
        for start in range(0, count, step):
            ids = mapped.elements(dataset, start, min(step, count - start))
            if int(ids.max()) >= types or int(ids.min()) < 0:
                raise UserError(
                    f"{prefix}.bin: holds id {int(ids.max())}, but dict.txt has {types} types with its special tokens; "
                    "prepare the data with this dictionary"
                )

    def open_labels(self, language: str, split: str) -> np.ndarray:
        """Label indices of all rows: (N,) int64, 0 <= label < number of labels."""
        dataset = self.open_text(language, "label", split)
        path = self.prefix(language, "label", split)
        if len(dataset) and not (dataset.sizes == 2).all():
            row = int(np.flatnonzero(dataset.sizes != 2)[0])
            raise UserError(f"{path}.bin: row {row + 1} holds {dataset.sizes[row] - 1} labels, expected one per row")
        flat = mapped.elements(dataset, count=2 * len(dataset))
        labels = flat.reshape(-1, 2)[:, 0].astype(np.int64) - Dictionary().nspecial
        bad = np.flatnonzero((labels < 0) | (labels >= len(self.labels)))
        if len(bad):
            raise UserError(
                f"{path}.bin: row {int(bad[0]) + 1} holds a label that is not in label/dict.txt"
                f" ({', '.join(self.labels)})"
            )
        return labels

    def has_labels(self, language: str, split: str) -> bool:
        """Whether there is a file of gold labels."""
        return dataset_exists(self.prefix(language, "label", split), "mmap") and not self.is_unlabelled(language, split)

    def is_unlabelled(self, language: str, split: str) -> bool:
        """True when the raw file had no gold labels (XTREME ships its test files so)."""
        return split in self.meta.get("unlabelled", {}).get(language, [])

    def is_pool(self, language: str) -> bool:
        """Whether the language's training text translates nothing (``xl-prepare --unlabelled``)."""
        return language in self.meta.get("pools", [])

    def same_content(self, language: str, split: str, other: str) -> bool:
        """True when two splits of a language hold the same texts."""
        for field in ("input0", "input1"):
            left, right = (Path(self.prefix(language, field, s) + ".bin") for s in (split, other))
            if field == "input1" and not left.is_file() and not right.is_file():
                continue  # sentences, not pairs
            if not (left.is_file() and right.is_file()) or left.stat().st_size != right.stat().st_size:
                return False
            if left.read_bytes() != right.read_bytes():
                return False
        return True
