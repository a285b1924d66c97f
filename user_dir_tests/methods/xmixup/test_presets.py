"""X-Mixup's layer: the article's for 12 and 24 layers, the same share of other depths."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from user_dir_tests.helpers.toys.tiny import build
from user_dir_tests.helpers.toys.toy import make_data
from xl_plugins.methods.xmixup.model import XMixupConfig
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


def test_a_configuration_that_hydra_composed_gets_the_layer_too(tmp_path: Path) -> None:
    """fairseq-hydra-train parses no command line: the model's dataclass alone leaves the choice open."""
    setup = build(make_data(tmp_path / "data"), mixup_layer=3)
    composed: Any = OmegaConf.structured(XMixupConfig)
    assert composed.mixup_layer is None
    composed = OmegaConf.merge(composed, {**setup.cfg.model, "mixup_layer": None})
    setup.task.build_model(composed)
    assert composed.mixup_layer == 1
