"""Sentence vectors of any layer: equal to the model's own states, whatever the batch and padding."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from user_dir_tests.helpers.evaluation.checkpoints import save_checkpoint
from user_dir_tests.helpers.running.training import save_archive
from user_dir_tests.helpers.toys.toy import make_data
from xl_plugins.data.binary.layout import DataBin
from xl_plugins.data.sentences import Sentences
from xl_plugins.errors import UserError
from xl_plugins.evaluation.checkpoint import load_fine_tuned
from xl_plugins.evaluation.retrieval.encode import SentenceEncoder, default_layer, load_sentence_encoder


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> DataBin:
    return DataBin(make_data(tmp_path_factory.mktemp("toy"), test=37, longest=14))


@pytest.fixture(scope="module")
def paths(tmp_path_factory, data) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("runs")
    save_checkpoint(folder / "plain.pt", data.root, "xl_sentence_pair")
    save_checkpoint(folder / "xmixup.pt", data.root)
    save_archive(folder / "archive.pt", data.root / "dict.txt")
    return {name: str(folder / f"{name}.pt") for name in ("plain", "xmixup", "archive")}


@pytest.fixture(scope="module")
def sentences(data) -> Sentences:
    return Sentences.of(data.open_text("de", "input0", "test"))


def states(model: torch.nn.Module, data: DataBin, row: int) -> torch.Tensor:
    """States of one sentence on its own in all layers, through fairseq's forward: (N + 1, T, d)."""
    pieces = data.open_text("de", "input0", "test")[row]
    tokens = torch.cat([torch.tensor([data.dictionary.bos()]), pieces])[None]
    with torch.no_grad():
        _, extra = model.encoder.extract_features(tokens, return_all_hiddens=True)
    return torch.stack([state[:, 0] for state in extra["inner_states"]])


@pytest.mark.parametrize("pooling", ["mean", "inner", "first"])
@pytest.mark.parametrize("layer", [0, 1, 2, 3])
def test_vectors_are_pooled_states_of_the_layer(paths, data, sentences, layer, pooling):
    model = load_fine_tuned(paths["plain"]).model
    pool = {"mean": lambda x: x.mean(0), "inner": lambda x: x[1:-1].mean(0), "first": lambda x: x[0]}[pooling]
    expected = torch.stack([pool(states(model, data, row)[layer]) for row in range(37)])
    encoder = load_sentence_encoder(paths["plain"], data.dictionary, layer, pooling)
    found = encoder.encode(sentences, batch_size=8)
    assert len(encoder.encoder.layers) == layer
    np.testing.assert_allclose(found.numpy(), expected.numpy(), atol=2e-5)
    assert found.std(dim=0).max() > 0.05 or (layer, pooling) == (0, "first")


@pytest.mark.parametrize("limits", [(1, None), (5, None), (None, None), (None, 40), (3, 30)])
def test_batches_order_and_padding_change_nothing(paths, data, sentences, limits):
    encoder = load_sentence_encoder(paths["plain"], data.dictionary, 2)
    expected = encoder.encode(sentences, 4)
    np.testing.assert_allclose(encoder.encode(sentences, *limits).numpy(), expected.numpy(), atol=2e-5)
    order = np.random.default_rng(0).permutation(37)
    np.testing.assert_allclose(
        encoder.encode(sentences.take(order), *limits).numpy(), expected[order].numpy(), atol=2e-5
    )


def test_batches_respect_both_limits_and_hold_every_sentence_once(paths, data, sentences):
    encoder = load_sentence_encoder(paths["plain"], data.dictionary, 1)
    made = list(encoder.batches(sentences, 6, 50))
    assert max(len(rows) for rows, _ in made) <= 6
    assert max(tokens.numel() for _, tokens in made) <= 50
    assert sorted(np.concatenate([rows for rows, _ in made]).tolist()) == list(range(37))
    widths = [tokens.size(1) for _, tokens in made]
    assert widths == sorted(widths, reverse=True)
    with pytest.raises(UserError, match=r"--max-tokens 9: a sentence has 15 positions"):
        list(encoder.batches(sentences, None, 9))


def test_long_sentences_keep_their_beginning_and_end_mark(paths, data, sentences):
    encoder = load_sentence_encoder(paths["plain"], data.dictionary, 1, max_length=6)
    row = int(sentences.sizes.argmax())
    (_, tokens), *more = encoder.batches(sentences.take(np.array([row])), None, None)
    pieces = data.open_text("de", "input0", "test")[row]
    assert not more and tokens[0].tolist() == [0, *pieces[:4].tolist(), 2]


def test_a_published_archive_and_mixup_checkpoint_are_read_as_plain_encoders(paths, data, sentences):
    """An archive has old parameter names, its options in a Namespace, and no head."""
    own = load_fine_tuned(paths["xmixup"], overrides={"no_mixup_inference": True}).model
    found = load_sentence_encoder(paths["xmixup"], data.dictionary, 3).encode(sentences)
    expected = torch.stack([states(own, data, row)[3].mean(0) for row in range(37)])
    np.testing.assert_allclose(found.numpy(), expected.numpy(), atol=2e-5)
    archive = load_sentence_encoder(paths["archive"], data.dictionary)
    assert archive.layer == 2 and archive.max_length == 64 and archive.encode(sentences).shape == (37, 16)


def test_archive_in_bf16_is_close_to_float32(paths, data, sentences):
    full, half = (load_sentence_encoder(paths["archive"], data.dictionary, precision=p) for p in ("fp32", "bf16"))
    one, other = full.encode(sentences), half.encode(sentences)
    assert other.dtype == torch.float32
    assert torch.nn.functional.cosine_similarity(one, other).min() > 0.99


def test_default_layer_is_that_of_the_xtreme_scripts():
    assert {n: default_layer(n) for n in (1, 2, 3, 4, 6, 12, 24)} == {1: 1, 2: 2, 3: 2, 4: 3, 6: 4, 12: 8, 24: 14}


def test_distinct_sentences():
    ids = np.array([5, 6, 2, 7, 2, 5, 6, 2, 5, 2], dtype=np.uint16)
    made = Sentences(ids, np.array([0, 3, 5, 8]), np.array([3, 2, 3, 2]))
    first, which = made.distinct()
    assert first.tolist() == [0, 1, 3] and which.tolist() == [0, 1, 0, 2]


def test_what_cannot_be_encoded(paths, data, tmp_path):
    with pytest.raises(UserError, match=r"--layer 4: .*plain.pt has layers 1 to 3; 0 is the embeddings"):
        load_sentence_encoder(paths["plain"], data.dictionary, 4)
    with pytest.raises(UserError, match=r"--path none.pt: no such file"):
        load_sentence_encoder("none.pt", data.dictionary)
    Path(tmp_path / "dict.txt").write_text("a 1\nb 1\n")
    (tmp_path / "label").mkdir()
    with pytest.raises(UserError, match=r"plain.pt: the checkpoint's vocabulary has 65 types, the data's dict.txt"):
        load_sentence_encoder(paths["plain"], DataBin(tmp_path).dictionary)
    state = torch.load(paths["plain"], weights_only=False)
    torch.save({**state, "model": {"decoder.embed": torch.zeros(1)}}, tmp_path / "other.pt")
    with pytest.raises(UserError, match=r"other.pt: holds no RoBERTa or XLM-R encoder"):
        load_sentence_encoder(str(tmp_path / "other.pt"), data.dictionary)
    encoder = load_sentence_encoder(paths["plain"], data.dictionary, 1)
    encoder.encoder.layers[0].fc1.bias.data[0] = float("nan")
    with pytest.raises(UserError, match="sentence vectors are not finite"):
        SentenceEncoder(encoder.encoder, 1, "mean", 64).encode(Sentences.of(data.open_text("fr", "input0", "test")))
