"""xl-prepare that dies after some units of its work."""

from __future__ import annotations

import pytest

from user_dir_tests.helpers.prepare.runs import run
from xl_plugins.data.binary.manifest import Ledger


class Killed(BaseException):
    """Stands for SIGKILL: with the clean-up disabled, the folder stays as a killed process leaves it."""


def kill_after(units: int, monkeypatch: pytest.MonkeyPatch, tiny_spm, *args: object) -> None:
    finish, done = Ledger.finish, []

    def dies(self: Ledger, *rest: object) -> None:
        if len(done) == units:
            raise Killed
        done.append(1)
        finish(self, *rest)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "finish", dies)
        patch.setattr("shutil.rmtree", lambda *a, **k: None)
        with pytest.raises(Killed):
            run(tiny_spm, *args)
