"""The true XLM-R base shape: 250,002 types, 12 layers of width 768, random weights in an archive of the old format."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest
import torch

from user_dir_tests.helpers.running.training import load, save_archive, train_here, words
from user_dir_tests.helpers.toys.toy import make_data

BASE = {
    "encoder_layers": 12, "encoder_embed_dim": 768, "encoder_ffn_embed_dim": 3072, "encoder_attention_heads": 12,
    "max_positions": 512, "max_length": 128, "dropout": 0.1, "attention_dropout": 0.1, "pooler_dropout": 0.1,
}  # fmt: skip


@pytest.mark.slow
def test_xlmr_base_restores_and_trains(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    data = make_data(tmp_path / "data", train=2, valid=2, test=2)
    # 249,997 pieces, four special tokens before and <mask> after them
    (data / "dict.txt").write_text("".join(f"p{i} 1\n" for i in range(249_997)))
    archive = tmp_path / "xlmr.base.pt"
    shape = {name: value for name, value in BASE.items() if name.startswith("encoder") or name == "max_positions"}
    state = save_archive(archive, data / "dict.txt", **shape, tokens_per_sample=512)
    assert state["encoder.sentence_encoder.embed_tokens.weight"].shape == (250_002, 768)
    assert archive.read_bytes()[:2] != b"PK"
    probe = "encoder.sentence_encoder.layers.11.fc2.weight"
    kept = {name: state[name].clone() for name in (probe, "encoder.sentence_encoder.embed_positions.weight")}
    del state
    options = {
        **dict.fromkeys(BASE), "batch_size": 6, "max_update": 1, "lr": 1e-6, "restore_file": archive,
        "disable_validation": True, "no_save_optimizer_state": True,
    }  # fmt: skip
    train_here(monkeypatch, words(data, tmp_path / "run", "xmixup_sentence_pair", **options))
    saved = load(tmp_path / "run" / "checkpoint_last.pt")["model"]
    for name, before in kept.items():
        change = (saved[name] - before).abs().max().item()
        assert change < 5e-6, name
    assert (saved[probe] - kept[probe]).abs().max().item() > 1e-7, "one update must move the weights"
    assert torch.equal(
        saved["encoder.sentence_encoder.embed_positions.weight"][500:],
        kept["encoder.sentence_encoder.embed_positions.weight"][500:],
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    assert peak < 8, f"{peak:.1f} GiB"
