"""LaTeX and markdown: cells, orientation, and names that would be markup."""

from __future__ import annotations

import re

import pytest

from user_dir_tests.helpers.evaluation.reported import system
from xl_plugins.reporting.facts import Origin
from xl_plugins.reporting.paper import FEW, latex, latex_cell, markdown, markdown_cell, to_latex, to_markdown
from xl_plugins.reporting.scores import Bootstrap, Cell, Comparison, compare

HOSTILE = r"\input{/etc/passwd} $x_1^2$ & 50% #1 ~ {a} <b> |c| [d] --e `f'" + "\n\\end{table}\u202e"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a_b", r"a\_b"), ("50%", r"50\%"), ("a & b", r"a \& b"), ("#1", r"\#1"),
        ("$x^2$", r"\$x\textasciicircum{}2\$"),
        (r"\input{x}", r"\textbackslash{}input\{x\}"), ("~", r"\textasciitilde{}"), ("a -- b", "a -{}- b"),
        ("---", "-{}-{}-") , ("[x]", "{[}x{]}"), ("a\nb", r"a\textbackslash{}nb"), ("é ß 中", "é ß 中"),
    ],
)  # fmt: skip
def test_text_in_latex(text: str, expected: str) -> None:
    assert latex(text) == expected


def test_nothing_in_a_name_is_a_command() -> None:
    text = latex(HOSTILE)
    commands = set(re.findall(r"\\([a-zA-Z]+)", text))
    assert commands <= {"textbackslash", "textasciitilde", "textasciicircum", "textless", "textgreater", "textbar",
                        "textasciigrave", "textquotesingle"}  # fmt: skip
    assert "\n" not in text and "\u202e" not in text
    assert text.count("{") - text.count(r"\{") == text.count("}") - text.count(r"\}"), "braces are paired"
    assert not re.search(r"(?<!\\)[$&#_%~^]", text)


def test_text_in_markdown() -> None:
    assert markdown("a_b|*c* <script>&") == r"a\_b\|\*c\* &lt;script&gt;&amp;"
    assert markdown("![x](http://y)\n# z") == r"\!\[x\](http://y)\\n\# z"


def test_cells() -> None:
    better, worse = Cell(85.34, 0.41, 2.0, 0.001, 0.002), Cell(-3.21, None, -1.0, 0.001, 0.04)
    assert latex_cell(better, True) == r"\textbf{85.3}{\scriptsize$\pm$0.4}$^{*}$"
    assert latex_cell(worse, False) == r"$-$3.2$^{\dagger}$"
    assert latex_cell(None, False) == "--"
    assert markdown_cell(better, True) == "**85.3** ± 0.4 ▲" and markdown_cell(worse, False) == "-3.2 ▼"
    assert markdown_cell(Cell(1.0, None, 2.0, 0.01, 0.06), False) == "1.0", "not after the correction"


def comparison(languages: int, name: str = "other") -> Comparison:
    base = {"en": 80.0} | {f"a{chr(97 + i)}": 60.0 for i in range(languages - 1)}
    return compare([system("base", base), system(name, {x: v + 10 for x, v in base.items()})], None, Bootstrap(200))


def rows(text: str) -> list[list[str]]:
    return [line.removesuffix(r" \\").split(" & ") for line in text.splitlines() if line.endswith(r" \\")]


def test_few_languages_go_across() -> None:
    header, base, other = rows(to_latex([comparison(3)], []))
    assert header == ["system", "en", "aa", "ab", "mean", "mean without en", "transfer gap (en - others)",
                      "p of the mean"]  # fmt: skip
    assert base == ["base", "80.0", "60.0", "60.0", "66.7", "60.0", "20.0", ""]
    assert other[:2] == ["other", r"\textbf{90.0}$^{*}$"] and other[-1] == "0.005"


def test_many_languages_go_down() -> None:
    text = to_latex([comparison(FEW + 1)], [])
    found = rows(text)
    assert found[0] == ["language", "base", "other"] and [row[0] for row in found[1:3]] == ["en", "aa"]
    assert found[-1] == ["p of the mean", "", "0.005"] and len(found) == 1 + FEW + 1 + 4
    assert r"\begin{tabular}{lrr}" in text and text.count(r"\midrule") == 2


def test_hostile_names_in_documents() -> None:
    found, origin = comparison(3, HOSTILE), Origin(HOSTILE, "scores", [("file", HOSTILE)], [HOSTILE])
    text = to_latex([found], [origin])
    assert len(rows(text)) == 3 and all(len(row) == 8 for row in rows(text))
    body, _, comments = text.partition("\\end{table}\n\n")
    assert r"\input" not in body and all(line.startswith("% ") for line in comments.splitlines())
    shown = to_markdown([found], [origin])
    table = [line for line in shown.splitlines() if line.startswith("|")]
    assert len(table) == 4 and all(len(re.findall(r"(?<!\\)\|", line)) == 9 for line in table)
    assert "<b>" not in shown
