"""xl-evaluate, xl-convert and xl-mini with real models or data, and planted files."""

from __future__ import annotations

import json
import shutil
from itertools import count
from pathlib import Path

import pytest
import torch

from user_dir_tests.conftest import TinySpm
from user_dir_tests.evaluation.test_members import cotraining
from user_dir_tests.helpers.evaluation.checkpoints import save_checkpoint
from user_dir_tests.helpers.folders import tree
from user_dir_tests.helpers.planting import FILE, FILES, FOLDER, Case, check_survival, pairs
from user_dir_tests.helpers.prepare.invented_xnli import prepare_raw, write_raw
from user_dir_tests.helpers.toys.toy import make_data
from xl_plugins.cli import convert, evaluate, mini, predict
from xl_plugins.data.binary.layout import load_with_mask
from xl_plugins.errors import UserError

KINDS = {
    "xl-evaluate --json": FILE,
    "xl-evaluate --output": FILES,
    "xl-predict --output": FILE,
    "xl-convert average out": FILE,
    "xl-convert from-hf out": FOLDER,
    "xl-convert members --out": FILES,
    "xl-convert onnx out": FOLDER,
    "xl-convert to-hf out": FOLDER,
    "xl-convert trim out": FOLDER,
    "xl-convert untrim out": FILE,
    "xl-mini make folder": FOLDER,
}
FILES_OF = {
    "xl-evaluate --output": ("xnli/test-en.tsv", "xnli/test-de.tsv"),
    "xl-convert members --out": ("member-1.pt", "member-3.pt"),
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, tiny_spm: TinySpm) -> Path:
    root = tmp_path_factory.mktemp("world")
    data = make_data(root / "data", test=4)
    (data / "meta.json").write_text(json.dumps({"dataset": "xnli", "languages": ["de", "en", "fr"]}))
    save_checkpoint(root / "plain.pt", data, "xl_sentence_pair")
    torch.save(cotraining(("sentence_pair", data)), root / "members.pt")
    for name, file in (("spm.model", tiny_spm.model), ("dict.txt", tiny_spm.dict), ("text.txt", tiny_spm.text)):
        shutil.copy(file, root / name)
    table = torch.rand(len(load_with_mask(tiny_spm.dict)), 4)
    torch.save({"model": {"encoder.embed_tokens.weight": table}}, root / "whole.pt")
    assert convert.main(convert_words("trim", root, root / "small")) == 0
    prepare_raw(write_raw(root / "raw", rows=4), root / "pairs", tiny_spm)
    save_checkpoint(root / "tuned.pt", root / "pairs", "xl_sentence_pair", max_positions=64, max_length=60)
    assert convert.main(convert_words("to-hf", root, root / "hub")) == 0
    (root / "given.tsv").write_text("a b\tb c\n")
    return root


def convert_words(command: str, inputs: Path, out: Path) -> list[str]:
    given = {
        "average": f"average {inputs}/plain.pt {inputs}/plain.pt {out}",
        "from-hf": f"from-hf {inputs}/hub {out}",
        "to-hf": f"to-hf {inputs}/tuned.pt {out} --data {inputs}/pairs",
        "onnx": f"onnx {inputs}/tuned.pt {out} --data {inputs}/pairs",
        "members": f"members {inputs}/members.pt --out {out}",
        "trim": f"trim {inputs}/whole.pt --data {inputs}/text.txt --spm {inputs}/spm.model"
        f" --dict {inputs}/dict.txt {out}",
        "untrim": f"untrim {inputs}/small/model.pt --dict {inputs}/small/dict.txt --full {inputs}/whole.pt"
        f" --full-dict {inputs}/dict.txt {out}",
    }
    return given[command].split()


def make_case(name: str, world: Path, root: Path) -> Case:
    inputs = Path(shutil.copytree(world, root / "world"))
    seeds = count(1)

    def run(out: Path, overwrite: bool) -> None:
        more = ["--overwrite"] * overwrite
        if name.startswith("xl-evaluate"):
            option = name.split()[1]
            words = [str(inputs / "data"), "--path", str(inputs / "plain.pt"), option, str(out), *more]
            assert evaluate.main(words) == 0
        elif name.startswith("xl-predict"):
            words = ["--path", str(inputs / "tuned.pt"), "--data", str(inputs / "pairs"), "--output", str(out), *more]
            assert predict.main([str(inputs / "given.tsv"), *words]) == 0
        elif name.startswith("xl-convert"):
            assert convert.main([*convert_words(name.split()[1], inputs, out), *more]) == 0
        else:
            sizes = "--problem sentence_pair --languages en,de --train 3 --dev 3 --test 3 --unlabelled 3".split()
            assert mini.main(["make", str(out), *sizes, "--seed", str(next(seeds)), *more]) == 0

    command = name.rpartition(" ")[0]
    return Case(root, root / "place" / "out", run, KINDS[name], command, FILES_OF.get(name, ()))


@pytest.mark.parametrize(("name", "plant"), pairs(KINDS))
def test_what_is_planted_survives(world: Path, tmp_path: Path, name: str, plant: str) -> None:
    check_survival(make_case(name, world, tmp_path), plant)


@pytest.mark.parametrize("name", KINDS)
def test_no_input_is_replaced(world: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An output that is or holds an input, or the working folder: files may be added there, none is another one."""
    case = make_case(name, world, tmp_path)
    monkeypatch.chdir(tmp_path / "world")
    before = tree(tmp_path)
    for out in ("data", "data/en", "data/meta.json", "data/dict.txt", "plain.pt", "members.pt", ".", ".."):
        for overwrite in (False, True):
            try:
                case.run(Path(out), overwrite)
            except (UserError, OSError):
                pass
            else:
                assert case.kind == FILES
            now = tree(tmp_path)
            assert {path: now.get(path, "gone") for path in before} == before
