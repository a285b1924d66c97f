"""Invented sentence pairs as long as those of XNLI, and one encoder as both sides read it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch

LABELS = ("contradiction", "entailment", "neutral")
MAX_LENGTH = 128
SPECIALS = 4  # <s> a </s></s> b </s>
SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")
EOS = 2
# Pieces of premise and hypothesis in 19,691 English training pairs of XNLI, by XLM-R's tokenizer, at these shares
SHARES = np.array([0, 0.5, 1, 2, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 98, 99, 99.5, 100]) / 100
PREMISE = np.array([1, 3, 3, 4, 6, 8, 12, 15, 19, 23, 27, 33, 39, 49, 59, 72, 86, 102, 289])
HYPOTHESIS = np.array([1, 3, 4, 4, 6, 7, 8, 10, 11, 12, 13, 15, 17, 20, 23, 28, 32, 36, 70])
RHO = 0.36  # of their ranks
PIECES = 16_590  # different ones in these pairs
TRANSLATED = 1.09  # length of the German test set by the English one's
SHAPES: dict[str, dict[str, int]] = {  # of transformers; base is XLM-R base with its vocabulary
    "base": {"vocab_size": 250_002, "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12,
             "intermediate_size": 3072},
    "tiny": {"vocab_size": 600, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
             "intermediate_size": 64},
}  # fmt: skip


def draw_lengths(count: int, fixed: int, draw: np.random.Generator) -> np.ndarray:
    """Pieces of both texts (2, N): of one length together with the special symbols where ``fixed`` says one."""
    if fixed:
        first = (fixed - SPECIALS) * 2 // 3
        return np.stack([np.full(count, first), np.full(count, fixed - SPECIALS - first)])
    normal = draw.standard_normal((2, count))
    normal[1] = RHO * normal[0] + (1 - RHO**2) ** 0.5 * normal[1]
    ranks = (normal.argsort(axis=1).argsort(axis=1) + 0.5) / count
    sides = [np.interp(rank, SHARES, table).round() for rank, table in zip(ranks, (PREMISE, HYPOTHESIS))]
    return np.stack(sides).astype(np.int64)


def make_encoder(root: Path, shape: str, folder: str | None, dropout: float) -> tuple[Path, Path]:
    """``root``/hf, a classifier of transformers, and ``root``/fairseq/model.pt, the same by ``xl-convert from-hf``;
    ``encoder.pt`` has no head.

    Args:
        shape: a key of ``SHAPES``, of random weights; or ``folder``, an encoder with XLM-R's tokenizer.
    """
    from transformers import AutoModelForSequenceClassification, XLMRobertaConfig, XLMRobertaForSequenceClassification

    from xl_plugins.huggingface.from_hf import from_hf

    torch.manual_seed(1)
    given: dict[str, Any] = {
        "num_labels": len(LABELS), "hidden_dropout_prob": dropout, "attention_probs_dropout_prob": dropout,
        "classifier_dropout": dropout,
    }  # fmt: skip
    hub = root / "hf"
    if folder:
        model = AutoModelForSequenceClassification.from_pretrained(folder, **given)
        model.save_pretrained(hub)
        for name in ("sentencepiece.bpe.model", "tokenizer.json"):
            if Path(folder, name).is_file():
                shutil.copy(Path(folder, name), hub / name)
    else:
        config = XLMRobertaConfig(
            **SHAPES[shape], **given, max_position_embeddings=514, type_vocab_size=1, layer_norm_eps=1e-5,
            pad_token_id=1, bos_token_id=0, eos_token_id=2,
        )  # fmt: skip
        XLMRobertaForSequenceClassification(config).save_pretrained(hub)
        _write_tokenizer(hub / "sentencepiece.bpe.model", SHAPES[shape]["vocab_size"] - 2)
    from_hf(str(hub), str(root / "fairseq"))
    state = torch.load(root / "fairseq" / "model.pt", mmap=True, weights_only=False)
    state["model"] = {name: value for name, value in state["model"].items() if "classification_heads" not in name}
    torch.save(state, root / "fairseq" / "encoder.pt")  # for XLA, whose members draw heads of their own
    return hub, root / "fairseq"


def _write_tokenizer(path: Path, count: int) -> None:
    """A SentencePiece model of ``count`` invented pieces."""
    from xl_plugins.data.tokenizer import sentencepiece_proto

    proto = sentencepiece_proto()
    made = proto.ModelProto()
    for number, piece in enumerate(["<unk>", "<s>", "</s>", *(f"▁p{i}" for i in range(count - 3))]):
        made.pieces.add(piece=piece, score=-float(number), type=(2, 3, 3)[number] if number < 3 else 1)
    made.trainer_spec.model_type = 1
    made.normalizer_spec.name = "identity"
    path.write_bytes(made.SerializeToString())


class Writer:
    """Writes a data folder for ``count`` training pairs, as xl-prepare lays it out."""

    def __init__(self, root: Path, encoder: Path, count: int, fixed: int) -> None:
        self.root, self.count, self.fixed = root, count, fixed
        (root / "label").mkdir(parents=True)
        (root / "label" / "dict.txt").write_text("".join(f"{name} 1\n" for name in LABELS))
        for path in encoder.iterdir():
            if path.suffix != ".pt" and not path.name.startswith("."):
                shutil.copy(path, root / path.name)
        self.types = (root / "dict.txt").read_bytes().count(b"\n") + len(SPECIAL) + 1
        draw = np.random.default_rng(1)
        kinds = min(PIECES, self.types - len(SPECIAL) - 1)
        self.kinds = len(SPECIAL) + draw.permutation(self.types - len(SPECIAL) - 1)[:kinds]
        self.weights = 1 / np.arange(2, kinds + 2)  # Zipf's law

    def write(self) -> None:
        draw = np.random.default_rng(2)
        english = draw_lengths(self.count, self.fixed, draw)
        german = english if self.fixed else np.maximum(1, (english * TRANSLATED).round()).astype(np.int64)
        labels = draw.integers(0, len(LABELS), self.count)
        few = slice(0, min(16, self.count))
        for split, rows in (("train", slice(None)), ("test", slice(None)), ("valid", few)):
            for place, lengths in (("en", english), ("de", german), ("de/en-view", english)):
                self._texts(self.root / place, split, lengths[:, rows], draw)
            for language in ("en", "de"):
                self._labels(self.root / language / "label" / split, labels[rows])
        self._counterparts(draw)
        meta = {"problem": "sentence_pair", "source_language": "en", "languages": ["de", "en"], "dataset": "xnli"}
        (self.root / "meta.json").write_text(json.dumps(meta))

    def _texts(self, folder: Path, split: str, lengths: np.ndarray, draw: np.random.Generator) -> None:
        for side in (0, 1):
            total = int(lengths[side].sum())
            ids = draw.choice(self.kinds, total, p=self.weights / self.weights.sum())
            ids[: len(self.kinds)] = self.kinds[:total]  # each of them occurs where there is room
            self._file(folder / f"input{side}" / split, draw.permutation(ids), lengths[side], self.types)

    def _labels(self, prefix: Path, labels: np.ndarray) -> None:
        self._file(prefix, labels + len(SPECIAL), np.ones_like(labels), len(SPECIAL) + len(LABELS))

    def _counterparts(self, draw: np.random.Generator) -> None:
        """Write those of the English text for SALT, two thirds of the pieces changed."""
        from xl_plugins.data.binary.layout import DataBin

        data = DataBin(self.root)
        folder = self.root / "en" / "counterparts" / "de"
        for side in (0, 1):
            texts = data.open_text("en", f"input{side}", "train")
            rows = [texts[row][:-1].numpy() for row in range(len(texts))]
            ids = np.concatenate(rows)
            ids = np.where(draw.random(len(ids)) < 2 / 3, draw.permutation(ids), ids)
            self._file(folder / f"input{side}" / "train", ids, np.array([len(row) for row in rows]), self.types)
        manifest = {"kind": "counterparts", "language": "de", "threshold": 1e-7, "positions": "whole-word",
                    "case": "match", "source_in_list": False, "exclude_identity": False}  # fmt: skip
        (folder / "manifest.json").write_text(json.dumps(manifest))

    def _file(self, prefix: Path, ids: np.ndarray, sizes: np.ndarray, types: int) -> None:
        """Rows with their ends."""
        from xl_plugins.data.binary.writer import IndexedWriter

        prefix.parent.mkdir(parents=True, exist_ok=True)
        writer = IndexedWriter(str(prefix), types)
        writer.append(np.insert(ids, np.cumsum(sizes), EOS), sizes + 1)
        writer.close()
