"""A command that is asked for its help starts without torch and fairseq; everything else registers as always."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from xl_plugins.startup import asks_for_help

REPO = Path(__file__).resolve().parents[1]
RUN = """
import importlib, sys
sys.argv = sys.argv[1:]
name = sys.argv[0].removeprefix("xl-")
try:
    sys.exit(importlib.import_module(f"xl_plugins.cli.{name}").main(sys.argv[1:]))
finally:
    heavy = "torch", "fairseq", "sklearn", "sentencepiece", "xl_plugins.registration"
    print("loaded:", [module for module in heavy if module in sys.modules], file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        ("xl-evaluate --help", True), ("/usr/bin/xl-augment counterparts -h", True), ("xl-mini --version", True),
        ("xl-evaluate data-bin/xnli", False), ("fairseq-train --help", False), ("pytest --help", False),
        ("xl-train --help", True), ("xl-train --task xl_qa --help", False), ("xl-train --help --task=xl_qa", False),
        ("xl-xtune xnli data-bin -- --help", False), ("", False),
    ],
)  # fmt: skip
def test_who_asks_for_help(words: str, asked: bool) -> None:
    assert asks_for_help(words.split()) is asked


@pytest.mark.parametrize(
    "words",
    [
        "xl-prepare", "xl-prepare xnli", "xl-prepare pairs", "xl-augment", "xl-augment code-switch",
        "xl-augment counterparts", "xl-augment soft-labels", "xl-augment vicinity", "xl-train", "xl-xtune",
        "xl-evaluate", "xl-predict", "xl-convert", "xl-convert trim", "xl-mini", "xl-mini pretrain", "xl-report",
        "xl-analyze", "xl-analyze similarity", "xl-analyze errors", "xl-analyze translations",
    ],
)  # fmt: skip
def test_help_loads_nothing_heavy(words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", RUN, *words.split(), "--help"], cwd=REPO, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0 and done.stdout.lower().startswith(("usage", "xl-train data")), done.stderr
    assert done.stderr.splitlines()[-1] == "loaded: []"


def test_everything_else_registers() -> None:
    code = "import xl_plugins; from fairseq.tasks import TASK_REGISTRY; print('xmixup_qa' in TASK_REGISTRY)"
    done = subprocess.run([sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"
