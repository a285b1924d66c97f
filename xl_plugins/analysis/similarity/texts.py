"""Parallel texts: files of one sentence per line, or the row-parallel parts of a data folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from fairseq.data import Dictionary

from ...data.binary.kept import find_kept
from ...data.binary.layout import DataBin, load_with_mask
from ...data.binary.meta import DICT
from ...data.sentences import Sentences
from ...data.tokenizer import PieceEncoder, find_tokenizer
from ...errors import UserError
from ...formats.languages import check_distinct, check_language, parse_languages
from ...formats.text import read_lines
from ...formats.tsv import find_file

_OTHER_LABELS = 0.2  # share of rows; translations of PAWS-X differ in a few, other examples in half or more


@dataclass
class ParallelTexts:
    """Sentences of several languages; row i of all of them means the same. ``origin``: where they come from."""

    sentences: dict[str, Sentences]
    source: str
    dictionary: Dictionary
    origin: str

    def __post_init__(self) -> None:
        rows = {language: len(one) for language, one in self.sentences.items()}
        expected = rows[self.source]
        for language, count in rows.items():
            if count != expected:
                raise UserError(
                    f"{self.origin}: {count} rows of {language}, but {expected} of {self.source}, so row i does not"
                    " translate row i; give --text with parallel files, another --split, or fewer --languages"
                )
        if len(rows) < 2 or expected < 2:
            raise UserError(
                f"{self.origin}: two languages of two rows are needed at least, found {len(rows)} of {expected}; name"
                " more"
            )

    @property
    def languages(self) -> list[str]:
        """The source language first."""
        return list(self.sentences)

    def __len__(self) -> int:
        return len(self.sentences[self.source])


def parse_files(words: Sequence[str]) -> dict[str, str]:
    """Language -> file of ``--text en=FILE de=FILE``."""
    found: dict[str, str] = {}
    for word in words:
        language, mark, path = word.partition("=")
        if not mark or not path:
            raise UserError(f"--text {word}: expected LANGUAGE=FILE, for example en=test.en")
        check_language(language, f"--text {word}")
        if language in found:
            raise UserError(f"--text: {language} is given twice; name each language once")
        if find_file(path) is None:
            raise UserError(f"--text {word}: no such file")
        found[language] = path
    check_distinct(found, "--text")
    return found


def of_files(
    files: dict[str, str], source: str | None, data: str | None, checkpoint: str, tell: Callable[[str], object]
) -> ParallelTexts:
    """Texts of files, cut into pieces by the tokenizer of ``data``, else by that beside the checkpoint."""
    source = source or ("en" if "en" in files else next(iter(files)))
    if source not in files:
        raise UserError(f"--source-language {source}: --text names no file of it; it has {', '.join(files)}")
    root = _model_folder(data, checkpoint)
    tokenizer = find_tokenizer(root)
    if tokenizer is None or not (root / DICT).is_file():
        raise UserError(f"{root}: no {DICT} and tokenizer in it; give a folder of xl-prepare as DATA")
    encoder = PieceEncoder(str(tokenizer), str(root / DICT))
    if encoder.warning:
        tell(encoder.warning)
    sentences = {language: _encode(encoder, files[language]) for language in _source_first(source, files)}
    return ParallelTexts(sentences, source, load_with_mask(root / DICT), "--text")


def _model_folder(data: str | None, checkpoint: str) -> Path:
    if data is not None:
        return Path(data)
    kept = find_kept(checkpoint)
    folder = checkpoint if os.path.isdir(checkpoint) else os.path.dirname(os.path.abspath(checkpoint))
    if kept is None and not os.path.isfile(os.path.join(folder, DICT)):
        raise UserError(f"--text: no dictionary beside {checkpoint}; give DATA, a folder with dict.txt and tokenizer")
    return Path(kept or folder)


def _encode(encoder: PieceEncoder, path: str) -> Sentences:
    lines = read_lines(find_file(path) or path)
    empty = next((number for number, line in enumerate(lines, 1) if not line.strip()), None)
    if empty is not None:
        raise UserError(f"{path}:{empty}: an empty line; every line holds a sentence, in all files the same")
    ids, sizes = encoder.encode(lines) if lines else (np.zeros(0, np.int64), np.zeros(0, np.int64))
    return Sentences(ids, np.cumsum(sizes) - sizes, sizes)


def of_data(data: str, split: str, field: str, source: str | None, languages: str | None) -> ParallelTexts:
    """Row-parallel texts of a data folder: ``train`` (rows translate the source's), or the test sets of XNLI and
    others that translate one set."""
    folder = DataBin(Path(data), source)
    source = folder.source_language
    there = folder.languages_with(split)
    wanted = parse_languages(languages, "--languages") if languages else there
    missing = [language for language in wanted if language not in there]
    if missing or source not in there:
        raise UserError(
            f"{'--languages' if missing else '--split'}: {data} has no {split} texts of"
            f" {', '.join(missing) or source}; it has {', '.join(there) or 'none'}"
        )
    texts = {lang: folder.open_text(lang, field, split) for lang in _source_first(source, wanted)}
    _check_labels(folder, split, source, list(texts))
    sentences = {language: Sentences.of(text) for language, text in texts.items()}
    return ParallelTexts(sentences, source, folder.dictionary, f"{data}, {split}, {field}")


def _check_labels(folder: DataBin, split: str, source: str, languages: Sequence[str]) -> None:
    """UserError for a language whose rows have other labels than the source's: they are other examples."""
    expected = _labels(folder, source, split)
    for language in languages:
        found = _labels(folder, language, split)
        if expected is None or found is None or len(found) != len(expected) or not len(found):
            continue
        share = float(np.mean(found != expected))
        if share > _OTHER_LABELS:
            raise UserError(
                f"{folder.root}, {split}: {share:.0%} of the rows of {language} have another label than those of"
                f" {source}, so row i does not translate row i; give --text with parallel files, or fewer --languages"
            )


def _labels(folder: DataBin, language: str, split: str) -> np.ndarray | None:
    """A label of each row, where every row has one."""
    if not folder.has_labels(language, split):
        return None
    rows = folder.open_text(language, "label", split)  # mapped as long as it lives
    return folder.open_labels(language, split) if bool((rows.sizes == 2).all()) else None  # with the end of the row


def _source_first(source: str, languages: Sequence[str] | dict[str, str]) -> list[str]:
    return [source, *sorted(language for language in languages if language != source)]
