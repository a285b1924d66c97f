"""Command-line options of retrieval."""

from __future__ import annotations

from typing import Any

from ...arguments import whole
from ...functional.scores.mining import MARGINS, MINING

POOLINGS = ("mean", "inner", "first")


def add_options(group: Any) -> None:
    """Options of retrieval only."""
    group.add_argument(
        "--layer", type=whole(), metavar="N",
        help="layer whose states are compared, 0 = embeddings (default: 8 of 12, 14 of 24 as XTREME, else two thirds)",
    )  # fmt: skip
    group.add_argument(
        "--pooling", choices=POOLINGS,
        help="mean over all positions (default, as XTREME), over those inside <s> and </s> (inner), or the state of <s>"
        " (first)",
    )  # fmt: skip
    group.add_argument("--margin", choices=MARGINS, help="BUCC: score of a pair (default: ratio, as XTREME)")
    group.add_argument(
        "--mine", choices=MINING,
        help="BUCC: best pairs of both directions (max, default, as XTREME), those both agree on, or forward only",
    )  # fmt: skip
