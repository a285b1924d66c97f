"""xl-convert trim on all files of the real data: every text is cut as before."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
import sentencepiece

from xl_plugins.convert.small_tokenizer import reduce_sentencepiece
from xl_plugins.convert.texts import find_sources, read_texts
from xl_plugins.convert.used_pieces import find_pieces

LANGUAGES = "ar bg de el en es fr hi ru sw th tr ur vi zh".split()


@pytest.mark.timeout(900)
def test_all_texts_are_cut_as_before(xl_data: Path, tmp_path: Path) -> None:
    """The tokenizer is trained on a small part of it."""
    with open(tmp_path / "text.txt", "w", encoding="utf-8") as out:
        for language in LANGUAGES:
            path = xl_data / "parallel" / "ntrex" / f"newstest2019.{language}.gz"
            out.write(gzip.decompress(path.read_bytes()).decode("utf-8"))
    sentencepiece.SentencePieceTrainer.train(
        input=str(tmp_path / "text.txt"), model_prefix=str(tmp_path / "full"), vocab_size=12_000,
        character_coverage=0.9995, minloglevel=2,
    )  # fmt: skip
    spm = str(tmp_path / "full.model")
    found = find_pieces([str(xl_data)], spm)
    content, kept = reduce_sentencepiece(spm, found.pieces)
    full, small = sentencepiece.SentencePieceProcessor(model_file=spm), sentencepiece.SentencePieceProcessor()
    small.LoadFromSerializedProto(content)
    assert found.texts > 3_000_000 and not found.skipped and len(kept) < full.GetPieceSize()
    for path in find_sources([str(xl_data)])[1]:
        texts = list(read_texts(path))
        assert small.encode(texts, out_type=str) == full.encode(texts, out_type=str), path
