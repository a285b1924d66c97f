"""Noise on word embeddings really reaches the logits: fairseq's own forward pass drops embeddings silently."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from user_dir_tests.helpers.setups.views import PROBLEMS, make, make_folders
from user_dir_tests.helpers.toys.tiny import Setup, batch
from xl_plugins.criterions.noise import NoisyEmbeddings

METHODS = ["xl", "xmixup"]
IDS = [3, 8, 16]
WIDTH = 16


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return make_folders(tmp_path_factory.mktemp("noise"))


def logits(setup: Setup, sample: dict, edit: NoisyEmbeddings | None = None) -> tuple[Tensor, Tensor | None]:
    """Outputs of the target, and of the source stream where there is one."""
    given = (
        {"source_tokens": sample["source"], "source_words": sample.get("source_words")} if "source" in sample else {}
    )
    name = setup.task.problem.head_name
    output, extra = setup.model(**sample["net_input"], **given, classification_head_name=name, edit_embeddings=edit)
    return output, extra.get("source_output")


def noisy(noise: Tensor, detach: list[bool] | None = None) -> NoisyEmbeddings:
    return NoisyEmbeddings(noise, None if detach is None else torch.tensor(detach))


def unit_noise(sample: dict, sigma: float = 1.0) -> Tensor:
    shape = sample["net_input"]["src_tokens"].shape
    return sigma * torch.randn(*shape, WIDTH, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("method", METHODS)
def test_noise_moves_the_logits_and_no_noise_nothing(folders: dict[str, Path], method: str, problem: str) -> None:
    setup = make(folders, problem, method)
    sample = batch(setup, IDS)
    assert ("source" in sample) == (method == "xmixup")
    plain, source = logits(setup, sample)
    same, same_source = logits(setup, sample, noisy(unit_noise(sample, 0.0)))
    assert torch.equal(same, plain)
    moved, moved_source = logits(setup, sample, noisy(unit_noise(sample)))
    real = (
        sample["net_input"]["src_tokens"].ne(1) if problem == "qa" else torch.ones(plain.shape[:-1], dtype=torch.bool)
    )
    if problem == "tagging":
        real = sample["target"].ge(0) | (sample["soft"].sum(-1) > 0.5 if "soft" in sample else False)
    assert bool(((moved - plain).abs().amax(dim=-1)[real] > 1e-3).all())
    if source is not None:  # the source stream is never noised
        assert torch.equal(same_source, source)
        torch.testing.assert_close(moved_source, source, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_noise_of_a_row_and_at_padding(folders: dict[str, Path], method: str) -> None:
    """Rows are independent, and what stands at padding has no effect."""
    setup = make(folders, "tagging", method)
    sample = batch(setup, IDS)
    plain, _ = logits(setup, sample)
    noise = unit_noise(sample)
    padding = sample["net_input"]["src_tokens"].eq(1)
    assert padding.any()
    garbage = torch.where(padding[..., None], noise * 100, torch.zeros(()))
    torch.testing.assert_close(logits(setup, sample, noisy(garbage))[0], plain, atol=1e-5, rtol=1e-5)
    noise[1:] = 0
    moved, _ = logits(setup, sample, noisy(noise))
    torch.testing.assert_close(moved[1:], plain[1:], atol=1e-5, rtol=1e-5)
    assert (moved[0] - plain[0]).abs().max() > 1e-3


@pytest.mark.parametrize("options", [{}, {"no_mixup": True}], ids=["mixup", "no mixup"])
def test_noise_where_the_source_stream_ends_early(folders: dict[str, Path], options: dict) -> None:
    setup = make(folders, "tagging", "xmixup", **options)
    sample = batch(setup, IDS)
    given = {**sample["net_input"], "source_tokens": sample["source"], "classification_head_name": "tagging_head"}
    noise = unit_noise(sample)
    whole, short = (setup.model(**given, edit_embeddings=noisy(noise), target_only=only)[0] for only in (False, True))
    torch.testing.assert_close(short, whole, atol=1e-5, rtol=1e-5)
    assert (setup.model(**given, target_only=True)[0] - short).abs().max() > 1e-3


@pytest.mark.parametrize("method", METHODS)
def test_detached_embeddings(folders: dict[str, Path], method: str) -> None:
    """A detached row gives the word embeddings no gradient, but the same logits and other gradients."""
    setup = make(folders, "tagging", method)
    sample = batch(setup, IDS)
    table = setup.model.encoder.sentence_encoder.embed_tokens.weight
    results = {}
    for name, rows in (("none", [False] * 3), ("first", [True, False, False]), ("all", [True] * 3)):
        setup.model.zero_grad()
        output, _ = logits(setup, sample, noisy(unit_noise(sample, 0.0), rows))
        output.square().sum().backward()
        positions = setup.model.encoder.sentence_encoder.embed_positions.weight.grad.clone()
        results[name] = (output.detach(), table.grad.clone() if table.grad is not None else None, positions)
    for name in ("first", "all"):
        assert torch.equal(results[name][0], results["none"][0])
        torch.testing.assert_close(results[name][2], results["none"][2])
    alone = set(sample["net_input"]["src_tokens"][0].tolist())
    alone -= set(sample["net_input"]["src_tokens"][1:].flatten().tolist())
    alone -= set(sample["source"].flatten().tolist()) if method == "xmixup" else set()
    assert alone and all(results["none"][1][piece].abs().max() > 1e-6 for piece in alone)
    assert all(results["first"][1][piece].abs().max() == 0 for piece in alone)
    if method == "xl":
        assert results["all"][1] is None or results["all"][1].abs().max() == 0


def test_noise_is_cast_to_the_embeddings() -> None:
    embeddings = torch.ones(2, 3, 4, dtype=torch.bfloat16, requires_grad=True)
    moved = noisy(torch.full((2, 3, 4), 0.5))(lambda tokens: embeddings, torch.zeros(2, 3, dtype=torch.int64))
    assert moved.dtype == torch.bfloat16 and bool((moved == 1.5).all())


def test_rows_and_positions_behind_the_noise_have_none() -> None:
    """As those of a source stream that is joined to the target's."""
    edit = noisy(torch.ones(1, 2, 3), [True])
    table = torch.zeros(5, 3, requires_grad=True)
    moved = edit(lambda tokens: table[tokens], torch.tensor([[1, 2, 3], [4, 2, 3]]))
    assert moved[..., 0].tolist() == [[1, 1, 0], [0, 0, 0]]
    moved.sum().backward()
    assert table.grad is not None and table.grad[:, 0].tolist() == [0, 0, 1, 1, 1]
