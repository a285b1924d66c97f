"""xl-convert trim of a BERT: the same pieces of the data, the same numbers, a smaller table, and back."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("transformers")

from user_dir_tests.conftest import made_up_text
from user_dir_tests.helpers.wordpiece import write_bert
from xl_plugins.cli import convert
from xl_plugins.data.binary.layout import load_with_mask
from xl_plugins.data.tokenizer import PieceEncoder
from xl_plugins.errors import UserError
from xl_plugins.huggingface.from_hf import from_hf
from xl_plugins.models.pretrained import build_pretrained, read_pretrained

TEXTS = [line for line in made_up_text(30, 3) if line[0] < "\u0250"]
NAMES = ("tokenizer.json", "dict.txt")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The encoder in ``full``, and in ``small`` what the text file needs of it."""
    root = tmp_path_factory.mktemp("trim")
    write_bert(root / "hf", cased=False, head="ForMaskedLM")
    from_hf(str(root / "hf"), str(root / "full"))
    (root / "text.txt").write_text("\n".join(TEXTS) + "\n", encoding="utf-8")
    assert convert.main([str(word) for word in trim(root, root / "small")]) == 0
    return root


def trim(root: Path, out: Path, *more: str) -> list[object]:
    full = root / "full"
    files = ["--spm", full / NAMES[0], "--dict", full / NAMES[1]]
    return ["trim", full / "model.pt", "--data", root / "text.txt", *files, *more, out]


def symbols(folder: Path, texts: list[str]) -> list[list[str]]:
    encoder = PieceEncoder(*(str(folder / name) for name in NAMES))
    ids, sizes = encoder.encode(texts)
    rows = np.split(ids, np.cumsum(sizes)[:-1])
    return [[encoder.dictionary.symbols[number] for number in row] for row in rows]


def test_the_data_are_cut_into_the_same_pieces(folder: Path) -> None:
    full, small = (load_with_mask(folder / name / NAMES[1]) for name in ("full", "small"))
    assert symbols(folder / "small", TEXTS) == symbols(folder / "full", TEXTS)
    assert len(small) < len(full) and set(small.symbols) <= set(full.symbols)
    for text in made_up_text(60, 8):  # other texts: smaller pieces, none of them unknown that was not
        (one,), (other,) = (symbols(folder / name, [text]) for name in ("full", "small"))
        assert len(other) >= len(one) and other.count("<unk>") == one.count("<unk>")
    vocabulary = json.loads((folder / "small" / NAMES[0]).read_text(encoding="utf-8"))["model"]["vocab"]
    assert len(vocabulary) == len(small)


def test_states_are_equal_to_the_bit(folder: Path) -> None:
    states, logits = [], []
    for name in ("full", "small"):
        dictionary = load_with_mask(folder / name / NAMES[1])
        path = str(folder / name / "model.pt")
        model = build_pretrained(path, read_pretrained(path), dictionary, with_lm_head=True)
        assert model.encoder.sentence_encoder.embed_positions.token_types.weight.shape == (2, 24)
        encoder = PieceEncoder(*(str(folder / name / file) for file in NAMES))
        ids = [torch.from_numpy(encoder.encode([text])[0][:25]) for text in TEXTS[:2]]
        with torch.no_grad():
            tokens = encoder.frame.enclose(*ids)[None]
            states.append(model(tokens, features_only=True)[0])
            logits.append(model(tokens)[0][..., [dictionary.index(x) for x in ("▁a", "b", "<mask>")]])
    assert torch.equal(*states)
    torch.testing.assert_close(*logits, atol=1e-5, rtol=1e-5)


def test_and_back(folder: Path) -> None:
    words = ["untrim", folder / "small" / "model.pt", "--dict", folder / "small" / NAMES[1], "--full",
             folder / "full" / "model.pt", "--full-dict", folder / "full" / NAMES[1], folder / "back.pt"]  # fmt: skip
    assert convert.main([str(word) for word in words]) == 0
    one, other = (torch.load(folder / name, weights_only=False)["model"] for name in ("full/model.pt", "back.pt"))
    assert one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_no_other_segmentations(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"--sampling: .*tokenizer.json is WordPiece, which has one segmentation"):
        convert.main([str(word) for word in trim(folder, tmp_path / "out", "--sampling")])
    assert not (tmp_path / "out").exists()
