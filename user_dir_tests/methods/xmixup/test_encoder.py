"""The mixup layer on a real fairseq layer with worked numbers: identity projections, width 4, two heads."""

from __future__ import annotations

import argparse

import pytest
import torch
from fairseq.models.transformer import TransformerConfig
from fairseq.modules.transformer_layer import TransformerEncoderLayerBase
from torch import Tensor

from xl_plugins.methods.xmixup.encoder import PairStates, _cross_attention, _fused_cross_attention, _mixup_layer
from xl_plugins.methods.xmixup.model import MixupGate

# rows are positions, the last one is padding and must not matter
TARGET = [[1.0, -1, 1, -1], [0, 2, -1, -1], [7, 7, -7, 3]]
SOURCE = [[2.0, 0, 0, -2], [1, 1, -1, -1], [-1, 1, 2, -2], [5, -5, 9, 1]]
CROSS = [[1.677141, 0.232082, 1.490448, -1.954612], [0.216767, 0.891617, -0.229041, -1.554192]]
MIXED = {
    (1.0, 0.0): (0.388059, [[0.995798, -0.587299, 0.931532, -1.340031], [0.142272, 1.555360, -0.604274, -1.093358]]),
    (-0.6, 1.4): (0.328965, [[1.000694, -0.646815, 0.945021, -1.298901], [0.117966, 1.572961, -0.642700, -1.048227]]),
}


@pytest.fixture
def layer() -> TransformerEncoderLayerBase:
    """Projections are identities, all biases 0, layer norms at gamma 1, beta 0; no dropout."""
    cfg = TransformerConfig.from_namespace(argparse.Namespace(dropout=0.0, attention_dropout=0.0, activation_fn="gelu"))
    cfg.encoder.embed_dim, cfg.encoder.ffn_embed_dim, cfg.encoder.attention_heads = 4, 8, 2
    made = TransformerEncoderLayerBase(cfg)
    with torch.no_grad():
        for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
            projection = getattr(made.self_attn, name)
            projection.weight.copy_(torch.eye(4))
            projection.bias.zero_()
    return made


def streams() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """a_T (3, 1, 4), a_S (4, 1, 4) and their padding."""
    return (
        torch.tensor(TARGET)[:, None],
        torch.tensor(SOURCE)[:, None],
        torch.tensor([[False, False, True]]),
        torch.tensor([[False, False, False, True]]),
    )


def test_cross_attention_gives_the_worked_numbers(layer: TransformerEncoderLayerBase) -> None:
    target, source, target_padding, source_padding = streams()
    cross, entropy, reverse = _cross_attention(layer.self_attn, target, source, target_padding, source_padding)
    torch.testing.assert_close(cross[:2, 0], torch.tensor(CROSS), atol=6e-7, rtol=0)
    assert entropy.item() == pytest.approx(0.808809, abs=6e-7)
    assert reverse.item() == pytest.approx(0.434382, abs=6e-7)
    assert abs(entropy.item() - 1.020124) > 0.2  # entropy of the head-averaged matrix


def test_fused_cross_attention_gives_the_same(layer: TransformerEncoderLayerBase) -> None:
    target, source, _, source_padding = streams()
    cross = _fused_cross_attention(layer.self_attn, target, source, source_padding)
    torch.testing.assert_close(cross[:2, 0], torch.tensor(CROSS), atol=6e-7, rtol=0)


class _Whole(torch.nn.Module):
    """Hands the layer fixed states a_T, a_S in place of its own attention sub-layer, and records z."""

    def __init__(self, layer: TransformerEncoderLayerBase, attended: Tensor) -> None:
        super().__init__()
        self.layer, self.attended, self.normed = layer, attended, []
        norm = layer.self_attn_layer_norm.forward

        def normalise(x: Tensor) -> Tensor:
            self.normed.append(attended if not self.normed else norm(x))
            return self.normed[-1]

        layer.self_attn_layer_norm.forward = normalise  # type: ignore[method-assign]


@pytest.mark.parametrize("gate", MIXED)
def test_mixup_layer_gives_the_worked_states(layer: TransformerEncoderLayerBase, gate: tuple[float, float]) -> None:
    """Through _mixup_layer: the second norm's result is z; lambda is the worked ratio; padding rows do not matter."""
    target, source, target_padding, source_padding = streams()
    target = torch.cat([target, torch.full((1, 1, 4), -3.0)])  # common width 4
    target_padding = torch.cat([target_padding, torch.tensor([[True]])], dim=1)
    padding = torch.cat([target_padding, source_padding])
    joined = torch.cat([target, source], dim=1)
    whole = _Whole(layer, joined)
    out = PairStates(joined, padding)
    result = _mixup_layer(layer, torch.randn(4, 2, 4), padding, padding, MixupGate(0.5, *gate), out)
    ratio, mixed = MIXED[gate]
    assert out.ratio.item() == pytest.approx(ratio, abs=6e-7)
    z = whole.normed[1]
    torch.testing.assert_close(z[:2, 0], torch.tensor(mixed), atol=1e-6, rtol=0)

    def feed_forward(x: Tensor) -> Tensor:
        return layer.final_layer_norm(x + layer.fc2(torch.nn.functional.gelu(layer.fc1(x))))

    torch.testing.assert_close(result[:2, 0], feed_forward(z[:2, 0]), atol=1e-6, rtol=0)
    torch.testing.assert_close(result[:3, 1], feed_forward(source[:3, 0]), atol=1e-6, rtol=0)


def test_layer_norm_twice(layer: TransformerEncoderLayerBase) -> None:
    x, norm = torch.tensor([1.0, 2, 3, 6], dtype=torch.float64), layer.self_attn_layer_norm.double()
    once = norm(x)
    torch.testing.assert_close(once, torch.tensor([-1.069043, -0.534522, 0.0, 1.603565]).double(), atol=6e-7, rtol=0)
    assert 5.7e-6 < (norm(once) - once).abs().max().item() < 5.8e-6
    with torch.no_grad():
        norm.weight.copy_(torch.tensor([0.5, 1.0, 1.5, 2.0]))
        norm.bias.copy_(torch.tensor([0.1, 0.0, -0.1, 0.2]))
    once = norm(x)
    torch.testing.assert_close(once, torch.tensor([-0.434522, -0.534522, -0.1, 3.407130]).double(), atol=6e-7, rtol=0)
    twice = torch.tensor([-0.211147, -0.683359, -0.727019, 3.647330]).double()
    torch.testing.assert_close(norm(once), twice, atol=6e-7, rtol=0)
