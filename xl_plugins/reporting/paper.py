"""Tables for papers: LaTeX with booktabs, and markdown. Whatever names hold, it prints as it is written."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ..evaluation.report.table import p_value
from ..terminal import printable
from .facts import Origin
from .made import MARK
from .scores import LEVEL, Cell, Comparison, Row, Scores

_LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "_": r"\_", "%": r"\%",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    '"': r"{\char34}", "|": r"\textbar{}", "[": "{[}", "]": "{]}", "`": r"\textasciigrave{}",
    "'": r"\textquotesingle{}", "±": r"$\pm$",
}  # fmt: skip
_MARKDOWN = re.compile(r"([\\`*_{}\[\]|~#$!@])")
FEW = 12  # languages up to which they go across, as papers have them


def latex(text: object) -> str:
    """``text`` for the body of a LaTeX document, on one line."""
    return re.sub("-(?=-)", "-{}", "".join(_LATEX.get(char, char) for char in printable(text)))


def markdown(text: object) -> str:
    """``text`` for a line of markdown, neither markup nor HTML."""
    escaped = _MARKDOWN.sub(r"\\\1", printable(text))
    return escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def latex_cell(cell: Cell | None, best: bool) -> str:
    """``\\textbf{85.3}{\\scriptsize$\\pm$0.4}$^{*}$``: bold the highest, * above the baseline, a dagger below it."""
    if cell is None:
        return "--"
    text = f"\\textbf{{{cell.mean:.1f}}}" if best else f"{cell.mean:.1f}"
    text = text.replace("-", "$-$")
    if cell.deviation is not None:
        text += f"{{\\scriptsize$\\pm${cell.deviation:.1f}}}"
    return text + ((r"$^{*}$" if (cell.difference or 0) > 0 else r"$^{\dagger}$") if cell.significant else "")


def markdown_cell(cell: Cell | None, best: bool) -> str:
    """``**85.3** ± 0.4 ▲``: bold the highest, ▲ above the baseline, ▼ below it."""
    if cell is None:
        return "-"
    text = f"**{cell.mean:.1f}**" if best else f"{cell.mean:.1f}"
    text += "" if cell.deviation is None else f" ± {cell.deviation:.1f}"
    return text + ((" ▲" if (cell.difference or 0) > 0 else " ▼") if cell.significant else "")


@dataclass
class Lines:
    """A table's cells as text. parts: groups of rows with a rule between them."""

    header: list[str]
    parts: list[list[list[str]]]


def lay_out(found: Comparison, scores: Scores, text: Callable[[Cell | None, bool], str],
            escape: Callable[[object], str]) -> Lines:  # fmt: skip
    """Systems down where the languages are few, else languages down."""

    def columns(rows: Sequence[Row]) -> list[list[str]]:
        return [[text(cell, i in row.best) for i, cell in enumerate(row.cells)] for row in rows]

    languages, summary = columns(scores.rows), columns(scores.summary)
    titles = [escape(row.title) for row in scores.summary]
    adjusted = [cell.adjusted if cell else None for cell in scores.summary[0].cells]
    if any(value is not None for value in adjusted):
        summary.append([escape(p_value(value)) for value in adjusted])
        titles.append("p of the mean")
    names = [escape(system.name) for system in found.systems]
    codes = [escape(row.title) for row in scores.rows]
    if len(codes) > FEW:
        parts = [[[title, *row] for title, row in zip(t, r)] for t, r in ((codes, languages), (titles, summary))]
        return Lines(["language", *names], parts)
    rows = [[name, *cells] for name, *cells in zip(names, *languages, *summary)]
    base = found.baseline
    parts = [rows] if base is None else [[rows[base]], [row for i, row in enumerate(rows) if i != base]]
    return Lines(["system", *codes, *titles], parts)


def to_latex(comparisons: Sequence[Comparison], origins: Sequence[Origin]) -> str:
    """A float with a table per score; where it comes from follows in comments."""
    lines = [f"% {MARK}", r"% needs \usepackage{booktabs}"]
    for found in comparisons:
        for scores in found.scores:
            table = lay_out(found, scores, latex_cell, latex)
            label = re.sub(r"[^a-z0-9]+", "-", f"{found.task}-{found.split}-{scores.title}".lower()).strip("-")
            lines += [
                "", r"\begin{table}", r"\centering",
                f"\\caption{{{latex(_caption(found, scores))}{_legend(found, True)}}}",
                f"\\label{{tab:{label}}}", f"\\begin{{tabular}}{{l{'r' * (len(table.header) - 1)}}}", r"\toprule",
                " & ".join(table.header) + r" \\",
            ]  # fmt: skip
            for part in table.parts:
                lines += [r"\midrule", *(" & ".join(row) + r" \\" for row in part)]
            lines += [r"\bottomrule", r"\end{tabular}"]
            lines += [rf"\par\footnotesize {latex(note)}" for note in found.notes] + [r"\end{table}"]
    return "\n".join([*lines, "", *(f"% {line}" for line in _origin_lines(origins))]) + "\n"


def to_markdown(comparisons: Sequence[Comparison], origins: Sequence[Origin]) -> str:
    """A table per score, its notes, and where everything comes from."""
    lines = [f"<!-- {MARK} -->"]
    for found in comparisons:
        for scores in found.scores:
            table = lay_out(found, scores, markdown_cell, markdown)
            lines += ["", f"## {markdown(_caption(found, scores))}", ""]
            rows = [row for part in table.parts for row in part]
            rule = ["---"] + ["---:"] * (len(table.header) - 1)
            lines += [f"| {' | '.join(row)} |" for row in (table.header, rule, *rows)]
            notes = [*([legend] if (legend := _legend(found, False)) else []), *map(markdown, found.notes)]
            lines += ["", *(f"* {note}" for note in notes)]
    lines += ["", "## Where it comes from", ""]
    return "\n".join([*lines, *(f"* {markdown(line)}" for line in _origin_lines(origins))]) + "\n"


def _caption(found: Comparison, scores: Scores) -> str:
    return f"{found.task}, {found.split}: {scores.title} in percent"


def _legend(found: Comparison, tex: bool) -> str:
    if found.baseline is None or not found.tested:
        return ""
    up, down = (r"$^{*}$", r"$^{\dagger}$") if tex else ("▲", "▼")
    name = (latex if tex else markdown)(found.systems[found.baseline].name)
    less = "$<$" if tex else "&lt;"
    words = f"above {name}, {down} below it, corrected p {less} {LEVEL:g}"
    return f"; {up} {words}" if tex else f"{up} {words}"


def _origin_lines(origins: Sequence[Origin]) -> Iterator[str]:
    for origin in origins:
        for title, text in (*origin.facts, *(("command", command) for command in origin.commands)):
            yield printable(f"{origin.name} ({origin.kind}), {title}: {text}")
