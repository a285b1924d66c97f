"""xl-augment with planted files: at its reports and text files, and in the data folder itself."""

from __future__ import annotations

import shutil
from itertools import count
from pathlib import Path

import pytest

from user_dir_tests.cli.augment.test_augment import save
from user_dir_tests.helpers.planting import FILE, FILES, FOLDER, Case, check_survival, pairs
from user_dir_tests.helpers.toys import toy_counterparts, toy_switch, toy_vicinity
from user_dir_tests.helpers.toys.toy_positions import make_tagging
from xl_plugins.cli.augment import main

KINDS = {
    "xl-augment counterparts --json": FILE,
    "xl-augment counterparts --write-pieces": FILES,
    "xl-augment counterparts data": FOLDER,
    "xl-augment vicinity --json": FILE,
    "xl-augment vicinity data": FOLDER,
    "xl-augment soft-labels --output": FILES,
    "xl-augment soft-labels data": FILES,
    "xl-augment code-switch data": FOLDER,
}


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what each command reads."""
    root = tmp_path_factory.mktemp("worlds")
    for name, toy in (("counterparts", toy_counterparts), ("vicinity", toy_vicinity), ("code-switch", toy_switch)):
        (root / name).mkdir()
        toy.make_world(root / name)
    data = make_tagging(root / "soft-labels" / "data", train=12, valid=2, test=2, soft=False, tagged=False)
    save(root / "soft-labels" / "best.pt", data)
    return root


def words(command: str, world: Path, number: int) -> list[object]:
    """A small run; ``number``: those of different numbers have different options, and so other results."""
    if command == "counterparts":
        given = ["pairs", "--path", world / "model.pt", "--word-lists", world / "lists", "--languages", "fr",
                 "--thresholds", f"fr={0.1**number}"]  # fmt: skip
    elif command == "vicinity":
        given = ["tagged", "--path", world / "model.pt", "--languages", "de", "--seed", number]
    elif command == "code-switch":
        given = ["tagged", "--dictionaries", world / "dictionaries", "--samples", 4, "--seed", number]
    else:
        given = ["data", "--path", world / "best.pt", "--languages", "de"]
    return [command, world / str(given[0]), *given[1:]]


PLACES = {"counterparts": "pairs/en/counterparts/fr", "vicinity": "tagged/de/vicinity",
          "soft-labels": "data/de/soft", "code-switch": "tagged/en/code-switch"}  # fmt: skip
NAMES = {"--write-pieces": ("train.input0.orig", "train.input1.fr"), "--output": ("en-de.tsv",)}


def make_case(name: str, worlds: Path, root: Path) -> Case:
    _, command, option = name.split()
    world = Path(shutil.copytree(worlds / command, root / "world"))
    numbers = count(1)

    def run(out: Path, overwrite: bool) -> None:
        more: list[object] = [] if option == "data" else [option, out]
        number = next(numbers) if option == "data" else 1  # else what lies in the data folder would refuse the run
        given = words(command, world, number) + more + ["--overwrite"] * overwrite
        assert main([str(word) for word in given]) == 0

    inside = option == "data"
    files = ("train.npy",) if inside and command == "soft-labels" else NAMES.get(option, ())
    out = world / PLACES[command] if inside else root / "place" / "out"
    return Case(root, out, run, KINDS[name], f"xl-augment {command}", files, always=option == "--write-pieces")


@pytest.mark.parametrize(("name", "plant"), pairs(KINDS, lambda name: "counter" in name or "vicinity" in name))
def test_what_is_planted_survives(worlds: Path, tmp_path: Path, name: str, plant: str) -> None:
    check_survival(make_case(name, worlds, tmp_path), plant)
