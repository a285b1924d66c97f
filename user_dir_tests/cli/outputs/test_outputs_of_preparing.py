"""xl-prepare with every reader, and planted files at, in and beside the folder that it makes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from user_dir_tests.helpers.folders import tree
from user_dir_tests.helpers.planting import FOLDER, Case, check_survival, pairs
from user_dir_tests.helpers.prepare.questions import content, make_xquad
from user_dir_tests.helpers.prepare.questions import write as write_json
from user_dir_tests.helpers.prepare.raw import make_xnli, sentence, write_rows
from user_dir_tests.helpers.prepare.retrieval import make_bucc, make_tatoeba
from user_dir_tests.helpers.prepare.tagging import add_source_texts, make_udpos, tagged, write
from xl_plugins.cli import prepare
from xl_plugins.errors import UserError


def _xnli(raw: Path) -> list[object]:
    return [make_xnli(raw, ("de",), 4, 2, 2)]


def _pawsx(raw: Path) -> list[object]:
    for name in ("train-en", "dev-en", "test-en", "dev-de", "test-de"):
        write_rows(
            raw / f"{name}.tsv", [[sentence("en", name, row, n) for n in (0, 1)] + [str(row % 2)] for row in range(4)]
        )
    return [raw]


def _udpos(raw: Path) -> list[object]:
    return [add_source_texts(make_udpos(raw, 3, 3), 3, 3)]


def _panx(raw: Path) -> list[object]:
    for name in ("train-en", "dev-en", "test-en", "test-de"):
        write(raw / f"{name}.tsv", [[f"{name.split('-')[1]}:kabo\tB-PER", "nami\tO"] for _ in range(3)])
    return [raw]


def _xquad(raw: Path) -> list[object]:
    make_xquad(raw)
    return [raw / "xquad"]


def _mlqa(raw: Path) -> list[object]:
    write_json(raw / "squad/train-v1.1.json", content("en", "train", 1))
    for split in ("dev", "test"):
        for language in ("en", "de"):
            name = f"{split}-context-{language}-question-{language}.json"
            write_json(raw / "mlqa" / f"MLQA_V1/{split}" / name, content(language, split, 1))
    return [raw / "mlqa"]


def _tydiqa(raw: Path) -> list[object]:
    for split in ("train", "dev"):
        write_json(raw / f"tydiqa-goldp-v1.1-{split}" / f"tydiqa.goldp.en.{split}.json", content("en", split, 1))
    return [raw]


def _table(raw: Path) -> list[object]:
    rows = [["first", "second", "label"]] + [["ba da", f"ga {row}", "xy"[row % 2]] for row in range(4)]
    return ["--labels", "x,y", "--train", f"en={write_rows(raw / 'train.tsv', rows)}"]


def _texts(raw: Path) -> list[object]:
    rows = [["text", "label"]] + [[f"ba {row}", "xy"[row % 2]] for row in range(4)]
    write_rows(raw / "train-en.tsv", rows)
    return ["--labels", "x,y", "--folder", raw]


def _conllu(raw: Path) -> list[object]:
    rows = [f"{n}\t{word}\t_\tNOUN\t_\t_\t0\troot\t_\t_" for n, word in enumerate(("kabo", "nami"), 1)]
    return ["--train", f"en={write(raw / 'train.conllu', [rows] * 3)}"]


def _conll(raw: Path) -> list[object]:
    return [
        "--tag-column",
        "2",
        "--train",
        f"en={write(raw / 'train.txt', [tagged('en', 'train', row) for row in range(3)])}",
    ]


def _squad(raw: Path) -> list[object]:
    return ["--train", f"en={write_json(raw / 'train.json', content('en', 'train', 1))}"]


# a reader, and what makes its raw files and returns its arguments but for the folder to make
WORLDS: dict[str, Callable[[Path], list[object]]] = {
    "xnli": _xnli, "pawsx": _pawsx, "udpos": _udpos, "panx": _panx, "xquad": _xquad, "mlqa": _mlqa, "tydiqa": _tydiqa,
    "tatoeba": lambda raw: [make_tatoeba(raw)], "bucc2018": lambda raw: [make_bucc(raw)],
    "pairs": _table, "texts": _texts, "conllu": _conllu, "conll": _conll, "squad": _squad,
}  # fmt: skip
FREE = ("pairs", "texts", "conllu", "conll", "squad")  # files by options, no folder of raw files
KINDS = {f"xl-prepare {name} dest": FOLDER for name in WORLDS}
EVERY_PLANT = ("xnli", "udpos", "xquad", "tatoeba", "pairs")  # one of each problem, and a free one


def make_case(name: str, tiny_spm: Any, root: Path) -> Case:
    reader = name.split()[1]
    raw = root / "world" / "raw"
    given = WORLDS[reader](raw)
    for part in ("model", "dict"):
        shutil.copy(getattr(tiny_spm, part), root / "world" / part)
    tokenizer = ["--spm", root / "world" / "model", "--dict", root / "world" / "dict"]

    def run(out: Path, overwrite: bool) -> None:
        words = [reader, out, *given] if reader in FREE else [reader, given[0], out, *given[1:]]
        words += [*tokenizer, "--workers", 1, *["--overwrite"] * overwrite]
        assert prepare.main([str(word) for word in words]) == 0

    return Case(root, root / "place" / "out", run, FOLDER, "xl-prepare")


@pytest.mark.parametrize(("name", "plant"), pairs(KINDS, lambda name: name.split()[1] not in EVERY_PLANT))
def test_what_is_planted_survives(tiny_spm: Any, tmp_path: Path, name: str, plant: str) -> None:
    check_survival(make_case(name, tiny_spm, tmp_path), plant)


@pytest.mark.parametrize("name", KINDS)
def test_no_folder_with_an_input_in_it_is_replaced(
    tiny_spm: Any, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even where a mark says that this command made it."""
    case = make_case(name, tiny_spm, tmp_path)
    (tmp_path / "place" / "here").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "place" / "here")
    before = tree(tmp_path)
    for out in (tmp_path / "world/raw", tmp_path / "world", tmp_path, tmp_path / "place", Path("."), Path("..")):
        for overwrite in (False, True):
            with pytest.raises((UserError, OSError)):
                case.run(out, overwrite)
            assert tree(tmp_path) == before
