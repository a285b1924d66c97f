"""Fixtures of the tests of the study."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

STUDY = Path(__file__).resolve().parents[3] / "examples" / "experiments" / "study"


@pytest.fixture(scope="module")
def modules() -> Iterator[Any]:
    """The modules of the study, which are no package."""
    sys.path.insert(0, str(STUDY))
    try:
        import report
        import results
        import run
        import steps
        import table
        import training

        yield {"run": run, "steps": steps, "table": table, "report": report, "training": training, "results": results}
    finally:
        sys.path.remove(str(STUDY))
