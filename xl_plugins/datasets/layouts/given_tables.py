"""Tables of the user's texts with labels, pairs or single ones: options and plan."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Mapping

from xl_plugins.datasets.layouts import labels
from xl_plugins.datasets.layouts.given import (
    POOL,
    ROLES,
    add_file_arguments,
    add_pool_argument,
    check_plan,
    expand,
    parse_file,
)
from xl_plugins.datasets.layouts.scopes import ColumnMap, Filters, parse_column
from xl_plugins.errors import UserError
from xl_plugins.formats import tables
from xl_plugins.formats.examples.plan import Part
from xl_plugins.formats.examples.table import Column, NamedSchema, PairFile, PairPlan
from xl_plugins.formats.languages import check_language, parse_languages
from xl_plugins.formats.recognise import given_layout, recognise
from xl_plugins.terminal import printable

FILES_HELP = """\
FILE is LANG=PATH, or a path with {lang} that is filled with every code of --languages; PATH[START:END] takes rows
START up to but not including END, counted from 0 (after the header, before --filter). Files are plain, .gz, .xz or
.bz2; UTF-8, or UTF-16 with its mark; and told by the rest of the name, the header and the first lines: .jsonl, .json (a
list of objects), .parquet (needs the extra [parquet]), .csv (with quotes; between , or ; or tabs), else tab separated,
where quotes are text; --format and --delimiter overrule. Blanks around names of columns do not count. Row i of every
training file must be the translation of row i of the source language's, and row i of a translation belongs to row i of
the text it translates; with --align-on ID files are joined by that column instead, and rows that not every file of the
split has are dropped and counted.
SCOPE limits --columns and --filter to languages, roles (the names of the file options) or both:
nl: test: nl,pt/test,translate-test:
"""


def add_arguments(parser: argparse.ArgumentParser, what: str, metavar: str, columns: str) -> None:
    """All options of such a data set.

    Args:
        what: pairs or texts; metavar, columns: of ``--columns``, and what its help says.
    """
    parser.add_argument("dest", metavar="DEST", help="folder to write")
    add_file_arguments(parser, what)
    add_pool_argument(parser, what)
    parser.add_argument("--columns", nargs="+", action="extend", default=[], metavar=metavar, help=columns)
    parser.add_argument(
        "--filter",
        nargs="+",
        action="extend",
        default=[],
        metavar="[SCOPE:]COLUMN=VALUE",
        help="use only rows with this value (COLUMN!=VALUE: with another)",
    )
    labels.add_arguments(parser)
    parser.add_argument("--align-on", metavar="COLUMN", help="join files by this column of ids instead of by row")
    parser.add_argument("--no-translation", metavar="TEXT", help="what stands for a missing translation (PAWS-X: NS)")
    parser.add_argument(
        "--format", choices=tables.KINDS, help="kind of all files (default: by name, header and first lines)"
    )
    parser.add_argument(
        "--delimiter", metavar="CHAR", help=f"between the values of csv: a character, or {', '.join(tables.DELIMITERS)}"
    )
    parser.add_argument("--name", default=what, help="name of the data set in meta.json (default: %(default)s)")


def make_plan(
    args: argparse.Namespace, kind: type[PairPlan], columns: ColumnMap, found: Mapping[str, Mapping[str, str]]
) -> PairPlan:  # fmt: skip
    """The plan of the files that were named.

    Args:
        kind: of the plan; columns: ``first``, ``second``, ``label`` and ``id``, by language and role.
        found: files beside those of the options, by role and language; an option wins.
    """
    source = check_language(args.source_language, "--source-language")
    languages = parse_languages(args.languages, "--languages") if args.languages else ()
    filters = Filters.parse(args.filter)
    names, aliases, named = labels.labels_of(args, str(columns.get(source, "train").get("label")))
    layout, read_as = given_layout(args.format, args.delimiter), Counter[str]()
    parts: list[Part] = []
    for role, (split, into_source) in (*ROLES.items(), (POOL, ("train", False))):
        option = f"--{role}"
        named_files = expand(getattr(args, role.replace("-", "_")), option, languages)
        for language, text in {**found.get(role, {}), **named_files}.items():
            path, start, end = parse_file(text, option, language)
            schema = _schema(kind, columns.get(language, role), args.align_on, language, role)
            conditions = filters.get(language, role)
            read = layout or recognise(path, [*schema.needed, *(column for column, _, _ in conditions)])
            read_as[read.said] += 1
            file = PairFile(path, schema, read.kind, start, end, conditions, read.delimiter)
            parts.append(Part(language, split, into_source, file, role == POOL))
    if not parts:
        raise UserError(f"--train, --valid, --test: no file given; see xl-prepare {args.dataset} --help for examples")
    seconds = {part.file.schema.second is None for part in parts}
    if len(seconds) > 1:
        raise UserError("--columns: second=none for some files only; all hold single texts, or all hold pairs")
    plan = kind(
        args.name, source, names, parts, aliases=aliases, named=named, align=bool(args.align_on),
        missing=args.no_translation, single=True in seconds,
    )  # fmt: skip
    plan.warnings += [
        f"{count} {'file' if count == 1 else 'files'} read {said}, as header and first lines show; --format and "
        "--delimiter overrule" for said, count in read_as.items() if said
    ]  # fmt: skip
    check_plan(plan, args.dataset)
    plan.warnings += _numbered(plan.ordered()[0].file)
    return plan


def _numbered(file: PairFile) -> list[str]:
    """A line that shows what the numbers of columns were taken for; none where columns have names."""
    assert isinstance(file.schema, NamedSchema)
    if not any(isinstance(column, int) for column in file.schema.needed):
        return []
    row = next(iter(file.rows()))
    text = "first" if row.second is not None else "text"
    found = ((text, row.first), ("second", row.second), ("label", row.label), ("id", row.key))
    shown = ", ".join(f"{key} '{printable(value)[:40]}'" for key, value in found if value is not None)
    return [f"columns are counted from 1: line {row.line} of {file.path} is {shown}"]


def _schema(
    kind: type[PairPlan], columns: dict[str, Column | None], align_on: str | None, language: str, role: str
) -> NamedSchema:  # fmt: skip
    first, second = columns["first"], columns["second"]
    if first is None:
        raise UserError(f"--columns: {'text' if kind.single else 'first'} of {language}/{role} cannot be none")
    key = columns.get("id", align_on and parse_column(align_on, "--align-on"))
    label, label_optional = columns.get("label"), role not in ("train", "valid", "test")
    if role == POOL:
        label = key = None
    return NamedSchema(first, second, label, key if align_on else None, label_optional)
