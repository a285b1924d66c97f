"""The binary files: byte for byte those of fairseq-preprocess, readable by fairseq, re-arranged without loss."""

from __future__ import annotations

import filecmp
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import sentencepiece
from fairseq import options
from fairseq.data import Dictionary, data_utils
from fairseq.data.indexed_dataset import MMapIndexedDatasetBuilder
from fairseq_cli import preprocess
from hypothesis import given
from hypothesis import strategies as st

from xl_plugins.data.binary.writer import IndexedRows, IndexedWriter, gather
from xl_plugins.data.prepare.binarize import write_labels
from xl_plugins.data.tokenizer import PieceEncoder
from xl_plugins.errors import UserError

ROWS = st.lists(st.lists(st.integers(0, 65_000), min_size=1, max_size=9), min_size=1, max_size=40)


def write(prefix: Path, rows: list[list[int]], vocabulary: int = 70_000, batch: int = 7) -> None:
    writer = IndexedWriter(str(prefix), vocabulary)
    for start in range(0, len(rows), batch):
        part = rows[start : start + batch]
        writer.append(np.array([i for row in part for i in row]), np.array([len(row) for row in part]))
    writer.close()


def read(prefix: Path) -> list[list[int]]:
    return [row.tolist() for row in data_utils.load_indexed_dataset(str(prefix), None, "mmap")]


@given(rows=ROWS, vocabulary=st.sampled_from([65_499, 65_500, 250_001]))
def test_same_bytes_as_fairseqs_builder(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[int]], vocabulary: int
) -> None:
    import torch

    folder = tmp_path_factory.mktemp("w")
    write(folder / "ours", rows, vocabulary)
    builder = MMapIndexedDatasetBuilder(str(folder / "theirs.bin"), np.uint16 if vocabulary < 65_500 else np.uint32)
    for row in rows:
        builder.add_item(torch.IntTensor(row))
    builder.finalize(str(folder / "theirs.idx"))
    for suffix in (".bin", ".idx"):
        assert (folder / f"ours{suffix}").read_bytes() == (folder / f"theirs{suffix}").read_bytes()
    assert read(folder / "ours") == rows


def test_index_of_many_rows_is_continuous(tmp_path: Path) -> None:
    sizes = np.random.default_rng(1).integers(1, 5, 150_000)
    writer = IndexedWriter(str(tmp_path / "a"), 100)
    writer.append(np.repeat(np.arange(len(sizes)) % 90, sizes), sizes)
    writer.close()
    rows = IndexedRows(str(tmp_path / "a"))
    assert (rows.sizes == sizes).all()
    assert (rows._starts == np.cumsum(sizes) - sizes).all()


@given(rows=ROWS, data=st.data())
def test_gather_reorders_and_replaces(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[int]], data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("g")
    order = data.draw(st.permutations(range(len(rows))))
    replaced = data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows)))
    other = [[7, *row] for row in rows]
    write(folder / "a", rows)
    write(folder / "b", other)
    gather(str(folder / "a"), np.array(order), str(folder / "c"), 70_000, str(folder / "b"), np.array(replaced))
    assert read(folder / "c") == [other[i] if new else rows[old] for i, (old, new) in enumerate(zip(order, replaced))]


def test_labels(tmp_path: Path) -> None:
    write_labels(str(tmp_path / "label" / "train"), np.array([2, 0, 1], dtype=np.int16), 3)
    assert read(tmp_path / "label" / "train") == [[6, 2], [4, 2], [5, 2]]
    (tmp_path / "dict.txt").write_text("c 1\ne 1\nn 1\n")
    (tmp_path / "text").write_text("n\nc\ne\n")
    command = f"--only-source --trainpref {tmp_path}/text --srcdict {tmp_path}/dict.txt --destdir {tmp_path}/theirs"
    preprocess.main(options.get_preprocessing_parser().parse_args(command.split()))
    for suffix in ("bin", "idx"):
        assert filecmp.cmp(tmp_path / f"label/train.{suffix}", tmp_path / f"theirs/train.{suffix}", shallow=False)


class Odd(NamedTuple):
    """A tokenizer with odd pieces: user-defined, byte fall-back off, few characters, white space kept."""

    model: Path
    dict: Path


@pytest.fixture(scope="module", params=["nmt_nfkc", "identity"])
def odd_spm(request: pytest.FixtureRequest, tiny_spm, tmp_path_factory: pytest.TempPathFactory) -> Odd:
    folder = tmp_path_factory.mktemp("odd")
    sentencepiece.SentencePieceTrainer.train(
        input=str(tiny_spm.text), model_prefix=str(folder / "m"), vocab_size=200, character_coverage=0.98,
        user_defined_symbols=["<sep>", "na\u3000na"], normalization_rule_name=request.param,
        num_threads=1, minloglevel=2,
    )  # fmt: skip
    model = sentencepiece.SentencePieceProcessor(model_file=str(folder / "m.model"))
    pieces = [model.IdToPiece(i) for i in range(3, model.GetPieceSize())]
    (folder / "dict.txt").write_text("".join(f"{piece} 1\n" for piece in pieces), encoding="utf-8")
    return Odd(folder / "m.model", folder / "dict.txt")


def awkward_lines(text: Path) -> list[str]:
    """Ordinary text, unknown characters alone and in runs, odd white space, names of special symbols."""
    lines = text.read_text(encoding="utf-8").splitlines()[:200]
    extra = [
        "☃",
        "☃☃ ☃ x☃☃y",
        "na\u3000na",
        "ab\u2028cd",
        "a\u00a0b \u3000c",
        "<s> </s> <unk> <pad> <sep>",
        "<sep>☃<sep>",
    ]
    return (
        lines
        + extra
        + [line + "☃☃" + extra[i % len(extra)] for i, line in enumerate(lines[:20])]
        + ["  a  ", "\u200bb"]
    )


def test_same_bytes_as_fairseq_preprocess(odd_spm: Odd, tiny_spm, tmp_path: Path) -> None:
    """spm_encode --output_format=piece | fairseq-preprocess --only-source --srcdict."""
    lines = awkward_lines(tiny_spm.text)
    model = sentencepiece.SentencePieceProcessor(model_file=str(odd_spm.model))
    pieces = [" ".join(model.encode(line, out_type=str)) for line in lines]
    (tmp_path / "text.pieces").write_text("".join(f"{line}\n" for line in pieces), encoding="utf-8")
    command = f"--only-source --trainpref {tmp_path}/text.pieces --srcdict {odd_spm.dict} --destdir {tmp_path}/theirs"
    preprocess.main(options.get_preprocessing_parser().parse_args(command.split()))
    encoder = PieceEncoder(str(odd_spm.model), str(odd_spm.dict))
    writer = IndexedWriter(str(tmp_path / "train"), len(encoder.dictionary))
    for start in range(0, len(lines), 50):
        writer.append(*encoder.encode(lines[start : start + 50]))
    writer.close()
    assert 3 in np.concatenate(read(tmp_path / "train"))
    for suffix in ("bin", "idx"):
        assert filecmp.cmp(tmp_path / f"train.{suffix}", tmp_path / "theirs" / f"train.{suffix}", shallow=False)


def test_ids_are_the_dictionarys_not_sentencepieces(tiny_spm) -> None:
    encoder = PieceEncoder(str(tiny_spm.model), str(tiny_spm.dict))
    ids, sizes = encoder.encode(["ba be", "☃"])
    words = [encoder.dictionary[i] for i in ids]
    assert "".join(words[: sizes[0]]) == "▁ba▁be</s>"
    assert words[-1] == "</s>" and "<unk>" in words[sizes[0] :]
    assert encoder.model.encode("ba")[0] != ids[0]


def test_a_model_that_does_not_fit_is_refused(tiny_spm, odd_spm: Odd) -> None:
    with pytest.raises(UserError, match=r"\d+ of its 197 pieces \(\d+\.\d%\) are not in .*dict.txt, for example"):
        PieceEncoder(str(odd_spm.model), str(tiny_spm.dict))


def test_a_piece_or_two_missing_is_a_warning(tiny_spm, tmp_path: Path) -> None:
    rows = tiny_spm.dict.read_text(encoding="utf-8").splitlines()
    (tmp_path / "dict.txt").write_text("\n".join(rows[1:]) + "\n", encoding="utf-8")
    encoder = PieceEncoder(str(tiny_spm.model), str(tmp_path / "dict.txt"))
    assert encoder.warning is not None and "1 of its 297 pieces (0.3%)" in encoder.warning
    assert len(encoder.dictionary) == 4 + 296


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a 1\nb\n", "dict.txt:2: expected 'piece count'"),
        (b"a 1\nb x\n", "dict.txt:2: expected 'piece count'"),
        (b"", "the dictionary is empty"),
        (b"a 1\na 1\n", "Duplicate word"),
        (b"a\xff 1\n", "not a UTF-8 text file"),
    ],
)
def test_malformed_dictionary(tiny_spm, tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "dict.txt").write_bytes(content)
    with pytest.raises(UserError, match=message):
        PieceEncoder(str(tiny_spm.model), str(tmp_path / "dict.txt"))


def test_unreadable_sentencepiece_model(tiny_spm, tmp_path: Path) -> None:
    for content in (b"no model", b""):
        (tmp_path / "m").write_bytes(content)
        with pytest.raises(UserError, match="m: not a SentencePiece model"):
            PieceEncoder(str(tmp_path / "m"), str(tiny_spm.dict))


def test_dictionary_of_fairseq_is_unchanged(tiny_spm) -> None:
    encoder = PieceEncoder(str(tiny_spm.model), str(tiny_spm.dict))
    assert encoder.dictionary == Dictionary.load(str(tiny_spm.dict))
