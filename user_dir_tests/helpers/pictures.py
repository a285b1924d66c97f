"""Checks of pictures: a PNG with something drawn on it, and an SVG that is well-formed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

LEAST_INK = 0.0002  # share of coloured pixels: axes, ticks and names are black, so that what is empty has none


def ink(path: Path) -> float:
    """Share of the pixels of a PNG that have a colour."""
    from matplotlib.image import imread

    pixels = np.asarray(imread(path))[..., :3]
    return float((pixels.max(axis=2) - pixels.min(axis=2) > 0.1).mean())


def check_folder(out: Path, kind: str, pictures: set[str]) -> dict[str, Any]:
    """The content of ``analysis.json``, once all that it lists is there and no picture is blank."""
    content = json.loads((out / "analysis.json").read_text(encoding="utf-8"))
    assert content["kind"] == kind and {name.removesuffix(".png") for name in content["pictures"]} == pictures
    for name in content["pictures"]:
        assert ink(out / name) > LEAST_INK, f"{name} is blank"
        root = ElementTree.parse((out / name).with_suffix(".svg")).getroot()
        assert root.tag.endswith("svg") and len(list(root.iter())) > 30
    for name in content["tables"]:
        lines = (out / name).read_text(encoding="utf-8").splitlines()
        assert len(lines) > 1 and "," in lines[0]
    return content
