"""Sentence retrieval: the sentences of two languages and which of them are translations of each other."""

from __future__ import annotations

import os
import zlib
from dataclasses import dataclass, field
from itertools import islice
from typing import ClassVar

import numpy as np

from xl_plugins.data.binary.writer import IndexedRows, IndexedWriter, gather
from xl_plugins.data.prepare.binarize import encode_ahead, hash_key
from xl_plugins.data.prepare.part_writer import PartWriter, Told, indexed_files, mark_unlabelled
from xl_plugins.errors import UserError
from xl_plugins.formats.examples.lines import RetrievalPlan
from xl_plugins.formats.examples.plan import Part

BATCH = 8192  # sentences encoded at once
_MIN_SORTED = 50  # sentences from which alphabetical order is no accident


@dataclass
class RetrievalRows:
    """``keys`` int64 (N): hashes of the ids (empty without ids); ``text`` uint32 (N): checksums of the sentences."""

    keys: np.ndarray
    text: np.ndarray
    stats: dict[str, int] = field(default_factory=dict)

    ARRAYS: ClassVar[tuple[str, ...]] = ("keys", "text")

    def __len__(self) -> int:
        return len(self.text)


class RetrievalWriter(PartWriter[RetrievalPlan, RetrievalRows]):
    """``input0``, ``raw`` and, with ids, ``ids`` of both sides; ``gold`` pairs of rows beside the own sentences."""

    rows_type = RetrievalRows
    columns = ("sentences", "pieces/sentence", "unknown", "gold pairs")

    def _gold_path(self, part: Part) -> str:
        return os.path.join(self.root, part.language, "gold", part.split + ".npy")

    def outputs(self, part: Part) -> list[str]:
        prefixes = [os.path.join(self.folder(part), name, part.split) for name in ("input0", "raw", "ids")]
        gold = [self._gold_path(part)] if part.into_source else []
        return [path for path in indexed_files(*prefixes) + gold if os.path.exists(path)]

    def write(self, part: Part, reference: Part | None, told: Told) -> RetrievalRows:
        rows = self._write_lines(part, told)
        order = np.arange(len(rows))
        if part.file.sort:
            order = self._sort(part)
            rows = RetrievalRows(rows.keys[order] if len(rows.keys) else rows.keys, rows.text[order], rows.stats)
        gold = self._gold(part, rows, self.rows[reference], order) if part.into_source and reference else None
        if gold is not None:
            os.makedirs(os.path.dirname(self._gold_path(part)), exist_ok=True)
            np.save(self._gold_path(part), gold)
            rows.stats["gold"] = len(gold)
        return rows

    def _write_lines(self, part: Part, told: Told) -> RetrievalRows:
        vocabulary = len(self.encoder.dictionary)
        names = ("raw", "ids") if part.file.keyed else ("raw",)
        pieces = IndexedWriter(self.prefix(part, "input0"), vocabulary)
        texts = {name: IndexedWriter(self.prefix(part, name), vocabulary, np.uint8) for name in names}
        reader = part.file.reader()
        lines = part.file.lines(reader)
        batches = iter(lambda: list(islice(lines, BATCH)), [])
        keys: list[int] = []
        sums: list[int] = []
        stats = {"rows": 0, "pieces": 0, "unknown": 0}
        try:
            for batch, (ids, sizes) in encode_ahead(
                batches, lambda b: (self.encoder.encode, [line.text for line in b]), self.encoder
            ):
                if sizes.min() < 2:
                    number = batch[int(np.argmin(sizes))].number
                    raise UserError(f"{part.file.path}:{number}: no visible character, the tokenizer gives no piece")
                pieces.append(ids, sizes)
                for name, writer in texts.items():
                    _append(writer, [line.text if name == "raw" else line.key or "" for line in batch])
                keys += [hash_key(line.key) for line in batch if line.key is not None]
                sums += [zlib.crc32(line.text.encode("utf-8")) for line in batch]
                stats["rows"] += len(batch)
                stats["pieces"] += len(ids) - len(batch)
                stats["unknown"] += int(np.count_nonzero(ids == self.encoder.dictionary.unk()))
                told(reader.position())
            for writer in (pieces, *texts.values()):
                writer.close()
        except BaseException:
            for writer in (pieces, *texts.values()):
                writer.abandon()
            raise
        return RetrievalRows(np.array(keys, np.int64), np.array(sums, np.uint32), stats)

    def _sort(self, part: Part) -> np.ndarray:
        """Bring the sentences into alphabetical order (of code points); returns the former row of each."""
        data = IndexedRows(self.prefix(part, "raw"))
        count = len(data.sizes)
        texts = [data.take(np.array([row]))[0].tobytes().decode("utf-8") for row in range(count)]
        order = np.array(sorted(range(count), key=texts.__getitem__), dtype=np.int64)
        for name, dtype in (("input0", None), ("raw", np.uint8), *((("ids", np.uint8),) if part.file.keyed else ())):
            prefix = self.prefix(part, name)
            gather(prefix, order, prefix + ".new", len(self.encoder.dictionary), dtype=dtype)
            for suffix in (".bin", ".idx"):
                os.replace(prefix + ".new" + suffix, prefix + suffix)
        return order

    def _gold(self, part: Part, rows: RetrievalRows, own: RetrievalRows, order: np.ndarray) -> np.ndarray | None:
        """int64 (pairs, 2): row of the language, row of the source language; None when it is not known."""
        if part.file.aligned:
            if len(rows) != len(own):
                raise UserError(
                    f"{part.file.path}: {len(rows)} sentences for {len(own)} of {part.language}; line i of both files "
                    "must be the same sentence"
                )
            if not part.file.sort and self._is_sorted(part):
                rows.stats["sorted"] = 1
                return None
            rank = np.empty_like(order)
            rank[order] = np.arange(len(order))
            return np.stack([np.arange(len(order)), rank], axis=1)
        if part.file.gold is None:
            return None
        ours, theirs = ({int(key): row for row, key in enumerate(keys)} for keys in (own.keys, rows.keys))
        pairs = []
        for line, first, second in part.file.pairs():
            pair = ours.get(hash_key(first)), theirs.get(hash_key(second))
            if pair[0] is None or pair[1] is None:
                name = first if pair[0] is None else second
                raise UserError(f"{part.file.gold}:{line}: id {name} is in neither of the files of sentences")
            pairs.append(pair)
        return np.array(pairs, dtype=np.int64).reshape(-1, 2)

    def _is_sorted(self, part: Part) -> bool:
        texts = [line.text for line in part.file.lines()]
        return len(texts) >= _MIN_SORTED and texts == sorted(texts)

    def check(self, part: Part, rows: RetrievalRows, reference: Part | None) -> list[str]:
        if part.into_source and "gold" not in rows.stats:
            mark_unlabelled(self.unlabelled, part)
        if rows.stats.get("sorted"):
            return [
                f"{part.file.path}: in alphabetical order, as XTREME's preprocessing leaves it, so the matching lines "
                "are not known and nothing can be scored; use LASER's files, with --sorted-english for XTREME's order"
            ]
        return []

    @staticmethod
    def summary(stats: dict[str, int]) -> list[str]:
        return [
            f"{stats['rows']:,}",
            f"{stats['pieces'] / stats['rows']:.1f}",
            f"{stats['unknown'] / max(stats['pieces'], 1):.2%}",
            f"{stats['gold']:,}" if "gold" in stats else "-",
        ]


def _append(writer: IndexedWriter, texts: list[str]) -> None:
    rows = [text.encode("utf-8") for text in texts]
    writer.append(np.frombuffer(b"".join(rows), dtype=np.uint8), np.array([len(row) for row in rows]))


WRITER = RetrievalWriter
