"""Small data folders of tagging and question answering with a mistake in them: what the tasks say, what they accept."""

from __future__ import annotations

from pathlib import Path

import pytest

from user_dir_tests.helpers.setups.positions import OPTIONS
from user_dir_tests.helpers.toys.tiny import build
from xl_plugins.errors import UserError

VOCABULARY = 64
TRAIN, VALID, TEST = 6, 5, 4


def refused(data: Path, task: str, **options: object) -> str:
    """Return the one line that names the mistake."""
    method, problem = task.split("_")
    mixup = {"mixup_layer": 2} if method == "xmixup" else {"train_languages": "all"}
    with pytest.raises(UserError) as caught:
        setup = build(data, task, **{**OPTIONS[problem], **mixup, **options})
        for split in ("train", "valid"):
            dataset = setup.task.load_dataset(split)
            dataset.collater([dataset[i] for i in range(len(dataset))])
    assert "\n" not in str(caught.value)
    return str(caught.value)


def accepted(data: Path, task: str, **options: object) -> None:
    setup = build(data, task, **{**OPTIONS[task.split("_")[1]], "mixup_layer": 2, **options})
    setup.task.load_dataset("train"), setup.task.load_dataset("valid")


def remove(data: Path, *names: str) -> None:
    for name in names:
        for path in data.glob(f"{name}.*"):
            path.unlink()
