"""Forward passes of a small X-Mixup model and of fairseq's own RobertaModel with the same parameters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from fairseq.models.roberta import RobertaModel
from torch import Tensor

from user_dir_tests.helpers.toys.tiny import Setup, batch, build
from xl_plugins.methods.xmixup.encoder import encode_pairs, join_streams

HEAD = "sentence_classification_head"
IDS = [3, 25, 49, 60, 70]
PAD = 1
CLOSE = {"atol": 1e-5, "rtol": 0}


def make(data: Path, gate: tuple[float, float] | None = (-0.6, 1.4), **options: object) -> Setup:
    setup = build(data, **{"mixup_layer": 2, **options})
    if gate is not None and setup.model.mixup_gate is not None:
        setup.model.mixup_gate.weight.data.fill_(gate[0])
        setup.model.mixup_gate.bias.data.fill_(gate[1])
    setup.model.eval()
    return setup


def forward(model: Any, target: Tensor, source: Tensor | None) -> tuple[Tensor, dict]:
    with torch.no_grad():
        return model(target, source_tokens=source, classification_head_name=HEAD)


def host_model(setup: Setup) -> RobertaModel:
    """fairseq's RobertaModel with the same parameters."""
    model = RobertaModel.build_model(setup.cfg.model, setup.task)
    setup.task.problem.register_head(model)
    missing = model.load_state_dict(setup.model.state_dict(), strict=False)
    assert not missing.missing_keys and all("mixup_gate" in key for key in missing.unexpected_keys)
    return model.train(setup.model.training)


def host_states(model: RobertaModel, tokens: Tensor) -> list[Tensor]:
    """Embedding output and the states after every layer, (B, T, d) each."""
    with torch.no_grad():
        out = model.encoder.sentence_encoder(tokens, return_all_hiddens=True)
    return [state.transpose(0, 1) for state in out["encoder_states"]]


def our_states(setup: Setup, target: Tensor, source: Tensor) -> list[Tensor]:
    """States after every layer of encode_pairs, (2B, W, d) each."""
    encoder, states = setup.model.encoder.sentence_encoder, []
    tokens = join_streams(target, source, PAD)
    with torch.no_grad():
        for count in range(1, len(encoder.layers) + 1):
            layers, encoder.layers = encoder.layers, encoder.layers[:count]
            states.append(encode_pairs(encoder, tokens, setup.cfg.model.mixup_layer, setup.model._gate()).states)
            encoder.layers = layers
    return states


def streams(setup: Setup, ids: list[int] = IDS) -> tuple[Tensor, Tensor]:
    sample = batch(setup, ids)
    return sample["net_input"]["src_tokens"], sample["source"]


def rows(padded: Tensor, tokens: Tensor) -> list[Tensor]:
    """Real positions of each row of padded states."""
    return [state[: int(row.ne(PAD).sum())] for state, row in zip(padded, tokens)]


def assert_rows_close(ours: Tensor, host: Tensor, tokens: Tensor, **tolerance: float) -> None:
    for a, b in zip(rows(ours, tokens), rows(host, tokens)):
        torch.testing.assert_close(a, b, **(tolerance or CLOSE))
