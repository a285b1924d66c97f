"""xl-evaluate and xl-predict on processes as torchrun starts them: files and lines of one process, byte for byte."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from user_dir_tests.helpers.evaluation.checkpoints import save_checkpoint
from user_dir_tests.helpers.prepare.invented_xnli import prepare_raw, write_raw
from user_dir_tests.helpers.running.training import REPO, free_port, save_archive
from user_dir_tests.helpers.running.warm import WarmProcess
from user_dir_tests.helpers.toys.toy import make_data
from user_dir_tests.helpers.toys.toy_positions import make_qa, make_tagging
from xl_plugins.cli import evaluate, predict, prepare

COMMAND = "import os, sys, runpy\nsys.argv[0] = 'xl-{0}'\nfrom xl_plugins.cli.{0} import cli_main\ncli_main()"


def start(command: str, words: list[object], count: int = 2, prelude: str = "") -> list[WarmProcess]:
    shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": str(count)}
    code = prelude + COMMAND.format(command)
    return [WarmProcess(code, [*map(str, words)], REPO, {**shared, "RANK": str(rank)}) for rank in range(count)]


def ranks(command: str, words: list[object], count: int = 2, prelude: str = "") -> list[tuple[int, str, str]]:
    return [process.finish() for process in start(command, words, count, prelude)]


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def toy(tmp_path_factory) -> Path:
    """Folders of pairs, tags and questions, each with two checkpoints."""
    root = tmp_path_factory.mktemp("toy")
    make_data(root / "pairs", test=45)
    make_tagging(root / "tags", test=31, longest=20)
    make_qa(root / "questions", test=17, longest=60)
    windows = {"max_length": 32, "doc_stride": 8, "max_question_length": 6}
    for folder, task, options in (
        ("pairs", "xl_sentence_pair", {}), ("tags", "xl_tagging", {"max_length": 32}), ("questions", "xl_qa", windows),
    ):  # fmt: skip
        for seed in (1, 2):
            save_checkpoint(
                root / f"{folder}-{seed}" / "checkpoint_best.pt", root / folder, task, weights=seed, **options
            )
    return root


WAYS = {
    "seeds of tags": ["tags", 2], "questions": ["questions", 1], "ensemble": ["questions", 2, "--ensemble"],
    "one batch": ["pairs", 1, "--batch-size", 1000],
}  # fmt: skip


@pytest.mark.parametrize("way", list(WAYS))
def test_files_and_table_are_those_of_one_process(way, toy, tmp_path, capsys):
    folder, checkpoints, *more = WAYS[way]
    count = 3 if way == "one batch" else 2  # of which two have none
    paths = [toy / f"{folder}-{number + 1}" / "checkpoint_best.pt" for number in range(checkpoints)]
    words: list[object] = [toy / folder, "--path", *paths, "--format", "tsv", "--batch-size", 4, *more]
    made = {}
    for name in ("alone", "together"):
        out = ["--output", tmp_path / name, "--json", tmp_path / name / "r.json"]
        if name == "alone":
            capsys.readouterr()
            assert evaluate.main([str(word) for word in [*words, *out]]) == 0
            printed = capsys.readouterr().out
        else:
            first, *others = ranks("evaluate", [*words, *out], count)
            assert (first[0], first[1]) == (0, printed), first
            assert others == [(0, "", "")] * (count - 1)
        made[name] = tree(tmp_path / name)
    assert made["alone"] == made["together"] and len(made["alone"]) >= 4


def test_the_generalised_setting(toy, tmp_path, capsys):
    words = [toy / "pairs", "--path", toy / "pairs-1/checkpoint_best.pt", "--generalised", "--format", "tsv",
             "--batch-size", 8, "--skip-unequal"]  # fmt: skip
    assert evaluate.main([str(word) for word in [*words, "--json", tmp_path / "a.json"]]) == 0
    printed = capsys.readouterr().out
    first, second = ranks("evaluate", [*words, "--json", tmp_path / "b.json"])
    assert first[:2] == (0, printed) and second == (0, "", "")
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_retrieval(tmp_path, tiny_spm, capsys):
    save_archive(tmp_path / "model.pt", tiny_spm.dict)
    raw = tmp_path / "raw"
    raw.mkdir()
    for language in ("de", "en"):
        (raw / f"de-en.{language}").write_text("".join(f"{language[0] * (1 + i % 7)} {i}\n" for i in range(50)))
    given = ["tatoeba", raw, tmp_path / "bin", "--spm", tiny_spm.model, "--dict", tiny_spm.dict]
    assert prepare.main([str(word) for word in given]) == 0
    words = [tmp_path / "bin", "--path", tmp_path / "model.pt", "--format", "tsv", "--batch-size", 3]
    capsys.readouterr()
    assert evaluate.main([str(w) for w in [*words, "--output", tmp_path / "a", "--json", tmp_path / "a/r.json"]]) == 0
    printed = capsys.readouterr().out
    first, second = ranks("evaluate", [*words, "--output", tmp_path / "b", "--json", tmp_path / "b/r.json"])
    assert first[:2] == (0, printed) and second == (0, "", "")
    assert tree(tmp_path / "a") == tree(tmp_path / "b")


@pytest.fixture(scope="module")
def raw(tmp_path_factory, tiny_spm) -> tuple[Path, Path, Path]:
    """A checkpoint, its data, and 41 pairs of raw text."""
    root = tmp_path_factory.mktemp("raw")
    data = prepare_raw(write_raw(root / "raw"), root / "xnli", tiny_spm)
    save_checkpoint(root / "plain.pt", data, "xl_sentence_pair")
    lines = [f"text {'a ' * (i % 9)}{i}\tother {'b ' * (i % 5)}{i}\n" for i in range(41)]
    (root / "pairs.tsv").write_text("".join(lines))
    return root / "plain.pt", data, root / "pairs.tsv"


@pytest.mark.parametrize("batch", [4, 64])
def test_lines_of_raw_text_keep_their_order(batch, raw, tmp_path, capsys):
    words: list[object] = [raw[2], "--path", raw[0], "--data", raw[1], "--batch-size", batch]
    assert predict.main([str(word) for word in words]) == 0
    printed = capsys.readouterr().out
    assert printed.count("\n") == 41
    first, *others = ranks("predict", words, 3)
    assert first == (0, printed, "") and others == [(0, "", "")] * 2
    if batch == 4:
        first, second = ranks("predict", [*words, "--output", tmp_path / "out.jsonl"])
        assert (first[0], second) == (0, (0, "", "")) and (tmp_path / "out.jsonl").read_text() == printed


@pytest.mark.parametrize("line", [1, 6, 41])
def test_a_bad_line_comes_after_the_good_ones(line, raw, tmp_path):
    lines = raw[2].read_text().splitlines(keepends=True)
    lines[line - 1] = "one column\n"
    (tmp_path / "bad.tsv").write_text("".join(lines))
    words: list[object] = [tmp_path / "bad.tsv", "--path", raw[0], "--data", raw[1], "--batch-size", 4]
    first, second = ranks("predict", words)
    assert first[0] == second[0] == 2 and second[1:] == ("", "")
    assert len([json.loads(text) for text in first[1].splitlines()]) == line - 1
    (message,) = first[2].splitlines()
    assert message.startswith(f"xl-predict: error: {tmp_path / 'bad.tsv'}:{line}: 1 columns")


def test_standard_input_is_not_shared(raw):
    found = ranks("predict", ["--path", raw[0], "--data", raw[1]])
    lines = [line for _, _, err in found for line in err.splitlines()]
    assert [code for code, _, _ in found] == [2, 2]
    assert lines == ["xl-predict: error: INPUT: several processes cannot share standard input; name a file"]


def test_a_mistake_is_told_once(toy, tmp_path):
    found = ranks("evaluate", [toy / "pairs", "--path", tmp_path / "none.pt"], 3)
    lines = [line for _, out, err in found for line in (out + err).splitlines()]
    assert [code for code, _, _ in found] == [2, 2, 2]
    assert len(lines) == 1 and lines[0].startswith(f"xl-evaluate: error: --path {tmp_path / 'none.pt'}: no such file")


FAILS = """
import os
from xl_plugins.problems import predicting
from xl_plugins.errors import UserError
made, calls = predicting.predict_batches, [0]
def failing(*args, **kwargs):
    calls[0] += 1
    if os.environ["RANK"] == "{rank}" and calls[0] == 2:
        {how}
    return made(*args, **kwargs)
predicting.predict_batches = failing
"""


@pytest.mark.parametrize("rank", [0, 1])
def test_an_error_of_one_process_ends_all(rank, toy, tmp_path):
    prelude = FAILS.format(rank=rank, how="raise UserError('--batch-size: something')")
    words = [toy / "pairs", "--path", toy / "pairs-1/checkpoint_best.pt", "--output", tmp_path / "out"]
    found = ranks("evaluate", words, 2, prelude)
    assert [code for code, _, _ in found] == [2, 2]
    assert [out + err for _, out, err in found if out + err] == ["xl-evaluate: error: --batch-size: something\n"]
    assert not (tmp_path / "out").exists()


def test_a_killed_process_ends_the_others(toy, tmp_path):
    prelude = FAILS.format(rank=1, how="os.kill(os.getpid(), 9)")
    found = ranks("evaluate", [toy / "pairs", "--path", toy / "pairs-1/checkpoint_best.pt"], 2, prelude)
    assert [code for code, _, _ in found] == [2, -signal.SIGKILL]
    assert found[0][2] == (
        "xl-evaluate: error: another process of this command was ended; see why, and start all of them again\n"
    )


def test_results_of_files_need_one_process(toy, tmp_path):
    found = ranks("evaluate", ["--compare", tmp_path / "a.json"])
    lines = [line for _, _, err in found for line in err.splitlines()]
    assert lines == ["xl-evaluate: error: --compare: reads files alone; start one process, without torchrun"]
