"""The X-Mixup forward pass and objective of a whole model in half precision, 512 positions."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch

from user_dir_tests.helpers.toys.tiny import build
from user_dir_tests.helpers.toys.toy import make_data


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=["fp16", "bf16"])
@pytest.mark.parametrize("ratio", ["entropy", "constant"])
def test_forward_and_backward_are_finite_and_close(tmp_path: Path, dtype: torch.dtype, ratio: str) -> None:
    data = make_data(tmp_path / "data", train=2, valid=2, test=2)
    setup = build(data, max_length=512, max_positions=512, mixup_ratio=ratio, no_scheduled_sampling=True, scale=4.0)
    draw = torch.Generator().manual_seed(2)
    tokens = torch.randint(4, 60, (4, 512), generator=draw)
    tokens[:, 0], tokens[:, -1] = 0, 2
    tokens[1, 400:] = 1
    sample = {
        "id": torch.arange(2), "language": torch.zeros(2, dtype=torch.long), "target": torch.tensor([0, 2]),
        "net_input": {"src_tokens": tokens[:2]}, "source": tokens[2:, :500], "nsentences": 2, "ntokens": 900,
    }  # fmt: skip
    setup.task.load_dataset("train")
    half = copy.deepcopy(setup.model).to(dtype)
    logs = []
    for model in (setup.model, half):
        loss, _, logged = setup.criterion(model, sample)
        loss.backward()
        logs.append({name: float(value) for name, value in logged.items()})
        assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)
        assert loss.dtype == torch.float32
    for name in ("loss", "kl", "mse", *(["entropy", "reverse_entropy", "ratio"] if ratio == "entropy" else [])):
        assert logs[1][name] == pytest.approx(logs[0][name], rel=0.1, abs=0.05), name
    _, extra = half(tokens[:2], source_tokens=sample["source"])
    assert extra["target_states"].dtype == dtype
    if ratio == "entropy":
        assert {extra[k].dtype for k in ("entropy", "reverse_entropy", "ratio")} == {torch.float32}
