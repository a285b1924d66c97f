"""The page: one file with its style, script and pictures, which asks for nothing from anywhere."""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..evaluation.report.table import p_value
from ..terminal import printable
from .analysis import Analysis
from .curves import learning_curves, legend
from .facts import Origin
from .heat import heat_map
from .inputs import Inputs
from .made import MARK
from .scores import LEVEL, Comparison

TEMPLATES = Path(__file__).parent / "templates"


def policy(style: str, script: str) -> str:
    """A content security policy that lets these texts work and nothing else: no request, no other script or style."""
    hashes = [
        base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii") for text in (style, script)
    ]
    return (
        f"default-src 'none'; img-src data:; style-src 'sha256-{hashes[0]}'; script-src 'sha256-{hashes[1]}';"
        " base-uri 'none'; form-action 'none'"
    )


def points(value: float | None) -> str:
    """One decimal, with a true minus sign; a dash where there is none."""
    return "–" if value is None or math.isnan(value) else f"{value:.1f}".replace("-", "−")


def difference(value: float) -> str:
    """One decimal with its sign."""
    return f"{value:+.1f}".replace("-", "−").replace("+0.0", "±0.0").replace("−0.0", "±0.0")


def compact(value: float) -> str:
    """A value of a learning curve."""
    return f"{value:,.0f}" if value == int(value) and abs(value) < 1e9 else f"{value:.4g}"


def make_page(
    title: str, inputs: Inputs, comparisons: Sequence[Comparison], analyses: Sequence[Analysis],
    origins: Sequence[Origin],
) -> str:  # fmt: skip
    """The whole page as text; UserError without jinja2."""
    environment = _environment()
    style, script = ((TEMPLATES / f"report.{end}").read_text(encoding="utf-8") for end in ("css", "js"))
    return environment.get_template("report.html").render(
        mark=MARK, policy=policy(style, script), style=environment.markup(style), script=environment.markup(script),
        title=title, inputs=inputs, comparisons=comparisons, curves=learning_curves(inputs.trained),
        legend=legend(inputs.trained), maps=[heat_map(item) for item in inputs.crossed], analyses=analyses,
        origins=origins, level=LEVEL,
    )  # fmt: skip


def _environment() -> Any:
    try:
        import jinja2
        from markupsafe import Markup
    except ImportError:
        raise UserError(
            "--format html needs jinja2, which is not installed: pip install 'xl-plugins[report]', or choose"
            " --format markdown or latex"
        ) from None
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
        finalize=lambda value: value if isinstance(value, Markup) or not isinstance(value, str) else visible(value),
    )  # fmt: skip
    environment.filters |= {"points": points, "difference": difference, "p": p_value, "compact": compact}
    environment.markup = Markup  # type: ignore[attr-defined]
    return environment


def visible(text: str) -> str:
    """``text`` with line breaks and tabs as they are, and what could reorder or hide it as escapes."""
    return "".join(char if char in "\n\t" else printable(char) for char in text) if not text.isprintable() else text
