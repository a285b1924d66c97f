"""xl-convert to-hf of a BERT: transformers reads its own architecture, and computes the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

pytest.importorskip("transformers")

import transformers

import xl_plugins
from user_dir_tests.conftest import made_up_text
from user_dir_tests.convert.test_to_hf import AUTO, check_logits, make, prepare_all
from user_dir_tests.helpers.wordpiece import make_tiny
from xl_plugins.convert.to_hf import to_hf
from xl_plugins.data.tokenizer import PieceEncoder
from xl_plugins.errors import UserError
from xl_plugins.huggingface.from_hf import from_hf

ARCHITECTURES = {"sentence_pair": "BertForSequenceClassification", "text": "BertForSequenceClassification",
                 "tagging": "BertForTokenClassification", "qa": "BertForQuestionAnswering"}  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("data")
    return prepare_all(root, make_tiny(root / "tiny", cased=False))


@pytest.mark.parametrize("types", [2, 0], ids=["token types", "none"])
@pytest.mark.parametrize("problem", AUTO)
def test_logits(data: dict[str, Path], tmp_path: Path, problem: str, types: int) -> None:
    check_logits(make(data, tmp_path, problem, layer_norm_eps=1e-12, token_types=types), tmp_path, problem, bert=True)
    config = json.loads((tmp_path / "hf" / "config.json").read_text())
    assert config["architectures"] == [ARCHITECTURES[problem]] and config["type_vocab_size"] == 2


def test_texts_and_pairs_get_the_same_ids(data: dict[str, Path], tmp_path: Path) -> None:
    """And token types, the case and the accents."""
    made = make(data, tmp_path, "sentence_pair", token_types=2)
    to_hf(str(made.path), str(tmp_path / "hf"))
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "hf")
    encoder = PieceEncoder(str(made.data / "tokenizer.json"), str(made.data / "dict.txt"))
    texts = [*made_up_text(150, 9), " two  blanks ", "ﬁne １２ ① Ａ", "xyz ÿ 火", "Éclair", "<mask"]
    for first, second in zip(texts, reversed(texts)):
        one, other = (encoder.encode([text])[0].tolist() for text in (first, second))
        assert tokenizer(first)["input_ids"] == [0, *one]
        found = tokenizer(first, second)
        assert found["input_ids"] == [0, *one, *other]
        assert found["token_type_ids"] == [0] * (1 + len(one)) + [1] * len(other)
    assert tokenizer.mask_token_id == len(made.setup.task.source_dictionary) - 1
    assert tokenizer.model_max_length == 128 and tokenizer.pad_token_id == 1


def test_pipeline(data: dict[str, Path], tmp_path: Path) -> None:
    """From raw texts to the same probabilities."""
    made = make(data, tmp_path, "sentence_pair", token_types=2)
    to_hf(str(made.path), str(tmp_path / "hf"))
    pairs = [(one[:20], other[:20]) for one, other in zip(made_up_text(20, 4), made_up_text(20, 5))]
    pipe = transformers.pipeline("text-classification", str(tmp_path / "hf"), top_k=None)
    for pair, mine in zip(pairs, xl_plugins.load(str(made.path)).predict(pairs)):
        theirs = pipe({"text": pair[0], "text_pair": pair[1]})
        assert {row["label"]: row["score"] for row in theirs} == pytest.approx(mine["probabilities"], abs=1e-5)


def test_there_and_back(data: dict[str, Path], tmp_path: Path) -> None:
    """The exported folder as an encoder again: the same dictionary and the same states."""
    made = make(data, tmp_path, "sentence_pair", token_types=2)
    to_hf(str(made.path), str(tmp_path / "hf"))
    from_hf(str(tmp_path / "hf"), str(tmp_path / "back"))
    assert (tmp_path / "back" / "dict.txt").read_bytes() == (made.data / "dict.txt").read_bytes()
    state = torch.load(tmp_path / "back" / "model.pt", weights_only=False)["model"]
    own = made.setup.model.state_dict()
    for name, tensor in state.items():
        if not name.endswith(("version", "embed_positions.weight")):  # its two special rows are nobody's
            assert torch.equal(tensor, own[name]), name


def test_pieces_of_another_encoder(data: dict[str, Path], tmp_path: Path) -> None:
    made = make(data, tmp_path, "sentence_pair", token_types=2)
    content = json.loads((made.data / "tokenizer.json").read_text(encoding="utf-8"))
    vocabulary = content["model"]["vocab"]
    vocabulary["##qqq"] = vocabulary.pop(next(piece for piece in vocabulary if piece.startswith("##")))
    spoilt = tmp_path / "spoilt"
    spoilt.mkdir()
    for name in ("dict.txt", "label"):
        (spoilt / name).symlink_to(made.data / name)
    (spoilt / "tokenizer.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(UserError, match=r"tokenizer.json: has other pieces than dict.txt; give the files of one"):
        to_hf(str(made.path), str(tmp_path / "hf"), data=str(spoilt))
    assert not (tmp_path / "hf").exists()
