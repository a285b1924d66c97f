"""One part of a plan (language, split, whether translated) from text to ids, with the checks that need only this
file."""

from __future__ import annotations

import hashlib
import os
import re
import zlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Callable, ClassVar, Iterable, Iterator, TypeVar

import numpy as np
from fairseq.data import Dictionary

from xl_plugins.data.binary.writer import IndexedWriter
from xl_plugins.data.tokenizer import PieceEncoder
from xl_plugins.datasets.layouts.labels import unknown_label
from xl_plugins.errors import UserError
from xl_plugins.formats.examples.plan import Part
from xl_plugins.formats.examples.table import PairPlan, Row

B = TypeVar("B")
BATCH = 4096  # pairs encoded at once
UNLABELLED = -1
_PLACEHOLDERS = frozenset({"", "-", "?", "none", "None", "null", "unlabelled", "unlabeled", "[MASK]"})
_POINT_ZERO = re.compile(r"(?<=\d)\.0+$")
_MIN_CONSTANT = 10  # rows from which a single label throughout a test file is taken for a placeholder


@dataclass
class TextRows:
    """The facts that are remembered of each row of a part, for checks against other parts.

    ``labels`` int16 (N), -1 without; ``text`` and ``check`` uint32 (N): checksums of the pair and of its partner in the
    same file (``check`` empty when there is none); ``lines`` uint32 (N): line in the file; ``missing`` bool (N):
    marked as not translated. ``stats``: counts for the summary.
    """

    labels: np.ndarray
    text: np.ndarray
    check: np.ndarray
    lines: np.ndarray
    missing: np.ndarray
    stats: dict[str, int] = field(default_factory=dict)

    ARRAYS: ClassVar[tuple[str, ...]] = ("labels", "text", "check", "lines", "missing")

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, order: np.ndarray) -> TextRows:
        """The same rows in another order."""
        arrays = {name: getattr(self, name) for name in self.ARRAYS}
        return TextRows(**{n: a[order] if len(a) else a for n, a in arrays.items()}, stats=self.stats)


class RowChecker:
    """Turn rows into texts to encode plus the arrays of :class:`TextRows`."""

    def __init__(self, part: Part, plan: PairPlan) -> None:
        self.part, self.plan, self.path = part, plan, part.file.path
        self.codes: dict[str | None, int] = {label: number for number, label in enumerate(plan.labels)}
        self.codes.update({alias: self.codes[label] for alias, label in plan.aliases.items() if label in self.codes})
        if part.split == "test" or part.into_source:
            others = _PLACEHOLDERS | ({"-1"} if plan.named else set())
            self.codes.update(dict.fromkeys(others - self.codes.keys(), UNLABELLED))
        translated = part.split == "train" and part.language != plan.source_language and not part.pool
        self.can_replace = plan.missing is not None and translated
        self._blocks: list[tuple[np.ndarray, ...]] = []

    def take(self, batch: list[Row]) -> list[str]:
        """Check a batch and return its 2 N texts, all first before all second ones; N where a row is one text."""
        count, codes = len(batch), self.codes
        labels = np.full(count, UNLABELLED, dtype=np.int16)
        missing = np.zeros(count, dtype=bool)
        for number, row in enumerate(batch):
            if not row.first.strip() or (row.second is not None and not row.second.strip()):
                which = "first" if not row.first.strip() else "second"
                raise UserError(
                    f"{self.path}:{row.line}: the {which} text is empty; fill it, or remove the row from all files "
                    "(xl-prepare pairs and texts can leave it out: --filter COLUMN!=)"
                )
            if row.label is not None:
                labels[number] = self._label(row, codes)
            if self.can_replace and self.plan.missing in (row.first, row.second):
                missing[number] = True
        self._blocks.append(
            (
                labels,
                _checksums(row.first if row.second is None else f"{row.first}\t{row.second}" for row in batch),
                _checksums(row.check for row in batch if row.check is not None),
                np.fromiter((row.line for row in batch), dtype=np.uint32, count=count),
                missing,
            )
        )
        return [row.first for row in batch] + [row.second for row in batch if row.second is not None]

    def _label(self, row: Row, codes: dict[str | None, int]) -> int:
        assert row.label is not None
        text = row.label.strip()
        whole = text[: -len(match[0])] if (match := _POINT_ZERO.search(text)) else text  # 1.0: integers of pandas
        code = next((codes[form] for form in (row.label, text, whole) if form in codes), None)
        if code is None:
            raise UserError(f"{self.path}:{row.line}: {unknown_label(row.label, self.plan)}")
        return code

    def finish(self) -> TextRows:
        return TextRows(
            **{name: np.concatenate(blocks) for name, blocks in zip(TextRows.ARRAYS, zip(*self._blocks))}, stats={}
        )


def _checksums(texts: Iterator[str]) -> np.ndarray:
    return np.fromiter((zlib.crc32(text.encode("utf-8")) for text in texts), dtype=np.uint32)


def text_prefixes(folder: str, split: str, single: bool = False) -> list[str]:
    """Paths without suffix of the two texts of a part, or of its single text."""
    return [os.path.join(folder, name, split) for name in ("input0", "input1")[: 1 if single else 2]]


def hash_key(key: str) -> int:
    """64 bits of BLAKE2b, signed."""
    return int.from_bytes(hashlib.blake2b(key.encode("utf-8"), digest_size=8).digest(), "little", signed=True)


def encode_ahead(
    batches: Iterable[list[B]], work: Callable[[list[B]], tuple[Any, ...]], encoder: PieceEncoder
) -> Iterator[tuple[list[B], Any]]:
    """Yield every batch with its result, in order; a few are encoded in threads while this one reads and writes.

    ``work`` is called here and returns the function to call in a thread and its arguments. SentencePiece releases the
    interpreter lock, so threads use all cores without copying text between processes.
    """
    pending: deque[tuple[list[B], Future]] = deque()
    with ThreadPoolExecutor(encoder.threads) as pool:
        try:
            for batch in batches:
                pending.append((batch, pool.submit(*work(batch))))
                if len(pending) > encoder.threads:
                    done, future = pending.popleft()
                    yield done, future.result()
            for done, future in pending:
                yield done, future.result()
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def write_texts(
    part: Part,
    plan: PairPlan,
    encoder: PieceEncoder,
    folder: str,
    keep: np.ndarray | None = None,
    progress: Callable[[int], None] = lambda consumed: None,
) -> TextRows:
    """Encode a part's pairs in file order into ``folder/input{0,1}/<split>`` and return their :class:`TextRows`.

    ``keep`` (rows of the selection, bool) drops rows; ``progress`` is told the bytes of the file read so far.
    UserError names the line of an empty text, an unknown label or a text without a single piece.
    """
    checker = RowChecker(part, plan)
    prefixes = text_prefixes(folder, part.split, plan.single)
    for prefix in prefixes:
        os.makedirs(os.path.dirname(prefix), exist_ok=True)
    writers = [IndexedWriter(prefix, len(encoder.dictionary)) for prefix in prefixes]
    pieces = unknown = 0
    try:
        reader = part.file.reader()
        rows: Iterator[Row] = part.file.rows(reader)
        if keep is not None:
            rows = (row for row, wanted in zip(rows, keep) if wanted)
        batches = iter(lambda: list(islice(rows, BATCH)), [])
        for batch, (ids, sizes) in encode_ahead(batches, lambda b: (encoder.encode, checker.take(b)), encoder):
            if sizes.min() < 2:
                row = batch[int(np.argmin(sizes)) % len(batch)]
                raise UserError(
                    f"{part.file.path}:{row.line}: a text has no visible character, the tokenizer gives no piece"
                )
            ends = np.cumsum(sizes)[len(batch) - 1 :: len(batch)]
            for writer, block, lengths in zip(writers, np.split(ids, ends), np.split(sizes, len(writers))):
                writer.append(block, lengths)
            pieces += len(ids) - len(sizes)
            unknown += int(np.count_nonzero(ids == encoder.dictionary.unk()))
            progress(reader.position())
        for writer in writers:
            writer.close()
    except BaseException:
        for writer in writers:
            writer.abandon()
        raise
    result = checker.finish()
    result.stats = {"rows": len(result), "pieces": pieces, "unknown": unknown, "texts": len(writers)}
    return result


def is_placeholder(rows: TextRows, part: Part, plan: PairPlan) -> bool:
    """True for a test file without labels: no column, placeholders throughout, or one label in all of many rows."""
    if part.split != "test" or part.into_source:
        return False
    if (rows.labels == UNLABELLED).all():
        return True
    return plan.constant_is_placeholder and len(rows) >= _MIN_CONSTANT and bool((rows.labels == rows.labels[0]).all())


def write_labels(prefix: str, labels: np.ndarray, label_count: int) -> None:
    """Write label ids with </s> as fairseq-preprocess does; ``labels`` int (N), 0 <= label < label_count."""
    dictionary = Dictionary()
    os.makedirs(os.path.dirname(prefix), exist_ok=True)
    ids = np.stack([labels.astype(np.int64) + dictionary.nspecial, np.full(len(labels), dictionary.eos())], axis=1)
    writer = IndexedWriter(prefix, dictionary.nspecial + label_count)
    writer.append(ids.ravel(), np.full(len(labels), 2))
    writer.close()
