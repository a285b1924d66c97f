"""xl-prepare killed, interrupted or run twice: it resumes, cleans up, and never mixes old with new."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from user_dir_tests.helpers.prepare.killing import Killed, kill_after
from user_dir_tests.helpers.prepare.raw import edit, label, make_xnli, pair, write_rows
from user_dir_tests.helpers.prepare.runs import meta, run, texts, tokenizer_options, tree
from xl_plugins.errors import UserError
from xl_plugins.output import Staging


def work_of(dest: Path) -> list[Path]:
    """Working folders beside ``dest``."""
    return [path for path in dest.parent.iterdir() if path.name.startswith(f".{dest.name}.xl-") and path.is_dir()]


def count_units(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the units that are really encoded from now on."""
    import xl_plugins.problems.labelled_texts.writer as module

    real, seen = module.write_texts, []

    def counted(unit, *rest):  # type: ignore[no-untyped-def]
        seen.append(unit.name("en"))
        return real(unit, *rest)

    monkeypatch.setattr(module, "write_texts", counted)
    return seen


def test_a_killed_run_is_resumed(
    tiny_spm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = make_xnli(tmp_path / "raw", ("de",))
    run(tiny_spm, "xnli", raw, tmp_path / "whole")
    kill_after(4, monkeypatch, tiny_spm, "xnli", raw, tmp_path / "bin")
    assert not (tmp_path / "bin").exists() and len(work_of(tmp_path / "bin")) == 1
    seen = count_units(monkeypatch)
    capsys.readouterr()
    run(tiny_spm, "xnli", raw, tmp_path / "bin")
    assert seen == ["de/valid", "de/en-view/valid", "en/test", "de/test", "de/en-view/test"]
    assert tree(tmp_path / "bin") == tree(tmp_path / "whole")
    assert "4 of 9 parts were complete" in capsys.readouterr().out


def test_resuming_redoes_what_changed(tiny_spm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = make_xnli(tmp_path / "raw", ("de",))
    kill_after(6, monkeypatch, tiny_spm, "xnli", raw, tmp_path / "bin")
    edit(raw / "translate-train" / "en-de.tsv", 1, f"a\tb\tba\tbe\t{label('train', 0)}")
    seen = count_units(monkeypatch)
    run(tiny_spm, "xnli", raw, tmp_path / "bin", "--languages", "en,de")
    assert seen == ["de/train", "en/test", "de/test", "de/en-view/test"]
    assert texts(tmp_path / "bin", "de", "input0", "train")[0] == "ba"
    # a damaged file of a finished unit is noticed by its size
    kill_after(6, monkeypatch, tiny_spm, "xnli", raw, tmp_path / "c")
    (work_of(tmp_path / "c")[0] / "new" / "en" / "input0" / "valid.bin").write_bytes(b"")
    del seen[:]
    run(tiny_spm, "xnli", raw, tmp_path / "c")
    assert seen == ["en/valid", "en/test", "de/test", "de/en-view/test"]
    assert tree(tmp_path / "c") == tree(tmp_path / "bin")


def test_resuming_with_other_languages_leaves_no_rubbish(
    tiny_spm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = make_xnli(tmp_path / "raw")
    kill_after(5, monkeypatch, tiny_spm, "xnli", raw, tmp_path / "bin")
    run(tiny_spm, "xnli", raw, tmp_path / "bin", "--languages", "en")
    run(tiny_spm, "xnli", raw, tmp_path / "whole", "--languages", "en")
    assert tree(tmp_path / "bin") == tree(tmp_path / "whole")
    assert meta(tmp_path / "bin")["languages"] == ["en"]


def test_two_runs_at_once_are_refused(tiny_spm, tmp_path: Path) -> None:
    with Staging(tmp_path / "bin", "xl-prepare", "DEST") as staging:
        with pytest.raises(UserError, match=rf"xl-prepare \(process {os.getpid()} on .*\) is writing it"):
            run(tiny_spm, "xnli", make_xnli(tmp_path / "raw"), tmp_path / "bin")
        assert staging.new.is_dir()


def test_a_kill_beside_the_exchange_loses_nothing(
    tiny_spm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = make_xnli(tmp_path / "raw", ("de",))
    run(tiny_spm, "xnli", raw, tmp_path / "bin")
    edit(raw / "test-en.tsv", 1, f"ba\tbe\t{label('test', 0)}")
    run(tiny_spm, "xnli", raw, tmp_path / "whole")
    for step in ("exchange", "sync_folder"):

        def dies(*args: object) -> None:
            raise Killed

        with monkeypatch.context() as patch:
            patch.setattr(f"xl_plugins.output.folder.{step}", dies)
            patch.setattr("shutil.rmtree", lambda *a, **k: None)
            with pytest.raises(Killed):
                run(tiny_spm, "xnli", raw, tmp_path / "bin", "--overwrite")
        assert meta(tmp_path / "bin")["languages"] == ["de", "en"]
        capsys.readouterr()
        run(tiny_spm, "xnli", raw, tmp_path / "bin", "--overwrite")
        assert "9 of 9 parts were complete" in capsys.readouterr().out
        assert tree(tmp_path / "bin") == tree(tmp_path / "whole")
        assert not work_of(tmp_path / "bin")


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL, "file size limit"])
def test_real_signals_and_limits(tiny_spm, tmp_path: Path, repo: Path, how: signal.Signals | str) -> None:
    """On a real process in the middle of its work."""
    raw = make_xnli(tmp_path / "raw", ("de",))
    rows = 60_000
    write_rows(raw / "train-en.tsv", [[*pair("en", "train", i % 50), label("train", i)] for i in range(rows)])
    for kind in ("translate-train", "back-translation"):
        text = "de" if kind == "translate-train" else "btde"
        many = [[*pair("en", "train", i % 50), *pair(text, "train", i % 50), label("train", i)] for i in range(rows)]
        write_rows(raw / kind / "en-de.tsv", many)
    command = [
        sys.executable,
        "-m",
        "xl_plugins.cli.prepare",
        "xnli",
        raw,
        tmp_path / "bin",
        *tokenizer_options(tiny_spm),
    ]
    words = [str(word) for word in command]
    env = {**os.environ, "PYTHONPATH": str(repo)}
    if isinstance(how, str):
        code = (
            "import os, resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000)); "
            "os.execv(sys.argv[1], sys.argv[1:])"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, *words], env=env, capture_output=True, text=True, timeout=240
        )
        assert done.returncode == 2 and "bin: File too large; free space or choose another DEST" in done.stderr
        assert [path.name for path in tmp_path.iterdir()] == ["raw"]
        return
    process = subprocess.Popen(
        words, env=env, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a test run in the background ignores it
    )  # fmt: skip
    while process.poll() is None and not list(tmp_path.glob(".bin.xl-*/state/*.json")):
        time.sleep(0.01)
    process.send_signal(how)
    _, err = process.communicate(timeout=120)
    if how == signal.SIGKILL:
        assert process.returncode == -9 and work_of(tmp_path / "bin")
        subprocess.run(words, env=env, check=True, timeout=240)
        run(tiny_spm, "xnli", raw, tmp_path / "whole")
        assert tree(tmp_path / "bin") == tree(tmp_path / "whole")
    else:
        assert process.returncode == 130 and err.strip().endswith("error: interrupted")
        assert [path.name for path in tmp_path.iterdir()] == ["raw"]
