"""The place in which tests of xl-xtune run it."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from user_dir_tests.helpers.running.stand_in import STAND_IN


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what the command wants to see, and the stand-in first on the PATH."""
    monkeypatch.chdir(tmp_path)
    for problem in ("sentence_pair", "tagging", "qa"):
        (tmp_path / problem).mkdir()
        (tmp_path / problem / "meta.json").write_text(json.dumps({"problem": problem}))
    (tmp_path / "dicts").mkdir()
    (tmp_path / "model.pt").touch()
    (tmp_path / "bin").mkdir()
    script = tmp_path / "bin" / "fairseq-train"
    script.write_text(STAND_IN.format(python=sys.executable))
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    for name in ("WORLD_SIZE", "RANK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    return tmp_path
