"""xl-convert from-hf: the states of transformers' model, the pieces of its tokenizer."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

pytest.importorskip("transformers")

from safetensors.torch import save_file

from user_dir_tests.conftest import TinySpm, made_up_text
from user_dir_tests.helpers.hub import FAST, KINDS, SPM, change_config, pieces_of, write_folder
from xl_plugins.cli import convert
from xl_plugins.convert.info import describe
from xl_plugins.data.binary.layout import load_with_mask
from xl_plugins.data.tokenizer import PieceEncoder
from xl_plugins.huggingface.encoder import read_shape
from xl_plugins.huggingface.folder import open_folder
from xl_plugins.huggingface.from_hf import from_hf
from xl_plugins.models.pretrained import build_pretrained, read_pretrained

PAD = 1


def load(folder: Path, with_lm_head: bool = False) -> Any:
    path = str(folder / "model.pt")
    return build_pretrained(path, read_pretrained(path), load_with_mask(folder / "dict.txt"), with_lm_head)


def ids(rows: int, lengths: tuple[int, ...] = (9, 64, 2)) -> torch.Tensor:
    """Texts of random pieces with <s> and </s>, padded on the right."""
    draw = torch.Generator().manual_seed(3)
    tokens = torch.full((len(lengths), max(lengths)), PAD)
    for row, length in enumerate(lengths):
        tokens[row, :length] = torch.randint(3, rows, (length,), generator=draw)
        tokens[row, 0], tokens[row, length - 1] = 0, 2
    return tokens


def hidden(model: Any, tokens: torch.Tensor) -> list[torch.Tensor]:
    """Hidden states of the embeddings and of every layer, real positions only."""
    with torch.no_grad():
        found = model(tokens, attention_mask=tokens.ne(PAD).long(), output_hidden_states=True).hidden_states
    return [states[tokens.ne(PAD)] for states in found]


def ours(model: Any, tokens: torch.Tensor) -> list[torch.Tensor]:
    with torch.no_grad():
        extra = model(tokens, features_only=True, return_all_hiddens=True)[1]
    return [states.transpose(0, 1)[tokens.ne(PAD)] for states in extra["inner_states"]]


@pytest.mark.parametrize(
    "changed",
    [{}, {"hidden_size": 20, "num_attention_heads": 5, "intermediate_size": 7, "num_hidden_layers": 3},
     {"hidden_act": "gelu_new"}, {"hidden_act": "relu", "layer_norm_eps": 0.01}],
    ids=["small", "odd sizes", "tanh gelu", "relu and a large epsilon"],
)  # fmt: skip
@pytest.mark.parametrize("kind", KINDS)
def test_states_are_those_of_transformers(tmp_path: Path, tiny_spm: TinySpm, kind: str, changed: dict) -> None:
    theirs = write_folder(tmp_path / "hf", tiny_spm, kind, **changed)
    from_hf(str(tmp_path / "hf"), str(tmp_path / "out"))
    tokens = ids(len(pieces_of(tiny_spm)))
    expected, found = hidden(theirs, tokens), ours(load(tmp_path / "out"), tokens)
    assert len(expected) == len(found) == theirs.config.num_hidden_layers + 1
    if kind == "xlm-roberta-xl":  # the last layer norm is applied to the last states there, to the result here
        found[-1] = load(tmp_path / "out")(tokens, features_only=True)[0][tokens.ne(PAD)]
    for one, other in zip(expected, found):
        torch.testing.assert_close(other, one, atol=1e-5, rtol=1e-5)


def test_epsilon_is_kept_and_matters(tmp_path: Path, tiny_spm: TinySpm) -> None:
    """With fairseq's own epsilon the states would differ."""
    theirs = write_folder(tmp_path / "hf", tiny_spm, "bert", layer_norm_eps=0.5)
    from_hf(str(tmp_path / "hf"), str(tmp_path / "out"))
    model, tokens = load(tmp_path / "out"), ids(len(pieces_of(tiny_spm)))
    expected = hidden(theirs, tokens)[-1]
    torch.testing.assert_close(ours(model, tokens)[-1], expected, atol=1e-5, rtol=1e-5)
    for module in model.encoder.modules():
        if hasattr(module, "normalized_shape"):
            assert module.eps == 0.5
            module.eps = 1e-5
    assert (ours(model, tokens)[-1] - expected).abs().max() > 0.1


@pytest.mark.parametrize("kind", ["xlm-roberta", "roberta", "bert"])
def test_the_language_model_predicts_alike(tmp_path: Path, tiny_spm: TinySpm, kind: str) -> None:
    theirs = write_folder(tmp_path / "hf", tiny_spm, kind, head="ForMaskedLM")
    assert from_hf(str(tmp_path / "hf"), str(tmp_path / "out")).language_model
    rows = len(pieces_of(tiny_spm))
    tokens = ids(rows)
    with torch.no_grad():
        expected = theirs(tokens, attention_mask=tokens.ne(PAD).long()).logits[tokens.ne(PAD)][:, :rows]
        found = load(tmp_path / "out", with_lm_head=True)(tokens)[0][tokens.ne(PAD)]
    torch.testing.assert_close(found, expected, atol=2e-5, rtol=1e-5)


@pytest.mark.parametrize(("kind", "kept"), [("xlm-roberta", False), ("xlm-roberta-xl", False), ("bert", True)])
def test_a_head_whose_activation_is_not_the_encoders_is_left_out(
    tmp_path: Path, tiny_spm: TinySpm, kind: str, kept: bool
) -> None:
    """The heads of XLM-R and RoBERTa have gelu whatever the encoder has; BERT's follows it."""
    write_folder(tmp_path / "hf", tiny_spm, kind, head="ForMaskedLM", hidden_act="relu")
    assert from_hf(str(tmp_path / "hf"), str(tmp_path / "out")).language_model == kept


@pytest.mark.parametrize(("kind", "epsilon"), [("xlm-roberta", 1e-12), ("bert", 1e-12), ("xlm-roberta-xl", 1e-5)])
def test_an_epsilon_that_is_not_named_is_transformers_own(
    tmp_path: Path, tiny_spm: TinySpm, kind: str, epsilon: float
) -> None:
    write_folder(tmp_path / "hf", tiny_spm, kind)
    change_config(tmp_path / "hf", layer_norm_eps=None)
    assert read_shape(open_folder(tmp_path / "hf")).eps == epsilon


def test_a_tokenizer_json_in_another_form_beside_sentencepiece(tmp_path: Path, tiny_spm: TinySpm) -> None:
    """Its pieces are compared, its steps are not read; and blanks may be replaced by the mark of words."""
    write_folder(tmp_path / "hf", tiny_spm, tokenizers=f"{SPM} {FAST}")
    content = json.loads((tmp_path / "hf" / FAST).read_text())
    content["normalizer"]["normalizers"].append({"type": "Lowercase"})
    (tmp_path / "hf" / FAST).write_text(json.dumps(content))
    from_hf(str(tmp_path / "hf"), str(tmp_path / "out"))
    content["normalizer"]["normalizers"][2:] = [{"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "▁"}]
    (tmp_path / "hf" / FAST).write_text(json.dumps(content))
    (tmp_path / "hf" / SPM).unlink()
    from_hf(str(tmp_path / "hf"), str(tmp_path / "fast"))
    assert (tmp_path / "fast" / "dict.txt").read_bytes() == (tmp_path / "out" / "dict.txt").read_bytes()


def test_an_untied_head_is_left_out(tmp_path: Path, tiny_spm: TinySpm) -> None:
    write_folder(tmp_path / "hf", tiny_spm, head="ForMaskedLM", tie_word_embeddings=False)
    assert not from_hf(str(tmp_path / "hf"), str(tmp_path / "out")).language_model


@pytest.mark.parametrize("form", ["bin", "safetensors"])
def test_the_names_of_bert_s_first_release(tmp_path: Path, tiny_spm: TinySpm, form: str) -> None:
    """Files of 2018 call a layer norm's weight gamma and its bias beta, and hold numbers of positions."""
    theirs = write_folder(tmp_path / "hf", tiny_spm, "bert", head="ForMaskedLM")
    names = {".LayerNorm.weight": ".LayerNorm.gamma", ".LayerNorm.bias": ".LayerNorm.beta"}
    old: dict[str, torch.Tensor] = {"bert.embeddings.position_ids": torch.arange(64)[None]}
    for name, tensor in theirs.state_dict().items():
        end = next((end for end in names if name.endswith(end)), "")
        old[name.removesuffix(end) + names.get(end, "")] = tensor.clone()
    for name in ("weight", "bias"):  # tied
        old.pop(f"cls.predictions.decoder.{name}")
    assert sum(name.endswith((".gamma", ".beta")) for name in old) == 12
    (tmp_path / "hf" / "model.safetensors").unlink()
    if form == "bin":
        torch.save(old, tmp_path / "hf" / "pytorch_model.bin")
    else:
        save_file(old, tmp_path / "hf" / "model.safetensors")
    assert from_hf(str(tmp_path / "hf"), str(tmp_path / "out")).language_model
    tokens = ids(len(pieces_of(tiny_spm)))
    found = ours(load(tmp_path / "out"), tokens)
    for one, other in zip(hidden(theirs, tokens), found):
        torch.testing.assert_close(other, one, atol=1e-5, rtol=1e-5)
    shown = describe(str(tmp_path / "hf"))
    assert shown["parameters"] == sum(parameter.numel() for parameter in theirs.parameters())


@pytest.mark.parametrize("kind", ["xlm-roberta", "xlm-roberta-xl"])
def test_padding_on_the_left_changes_nothing(tmp_path: Path, tiny_spm: TinySpm, kind: str) -> None:
    """Both count positions from the first piece that is none."""
    theirs = write_folder(tmp_path / "hf", tiny_spm, kind)
    from_hf(str(tmp_path / "hf"), str(tmp_path / "out"))
    right = ids(len(pieces_of(tiny_spm)))
    left = torch.stack([torch.cat([row[row.eq(PAD)], row[row.ne(PAD)]]) for row in right])
    model = load(tmp_path / "out")
    with torch.no_grad():
        expected = theirs(left, attention_mask=left.ne(PAD).long()).last_hidden_state[left.ne(PAD)]
        turned, found = (model(tokens, features_only=True)[0][tokens.ne(PAD)] for tokens in (left, right))
    torch.testing.assert_close(turned, expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(turned, found, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("form", ["bin", "shards"])
@pytest.mark.parametrize("kind", ["xlm-roberta", "bert"])
def test_every_form_of_file_gives_the_same(tmp_path: Path, tiny_spm: TinySpm, kind: str, form: str) -> None:
    for name in ("safetensors", form):
        write_folder(tmp_path / name, tiny_spm, kind, form=name)
        from_hf(str(tmp_path / name), str(tmp_path / f"{name}-out"))
    assert form == "bin" or len(list((tmp_path / form).glob("model-*.safetensors"))) > 1
    one, other = (
        read_pretrained(str(tmp_path / f"{name}-out" / "model.pt"))["model"] for name in ("safetensors", form)
    )
    assert one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_half_precision_becomes_single(tmp_path: Path, tiny_spm: TinySpm) -> None:
    theirs = write_folder(tmp_path / "hf", tiny_spm)
    theirs.half().save_pretrained(tmp_path / "hf")
    from_hf(str(tmp_path / "hf"), str(tmp_path / "out"))
    model = read_pretrained(str(tmp_path / "out" / "model.pt"))["model"]
    assert {tensor.dtype for tensor in model.values()} == {torch.float32}
    table = theirs.embeddings.word_embeddings.weight.float()
    assert torch.equal(model["encoder.sentence_encoder.embed_tokens.weight"], table)


@pytest.mark.parametrize("tokenizers", [SPM, FAST, f"{SPM} {FAST}"], ids=["sentencepiece", "fast", "both"])
def test_texts_get_the_ids_of_the_fast_tokenizer(tmp_path: Path, tiny_spm: TinySpm, tokenizers: str) -> None:
    from tokenizers import Tokenizer

    write_folder(tmp_path / "hf", tiny_spm, tokenizers=tokenizers)
    write_folder(tmp_path / "fast", tiny_spm, tokenizers=FAST)
    from_hf(str(tmp_path / "hf"), str(tmp_path / "out"))
    fast = Tokenizer.from_file(str(tmp_path / "fast" / FAST))
    encoder = PieceEncoder(str(tmp_path / "out" / SPM), str(tmp_path / "out" / "dict.txt"))
    texts = [*made_up_text(200, 7), "ﬁne １２ ① Ａ", "two  blanks", "xyz ÿ 火", " before and after "]
    flat, sizes = encoder.encode(texts)
    start = 0
    for text, size in zip(texts, sizes):
        piece_ids = flat[start : start + size - 1].tolist()
        assert piece_ids == fast.encode(text, add_special_tokens=False).ids, text
        start += size


def test_rows_follow_the_tokenizer(tmp_path: Path, tiny_spm: TinySpm) -> None:
    """A vocabulary in another order, as some tools write it."""
    theirs = write_folder(tmp_path / "hf", tiny_spm, tokenizers=FAST)
    content = json.loads((tmp_path / "hf" / FAST).read_text())
    content["model"]["vocab"].reverse()
    content["model"]["unk_id"] = len(content["model"]["vocab"]) - 4
    content["added_tokens"] = []
    (tmp_path / "hf" / FAST).write_text(json.dumps(content))
    from_hf(str(tmp_path / "hf"), str(tmp_path / "out"))
    table = read_pretrained(str(tmp_path / "out" / "model.pt"))["model"]["encoder.sentence_encoder.embed_tokens.weight"]
    names = [name for name, _ in content["model"]["vocab"]]
    symbols = load_with_mask(tmp_path / "out" / "dict.txt").symbols
    wanted = theirs.embeddings.word_embeddings.weight[[names.index(symbol) for symbol in symbols]]
    assert torch.equal(table, wanted) and symbols[-1] == "<mask>"


def test_the_command_says_what_it_wrote(tmp_path: Path, tiny_spm: TinySpm, capsys: pytest.CaptureFixture[str]) -> None:
    write_folder(tmp_path / "hf", tiny_spm, "bert")
    words = ["from-hf", str(tmp_path / "hf"), str(tmp_path / "out")]
    capsys.readouterr()
    assert convert.main(words) == 0
    shown, rows = capsys.readouterr(), len(pieces_of(tiny_spm))
    assert shown.out == (
        f"{tmp_path / 'out'}: 2 layers of 24, {rows:,} pieces of {rows + 35:,} rows, no language-model head\n"
    )
    assert shown.err.startswith("warning: left out, not of the encoder: pooler.dense.bias, pooler.dense.weight")
    before = (tmp_path / "out" / "model.pt").read_bytes()
    assert convert.main([*words, "--overwrite"]) == 0
    assert (tmp_path / "out" / "model.pt").read_bytes() == before  # the same bytes again


def test_a_snapshot_in_the_cache_of_the_hub(tmp_path: Path, tiny_spm: TinySpm) -> None:
    """Its files are links into the folder of contents."""
    write_folder(tmp_path / "plain", tiny_spm)
    snapshot = tmp_path / "models--a--b" / "snapshots" / "0123"
    (tmp_path / "models--a--b" / "blobs").mkdir(parents=True)
    snapshot.mkdir(parents=True)
    for file in (tmp_path / "plain").iterdir():
        shutil.move(file, tmp_path / "models--a--b" / "blobs" / file.name)
        (snapshot / file.name).symlink_to(f"../../blobs/{file.name}")
    assert from_hf(str(snapshot), str(tmp_path / "out")).layers == 2


def test_no_pooler_and_no_token_types_are_needed(tmp_path: Path, tiny_spm: TinySpm) -> None:
    theirs = write_folder(tmp_path / "hf", tiny_spm)
    state = {name: value for name, value in theirs.state_dict().items() if "token_type" not in name}
    (tmp_path / "hf" / "model.safetensors").unlink()
    torch.save(state, tmp_path / "hf" / "pytorch_model.bin")
    change_config(tmp_path / "hf", type_vocab_size=0)
    from_hf(str(tmp_path / "hf"), str(tmp_path / "out"))
    positions = read_pretrained(str(tmp_path / "out" / "model.pt"))["model"][
        "encoder.sentence_encoder.embed_positions.weight"
    ]
    assert torch.equal(positions, theirs.embeddings.position_embeddings.weight)
