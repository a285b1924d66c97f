"""From the options of ``xl-report`` to the text of a report."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from ..errors import UserError
from .analysis import read_analysis
from .facts import origins
from .inputs import read_runs
from .page import make_page
from .paper import to_latex, to_markdown
from .scores import Bootstrap, compare_all


def make_report(args: argparse.Namespace, words: Sequence[str]) -> str:
    """The report as text; ``words``: the command line, which it states."""
    inputs = read_runs(args.runs, args.names)
    analyses = [read_analysis(folder) for folder in args.analysis]
    if not inputs.scored:
        if args.baseline is not None:
            raise UserError(
                "--baseline: no RUN has scores to compare; leave it out, or give files of xl-evaluate --json"
            )
        if args.format != "html":
            raise UserError(f"--format {args.format} makes tables of scores; give files of xl-evaluate --json")
    comparisons = compare_all(inputs.scored, args.baseline, Bootstrap(args.resamples, args.seed, args.joint_rows))
    sources = origins(inputs, words, analyses)
    if args.format == "html":
        return make_page(args.title, inputs, comparisons, analyses, sources)
    return (to_latex if args.format == "latex" else to_markdown)(comparisons, sources)
