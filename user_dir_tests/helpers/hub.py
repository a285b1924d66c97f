"""Small folders as the hub has them: a transformers model of random weights with a tiny tokenizer."""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path
from typing import Any

import torch
import transformers
from sentencepiece import sentencepiece_model_pb2

from user_dir_tests.conftest import TinySpm

SPM, FAST, CONFIG = "sentencepiece.bpe.model", "tokenizer.json", "config.json"
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]
KINDS: dict[str, dict[str, Any]] = {
    "xlm-roberta": {"pad_token_id": 1, "max_position_embeddings": 66, "type_vocab_size": 1, "layer_norm_eps": 1e-5},
    "roberta": {"pad_token_id": 1, "max_position_embeddings": 66, "type_vocab_size": 2},
    "bert": {"pad_token_id": 0, "max_position_embeddings": 64, "type_vocab_size": 2, "extra_rows": 35},
    "xlm-roberta-xl": {"pad_token_id": 1, "max_position_embeddings": 66, "type_vocab_size": 1},
}
SIZES = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 40}


def pieces_of(spm: TinySpm) -> list[str]:
    """All pieces in the order of XLM-R's rows."""
    lines = spm.dict.read_text(encoding="utf-8").splitlines()
    return [*SPECIAL, *(line.rpartition(" ")[0] for line in lines), "<mask>"]


def make_model(kind: str, rows: int, head: str = "", seed: int = 1, **changed: Any) -> Any:
    """A transformers model, in eval mode; all its weights are drawn, those of layer norms too.

    Args:
        head: class of a model with a head, such as ``ForMaskedLM``.
    """
    given = {**SIZES, **KINDS[kind], **changed}
    config = transformers.AutoConfig.for_model(kind, vocab_size=rows + given.pop("extra_rows", 0), **given)
    kinds = {"": transformers.AutoModel, "ForMaskedLM": transformers.AutoModelForMaskedLM,
             "ForSequenceClassification": transformers.AutoModelForSequenceClassification}  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = kinds[head].from_config(config).eval()
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn(parameter.shape, generator=draw))
    return model


def write_folder(folder: Path, spm: TinySpm, kind: str = "xlm-roberta", head: str = "", tokenizers: str = SPM,
                 form: str = "safetensors", **changed: Any) -> Any:  # fmt: skip
    """Write a folder and return its model.

    Args:
        tokenizers: file names, separated by blanks.
        form: ``safetensors``, ``bin``, or ``shards``.
    """
    model = make_model(kind, len(pieces_of(spm)), head, **changed)
    model.save_pretrained(folder, max_shard_size="20KB" if form == "shards" else "5GB")
    if form == "bin":
        (folder / "model.safetensors").unlink()
        torch.save(model.state_dict(), folder / "pytorch_model.bin")
    if SPM in tokenizers:
        shutil.copy(spm.model, folder / SPM)
    if FAST in tokenizers:
        write_fast(folder / FAST, spm)
    return model


def write_fast(path: Path, spm: TinySpm) -> None:
    """The fast tokenizer of a SentencePiece model, in XLM-R's form."""
    model = sentencepiece_model_pb2.ModelProto.FromString(spm.model.read_bytes())
    vocab = [[name, 0.0] for name in SPECIAL] + [[piece.piece, piece.score] for piece in model.pieces[3:]]
    vocab.append(["<mask>", 0.0])
    names = [*enumerate(SPECIAL), (len(vocab) - 1, "<mask>")]
    charsmap = base64.b64encode(model.normalizer_spec.precompiled_charsmap).decode()
    content = {
        "version": "1.0",
        "added_tokens": [{"id": number, "content": name, "special": True, "single_word": False, "lstrip": False,
                          "rstrip": False, "normalized": False} for number, name in names],
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Precompiled", "precompiled_charsmap": charsmap},
            {"type": "Strip", "strip_left": True, "strip_right": True},
            {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "},
        ]},
        "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always"},
        "model": {"type": "Unigram", "unk_id": 3, "vocab": vocab},
    }  # fmt: skip
    path.write_text(json.dumps(content), encoding="utf-8")


def change_config(folder: Path, **values: Any) -> None:
    """Put values into a configuration; None takes one out."""
    config = json.loads((folder / CONFIG).read_text())
    config |= values
    (folder / CONFIG).write_text(json.dumps({key: value for key, value in config.items() if value is not None}))
