"""Labels of the user's tables: their order, other spellings, numbers with a file of names, and what is none."""

from __future__ import annotations

import argparse
import os
import re

from xl_plugins.errors import UserError
from xl_plugins.formats.examples.table import PairPlan
from xl_plugins.formats.label_names import read_label_names
from xl_plugins.output import printable

_WHOLE = re.compile(r"[+-]?\d+")
_NUMBER = re.compile(r"[+-]?(?:\d+[.,]\d*|[.,]\d+|\d+(?=[eE]))(?:[eE][+-]?\d+)?")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--labels", metavar="A,B,...", help="labels in the order of the model's outputs (default: of --label-names)"
    )
    parser.add_argument(
        "--label-map", nargs="+", default=[], metavar="X=A,...", help="spellings of labels in the files"
    )
    parser.add_argument(
        "--label-names",
        metavar="FILE",
        help="names of the labels 0, 1, ... in the files: one per line, or JSON (a list, dataset_info.json, id2label)",
    )


def labels_of(args: argparse.Namespace, column: str = "") -> tuple[tuple[str, ...], dict[str, str], int]:
    """Labels in the order of the model's outputs, other spellings of them, and how many of these are numbers."""
    if not args.labels and not args.label_names:
        raise UserError(
            "--labels is missing: name the labels in the order of the model's outputs, or pass --label-names"
        )
    names: tuple[str, ...] = ()
    if args.label_names:
        if not os.path.isfile(args.label_names):
            raise UserError(f"--label-names: {args.label_names} does not exist; correct the path")
        names = read_label_names(args.label_names, column)
    labels = parse_labels(args.labels) if args.labels else _checked(names, f"--label-names {args.label_names}")
    aliases = parse_label_map(args.label_map, labels)
    for number, name in enumerate(names):
        label = name if name in labels else aliases.get(name)
        if label is None:
            raise UserError(
                f"--label-names: '{printable(name)}' in {args.label_names} is not one of the --labels "
                f"{', '.join(labels)}; add it there, or map it: --label-map '{printable(name)}=LABEL'"
            )
        if str(number) in labels and str(number) != label:
            raise UserError(f"--label-names: {number} stands for '{label}', but is a label itself; rename the --labels")
        aliases.setdefault(str(number), label)
    return labels, aliases, len(names)


def parse_labels(text: str) -> tuple[str, ...]:
    """``A,B,...`` as labels."""
    return _checked(tuple(label.strip() for label in text.split(",")), "--labels")


def _checked(labels: tuple[str, ...], option: str) -> tuple[str, ...]:
    if (
        len(labels) < 2
        or any(not label or re.search(r"\s", label) for label in labels)
        or len(set(labels)) < len(labels)
    ):
        raise UserError(
            f"{option}: '{printable(','.join(labels))}' must be two or more different words joined by commas; "
            "map others with --labels and --label-map"
        )
    return labels


def parse_label_map(texts: list[str], labels: tuple[str, ...]) -> dict[str, str]:
    aliases: dict[str, str] = {}
    for item in ",".join(texts).split(",") if texts else []:
        alias, equal, label = item.rpartition("=")
        if not equal or label not in labels:
            raise UserError(f"--label-map: '{item}' is not SPELLING=LABEL with one of the --labels {', '.join(labels)}")
        aliases[alias] = label
    return aliases


def unknown_label(label: str, plan: PairPlan) -> str:
    """The fault of a label of a file that is none of the plan's, and what to do."""
    shown, known = printable(label)[:60], ", ".join(plan.labels)
    text = label.strip()
    if _WHOLE.fullmatch(text) and plan.named:
        hint = " (-1 marks rows without one; leave them out: --filter COLUMN!=-1)" if text == "-1" else ""
        return f"label {shown} is out of range, --label-names names 0 to {plan.named - 1}{hint}"
    if _NUMBER.fullmatch(text):
        return (
            f"label '{shown}' is a number: regression is not supported, only classification into the --labels "
            f"({known}); make classes of the scores"
        )
    if _WHOLE.fullmatch(text):
        return (
            f"label '{shown}' is not one of {known}; if it is the number of a class, give the names by --label-names, "
            f"or --label-map {text}=LABEL,..."
        )
    spelled = {other.casefold().strip(): other for other in (*plan.aliases, *plan.labels)}
    close = spelled.get(text.casefold())
    if close:
        target = plan.aliases.get(close, close)
        return f"label '{shown}' is not one of {known}, spelling counts; pass --label-map '{printable(text)}={target}'"
    return (
        f"label '{shown}' is not one of {known}; correct the line (for xl-prepare pairs: or pass --labels or "
        "--label-map)"
    )
