"""The commands in the READMEs of the tagging, question-answering and retrieval recipes run as they stand.

The embedded benchmark, under the real sets' file names, stands in for the download; training stops after two updates.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from user_dir_tests.examples.test_readme import REPO, blocks, run
from user_dir_tests.examples.test_readme import stage as stage  # a fixture
from user_dir_tests.mini.test_squad import entries

LANGUAGES = ("en", "de", "hi")
TARGETS = LANGUAGES[1:]


def _script(path: Path, body: str) -> None:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


@pytest.fixture(scope="module")
def download(stage: Path) -> Path:
    """The stage with raw/ as it would be after a download of XTREME, and commands for a model of three layers."""
    # default layers of X-Mixup lie above the three layers of the stand-in
    train = ("*xmixup_*", "--mixup-layer 2")
    known = {"fairseq-hydra-train": ("*xmixup*", "model.mixup_layer=2"), "fairseq-train": train, "xl-train": train}
    for name, (pattern, layer) in known.items():
        command, warm = stage / "bin" / name, stage / "bin" / f"warm-{name}"
        command.rename(warm)
        _script(command, f'case "$*" in {pattern}) layer="{layer}";; esac\nexec {warm} "$@" $layer')
    sizes = "--train 96 --dev 12 --test 14 --unlabelled 40"
    run(stage, f"xl-mini make new --problem all --languages {','.join(LANGUAGES)} {sizes}")
    raw, new = stage / "raw", stage / "new"
    for name in ("udpos", "panx"):
        shutil.copytree(new / name, raw / name)
    for name in ("xquad", "mlqa", "tydiqa"):
        shutil.copytree(new / "squad", raw / name, ignore=shutil.ignore_patterns("*-??.json"))
        for view in ("translate-train", "back-translation", "translate-dev", "translate-test"):
            shutil.copytree(new / "squad" / view, raw / name / view, dirs_exist_ok=True)
    places = {("train", "en"): ["squad/train-v1.1.json", "tydiqa/tydiqa-goldp-v1.1-train/tydiqa.goldp.en.train.json"]}
    for code in LANGUAGES:
        places["dev", code] = [f"mlqa/MLQA_V1/dev/dev-context-{code}-question-{code}.json"]
        places["test", code] = [
            f"xquad/xquad.{code}.json",
            f"mlqa/MLQA_V1/test/test-context-{code}-question-{code}.json",
            f"tydiqa/tydiqa-goldp-v1.1-dev/tydiqa.goldp.{code}.dev.json",
        ]
    for (split, code), names in places.items():
        for name in names:
            (raw / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(new / "squad" / f"{split}-{code}.json", raw / name)
    (raw / "tatoeba").mkdir()
    for code in TARGETS:
        shutil.copy(new / "unlabelled" / f"parallel-{code}.txt", raw / "tatoeba" / f"{code}-en.{code}")
        shutil.copy(new / "unlabelled" / "parallel-en.txt", raw / "tatoeba" / f"{code}-en.en")
    return stage


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_readme(download: Path) -> None:
    """The documents, from tagging on; the runs on pairs that the tables need come first."""
    pairs, baselines, _, tagging, questions = blocks(REPO / "docs" / "xmixup.md")
    (tune,), (salt,), (scores,), (trim,) = (
        blocks(REPO / "docs" / f"{x}.md") for x in ("xtune", "salt", "scores", "data")
    )
    for block in (pairs, baselines, tagging, questions, tune):
        run(download, block)
    assert "two languages" in run(download, salt)
    tables = run(download, scores)
    for text in ("panx", "xquad", "tatoeba", "paired bootstrap", "two languages"):
        assert text in tables, tables
    table = run(download, trim)
    assert "xnli-whole" in table and "402 pieces, 402 of them from outputs/xnli-small/checkpoint_best.pt" in table


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", ["udpos", "panx", "xquad", "mlqa"])
def test_recipe_readme(download: Path, name: str) -> None:
    train, tune, *_ = blocks(REPO / "examples" / "recipes" / name / "README.md")
    run(download, f"rm -rf data-bin/{name} outputs/{name}\n{train}")
    run(download, tune)
    for system in ("zero_shot", "translate_train", "xmixup", "xtune", "xtune-translate"):
        text = (download / "outputs" / name / f"{system}.json").read_text(encoding="utf-8")
        assert '"de"' in text and '"hi"' in text
        written = download / "predictions" / system / name
        if name in ("udpos", "panx"):
            own = (written / "test-de.tsv").read_text(encoding="utf-8")
            gold = (download / "raw" / name / "test-de.tsv").read_text(encoding="utf-8")
            assert [bool(line) for line in own.split("\n")] == [bool(line) for line in gold.split("\n")]
        else:
            known = {entry["id"] for _, entry in entries(download / "new" / "squad" / "test-de.json")}
            assert set(json.loads((written / "test-de.json").read_text(encoding="utf-8"))) == known


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_retrieval_readme(download: Path) -> None:
    evaluate, _ = blocks(REPO / "examples" / "recipes" / "tatoeba" / "README.md")
    run(download, f"rm -rf data-bin/tatoeba\nmkdir -p outputs\n{evaluate.replace('--json', '--layer 2 --json')}")
    text = (download / "outputs" / "tatoeba.json").read_text(encoding="utf-8")
    assert '"de"' in text and '"hi"' in text
