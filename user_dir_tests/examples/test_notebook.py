"""The cells of the notebook run in their order, on a small checkpoint in place of the quickstart's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from user_dir_tests.conftest import TinySpm
from user_dir_tests.helpers.evaluation.checkpoints import save_checkpoint
from user_dir_tests.helpers.prepare.invented_xnli import prepare_raw, write_raw

NOTEBOOK = Path(__file__).resolve().parents[2] / "examples" / "python.ipynb"


def test_notebook(tmp_path: Path, tiny_spm: TinySpm, monkeypatch: pytest.MonkeyPatch) -> None:
    content = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    assert content["nbformat"] == 4 and not any(cell.get("outputs") for cell in content["cells"])
    data = prepare_raw(write_raw(tmp_path / "raw", rows=8), tmp_path / "data", tiny_spm)
    run = tmp_path / "outputs" / "quickstart" / "zero-shot"
    run.mkdir(parents=True)
    save_checkpoint(run / "checkpoint_best.pt", data, "xl_sentence_pair", max_positions=128, max_length=60)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for cell in content["cells"]:
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), str(NOTEBOOK), "exec"), names)
    assert all(row["label"] in ("contradiction", "entailment", "neutral") for row in names["answers"])
    assert len(names["answers"]) == 2 and set(names["result"].scores) == {"en", "de", "sw"}
    similarity = names["similarity"]
    assert isinstance(similarity, np.ndarray) and similarity.shape == (2, 2) and np.abs(similarity).max() <= 1 + 1e-6
