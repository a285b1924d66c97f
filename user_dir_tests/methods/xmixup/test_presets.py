"""X-Mixup's layer: the article's for 12 and 24 layers, the same share of other depths."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from user_dir_tests.helpers.toys.tiny import build
from user_dir_tests.helpers.toys.toy import make_data
from xl_plugins.methods.xmixup.presets import mixup_layer


@pytest.mark.parametrize(
    ("problem", "layers", "expected"),
    [
        ("sentence_pair", 12, 1), ("sentence_pair", 24, 1), ("tagging", 12, 4), ("tagging", 24, 4), ("qa", 12, 8),
        ("qa", 24, 16), ("tagging", 3, 1), ("qa", 3, 2), ("qa", 6, 4), ("tagging", 6, 2), ("tagging", 1, 1),
        ("qa", 1, 1),
    ],
)  # fmt: skip
def test_layers(problem: str, layers: int, expected: int) -> None:
    assert mixup_layer(problem, layers) == expected


def test_a_model_takes_the_layer_of_its_depth(tmp_path: Path) -> None:
    """The number is stored with a checkpoint; a given one stays."""
    data = make_data(tmp_path / "data")
    assert build(data).cfg.model.mixup_layer == 1
    assert build(data, mixup_layer=2).cfg.model.mixup_layer == 2


@pytest.mark.parametrize("problem", ["sentence_pair", "tagging", "qa"])
def test_both_entries_of_fairseq_leave_it_to_the_model(problem: str) -> None:
    """The configuration that fairseq-hydra-train composes has the same default as the command line."""
    from fairseq.models import MODEL_DATACLASS_REGISTRY

    config: Any = MODEL_DATACLASS_REGISTRY["xmixup_xlmr"]
    assert config().mixup_layer is None and mixup_layer(problem, config().encoder_layers) in (1, 4, 8)
