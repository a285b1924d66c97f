"""xTune's objective in numbers worked by hand: losses, gradients, means over copies."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from user_dir_tests.helpers.setups.views import PAD
from user_dir_tests.helpers.toys.tiny import Setup


class Fixed(nn.Module):
    """Logits by the second token of a row."""

    def __init__(self, rows: list[tuple[float, ...]]) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.tensor(rows, dtype=torch.float32))

    def forward(self, src_tokens: Tensor, classification_head_name: str) -> tuple[Tensor, dict]:
        return self.logits[src_tokens[:, 1] - 4], {}


def worked_batch(setup: Setup) -> tuple[Fixed, dict]:
    """A model, a teacher, and two rows of which the second is a copy."""
    model = Fixed([(2, 0, -1), (0.5, 1.5, -0.5), (1, 1, 0), (0, 1, 0)])
    setup.criterion.consistency._teacher = [Fixed([(3, 0, 0), (1, 2, -1)])]
    sample = {
        "id": torch.tensor([0, 1]), "target": torch.tensor([0, 1]), "nsentences": 2, "ntokens": 6,
        "net_input": {"src_tokens": torch.tensor([[0, 4, 2], [0, 5, 2]])},
        "second": {"src_tokens": torch.tensor([[0, 6, 2, PAD], [0, 7, 8, 2]])},
        "augmented": torch.tensor([False, True]),
    }  # fmt: skip
    return model, sample


def worked(setup: Setup) -> tuple[float, Tensor]:
    """Loss of the worked batch divided by its rows, and the gradients of x and x' (4, C)."""
    model, sample = worked_batch(setup)
    loss, size, logged = setup.criterion(model, sample)
    assert size == 2 and float(logged["ce_loss"]) / 2 == pytest.approx(0.288726, abs=1e-5)
    loss.backward()
    return loss.item() / 2, model.logits.grad / 2


@pytest.mark.parametrize(
    "options, expected",
    [
        ({}, 1.131903),
        ({"r2_scope": "all"}, 1.137044),
        ({"kl_norm": "rows"}, 2.818257),
        ({"kl_norm": "rows", "r2_scope": "all"}, 2.833682),
        ({"xtune_compat": "paper"}, 2.833682),
        ({"xtune_compat": "paper", "kl_norm": "elements", "r2_scope": "augmented"}, 1.131903),
        ({"xtune_compat": "official"}, 1.131903),
        ({"r2_hard_labels": True}, 3.130808),
        ({"r2_weight": 0.0}, 1.092778),
        ({"r1_weight": 0.0}, 0.327851),
        ({"r1_weight": 0.0, "r2_weight": 0.0}, 0.288726),
        ({"no_stop_gradient": True}, 1.131903),
    ],
    ids=str,
)
def test_worked_loss(full: Callable[..., Setup], options: dict, expected: float) -> None:
    value, _ = worked(full("sentence_pair", **{"r2_weight": 5.0, **options}))
    assert value == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("scope, apart", [("all", 0), ("augmented", 1)])
def test_means_over_copies_are_those_of_a_micro_batch(full: Callable[..., Setup], scope: str, apart: int) -> None:
    """Two rows at once, or one after the other: the only copy counts for both rows of its batch, or for one."""
    setup = full("sentence_pair", r2_scope=scope)
    model, sample = worked_batch(setup)
    whole, _, logged = setup.criterion(model, sample)
    parts = 0.0
    for row in range(2):
        one: dict = {"nsentences": 1, "ntokens": 3}
        for name in ("id", "target", "augmented"):
            one[name] = sample[name][row : row + 1]
        for name in ("net_input", "second"):
            one[name] = {"src_tokens": sample[name]["src_tokens"][row : row + 1]}
        parts += setup.criterion(model, one)[0].item()
    assert whole.item() - parts == pytest.approx(apart * 2.0 * float(logged["r2"]) / 2, abs=1e-5)
    assert float(logged["r2"]) > 0.01


def test_worked_gradients(full: Callable[..., Setup]) -> None:
    _, both = worked(full("sentence_pair", r2_weight=5.0, kl_norm="rows", r2_scope="all"))
    _, no_r2 = worked(full("sentence_pair", r2_weight=0.0, kl_norm="rows"))
    _, ce = worked(full("sentence_pair", r1_weight=0.0, r2_weight=0.0))
    expected = torch.tensor([[-0.032824, 0.034458, -0.001634], [-0.007384, -0.020072, 0.027456]])
    torch.testing.assert_close((both - no_r2)[:2] / 5, expected, atol=1e-5, rtol=0)
    assert (both - no_r2)[2:].abs().max() == 0 and ce[2:].abs().max() == 0  # x' has R1 alone
    r1 = (no_r2 - ce) * 2 / 5
    torch.testing.assert_close(r1[0], torch.tensor([0.421476, -0.308124, -0.113352]), atol=1e-5, rtol=0)
    torch.testing.assert_close(r1[:2], -r1[2:], atol=1e-6, rtol=0)
