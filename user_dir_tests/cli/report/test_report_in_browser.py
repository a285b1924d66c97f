"""The page in Chromium, from a file: no error, no request, sorting, searching, the keyboard, size and speed."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from user_dir_tests.cli.report.conftest import Opened
from xl_plugins.formats.languages import XTREME_LANGUAGES

Open = Callable[..., Opened]
BY_LANGUAGE = "table:has(#table-1-1)"
SYSTEMS = "table:has(#systems-1)"


def column(page: Any, table: str, number: int) -> list[str]:
    """The shown cells of a column, their first line."""
    texts = page.eval_on_selector_all(
        f"{table} tbody tr:not([hidden])", f"rows => rows.map(row => row.cells[{number}].innerText.trim())"
    )
    return [text.split("\n")[0] for text in texts]


def numbers(page: Any, table: str, number: int) -> list[float]:
    return [float(text.split(" ")[0]) for text in column(page, table, number)]


def test_small_quick_quiet(large: Path, open_page: Open) -> None:
    """12 runs x 40 languages: under 5 MiB and 2 seconds, nothing on the console, no request but the file."""
    opened = open_page(large)
    assert large.stat().st_size < 5 << 20
    assert opened.seconds < 2
    assert opened.errors == []
    assert [url for url in opened.requests if not url.startswith("data:")] == [large.as_uri()]
    page = opened.page
    assert page.locator(f"{BY_LANGUAGE} tbody tr").count() == 40
    assert page.locator(f"{BY_LANGUAGE} thead th").count() == 13
    assert page.locator("svg.chart").count() == 2 + 2 + 40 and page.locator("svg.heat").count() == 1
    assert page.evaluate("document.querySelector('.pictures img').naturalWidth") == 1


def test_sorting_by_click(large: Path, open_page: Open) -> None:
    page = open_page(large).page
    head = page.locator(f"{BY_LANGUAGE} thead th").nth(3)
    before = column(page, BY_LANGUAGE, 0)
    head.locator("button").click()
    falling = numbers(page, BY_LANGUAGE, 3)
    assert head.get_attribute("aria-sort") == "descending" and falling == sorted(falling, reverse=True)
    assert column(page, BY_LANGUAGE, 0)[:2] == ["en", "sw"]
    head.locator("button").click()
    rising = numbers(page, BY_LANGUAGE, 3)
    assert head.get_attribute("aria-sort") == "ascending" and rising == falling[::-1]
    page.locator(f"{BY_LANGUAGE} thead button").first.click()
    assert column(page, BY_LANGUAGE, 0) == sorted(before) and head.get_attribute("aria-sort") is None
    assert page.locator(f"{BY_LANGUAGE} tfoot th").first.inner_text() == "mean", "figures over languages stay below"


def test_sorting_by_keyboard(large: Path, open_page: Open) -> None:
    page = open_page(large).page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.locator(".skip").bounding_box()["x"] >= 0, "seen once it has the focus"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.innerText.trim()") == "Transfer gap":
            break
    page.keyboard.press("Enter")
    gaps = numbers(page, SYSTEMS, 7)
    assert len(gaps) == 12 and gaps == sorted(gaps, reverse=True)
    page.keyboard.press("Space")
    assert numbers(page, SYSTEMS, 7) == gaps[::-1]
    status = page.locator(f".sheet:has({SYSTEMS}) output")
    assert status.inner_text() == "12 systems, sorted by Transfer gap, ascending"
    assert page.evaluate("document.activeElement.tagName") == "BUTTON", "the focus stays"


def test_cells_without_a_figure_come_last(large: Path, open_page: Open) -> None:
    """The baseline has no difference to itself."""
    page = open_page(large).page
    button = page.locator(f"{SYSTEMS} thead button").nth(3)
    for _ in range(2):
        button.click()
        assert column(page, SYSTEMS, 0)[-1].startswith("system-1 baseline") and column(page, SYSTEMS, 3)[-1] == ""


def test_searching(large: Path, open_page: Open) -> None:
    """By code and by name; the number of rows is announced; a sorted table stays filtered."""
    page = open_page(large).page
    sheet = page.locator(f".sheet:has({BY_LANGUAGE})")
    field, status = sheet.locator("input"), sheet.locator("output")
    assert status.get_attribute("aria-live") == "polite" and status.inner_text() == "40 languages"
    field.fill("swahili")
    assert column(page, BY_LANGUAGE, 0) == ["sw"] and status.inner_text() == "1 of 40 languages"
    field.fill("AN")
    shown = column(page, BY_LANGUAGE, 0)
    assert 1 < len(shown) < 40 and {"de", "es"} <= set(shown) and status.inner_text() == f"{len(shown)} of 40 languages"
    page.locator(f"{BY_LANGUAGE} thead button").nth(1).click()
    assert set(column(page, BY_LANGUAGE, 0)) == set(shown)
    field.fill("no such language")
    assert column(page, BY_LANGUAGE, 0) == [] and status.inner_text() == "0 of 40 languages"
    field.fill("")
    assert sorted(column(page, BY_LANGUAGE, 0)) == sorted(XTREME_LANGUAGES)
    systems = page.locator(f".sheet:has({SYSTEMS})")
    systems.locator("input").fill("system-1 baseline")
    assert len(column(page, SYSTEMS, 0)) == 1, "each table by itself"


def test_runs_of_the_curves_can_be_taken_out(large: Path, open_page: Open) -> None:
    page = open_page(large).page
    lines = "svg.chart .r2:not(.off)"
    count = page.locator(lines).count()
    button = page.locator(".legend button").nth(2)
    button.focus()
    page.keyboard.press("Enter")
    assert button.get_attribute("aria-pressed") == "false" and count == 44 and page.locator(lines).count() == 0
    page.keyboard.press("Enter")
    assert page.locator(lines).count() == count


@pytest.mark.parametrize("width", [400, 1280])
def test_the_page_itself_never_scrolls_sideways(large: Path, open_page: Open, width: int) -> None:
    page = open_page(large, viewport={"width": width, "height": 800}).page
    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    box = page.locator(f".box:has({BY_LANGUAGE})")
    assert box.evaluate("box => box.scrollWidth > box.clientWidth") and box.get_attribute("tabindex") == "0"


def test_header_and_first_column_stay_in_sight(large: Path, open_page: Open) -> None:
    page = open_page(large).page
    box = page.locator(f".box:has({BY_LANGUAGE})")
    box.evaluate("box => box.scrollTo(300, 600)")
    edge = box.bounding_box()
    head = page.locator(f"{BY_LANGUAGE} thead th").nth(5).bounding_box()
    first = page.locator(f"{BY_LANGUAGE} tbody th").nth(20).bounding_box()
    assert abs(head["y"] - edge["y"]) <= 2 and abs(first["x"] - edge["x"]) <= 2


def contrast(a: str, b: str) -> float:
    """Contrast of two colours rgb(...), as WCAG 2 defines it."""

    def light(colour: str) -> float:
        parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
        linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((light(a), light(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast(large: Path, open_page: Open, scheme: str) -> None:
    """4.5 for text, 3 for lines, in both schemes and in the cells of the heat map."""
    page = open_page(large, color_scheme=scheme).page
    back = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (contrast(back, "rgb(255,255,255)") < 1.1) == (scheme == "light")
    style = "(query, name) => getComputedStyle(document.querySelector(query))[name]"
    for query in ("body", ".muted", ".notes", "nav a", ".up", ".down", "summary", ".change"):
        assert contrast(page.evaluate(f"([q]) => ({style})(q, 'color')", [query]), back) >= 4.5, query
    for number in range(6):
        assert contrast(page.evaluate(f"([q]) => ({style})(q, 'stroke')", [f".c{number}"]), back) >= 3, number
    for step in range(9):
        cell, text = (page.evaluate(f"([q]) => ({style})(q, 'fill')", [f".{kind}{step}"]) for kind in "hn")
        assert contrast(cell, text) >= 3.9, step  # large enough a share of the cell; the table has them in black


def test_printing_opens_everything_and_hides_the_controls(large: Path, open_page: Open) -> None:
    page = open_page(large, color_scheme="dark").page
    page.emulate_media(media="print", color_scheme="dark")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not([open])").count() == 0
    assert not page.locator(".tools").first.is_visible() and not page.locator("nav").is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    box = page.locator(f".box:has({BY_LANGUAGE})")
    assert box.evaluate("box => getComputedStyle(box).overflowY") == "visible", "no row is cut off"
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("details:not([open])").count() > 10
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")


def test_without_a_script_everything_is_there(large: Path, chromium: Any) -> None:
    """All rows, no search field, no buttons that do nothing."""
    page = chromium.new_context(java_script_enabled=False).new_page()
    page.goto(large.as_uri())
    assert page.locator(f"{BY_LANGUAGE} tbody tr").count() == 40 and page.locator("button").count() == 0
    assert not page.locator("input").first.is_visible()
    page.context.close()


def test_roles_and_names(large: Path, open_page: Open) -> None:
    """A screen reader gets names: every control, picture and scrolling box has one."""
    page = open_page(large).page
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll('button, input, svg[role=img], img, [role=region]')].filter(each => {
            const label = each.getAttribute('aria-label') || each.getAttribute('alt')
                || (each.labels && each.labels[0] && each.labels[0].innerText) || each.innerText
                || (document.getElementById(each.getAttribute('aria-labelledby')) || {}).textContent;
            return !label || !label.trim();
        }).length"""
    )
    assert unnamed == 0
    assert page.locator("h1").count() == 1 and page.locator("main").count() == 1
    levels = page.eval_on_selector_all("h1, h2, h3, h4", "all => all.map(each => Number(each.tagName[1]))")
    assert levels[0] == 1 and all(after - before <= 1 for before, after in itertools.pairwise(levels))
    assert page.locator("table th:not([scope])").count() == 0
