"""Every recipe is short, says nothing twice, and composes to the options in the table."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fairseq.dataclass.configs import FairseqConfig
from omegaconf import OmegaConf

from user_dir_tests.helpers.running.recipes import (
    EVERY,
    FOLDER,
    RUN_FOLDER,
    SHARED,
    TABLE,
    composed,
    filled,
    flat,
    hydra_settings,
    name,
    resolved,
    telling,
)

EXPECTED = json.loads(TABLE.read_text(encoding="utf-8"))
GROUPS = ("task", "model", "criterion", "optimizer", "lr_scheduler", "optimization", "dataset", "checkpoint")
CHANGE = re.compile(rf"\+{{0,2}}\b(?:{'|'.join(GROUPS)})\.\w+(=\S*)?")


def test_the_table_has_the_recipes_that_there_are() -> None:
    assert list(EXPECTED) == [name(path) for path in EVERY]
    assert {path.stem for path in FOLDER.rglob("*.yaml")} >= set(SHARED)


@pytest.mark.parametrize("path", EVERY, ids=name)
def test_options(path: Path) -> None:
    """All that is not the default of an option's class, whether the recipe says so or its task's defaults do."""
    assert telling(resolved(path)) == EXPECTED[name(path)]  # a change that is meant: see recipes.py


@pytest.mark.parametrize("path", EVERY, ids=name)
def test_length(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 12 and all(len(line) <= 128 for line in lines[1:])  # the first is the command


@pytest.mark.parametrize("path", EVERY, ids=name)
def test_every_run_and_every_job_of_a_sweep_has_its_folder(path: Path) -> None:
    options, hydra = resolved(path), hydra_settings(path)
    own = f"outputs/{path.parent.name}/{path.stem}"
    run = f"{own}/{options['task']['xla_target']}" if path.stem.startswith("xla") else own
    assert options["checkpoint"]["save_dir"] == hydra["run"]["dir"] == run
    assert hydra["sweep"]["dir"] == f"{own}-sweep"
    assert hydra["job"]["chdir"] is False
    assert hydra["job"]["config"]["override_dirname"]["exclude_keys"] == ["common.user_dir"]
    shared = read(FOLDER / "base.yaml")
    assert shared["checkpoint"]["save_dir"] == RUN_FOLDER
    assert shared["hydra"]["sweep"]["subdir"] == "${hydra.job.override_dirname}"


def read(path: Path) -> dict[str, Any]:
    return OmegaConf.to_container(OmegaConf.load(path), resolve=False)  # type: ignore[return-value]


def layers(path: Path) -> list[dict[str, Any]]:
    """The files of a recipe in hydra's order, itself included."""
    order = read(path)["defaults"]
    return [read(path if entry == "_self_" else path.parent / f"{entry}.yaml") for entry in order]


@pytest.mark.parametrize("path", EVERY, ids=name)
def test_no_recipe_says_what_a_file_after_it_says(path: Path) -> None:
    """It would be of no effect."""
    own = set(flat(read(path))) - {"defaults"}
    after = layers(path)[read(path)["defaults"].index("_self_") + 1 :]
    assert not own & {option for layer in after for option in flat(layer)}


def changes(page: Path) -> Iterator[tuple[str, str]]:
    """Recipe and change of every ``group.option=value`` in a README."""
    recipe = "xmixup_base"
    for heading, section in re.findall(r"^(#+ .*)\n((?:(?!#+ ).*\n)*)", page.read_text("utf-8"), re.MULTILINE):
        word = heading.split()[1]
        recipe = {**dict.fromkeys(("CoNLL-2002", "XLA"), "xla_base"), "SALT": "salt_base", "The": "xmixup_base"}.get(
            word, recipe
        )
        for span in re.findall(r"`([^`\n]+)`", section) + section.replace("\\\n", " ").splitlines():
            if "`" in span or not CHANGE.search(span):
                continue
            words = " ".join(shlex.split(span)).replace("small=", "").split()
            named = words[words.index("--config-name") + 1] if "--config-name" in words else recipe
            yield from ((named, word) for word in words if CHANGE.fullmatch(word))


@pytest.mark.parametrize("folder", sorted({path.parent for path in EVERY}), ids=lambda path: path.name)
def test_changes_named_in_the_readmes(folder: Path) -> None:
    """hydra takes them as they stand there: without a plus what a file names, with one what it does not."""
    found = sorted(set(changes(folder / "README.md")))
    assert len(found) >= (0 if folder.name == "sib200" else 8), found
    for recipe in {recipe for recipe, _ in found}:
        options = {change.lstrip("+").partition("=")[0]: change for known, change in found if known == recipe}
        cfg = composed(folder / f"{recipe}.yaml", *(change for change in options.values() if "=" in change))
        assert all(OmegaConf.select(cfg, option) is not None for option in options)


def knobs(path: Path) -> set[str]:
    """Options that a recipe names to be changed: on the README's word, or on that of its own comments."""
    comments = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    named = {change for _, change in changes(path.parent / "README.md")}
    named |= {word for line in comments for word in line.split() if CHANGE.fullmatch(word)}
    return {change.lstrip("+").partition("=")[0] for change in named}


@pytest.mark.slow
@pytest.mark.parametrize("path", EVERY, ids=name)
def test_nothing_is_superfluous(path: Path) -> None:
    """Without any of its options, but those to be changed, a recipe would train something else."""

    def options(left_out: str = "") -> dict[str, Any]:
        parts = layers(path)
        for part in parts:
            part.pop("defaults", None), part.pop("hydra", None)
            part.get("checkpoint", {}).pop("save_dir", None)  # known in a run only
        group, _, option = left_out.partition(".")
        if option:
            del own(parts)[group][option]
        given = {f"{group}.{option}" for part in parts for group in part for option in part[group]}
        plain = OmegaConf.to_container(OmegaConf.structured(FairseqConfig), resolve=False, enum_to_str=True)
        return filled(OmegaConf.merge(OmegaConf.create(plain), *parts), given)

    def own(parts: list[dict[str, Any]]) -> dict[str, Any]:
        return parts[read(path)["defaults"].index("_self_")]

    whole, superfluous = options(), set()
    for option in set(flat(read(path))) - {"defaults", "task._name", "hydra.run.dir"} - knobs(path):
        try:
            superfluous |= {option} if options(option) == whole else set()
        except Exception:  # of no use without it: an option of another criterion
            continue
    assert not superfluous
