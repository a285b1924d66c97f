"""Properties of the X-Mixup forward pass; the oracle for plain streams is fairseq's own RobertaModel."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from user_dir_tests.helpers.references.xmixup import Reference, parameters_of, real_tokens
from user_dir_tests.helpers.setups.streams import (
    CLOSE,
    HEAD,
    IDS,
    PAD,
    assert_rows_close,
    forward,
    host_model,
    host_states,
    make,
    our_states,
    rows,
    streams,
)
from user_dir_tests.helpers.toys.tiny import Setup, batch, in_float64
from user_dir_tests.helpers.toys.toy import make_data
from xl_plugins.errors import UserError
from xl_plugins.methods.xmixup.encoder import PairStates, encode_pairs, join_streams


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_data(tmp_path_factory.mktemp("invariants") / "data", longest=7)


# -- 1: the source stream is plain, and so is the target below layer m --


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


# -- 2: lambda0 = 0 --


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


# -- 3: padding, order, batching --


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


# -- errors --


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
