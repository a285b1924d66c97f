"""``xl-report``: one page, or tables for a paper, of one or many runs: scores with significance against a baseline,
learning curves, generalised matrices, pictures of analyses, and how everything was made."""

from __future__ import annotations

import argparse
import logging
import sys

from xl_plugins.arguments import Parser, seed, whole
from xl_plugins.errors import UserError, run_cli
from xl_plugins.evaluation.report.significance import MOST_RESAMPLES, RESAMPLES
from xl_plugins.interrupts import clean_up_on_signals
from xl_plugins.output import printable, write_together
from xl_plugins.terminal import say

FORMATS = ("html", "latex", "markdown")
LARGE = 5 << 20  # bytes of a page, from which a word is said
EPILOG = """\
RUN is a file that `xl-evaluate --json` wrote (one system; several checkpoints are its seeds), a matrix of `xl-evaluate
--generalised --json`, or the --save-dir of a run with its training log, log.jsonl. The log beside a result's checkpoint
is found by itself. Systems of one task go into one table.

examples:
  three systems and their learning curves on one page, the first the baseline
    xl-report zero-shot.json translate-train.json xmixup.json -o report.html
  another baseline, names of one's own, a run that has no scores yet, analyses
    xl-report plain.json xmixup.json outputs/salt --names plain,X-Mixup,SALT --baseline plain \\
        --analysis analysis/cka analysis/centroids -o report.html
  seeds that were scored one by one
    xl-report plain-1.json plain-2.json salt-1.json salt-2.json --names plain,plain,SALT,SALT -o report.html
  tables for a paper
    xl-report zero-shot.json xmixup.json --format latex -o scores.tex
    xl-report zero-shot.json xmixup.json --format markdown
"""


def make_parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="xl-report", description=__doc__, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "runs", nargs="+", metavar="RUN", help="results of xl-evaluate --json, and save folders of training runs"
    )
    parser.add_argument("-o", "--output", metavar="FILE", help="the report (default: standard output; html needs one)")
    parser.add_argument("--format", choices=FORMATS, default="html", help="form of the report (default: html)")
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier report of this command")
    parser.add_argument("--title", default="Report", help="title of the page (default: Report)")
    parser.add_argument(
        "--names",
        metavar="A,B,...",
        help="a name per RUN; results of one name are seeds of one system (default: from the paths)",
    )
    parser.add_argument(
        "--baseline", metavar="NAME", help="the system that others are compared with (default: the first of a task)"
    )
    parser.add_argument(
        "--analysis", nargs="+", default=[], metavar="FOLDER", help="folders of xl-analyze, whose pictures are shown"
    )
    test = parser.add_argument_group("significance: two-sided paired bootstrap, corrected by Holm's rule")
    test.add_argument(
        "--resamples", type=whole(0, MOST_RESAMPLES), default=RESAMPLES, metavar="N",
        help=f"resamples; 0: no p-values (default: {RESAMPLES}, as xl-evaluate)",
    )  # fmt: skip
    test.add_argument("--seed", type=seed, default=1, metavar="N", help="seed of the resamples (default: 1)")
    test.add_argument(
        "--joint-rows", action=argparse.BooleanOptionalAction,
        help="draw the same rows in all languages, since they are the same examples (default: in XNLI, PAWS-X, XQuAD)",
    )  # fmt: skip
    return parser


def main(argv: list[str] | None = None) -> int:
    args = make_parser().parse_args(argv)
    words = sys.argv[1:] if argv is None else argv
    from xl_plugins.reporting.made import check_output
    from xl_plugins.reporting.make import make_report

    logging.getLogger().setLevel(logging.WARNING)
    if args.output:
        check_output(args.output, args.overwrite)
    elif args.format == "html":
        raise UserError("-o: not given; name the page to make, such as -o report.html")
    text = make_report(args, words)
    if not args.output:
        say(text.rstrip("\n"))
        return 0
    write_together({args.output: text})
    size = len(text.encode("utf-8"))
    say(f"{printable(args.output)}: {size / 1024:,.0f} KiB", file=sys.stderr)
    if size > LARGE:
        say("xl-report: warning: a page this large opens slowly; give fewer pictures or runs", file=sys.stderr)
    return 0


def cli_main() -> None:
    clean_up_on_signals()
    run_cli(main)


if __name__ == "__main__":
    cli_main()
