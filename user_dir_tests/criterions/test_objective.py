"""The objective: its parts, its weights, and what remains of it when parts are switched off."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from user_dir_tests.helpers.toys.tiny import Setup, batch, build, gradients
from user_dir_tests.helpers.toys.toy import make_data

IDS = [4, 30, 33, 60]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_data(tmp_path_factory.mktemp("objective") / "data")


def losses(setup: Setup, ids: list[int] = IDS, split: str = "train") -> dict[str, float]:
    setup.model.train(split == "train"), setup.criterion.train(split == "train")
    _, size, logged = setup.criterion(setup.model, batch(setup, ids, split))
    assert size == len(ids) == logged["sample_size"] == logged["nsentences"]
    return {name: float(value) for name, value in logged.items()}


def test_terms_add_up_with_their_weights(data: Path) -> None:
    one = losses(build(data))
    assert one["task_loss"] == pytest.approx(0.4 * one["source_loss"] + 0.6 * one["target_loss"], rel=1e-6)
    assert one["loss"] == pytest.approx(one["task_loss"] + one["mse"] + one["kl"], rel=1e-6)
    other = losses(build(data, mixup_alpha=0.7, mse_weight=0.5, kl_weight=3.0))
    for name in ("source_loss", "target_loss", "mse", "kl"):
        assert other[name] == pytest.approx(one[name], rel=1e-6)
    expected = 0.7 * one["source_loss"] + 0.3 * one["target_loss"] + 0.5 * one["mse"] + 3 * one["kl"]
    assert other["loss"] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("alpha, name", [(0.0, "target_loss"), (1.0, "source_loss")])
def test_extreme_alpha_leaves_one_task_term(data: Path, alpha: float, name: str) -> None:
    values = losses(build(data, mixup_alpha=alpha, mse_weight=0.0, kl_weight=0.0))
    assert values["loss"] == pytest.approx(values[name], rel=1e-6)
    assert "mse" not in values and "kl" not in values


@pytest.mark.parametrize("alpha, still", [(0.0, "source"), (1.0, "target")])
def test_extreme_alpha_ignores_the_other_streams_label_loss(data: Path, alpha: float, still: str) -> None:
    setup = build(data, mixup_alpha=alpha, mse_weight=0.0, kl_weight=0.0, no_scheduled_sampling=True)
    sample = batch(setup, IDS)
    setup.model.train(), setup.criterion.train()
    logits, extra = setup.model(**sample["net_input"], source_tokens=sample["source"],
                                classification_head_name="sentence_classification_head")  # fmt: skip
    outputs = {"source": extra["source_output"], "target": logits}
    for value in outputs.values():
        value.retain_grad()
    setup.criterion.compute_losses(logits, extra, sample)["loss"].sum().backward()
    assert outputs[still].grad is None or outputs[still].grad.abs().max() == 0
    assert outputs[{"source": "target", "target": "source"}[still]].grad.abs().max() > 0.01


@pytest.mark.parametrize("languages", ["all", "source", "de,fr"])
def test_without_mixup_and_consistency_only_plain_training_remains(data: Path, languages: str) -> None:
    """alpha 0, no mixup, zero weights: loss and gradients of translate-train(-all), exactly."""
    plain = build(data, "xl_sentence_pair", train_languages=languages)
    mixup = build(data, train_languages=languages, no_mixup=True, mse_weight=0.0, kl_weight=0.0, mixup_alpha=0.0)
    mixup.model.load_state_dict(plain.model.state_dict())
    size = len(plain.task.load_dataset("train"))
    ids = [0, 7, size // 2, size - 1]
    results = []
    for setup in (plain, mixup):
        setup.model.train(), setup.criterion.train()
        loss = setup.criterion(setup.model, batch(setup, ids))[0]
        loss.backward()
        results.append((loss.item(), gradients(setup.model)))
    assert results[1][0] == pytest.approx(results[0][0], abs=1e-6)
    assert results[0][1].keys() == results[1][1].keys()
    for name, value in results[0][1].items():
        torch.testing.assert_close(results[1][1][name], value, atol=2e-6, rtol=1e-5, msg=name)


def test_without_mixup_each_stream_is_a_plain_example(data: Path) -> None:
    """Any alpha: the weighted sum of plain losses of target and source text (gold English)."""
    plain = build(data, "xl_sentence_pair", train_languages="all")
    options = {"no_mixup": True, "mse_weight": 0.0, "kl_weight": 0.0, "mixup_alpha": 0.3, "no_scheduled_sampling": True}
    mixup = build(data, **options)
    mixup.model.load_state_dict(plain.model.state_dict())
    german, english = losses(plain, [3, 9]), losses(plain, [24 + 3, 24 + 9])
    both = losses(mixup, [3, 9])
    assert both["target_loss"] == pytest.approx(german["loss"], abs=1e-6)
    assert both["source_loss"] == pytest.approx(english["loss"], abs=1e-6)
    assert both["loss"] == pytest.approx(0.3 * english["loss"] + 0.7 * german["loss"], abs=1e-6)
    assert not {"ratio", "entropy", "gate_weight"} & both.keys()


def test_no_mixup_inference_evaluates_the_plain_target(data: Path) -> None:
    setup = build(data, no_mixup_inference=True)
    plain = build(data, "xl_sentence_pair")
    plain.model.load_state_dict({k: v for k, v in setup.model.state_dict().items() if "mixup_gate" not in k})
    ids = list(range(30))
    ours, theirs = losses(setup, ids, "valid"), losses(plain, ids, "valid")
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        assert ours[name] == pytest.approx(value, abs=1e-4), name
    sample = batch(setup, ids, "valid")
    assert "source" not in sample
    with torch.no_grad():
        p, q = (s.task.predict(s.model, sample)[0] for s in (setup, plain))
    torch.testing.assert_close(p, q, atol=1e-6, rtol=0)


def test_constant_ratio_has_no_gate_and_logs_none(data: Path) -> None:
    setup = build(data, mixup_ratio="constant")
    assert not [n for n, _ in setup.model.named_parameters() if "gate" in n]
    assert not {"gate_weight", "entropy"} & losses(setup).keys()


def test_gate_statistics_are_logged(data: Path) -> None:
    setup = build(data)
    setup.model.mixup_gate.weight.data.fill_(-0.6), setup.model.mixup_gate.bias.data.fill_(1.4)
    values = losses(setup)
    n = len(IDS)
    assert values["gate_weight"] == pytest.approx(-0.6 * n) and values["gate_bias"] == pytest.approx(1.4 * n)
    assert 0 < values["ratio_min"] < values["ratio"] < values["ratio_max"] < 0.5 * n
    assert values["entropy"] > 0 and values["reverse_entropy"] > 0
    assert values["gold_share"] in (0.0, n) and values["gold_probability"] == pytest.approx(n * 1000 / 1001)


@pytest.mark.parametrize("task", ["xl_sentence_pair", "xmixup_sentence_pair"])
def test_every_trained_parameter_gets_a_gradient(data: Path, task: str) -> None:
    """Distributed wrappers stumble over unused parameters; the language-model head is frozen."""
    setup = build(data, task)
    setup.model.train(), setup.criterion.train()
    setup.criterion(setup.model, batch(setup, [1, 5]))[0].backward()
    assert [n for n, p in setup.model.named_parameters() if p.requires_grad and p.grad is None] == []
    frozen = [n for n, p in setup.model.named_parameters() if not p.requires_grad]
    assert frozen and all("lm_head" in n for n in frozen)


def test_predictions_do_not_depend_on_the_label(data: Path) -> None:
    setup = build(data)
    setup.model.eval()
    sample = batch(setup, list(range(9)), "test")
    with torch.no_grad():
        first, _ = setup.task.predict(setup.model, sample)
        sample["target"] = (sample["target"] + 1) % 3
        assert torch.equal(setup.task.predict(setup.model, sample)[0], first)
