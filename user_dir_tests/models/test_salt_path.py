"""Mixed embeddings really reach the logits: fairseq's own forward pass drops embeddings silently."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from user_dir_tests.helpers.setups.salt import FIELDS, logits, make, write_counterparts
from user_dir_tests.helpers.toys.tiny import Setup, batch, in_float64
from user_dir_tests.helpers.toys.toy import make_data
from user_dir_tests.helpers.toys.toy_positions import make_tagging
from xl_plugins.criterions.noise import NoisyEmbeddings
from xl_plugins.functional.embedding_mixup import mixing_ratio
from xl_plugins.methods.salt.embeddings import MixedEmbeddings

IDS = [3, 30, 55, 78]  # of four languages, of different lengths
WIDTH = 16
PAD = 1


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("path")
    made = {"sentence_pair": make_data(root / "pairs"), "tagging": make_tagging(root / "tagging", longest=8)}
    for data in made.values():
        write_counterparts(data, share=0.8)
    return made


@pytest.fixture(params=list(FIELDS))
def setup(request: pytest.FixtureRequest, folders: dict[str, Path]) -> Setup:
    return make(folders[request.param], request.param)


@pytest.fixture
def sample(setup: Setup) -> dict:
    made = batch(setup, IDS)
    assert bool(made["net_input"]["src_tokens"].eq(PAD).any())
    assert bool((made["counterpart"] != made["net_input"]["src_tokens"]).any(dim=1).all())
    return made


def table(setup: Setup) -> Tensor:
    return setup.model.encoder.sentence_encoder.embed_tokens.weight


def constant(value: float) -> Tensor:
    return torch.full((1, 1, 1), value)


def real(setup: Setup, sample: dict, outputs: Tensor) -> Tensor:
    """Outputs that stand for something."""
    return outputs[sample["target"] >= 0] if setup.task.problem.name == "tagging" else outputs


def test_ends_are_the_plain_passes_bit_by_bit(setup: Setup, sample: dict) -> None:
    """r = 1 is the pass on the text, r = 0 that on its counterpart, and these differ."""
    other = sample["counterpart"]
    plain, switched = logits(setup, sample), logits(setup, sample, src_tokens=other)
    assert torch.equal(logits(setup, sample, edit_embeddings=MixedEmbeddings(other, constant(1.0))), plain)
    assert torch.equal(logits(setup, sample, edit_embeddings=MixedEmbeddings(other, constant(0.0))), switched)
    assert (real(setup, sample, plain) - real(setup, sample, switched)).abs().max() > 1e-2


def test_a_text_mixed_with_itself_is_the_text(setup: Setup, sample: dict) -> None:
    """Exactly, whatever r."""
    tokens, plain = sample["net_input"]["src_tokens"], logits(setup, sample)
    for ratio in (constant(0.3), torch.rand(len(tokens), 1, WIDTH), torch.rand(*tokens.shape, WIDTH)):
        assert torch.equal(logits(setup, sample, edit_embeddings=MixedEmbeddings(tokens, ratio)), plain)


@pytest.mark.parametrize("granularity", ["instance", "token", "scalar"])
def test_the_mixture_goes_before_positions_and_layer_norm(setup: Setup, sample: dict, granularity: str) -> None:
    """The embeddings computed by hand, given to the encoder, give the same."""
    in_float64(setup.model)
    tokens, other = sample["net_input"]["src_tokens"], sample["counterpart"]
    ratio = mixing_ratio(1, 3, sample["id"], tokens.size(1), WIDTH, granularity)
    found = logits(setup, sample, edit_embeddings=MixedEmbeddings(other, ratio))
    r = ratio.double()
    by_hand = r * table(setup)[tokens] + (1 - r) * table(setup)[other]
    states, _ = setup.model.encoder.extract_features(tokens, token_embeddings=by_hand)
    head = setup.model.head(setup.task.problem.head_name)
    words = sample["net_input"].get("words")
    expected = head(states) if words is None else head(states, words)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-10)


def test_every_row_has_its_own_ratio(setup: Setup, sample: dict) -> None:
    """A row's outputs are those that it has alone, and another r gives others."""
    in_float64(setup.model)
    other = sample["counterpart"]
    ratio = mixing_ratio(1, 3, sample["id"], other.size(1), WIDTH)
    whole = logits(setup, sample, edit_embeddings=MixedEmbeddings(other, ratio))
    for row in range(len(other)):
        one = slice(row, row + 1)
        net_input = {name: value[one] for name, value in sample["net_input"].items()}
        alone = logits(setup, {"net_input": net_input}, edit_embeddings=MixedEmbeddings(other[one], ratio[one]))
        torch.testing.assert_close(alone, whole[one, : alone.size(1)], rtol=1e-9, atol=1e-10)
    rolled = logits(setup, sample, edit_embeddings=MixedEmbeddings(other, ratio.roll(1, 0)))
    assert (real(setup, sample, rolled) - real(setup, sample, whole)).abs().max() > 1e-3


@pytest.mark.parametrize("side", ["text", "counterpart"])
def test_a_large_change_of_one_embedding_changes_the_logits(setup: Setup, sample: dict, side: str) -> None:
    """Rows that hold the piece, on whichever side, and no other: guards against a keyword that is ignored."""
    tokens, other = sample["net_input"]["src_tokens"], sample["counterpart"]
    here, there = (tokens, other) if side == "text" else (other, tokens)
    pieces = [p for p in here[2].tolist() if p > 3 and not there[2].eq(p).any()]
    piece = min(pieces, key=lambda p: int((tokens.eq(p) | other.eq(p)).any(dim=1).sum()))
    ratio = mixing_ratio(1, 3, sample["id"], tokens.size(1), WIDTH)
    before = logits(setup, sample, edit_embeddings=MixedEmbeddings(other, ratio))
    with torch.no_grad():
        table(setup)[piece] += 20 * torch.randn(WIDTH, generator=torch.Generator().manual_seed(1))
    moved = (logits(setup, sample, edit_embeddings=MixedEmbeddings(other, ratio)) - before).abs().flatten(1).amax(dim=1)
    holds = (tokens.eq(piece) | other.eq(piece)).any(dim=1)
    assert bool(holds[2]) and not bool(holds.all())
    assert bool((moved[holds] > 1e-2).all()) and bool((moved[~holds] < 1e-5).all())


def test_gradients_of_both_rows(setup: Setup, sample: dict) -> None:
    """E[s] gets r * g, E[t] (1 - r) * g, summed over the positions where they stand; padding gets none."""
    in_float64(setup.model)
    tokens, other = sample["net_input"]["src_tokens"], sample["counterpart"]
    r = mixing_ratio(1, 3, sample["id"], tokens.size(1), WIDTH).double()
    kept: list[Tensor] = []
    setup.model.encoder.sentence_encoder.embed_tokens.register_forward_hook(lambda m, a, out: kept.append(out))
    output = logits(setup, sample, edit_embeddings=MixedEmbeddings(other, r))
    (both,) = kept  # one lookup: its gradient is a tensor as large as the vocabulary
    both.retain_grad()
    output.square().sum().backward()
    assert both.shape == (2 * len(tokens), tokens.size(1), WIDTH)
    first, second = both.grad.chunk(2)
    upstream = first + second
    torch.testing.assert_close(first, r * upstream, rtol=1e-9, atol=1e-14)
    torch.testing.assert_close(second, (1 - r) * upstream, rtol=1e-9, atol=1e-14)
    assert upstream[tokens.ne(PAD)].abs().amax(dim=-1).min() > 0
    expected = torch.zeros_like(table(setup))
    for ids, gradient in ((tokens, first), (other, second)):
        inside = ids.ne(PAD)
        expected.index_add_(0, ids[inside], gradient[inside])
    torch.testing.assert_close(table(setup).grad, expected, rtol=1e-9, atol=1e-12)
    assert not table(setup).grad[PAD].any()


def test_the_upstream_gradient_is_that_of_the_mixture(setup: Setup, sample: dict) -> None:
    in_float64(setup.model)
    tokens, other = sample["net_input"]["src_tokens"], sample["counterpart"]
    r = mixing_ratio(1, 3, sample["id"], tokens.size(1), WIDTH).double()
    kept: list[Tensor] = []
    hook = setup.model.encoder.sentence_encoder.embed_tokens.register_forward_hook(lambda m, a, out: kept.append(out))
    output = logits(setup, sample, edit_embeddings=MixedEmbeddings(other, r))
    hook.remove()
    first, second = torch.autograd.grad(output.square().sum(), kept[0])[0].chunk(2)
    mixed = (r * table(setup)[tokens] + (1 - r) * table(setup)[other]).detach().requires_grad_()
    states, _ = setup.model.encoder.extract_features(tokens, token_embeddings=mixed)
    head, words = setup.model.head(setup.task.problem.head_name), sample["net_input"].get("words")
    (head(states) if words is None else head(states, words)).square().sum().backward()
    torch.testing.assert_close(first + second, mixed.grad, rtol=1e-8, atol=1e-12)


def test_a_plain_pass_looks_up_once_too(setup: Setup, sample: dict) -> None:
    calls: list[int] = []
    setup.model.encoder.sentence_encoder.embed_tokens.register_forward_hook(lambda m, a, out: calls.append(len(out)))
    logits(setup, sample)
    assert calls == [len(sample["id"])]


def test_noise_adds_to_the_mixture(setup: Setup, sample: dict) -> None:
    other = sample["counterpart"]
    mixed = MixedEmbeddings(other, constant(0.4))
    found = logits(setup, sample, edit_embeddings=mixed)
    noise = torch.randn(*other.shape, WIDTH, generator=torch.Generator().manual_seed(2))

    def logits_with(noise: Tensor) -> Tensor:
        """One edit looks up by means of the other."""
        edit = NoisyEmbeddings(noise)
        return logits(setup, sample, edit_embeddings=lambda find, ids: edit(lambda some: mixed(find, some), ids))

    assert torch.equal(logits_with(torch.zeros_like(noise)), found)
    moved = logits_with(noise)
    assert (real(setup, sample, moved) - real(setup, sample, found)).abs().max() > 1e-3


@pytest.mark.parametrize("dtype, tolerance", [(torch.float16, 0.03), (torch.bfloat16, 0.3)], ids=["fp16", "bf16"])
def test_half_precision(folders: dict[str, Path], dtype: torch.dtype, tolerance: float) -> None:
    """Ends stay exact; in between the outputs are close to those in float32."""
    setup = make(folders["sentence_pair"], scale=4.0)
    sample = batch(setup, IDS)
    other = sample["counterpart"]
    ratio = mixing_ratio(1, 3, sample["id"], other.size(1), WIDTH)
    wide = logits(setup, sample, edit_embeddings=MixedEmbeddings(other, ratio))
    setup.model.to(dtype)
    half = logits(setup, sample, edit_embeddings=MixedEmbeddings(other, ratio))
    assert half.dtype == dtype
    torch.testing.assert_close(half.float(), wide, atol=tolerance, rtol=0)
    plain = logits(setup, sample)
    assert torch.equal(logits(setup, sample, edit_embeddings=MixedEmbeddings(other, constant(1.0))), plain)
