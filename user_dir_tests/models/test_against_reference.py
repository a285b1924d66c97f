"""The whole X-Mixup forward pass and all its gradients against the slow second implementation."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from user_dir_tests.helpers.references.xmixup import Reference, parameters_of, real_tokens
from user_dir_tests.helpers.toys.tiny import Setup, batch, build, gradients, in_float64
from user_dir_tests.helpers.toys.toy import make_data

IDS = [0, 26, 50, 71]  # German, English, French; different lengths
HEAD = "sentence_classification_head"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_data(tmp_path_factory.mktemp("reference") / "data", longest=5)


def make(data: Path, layer: int = 2, **options: object) -> Setup:
    setup = build(data, mixup_layer=layer, **options)
    in_float64(setup.model)
    if setup.model.mixup_gate is not None:
        setup.model.mixup_gate.weight.data.fill_(-0.6)
        setup.model.mixup_gate.bias.data.fill_(1.4)
    return setup


@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
@pytest.mark.parametrize(
    "layer, options",
    [(1, {}), (2, {}), (3, {"mixup_lambda0": 0.9}), (2, {"mixup_ratio": "constant", "mixup_lambda0": 0.25})],
    ids=["first layer", "middle", "last", "constant"],
)
def test_forward(data: Path, layer: int, options: dict, training: bool) -> None:
    setup = make(data, layer, **options)
    setup.model.train(training)
    sample = batch(setup, IDS)
    target, source = sample["net_input"]["src_tokens"], sample["source"]
    assert len({int(r.ne(1).sum()) for r in target}) > 1, "the batch must contain padding"
    logits, extra = setup.model(target, source_tokens=source, classification_head_name=HEAD)
    constant = "mixup_ratio" in options
    with torch.no_grad():
        slow = Reference(parameters_of(setup.model), 4, layer, options.get("mixup_lambda0", 0.5), constant)
        for row in range(len(IDS)):
            pair = slow.pair(real_tokens(target[row]), real_tokens(source[row]))
            torch.testing.assert_close(logits[row], pair.target_logits, atol=1e-11, rtol=0)
            torch.testing.assert_close(extra["source_output"][row], pair.source_logits, atol=1e-11, rtol=0)
            for stream, states in (("target", pair.target[-1]), ("source", pair.source[-1])):
                ours = extra[f"{stream}_states"][row, : len(states)]
                torch.testing.assert_close(ours, states, atol=1e-11, rtol=0)
                assert extra[f"{stream}_padding"][row].logical_not().sum() == len(states)
            assert extra["ratio"][row].item() == pytest.approx(pair.ratio.item(), abs=1e-12)
            if not constant:
                assert extra["entropy"][row].item() == pytest.approx(pair.entropy.item(), abs=1e-12)
                assert extra["reverse_entropy"][row].item() == pytest.approx(pair.reverse_entropy.item(), abs=1e-12)


def test_attention_of_the_test_model_is_not_uniform(data: Path) -> None:
    """Otherwise entropies would be ln J whatever the code did."""
    setup = make(data)
    sample = batch(setup, IDS)
    _, extra = setup.model(sample["net_input"]["src_tokens"], source_tokens=sample["source"])
    lengths = extra["source_padding"].logical_not().sum(dim=1)
    assert (lengths.log() - extra["entropy"] > 0.25).all()
    assert extra["ratio"].max() - extra["ratio"].min() > 0.005


@pytest.mark.parametrize("representation", ["mean", "cls"])
def test_loss_and_all_gradients(data: Path, representation: str) -> None:
    setup = make(data, 2, representation=representation, no_scheduled_sampling=True)
    sample = batch(setup, IDS[1:])
    setup.model.train(), setup.criterion.train()
    loss, size, logged = setup.criterion(setup.model, sample)
    loss.backward()
    ours = gradients(setup.model)

    state = parameters_of(setup.model)
    slow = Reference(state, 4, 2)
    total = torch.zeros((), dtype=torch.float64)
    for row in range(len(IDS) - 1):
        pair = slow.pair(real_tokens(sample["net_input"]["src_tokens"][row]), real_tokens(sample["source"][row]))
        total = total + slow.loss(pair, int(sample["target"][row]), alpha=0.4, representation=representation)
    total.backward()

    assert size == 3
    assert loss.item() == pytest.approx(total.item(), abs=1e-10)
    assert float(logged["loss"]) == pytest.approx(total.item(), abs=1e-10)
    unused = {name for name in state if "lm_head" in name and "embed" not in name}
    for name, parameter in state.items():
        if name in unused:
            assert name not in ours or ours[name].abs().max() == 0
            continue
        expected = parameter.grad
        if name.endswith("embed_positions.weight") or name.endswith("embed_tokens.weight"):
            assert name in ours
        scale = expected.abs().max().item()
        assert scale > 0 or "k_proj.bias" in name, name
        torch.testing.assert_close(ours[name], expected, atol=1e-9 * max(1.0, scale), rtol=0, msg=name)


def test_ratio_is_not_detached(data: Path) -> None:
    """Wq of the mixup layer gets gradient through the entropies: without it, the gradient differs by some percent."""
    setup = make(data, 2, no_scheduled_sampling=True)
    sample = batch(setup, IDS[1:2])
    setup.model.train(), setup.criterion.train()
    setup.criterion(setup.model, sample)[0].backward()
    name = "encoder.sentence_encoder.layers.1.self_attn.q_proj.weight"
    ours = gradients(setup.model)[name]
    state = parameters_of(setup.model)
    slow = Reference(state, 4, 2, detach_ratio=True)
    pair = slow.pair(real_tokens(sample["net_input"]["src_tokens"][0]), real_tokens(sample["source"][0]))
    slow.loss(pair, int(sample["target"][0]), alpha=0.4).backward()
    detached = state[name].grad
    assert (ours - detached).norm() / detached.norm() > 1e-3
    assert state["mixup_gate.weight"].grad is None
    assert gradients(setup.model)["mixup_gate.weight"].abs().item() > 1e-4


def test_gate_gradients_agree_with_finite_differences(data: Path) -> None:
    setup = make(data, 2, no_scheduled_sampling=True)
    sample = batch(setup, IDS)
    setup.model.train(), setup.criterion.train()
    setup.criterion(setup.model, sample)[0].backward()
    for name, parameter in setup.model.mixup_gate.named_parameters():
        ours, start, step = parameter.grad.item(), parameter.item(), 1e-4
        values = []
        for shift in (-2 * step, -step, step, 2 * step):
            parameter.data.fill_(start + shift)
            with torch.no_grad():
                values.append(setup.criterion(setup.model, sample)[0].item())
        parameter.data.fill_(start)
        slope = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * step)
        assert ours == pytest.approx(slope, rel=1e-6), name
