"""xl-xtune: mistakes are one line each."""

from __future__ import annotations

from pathlib import Path

import pytest

from user_dir_tests.helpers.running.stand_in import calls, words
from xl_plugins.cli.xtune import main
from xl_plugins.errors import UserError


@pytest.mark.parametrize(
    "arguments, text",
    [
        (["--fp16"], "--fp16: not an option of xl-xtune; options of fairseq-train come after --"),
        (["--", "fp16"], "'fp16' is not an option of fairseq-train"),
        (["--", "--save-dir", "x"], "--save-dir is given as an option of xl-xtune"),
        (["--stage2", "--teacher t.pt"], "--teacher is given as an option of xl-xtune"),
        (["--", "--task", "xl_qa"], "--task is given by DATASET"),
        (["--teacher", "t.pt"], "--teacher takes the place of stage 1; add --stage 2"),
        (["--stage", "2", "--stage1", "--fp16"], "--stage1 has no effect with --stage 2"),
        (["--stage", "2", "--teacher", "t", "--stage2", "--r2-weight 0"], "--teacher has no effect with --r2-weight 0"),
        (["--restore-file", "no.pt"], "--restore-file no.pt: no such file"),
        (["--dictionaries", "no"], "--dictionaries no: no such folder"),
        (["--", "--batch-size", "x"], "--batch-size, --update-freq and --distributed-world-size: invalid literal"),
        (["--stage1", "--lr '1"], "--stage1: No closing quotation; quote it as in a shell"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistakes_are_one_line(place: Path, arguments: list[str], text: str) -> None:
    with pytest.raises(UserError) as caught:
        main([*words("xnli"), *arguments])
    assert text in str(caught.value) and "\n" not in str(caught.value)
    assert calls(place) == []


def test_data_of_another_problem(place: Path) -> None:
    with pytest.raises(UserError, match="qa: holds data of qa, xnli is sentence_pair; name another DATASET or DATA"):
        main(["xnli", "qa", "--restore-file", "model.pt", "--save-dir", "save", "--dictionaries", "dicts"])
    with pytest.raises(UserError, match="stage 1 switches words into other languages: name their folder by --dict"):
        main(["xnli", "sentence_pair", "--restore-file", "model.pt", "--save-dir", "save"])
    with pytest.raises(UserError, match="nowhere: no such data folder"):
        main(["panx", "nowhere", "--restore-file", "model.pt", "--save-dir", "save"])


def test_status_2_and_one_line_on_the_command_line(run_cli, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    done = run_cli("xtune", "panx", "nowhere", "--restore-file", "m", "--save-dir", "s", cwd=tmp_path)
    assert (done.code, done.err) == (2, "xl-xtune: error: nowhere: no such data folder; make one with xl-prepare\n")
    done = run_cli("xtune", "squad", "x", cwd=tmp_path)
    assert done.code == 2 and "Traceback" not in done.err
    assert "examples:" in run_cli("xtune", "--help").out
