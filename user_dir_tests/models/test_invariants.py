"""Properties of the X-Mixup forward pass; the oracle for plain streams is fairseq's own RobertaModel."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from fairseq.models.roberta import RobertaModel
from torch import Tensor

from user_dir_tests.reference import Reference, parameters_of, real_tokens
from user_dir_tests.tiny import Setup, batch, build, in_float64
from user_dir_tests.toy import make_data
from xl_plugins.errors import UserError
from xl_plugins.models.mixup_encoder import PairStates, encode_pairs, join_streams

HEAD = "sentence_classification_head"
IDS = [3, 25, 49, 60, 70]
PAD = 1
CLOSE = {"atol": 1e-5, "rtol": 0}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_data(tmp_path_factory.mktemp("invariants") / "data", longest=7)


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
    """States after every layer of encode_pairs, (2B, W, d) each, recorded by hooks and from the mixup layer's output."""
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


# -- 1: the source stream is plain, and so is the target below layer m ---------------------------------------------------


@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
@pytest.mark.parametrize("layer", [1, 2, 3])
def test_source_stream_is_the_plain_encoder_at_every_layer(data: Path, layer: int, training: bool) -> None:
    setup = make(data, mixup_layer=layer)
    setup.model.train(training)
    target, source = streams(setup)
    host = host_model(setup)
    plain_source, plain_target = host_states(host, source), host_states(host, target)
    for number, joined in enumerate(our_states(setup, target, source), start=1):
        ours_target, ours_source = joined.chunk(2)
        assert_rows_close(ours_source, plain_source[number], source)
        differs = [(a - b).abs().max() for a, b in zip(rows(ours_target, target), rows(plain_target[number], target))]
        if number < layer:
            assert max(differs) < 1e-5
        else:
            assert min(differs) > 1e-2
    _, extra = forward(setup.model, target, source)
    with torch.no_grad():
        logits = host(source, classification_head_name=HEAD)[0]
    torch.testing.assert_close(extra["source_output"], logits, **CLOSE)


@pytest.mark.parametrize("options", [{"no_mixup": True}, {"no_mixup": True, "mixup_layer": 1}])
def test_without_mixup_both_streams_are_plain(data: Path, options: dict) -> None:
    setup = make(data, **options)
    assert setup.model.mixup_gate is None
    target, source = streams(setup)
    logits, extra = forward(setup.model, target, source)
    host = host_model(setup)
    with torch.no_grad():
        torch.testing.assert_close(logits, host(target, classification_head_name=HEAD)[0], **CLOSE)
        torch.testing.assert_close(extra["source_output"], host(source, classification_head_name=HEAD)[0], **CLOSE)
    assert_rows_close(extra["target_states"], host_states(host, target)[-1], target)
    assert extra["ratio"] is None


def test_target_alone_is_the_plain_encoder(data: Path) -> None:
    """No mixup inference: no cross attention and no second norm, same weights."""
    setup = make(data)
    target, _ = streams(setup)
    with torch.no_grad():
        expected = host_model(setup)(target, classification_head_name=HEAD)[0]
    torch.testing.assert_close(forward(setup.model, target, None)[0], expected, **CLOSE)


# -- 2: lambda0 = 0 -----------------------------------------------------------------------------------------------------


def test_zero_lambda0_is_the_encoder_with_one_more_norm(data: Path) -> None:
    setup = make(data, mixup_lambda0=0.0)
    in_float64(setup.model)
    target, source = streams(setup)
    logits, extra = forward(setup.model, target, source)
    slow = Reference(parameters_of(setup.model), 4, None, second_norm_layer=2)
    with torch.no_grad():
        for row in range(len(IDS)):
            states = slow.plain(real_tokens(target[row]))[-1]
            torch.testing.assert_close(extra["target_states"][row, : len(states)], states, atol=1e-12, rtol=0)
    other = torch.where(source > 4, source - 1, source)
    assert not torch.equal(other, source)
    torch.testing.assert_close(forward(setup.model, target, other)[0], logits, atol=0, rtol=0)


@pytest.mark.parametrize("ratio", ["entropy", "constant"])
def test_zero_lambda0_with_plain_norm_is_nearly_the_plain_encoder(data: Path, ratio: str) -> None:
    setup = make(data, mixup_lambda0=0.0, mixup_ratio=ratio)
    norm = setup.model.encoder.sentence_encoder.layers[1].self_attn_layer_norm
    norm.weight.data.fill_(1.0), norm.bias.data.zero_()
    target, source = streams(setup)
    _, extra = forward(setup.model, target, source)
    plain = host_states(host_model(setup), target)[-1]
    assert_rows_close(extra["target_states"], plain, target, atol=6e-5, rtol=1e-5)


def test_zero_lambda0_gives_the_gate_no_gradient(data: Path) -> None:
    setup = make(data, mixup_lambda0=0.0, no_scheduled_sampling=True, mse_weight=0.0, kl_weight=0.0)
    setup.criterion(setup.model, batch(setup, IDS))[0].backward()
    assert [p.grad.item() for p in setup.model.mixup_gate.parameters()] == [0.0, 0.0]


# -- 3: padding, order, batching ----------------------------------------------------------------------------------------


def measured(setup: Setup, target: Tensor, source: Tensor) -> list[list[Tensor]]:
    """Per pair everything that a pair has: states of real positions, logits, ratio, entropies."""
    logits, extra = forward(setup.model, target, source)
    columns = [rows(extra["target_states"], target), rows(extra["source_states"], source), list(logits)]
    columns += [list(extra[k]) for k in ("source_output", "ratio", "entropy", "reverse_entropy")]
    return [list(pair) for pair in zip(*columns)]


def assert_same_pairs(first: list[list[Tensor]], second: list[list[Tensor]]) -> None:
    for one, other in zip(first, second):
        for a, b in zip(one, other):
            torch.testing.assert_close(a, b, **CLOSE)


@pytest.mark.parametrize("more_target, more_source", [(0, 5), (5, 0), (3, 9)])
def test_padding_changes_nothing(data: Path, more_target: int, more_source: int) -> None:
    setup = make(data)
    target, source = streams(setup)
    wide = [torch.nn.functional.pad(x, (0, n), value=PAD) for x, n in ((target, more_target), (source, more_source))]
    assert_same_pairs(measured(setup, target, source), measured(setup, *wide))


def test_padding_changes_no_loss(data: Path) -> None:
    setup = make(data, no_scheduled_sampling=True)
    sample = batch(setup, IDS)
    with torch.no_grad():
        plain = setup.criterion(setup.model, sample)
        sample["source"] = torch.nn.functional.pad(sample["source"], (0, 7), value=PAD)
        padded = setup.criterion(setup.model, sample)
    for key, value in plain[2].items():
        assert float(padded[2][key]) == pytest.approx(float(value), abs=3e-5), key


def test_permuting_pairs_permutes_results(data: Path) -> None:
    setup = make(data)
    target, source = streams(setup)
    order = [3, 0, 4, 1, 2]
    direct = measured(setup, target, source)
    assert_same_pairs([direct[i] for i in order], measured(setup, target[order], source[order]))


def test_a_pair_alone_is_the_pair_in_a_batch(data: Path) -> None:
    setup = make(data)
    together = measured(setup, *streams(setup))
    for number, index in enumerate(IDS):
        assert_same_pairs([together[number]], measured(setup, *streams(setup, [index])))


# -- 4, 5: entropies and ratio -------------------------------------------------------------------------------------------


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
    from xl_plugins.models import mixup_encoder

    seen: list[Tensor] = []

    def record(target: Tensor, cross: Tensor, ratio: Tensor) -> Tensor:
        seen.append(cross)
        return target

    monkeypatch.setattr(mixup_encoder, "mix", record)
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
        state = {k: v for k, v in constant.model.state_dict().items()}
        model.model.load_state_dict({**model.model.state_dict(), **state})
    for one, other in ((full, constant), (closed, zero)):
        a, b = forward(one.model, target, source)[0], forward(other.model, target, source)[0]
        torch.testing.assert_close(a, b, **CLOSE)
    assert (forward(full.model, target, source)[0] - forward(closed.model, target, source)[0]).abs().max() > 0.05


# -- 6, 12: dependence on the two texts -----------------------------------------------------------------------------------


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


# -- 9, 10: batches and weights -------------------------------------------------------------------------------------------


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


# -- 13 is in test_against_reference.py -------------------------------------------------------------------------------------


@pytest.mark.parametrize("average", ["prob", "logit"])
def test_inference_average_lies_between_the_streams(data: Path, average: str) -> None:
    setup = make(data, inference_average=average)
    sample = batch(setup, list(range(30)), "valid")
    with torch.no_grad():
        p = setup.task.predict(setup.model, sample)
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


# -- dropout ------------------------------------------------------------------------------------------------------------------


def test_cross_attention_has_its_own_dropout(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Residual dropout acts on c, with another mask than on the self attention; probabilities are dropped too."""
    from xl_plugins.models import mixup_encoder

    seen: list[Tensor] = []
    monkeypatch.setattr(mixup_encoder, "mix", lambda target, cross, ratio: seen.append(cross) or target)
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


# -- errors -------------------------------------------------------------------------------------------------------------------


def test_unequal_numbers_of_rows_are_refused(data: Path) -> None:
    setup = make(data)
    target, source = streams(setup)
    with pytest.raises(UserError, match="5 target rows but 4 source rows"):
        forward(setup.model, target, source[:4])


@pytest.mark.parametrize("stream", [0, 1])
def test_a_row_without_tokens_is_refused(data: Path, stream: int) -> None:
    setup = make(data)
    both = list(streams(setup))
    both[stream] = both[stream].clone()
    both[stream][2] = PAD
    with pytest.raises(UserError, match="no tokens at all"):
        forward(setup.model, *both)


def test_pair_states_of_one_pair_without_padding(data: Path) -> None:
    setup = make(data)
    target, source = streams(setup, [0])
    encoder = setup.model.encoder.sentence_encoder
    with torch.no_grad():
        pair = encode_pairs(encoder, join_streams(target, source, PAD), 2, 0.5)
    assert isinstance(pair, PairStates)
    assert pair.states.shape == (2, target.size(1), 16) and not pair.padding.any()
    assert pair.entropy is None and pair.ratio.tolist() == [0.5]
    assert math.isfinite(pair.states.sum().item())
