"""xl-train is fairseq-train with the plug-in, in whichever folder it is called."""

from __future__ import annotations

from pathlib import Path

import pytest

from xl_plugins.cli.train import main, with_plugin
from xl_plugins.errors import UserError
from xl_plugins.methods import TASKS
from xl_plugins.starting.task_names import ALIASES

PACKAGE = Path(__file__).resolve().parents[2] / "xl_plugins"


def test_the_package_is_named() -> None:
    assert with_plugin(["D", "--task", "xl_qa"]) == ["D", "--task", "xl_qa", "--user-dir", str(PACKAGE)]
    for given in (["--user-dir", "x"], ["--user-dir=x"]):
        with pytest.raises(UserError, match="--user-dir: xl-train loads this package itself"):
            with_plugin(["D", *given])


def test_help_without_a_task_says_how_to_see_the_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    assert main([]) == 2
    assert capsys.readouterr().out.count("xl-train --task xl_sentence_pair --help") == 2


def test_options_and_mistakes_of_a_task_from_another_folder(run_cli, tmp_path: Path) -> None:
    shown = run_cli("train", "--task", "xmixup_qa", "--help", cwd=tmp_path)
    assert shown.code == 0 and "--mixup-layer" in shown.out and "--sampling-k" in shown.out
    wrong = run_cli("train", "none", "--task", "xl_sentence_pair", "--cpu", cwd=tmp_path)
    assert wrong.code == 2 and wrong.err.splitlines()[-1].startswith("xl-train: error: none: no such data folder")


@pytest.mark.parametrize("words", [["data-bin/xnli"], ["data-bin/xnli", "--arch", "xl_xlmr", "--lr", "1"]])
def test_without_a_task(words: list[str]) -> None:
    with pytest.raises(UserError, match=r"^--task: not given; choose what is trained, such as xl_sentence_pair"):
        main(words)


def test_the_help_names_every_task(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--help"])
    shown = capsys.readouterr().out.partition("tasks:")[2].partition("\n\n")[0]
    names = shown.removesuffix(" (the last two with --problem)").replace(",", " ").split()
    assert set(names) == TASKS.keys() | ALIASES.keys() and len(set(names)) == len(names)
