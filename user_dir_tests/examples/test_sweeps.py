"""``fairseq-hydra-train -m``: every job of a sweep has a folder of its own and trains what it says."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from user_dir_tests.helpers.running.recipes import FOLDER, REPO
from user_dir_tests.helpers.running.training import load, same_parameters
from user_dir_tests.helpers.toys.tiny import SHAPE
from user_dir_tests.helpers.toys.toy import make_data


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_two_values(run_python: Callable, tmp_path: Path) -> None:
    """Both jobs equal the runs of one value each, which go where they always went."""
    (tmp_path / "data-bin").mkdir()
    make_data(tmp_path / "data-bin" / "xnli", train=16, valid=4)
    base = (FOLDER / "base.yaml").read_text(encoding="utf-8").replace("num_workers: 2", "num_workers: 0")
    (tmp_path / "base.yaml").write_text(base.replace(": xl_plugins", f": {REPO / 'xl_plugins'}"), encoding="utf-8")
    shutil.copytree(FOLDER / "xnli", tmp_path / "small")
    config = yaml.safe_load((FOLDER / "xnli" / "zero_shot_base.yaml").read_text(encoding="utf-8"))
    config["model"] = {key[2:].replace("-", "_"): value for key, value in SHAPE.items() if "length" not in key}
    config["common"] = {"cpu": True}
    config["dataset"] |= {"batch_size": 4}
    config["optimization"] = {"max_update": 3, "max_epoch": 0, "update_freq": [1]}
    config["task"] |= {"max_length": 32, "from_scratch": True}
    del config["checkpoint"]["finetune_from_model"]
    (tmp_path / "small" / "zero_shot_base.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")

    def train(*words: str) -> str:
        done = run_python(
            "-m", "fairseq_cli.hydra_train", "--config-dir", tmp_path / "small", "--config-name", "zero_shot_base",
            *words, cwd=tmp_path,
        )  # fmt: skip
        return f"{done.code}\n{done.err[-3000:]}"

    ended = train("-m", "optimization.lr=[0.001],[0.0001]")
    assert ended.startswith("0\n"), ended
    for rate in (0.001, 0.0001):
        job = tmp_path / "outputs/xnli/zero_shot_base-sweep" / f"optimization.lr=[{rate}]" / "checkpoint_last.pt"
        saved = load(job)
        assert saved["cfg"]["optimization"]["lr"] == [rate]
        assert saved["optimizer_history"][-1]["num_updates"] == 3
        one = train(f"optimization.lr=[{rate}]", f"hydra.run.dir=one-{rate}")
        assert one.startswith("0\n"), one
        same_parameters(job, tmp_path / f"one-{rate}" / "checkpoint_last.pt")
    # one folder for both values: the second is refused, not trained as the first
    clash = train("-m", "optimization.lr=[0.001],[0.01]", "checkpoint.save_dir=one-0.001")
    assert clash.startswith("2\n"), clash
    assert "optimization.lr was 0.001, is 0.01" in clash and "task.continue_with_changes=true" in clash
    wrong = train("optimization.lr=[-1]", "hydra.run.dir=wrong")
    assert wrong.startswith("2\n") and "--lr -1" in wrong and "Traceback" not in wrong
