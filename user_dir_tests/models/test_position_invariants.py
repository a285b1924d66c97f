"""X-Mixup with heads on positions: which states depend on which text, and the target alone."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from fairseq.models.roberta import RobertaModel
from torch import Tensor

from user_dir_tests.helpers.setups.positions import PAD, PROBLEMS, make, make_folders
from user_dir_tests.helpers.setups.streams import assert_rows_close, rows
from user_dir_tests.helpers.toys.tiny import Setup, batch, gradients, in_float64
from xl_plugins.models.heads import WordHead, apply_head

CLOSE = {"atol": 2e-5, "rtol": 1e-5}
TRAIN = [3, 19, 24, 41, 50]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return make_folders(tmp_path_factory.mktemp("positions"))


def run(setup: Setup, sample: dict, target_only: bool = False, **changed: object) -> tuple[Tensor, dict]:
    inputs = {**sample["net_input"], "source_tokens": sample["source"], "source_words": sample.get("source_words")}
    return setup.model(
        **{**inputs, **changed}, classification_head_name=setup.task.problem.head_name, target_only=target_only
    )


def host_states(setup: Setup, tokens: Tensor) -> Tensor:
    """Final states (B, T, d) of fairseq's own RobertaModel with the same parameters."""
    host = RobertaModel.build_model(setup.cfg.model, setup.task)
    assert not host.load_state_dict(setup.model.state_dict(), strict=False).missing_keys
    with torch.no_grad():
        return host.eval().encoder.sentence_encoder(tokens)["encoder_out"][0].transpose(0, 1)


# -- streams --


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize(
    "options", [{}, {"mixup_ratio": "constant"}, {"mixup_lambda0": 1.0}, {"no_mixup": True}], ids=str
)
def test_source_is_plain_and_without_mixup_the_target_too(
    folders: dict[str, Path], problem: str, options: dict
) -> None:
    setup = make(folders, problem, **options)
    sample = batch(setup, TRAIN)
    tokens = sample["net_input"]["src_tokens"]
    with torch.no_grad():
        _, extra = run(setup, sample)
        assert_rows_close(extra["source_states"], host_states(setup, sample["source"]), sample["source"])
        plain = host_states(setup, tokens)
        if options.get("no_mixup"):
            assert_rows_close(extra["target_states"], plain, tokens)
        else:
            assert (
                min((a - b).abs().max() for a, b in zip(rows(extra["target_states"], tokens), rows(plain, tokens)))
                > 0.01
            )
        head = setup.model.head(setup.task.problem.head_name)
        states = host_states(setup, sample["source"])
        expected = apply_head(head, states, sample.get("source_words"))
    if problem == "tagging":
        torch.testing.assert_close(extra["source_output"], expected, **CLOSE)
    else:
        assert_rows_close(extra["source_output"], expected, sample["source"], **CLOSE)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_zero_lambda0_does_not_see_the_source(folders: dict[str, Path], problem: str) -> None:
    setup = make(folders, problem, mixup_lambda0=0.0, mse_weight=0.0, mixup_alpha=0.0, no_scheduled_sampling=True)
    sample = batch(setup, TRAIN)
    other = torch.where(sample["source"] > 10, sample["source"] - 1, sample["source"])
    with torch.no_grad():
        first, second = (run(setup, sample, source_tokens=text)[0] for text in (sample["source"], other))
    torch.testing.assert_close(first, second, atol=0, rtol=0)
    setup.criterion(setup.model, sample)[0].backward()
    assert [p.grad.item() for p in setup.model.mixup_gate.parameters()] == [0.0, 0.0]


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("ratio", ["entropy", "constant"])
def test_which_stream_depends_on_which_text(folders: dict[str, Path], problem: str, ratio: str) -> None:
    setup = make(folders, problem, mixup_ratio=ratio)
    sample = batch(setup, TRAIN)
    with torch.no_grad():
        _, before = run(setup, sample)
        changed = sample["source"].clone()
        changed[:, 1] = torch.where(changed[:, 1] == 9, 10, 9)
        _, after = run(setup, sample, source_tokens=changed)
        assert all((a - b).abs().max() > 1e-3 for a, b in zip(before["target_states"], after["target_states"]))
        changed = sample["net_input"]["src_tokens"].clone()
        changed[:, 1] = torch.where(changed[:, 1] == 9, 10, 9)
        _, after = run(setup, sample, src_tokens=changed)
    assert_rows_close(after["source_states"], before["source_states"], sample["source"])


@pytest.mark.parametrize("problem", PROBLEMS)
def test_identical_texts_differ_after_mixing_and_agree_without(folders: dict[str, Path], problem: str) -> None:
    def english(**options: object) -> float:
        options |= {"qa_source_window": "aligned"} if problem == "qa" else {}
        setup = make(folders, problem, no_scheduled_sampling=True, train_languages="en", **options)
        in_float64(setup.model)
        norm = setup.model.encoder.sentence_encoder.layers[1].self_attn_layer_norm
        norm.weight.data.fill_(1.0), norm.bias.data.zero_()
        sample = batch(setup, [0, 1, 2])
        assert torch.equal(sample["net_input"]["src_tokens"], sample["source"])
        return float(setup.criterion(setup.model, sample)[2]["mse"])

    assert english() > 1e-3 and 0 <= english(mixup_lambda0=0.0) < 1e-9 and english(no_mixup=True) < 1e-20


# -- the target alone --


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("ratio", ["entropy", "constant"])
@pytest.mark.parametrize("wider", ["target", "source"])
def test_target_only_gives_the_targets_outputs_and_gradients(
    folders: dict[str, Path], problem: str, ratio: str, wider: str
) -> None:
    """The passes of inference and of training without a source loss: the source stream ends at the mixup layer."""
    setup = make(folders, problem, mixup_ratio=ratio)
    in_float64(setup.model)
    sample = batch(setup, TRAIN)
    if wider == "source":
        sample["source"] = torch.nn.functional.pad(sample["source"], (0, 9), value=PAD)
        sample["source"][0, :30] = torch.arange(10, 40)[: sample["source"][0, :30].numel()]
    else:
        sample["source"] = sample["source"][:, :5].clone()
        sample["source_words"] = None
    assert (sample["source"].size(1) > sample["net_input"]["src_tokens"].size(1)) == (wider == "source")
    found = []
    for target_only in (False, True):
        setup.model.zero_grad()
        output, extra = run(setup, sample, target_only, source_words=None)
        output = output[:, : sample["net_input"]["src_tokens"].size(1)]
        real = output if problem == "tagging" else torch.cat(rows(output, sample["net_input"]["src_tokens"]))
        (real.sin().sum() + extra["ratio"].sum()).backward()
        found.append((real.detach(), extra["ratio"].detach(), gradients(setup.model)))
        assert ("source_output" in extra) == (not target_only)
    (first, ratio_first, grads_first), (second, ratio_second, grads_second) = found
    torch.testing.assert_close(first, second, atol=1e-12, rtol=0)
    torch.testing.assert_close(ratio_first, ratio_second, atol=1e-12, rtol=0)
    for name in grads_first.keys() & grads_second.keys():
        torch.testing.assert_close(grads_first[name], grads_second[name], atol=1e-10, rtol=1e-8)
    assert all(grads_first[name].abs().max() == 0 for name in grads_first.keys() - grads_second.keys())


# -- heads --


def test_head_on_words_needs_words(folders: dict[str, Path]) -> None:
    setup = make(folders, "tagging")
    sample = batch(setup, [0])
    with pytest.raises(ValueError, match="word numbers"):
        setup.model(sample["net_input"]["src_tokens"], classification_head_name="tagging_head")
    with pytest.raises(ValueError, match="first, mean, sum"):
        WordHead(4, 2, 0.0, "last")


@pytest.mark.parametrize("problem", PROBLEMS)
def test_head_dropout(folders: dict[str, Path], problem: str) -> None:
    """--pooler-dropout acts on word vectors; the span head has none."""
    setup = make(folders, problem, pooler_dropout=0.5)
    sample = batch(setup, TRAIN)
    with torch.no_grad():
        first, second = (run(setup, sample)[0] for _ in range(2))
        assert torch.equal(first, second) == (problem == "qa")
        setup.model.eval()
        assert torch.equal(run(setup, sample)[0], run(setup, sample)[0])
