"""Pictures: ink where there is something to draw, labels of all scripts, colours that differ."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

from user_dir_tests.helpers.pictures import LEAST_INK, ink
from xl_plugins.analysis.pictures import charts, style
from xl_plugins.errors import UserError

matplotlib = pytest.importorskip("matplotlib")


def drawn(figure, path: Path) -> float:
    style.save(figure, path)
    return ink(path.with_suffix(".png"))


def test_empty_axes_count_as_blank(tmp_path: Path) -> None:
    figure, _ = style.draw(6, 4, "")
    assert drawn(figure, tmp_path / "empty") == 0
    assert drawn(charts.bars({"de": 0.5, "sw": 0.2}, "A", "b"), tmp_path / "bars") > 5 * LEAST_INK


def test_the_same_numbers_give_the_same_files(tmp_path: Path) -> None:
    for name in ("first", "second"):
        style.save(charts.named_points({"de": (1, 2), "sw": (2, 3)}, "A", ("x", "y")), tmp_path / name)
    for end in ("png", "svg"):
        assert (tmp_path / f"first.{end}").read_bytes() == (tmp_path / f"second.{end}").read_bytes()


def test_labels_of_all_scripts(tmp_path: Path) -> None:
    """No glyph is missing, and Arabic letters are joined: kept apart they are other forms, and wider."""
    there = {font.name for font in matplotlib.font_manager.fontManager.ttflist}
    if not {"Noto Sans CJK JP", "Noto Sans Devanagari"} <= there:
        pytest.skip("needs Noto's fonts")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        names = ("سلام", "שלום", "日本語", "한국어", "हिन्दी", "ไทย")
        style.save(charts.bars(dict.fromkeys(names, 1.0), "العربية", "x"), tmp_path / "names")
    widths = []
    for text in ("سلم", "\u200c".join("سلم")):
        figure, (axes,) = style.draw(4, 2, "")
        with matplotlib.rc_context(style._settings()):
            label = axes.text(0.1, 0.5, text, fontsize=30)
            widths.append(label.get_window_extent(figure.canvas.get_renderer()).width)
    assert widths[0] < 0.95 * widths[1]


def test_56_groups_differ() -> None:
    assert len({tuple(style.mark_of(number).values()) for number in range(56)}) == 56


def test_a_heat_map_of_unknown_numbers(tmp_path: Path) -> None:
    values = np.array([[0.1, np.nan], [0.7, 1.0]])
    assert drawn(charts.heat(values, ["a", "b"], ["c", "d"], "A", ("x", "y"), "u"), tmp_path / "heat") > LEAST_INK


def test_without_matplotlib_one_line_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    with pytest.raises(UserError, match=r"pictures need matplotlib; pip install 'xl-plugins\[report\]'"):
        style.check_available()
