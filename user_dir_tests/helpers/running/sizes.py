"""Which recipes the quick tests run."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest


def large_is_slow(recipes: Iterable[Path]) -> list[Any]:
    """Parameters of a test that trains: a recipe for the large model differs from its base in numbers alone."""
    return [pytest.param(path, marks=pytest.mark.slow) if path.stem.endswith("_large") else path for path in recipes]
