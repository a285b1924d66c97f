"""How all pictures look: colours that colour-blind readers tell apart, fonts with all scripts, PNG and SVG."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import UserError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito, "Color Universal Design", 2008; yellow, too pale on white, is left out
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
MARKERS = "os^DvPX*"
MAP = "cividis"  # made for colour-blind readers
_FONTS = (
    "DejaVu Sans", "Noto Sans", "Noto Sans Arabic", "Noto Sans Hebrew", "Noto Sans Devanagari", "Noto Sans Bengali",
    "Noto Sans Tamil", "Noto Sans Telugu", "Noto Sans Malayalam", "Noto Sans Thai", "Noto Sans Georgian",
    "Noto Sans Myanmar", "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans CJK KR",
)  # fmt: skip
_DOTS = 150  # per inch


def _matplotlib() -> Any:
    try:
        import matplotlib
        from matplotlib import font_manager
    except ImportError:
        raise UserError("pictures need matplotlib; pip install 'xl-plugins[report]'") from None
    for name in ("matplotlib", "PIL"):  # they tell of every font and chunk
        logging.getLogger(name).setLevel(logging.WARNING)
    return matplotlib, font_manager


def check_available() -> None:
    """UserError without matplotlib, before anything is computed."""
    _matplotlib()


def _settings() -> dict[str, Any]:
    _, fonts = _matplotlib()
    there = {font.name for font in fonts.fontManager.ttflist}
    return {
        "font.family": [name for name in _FONTS if name in there], "axes.unicode_minus": False, "font.size": 9,
        "svg.fonttype": "path", "svg.hashsalt": "xl_plugins", "axes.spines.top": False, "axes.spines.right": False,
    }  # fmt: skip


def draw(width: float, height: float, title: str, panels: int = 1, columns: int = 5) -> tuple[Figure, list[Axes]]:
    """A figure drawn without a display, and its panels, ``columns`` side by side; sizes in inches are of one panel."""
    matplotlib, _ = _matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    across = min(panels, columns)
    down = -(-panels // across)
    with matplotlib.rc_context(_settings()):
        figure = Figure(figsize=(width * across, height * down), layout="constrained")
        FigureCanvasAgg(figure)
        axes = [figure.add_subplot(down, across, number + 1) for number in range(panels)]
        figure.suptitle(title, fontsize=10)
    return figure, axes


def save(figure: Figure, path: Path) -> None:
    """Write ``path``.png and ``path``.svg; the same figure gives the same files."""
    matplotlib, _ = _matplotlib()
    with matplotlib.rc_context(_settings()):
        figure.savefig(f"{path}.png", dpi=_DOTS, metadata={"Software": None})
        figure.savefig(f"{path}.svg", metadata={"Date": None})


def mark_of(number: int) -> dict[str, Any]:
    """Colour and shape of the number-th of many groups: 56 that differ."""
    return {"color": COLOURS[number % len(COLOURS)], "marker": MARKERS[number // len(COLOURS) % len(MARKERS)]}
