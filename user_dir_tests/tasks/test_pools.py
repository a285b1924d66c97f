"""Text that translates nothing (xl-prepare --unlabelled) is not taken for a translation."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from user_dir_tests.helpers.toys.tiny import build
from user_dir_tests.helpers.toys.toy_positions import make_tagging
from xl_plugins.data.binary.layout import DataBin
from xl_plugins.errors import UserError


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """As many German and French sentences as English ones; those of French are no translations."""
    made = make_tagging(tmp_path / "data")
    meta = DataBin(made).meta
    (made / "meta.json").write_text(json.dumps({**meta, "pools": ["fr"]}), encoding="utf-8")
    return made


def test_which_they_are(data: Path) -> None:
    assert [DataBin(data).is_pool(language) for language in ("en", "de", "fr")] == [False, False, True]


def test_xmixup_refuses_them(data: Path) -> None:
    options = {"target_labels": "soft", "no_scheduled_sampling": True, "mixup_layer": 1}
    setup = build(data, "xmixup_tagging", **options)
    with pytest.raises(UserError, match="--train-languages: the training text of fr translates nothing"):
        setup.task.load_dataset("train")
    setup = build(data, "xmixup_tagging", **options, train_languages="en,de")
    assert len(setup.task.load_dataset("train").parts) == 2


def test_machine_translation_as_augmentation_leaves_them_out(data: Path) -> None:
    options = {"augment": "mt", "criterion": "xtune_criterion", "mt_labels": "ignore", "r1_weight": 0.0}
    setup = build(data, "xl_tagging", **options)
    views = setup.task.load_dataset("train").views
    assert views.tools.translations.languages == ["de"]
    setup = build(data, "xl_tagging", **options, mt_languages="de,fr")
    with pytest.raises(UserError, match="no translated training text in fr; it has de"):
        setup.task.load_dataset("train")
