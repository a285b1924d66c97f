"""Properties of entropies and ratio, of the two streams' dependence on their texts, of weights and dropout."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from user_dir_tests.helpers.setups.streams import CLOSE, IDS, PAD, assert_rows_close, forward, make, streams
from user_dir_tests.helpers.toys.tiny import Setup, batch, in_float64
from user_dir_tests.helpers.toys.toy import make_data


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_data(tmp_path_factory.mktemp("ratio") / "data", longest=7)


# -- 4, 5: entropies and ratio --


@pytest.mark.parametrize("layer", [1, 3])
def test_entropy_bounds(data: Path, layer: int) -> None:
    setup = make(data, mixup_layer=layer)
    target, source = streams(setup, list(range(0, 72, 3)))
    _, extra = forward(setup.model, target, source)
    i, j = (tokens.ne(PAD).sum(dim=1).float() for tokens in (target, source))
    assert (extra["entropy"] >= 0).all() and (extra["entropy"] <= j.log() + 1e-6).all()
    assert (extra["reverse_entropy"] >= 0).all() and (extra["reverse_entropy"] <= i.log() + 1e-6).all()
    assert (extra["ratio"] > 0).all() and (extra["ratio"] < 0.5).all()


def test_zero_queries_give_uniform_attention(data: Path) -> None:
    setup = make(data)
    attention = setup.model.encoder.sentence_encoder.layers[1].self_attn
    attention.q_proj.weight.data.zero_(), attention.q_proj.bias.data.zero_()
    target, source = streams(setup)
    _, extra = forward(setup.model, target, source)
    i, j = (tokens.ne(PAD).sum(dim=1).float() for tokens in (target, source))
    torch.testing.assert_close(extra["entropy"], j.log(), atol=1e-6, rtol=0)
    torch.testing.assert_close(extra["reverse_entropy"], i.log(), atol=1e-6, rtol=0)


def test_one_source_token_makes_the_cross_attention_constant(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from xl_plugins.methods.xmixup import encoder

    seen: list[Tensor] = []

    def record(target: Tensor, cross: Tensor, ratio: Tensor) -> Tensor:
        seen.append(cross)
        return target

    monkeypatch.setattr(encoder, "mix", record)
    setup = make(data)
    target, _ = streams(setup)
    _, extra = forward(setup.model, target, torch.zeros(len(target), 1, dtype=torch.long))
    assert extra["entropy"].abs().max() == 0
    torch.testing.assert_close(seen[0], seen[0][:1].expand_as(seen[0]), atol=1e-6, rtol=0)


def test_gate_extremes(data: Path) -> None:
    target, source = streams(make(data))
    half = make(data, gate=(0.0, 0.0))
    assert forward(half.model, target, source)[1]["ratio"].tolist() == [0.25] * len(IDS)
    constant = make(data, mixup_ratio="constant")
    assert constant.model.mixup_gate is None
    full = make(data, gate=(0.0, 30.0))
    closed = make(data, gate=(0.0, -30.0))
    zero = make(data, mixup_lambda0=0.0)
    for model in (full, closed, zero):
        model.model.load_state_dict({**model.model.state_dict(), **constant.model.state_dict()})
    for one, other in ((full, constant), (closed, zero)):
        a, b = forward(one.model, target, source)[0], forward(other.model, target, source)[0]
        torch.testing.assert_close(a, b, **CLOSE)
    assert (forward(full.model, target, source)[0] - forward(closed.model, target, source)[0]).abs().max() > 0.05


# -- 6, 12: dependence on the two texts --


def test_identical_texts_still_differ_after_mixing(data: Path) -> None:
    setup = make(data, no_scheduled_sampling=True)
    sample = batch(setup, [24, 25, 26])  # English is paired with itself
    assert torch.equal(sample["net_input"]["src_tokens"], sample["source"])
    with torch.no_grad():
        logged = setup.criterion(setup.model, sample)[2]
    assert float(logged["kl"]) > 1e-4 and float(logged["mse"]) > 1e-3


def test_identical_texts_agree_without_mixing_and_with_a_plain_norm(data: Path) -> None:
    setup = make(data, mixup_lambda0=0.0, no_scheduled_sampling=True)
    in_float64(setup.model)
    norm = setup.model.encoder.sentence_encoder.layers[1].self_attn_layer_norm
    norm.weight.data.fill_(1.0), norm.bias.data.zero_()
    with torch.no_grad():
        logged = setup.criterion(setup.model, batch(setup, [24, 25, 26]))[2]
    assert 0 <= float(logged["kl"]) < 1e-9 and float(logged["mse"]) < 1e-9


@pytest.mark.parametrize("ratio", ["entropy", "constant"])
def test_which_stream_depends_on_which_text(data: Path, ratio: str) -> None:
    setup = make(data, mixup_ratio=ratio)
    target, source = streams(setup)
    _, before = forward(setup.model, target, source)
    changed = source.clone()
    changed[:, 2] = torch.where(source[:, 2] == 9, 10, 9)
    _, after = forward(setup.model, target, changed)
    assert all((a - b).abs().max() > 1e-3 for a, b in zip(before["target_states"], after["target_states"]))
    changed = target.clone()
    changed[:, 2] = torch.where(target[:, 2] == 9, 10, 9)
    _, after = forward(setup.model, changed, source)
    assert_rows_close(after["source_states"], before["source_states"], source)


# -- 9, 10: batches and weights --


def gradient(setup: Setup, *batches: list[int]) -> dict[str, Tensor]:
    setup.model.zero_grad()
    for ids in batches:
        setup.criterion(setup.model, batch(setup, ids))[0].backward()
    return {n: p.grad.clone() for n, p in setup.model.named_parameters() if p.grad is not None}


def test_one_batch_equals_two_accumulated_halves(data: Path) -> None:
    setup = make(data, no_scheduled_sampling=True)
    in_float64(setup.model)
    whole, halves = gradient(setup, [1, 30, 50, 62]), gradient(setup, [1, 30], [50, 62])
    assert whole.keys() == halves.keys() and "mixup_gate.weight" in whole
    for name, value in whole.items():
        torch.testing.assert_close(halves[name], value, atol=1e-10, rtol=0, msg=name)


# -- 13 is in test_against_reference.py --


@pytest.mark.parametrize("average", ["prob", "logit"])
def test_inference_average_lies_between_the_streams(data: Path, average: str) -> None:
    setup = make(data, inference_average=average)
    sample = batch(setup, list(range(30)), "valid")
    with torch.no_grad():
        p, _ = setup.task.predict(setup.model, sample)
        logits, extra = forward(setup.model, sample["net_input"]["src_tokens"], sample["source"])
    assert p.dtype == torch.float32 and p.shape == (30, 3)
    torch.testing.assert_close(p.sum(dim=1), torch.ones(30), atol=1e-6, rtol=0)
    both = torch.stack([logits.softmax(dim=1), extra["source_output"].softmax(dim=1)])
    if average == "prob":
        assert (p >= both.amin(dim=0) - 1e-6).all() and (p <= both.amax(dim=0) + 1e-6).all()
        torch.testing.assert_close(p, both.mean(dim=0), atol=1e-6, rtol=0)
    else:
        expected = ((logits + extra["source_output"]) / 2).softmax(dim=1)
        torch.testing.assert_close(p, expected, atol=1e-6, rtol=0)


# -- dropout --


def test_cross_attention_has_its_own_dropout(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Residual dropout acts on c, with another mask than on the self attention; probabilities are dropped too."""
    from xl_plugins.methods.xmixup import encoder

    seen: list[Tensor] = []
    monkeypatch.setattr(encoder, "mix", lambda target, cross, ratio: seen.append(cross) or target)
    for options, zeros in (({"dropout": 0.5}, True), ({"attention_dropout": 0.5}, False)):
        for ratio in ("entropy", "constant"):
            setup = make(data, mixup_ratio=ratio, **options)
            target, source = streams(setup)
            setup.model.train()
            seen.clear()
            torch.manual_seed(1)
            forward(setup.model, target, source), forward(setup.model, target, source)
            share = (seen[0] == 0).float().mean().item()
            assert (0.4 < share < 0.6) if zeros else share < 0.01
            assert not torch.equal(seen[0], seen[1])
            setup.model.eval()
            seen.clear()
            forward(setup.model, target, source), forward(setup.model, target, source)
            assert torch.equal(seen[0], seen[1]) and (seen[0] == 0).float().mean() < 0.01


def test_entropies_do_not_see_attention_dropout(data: Path) -> None:
    """Scores before any dropout: in layer 1 with attention dropout alone in the cross attention, entropies stay."""
    setup = make(data, mixup_layer=1)
    target, source = streams(setup)
    layer = setup.model.encoder.sentence_encoder.layers[0]
    _, before = forward(setup.model, target, source)
    layer.self_attn.dropout_module.p = 0.5
    layer.self_attn.dropout_module.train()  # the host's fused self attention looks at the module's own flag
    _, after = forward(setup.model, target, source)
    torch.testing.assert_close(after["entropy"], before["entropy"], atol=1e-6, rtol=0)
    assert (after["target_states"] - before["target_states"]).abs().max() > 1e-3
