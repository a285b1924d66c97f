"""A large report, and Chromium to open it in."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from user_dir_tests.helpers.evaluation.reported import (
    end,
    start,
    train,
    valid,
    write_analysis,
    write_log,
    write_matrix,
    write_result,
)
from xl_plugins.cli import report
from xl_plugins.formats.languages import XTREME_LANGUAGES

RUNS, SEEDS = 12, 3


class Opened(NamedTuple):
    """A page, and what it did: lines on the console and errors, requests, seconds until it was drawn."""

    page: Any
    errors: list[str]
    requests: list[str]
    seconds: float


def scores(run: int, seed: int) -> dict[str, float]:
    """English 80 and better with the number of the run; sw the best of all others."""
    found = {language: 40.0 + i / 2 + run for i, language in enumerate(sorted(XTREME_LANGUAGES))}
    return {**{language: value + seed for language, value in found.items()}, "en": 80.0, "sw": 75.0 + run}


@pytest.fixture(scope="package")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """12 systems of 3 seeds in 40 languages, their logs, a matrix of 40 x 40, an analysis."""
    root = tmp_path_factory.mktemp("large")
    runs = []
    for run in range(RUNS):
        events = [start(), *(train(10 * u, 1.0 / (1 + u * (run + 1) / 99)) for u in range(1, 400))]
        events += [valid(200 * u, 50.0 + run + u, XTREME_LANGUAGES) for u in range(1, 20)]
        folder = write_log(root / f"run-{run}", *events, end(4000, 70.0))
        seeds = [scores(run, seed) for seed in range(SEEDS)]
        runs.append(write_result(root / f"system-{run}.json", *seeds, checkpoint=f"{folder}/checkpoint_best.pt"))
    matrix = write_matrix(root / "matrix.json", XTREME_LANGUAGES)
    words = [*runs, matrix, "--analysis", write_analysis(root / "cka"), "--resamples", "200", "--baseline", "system-1"]
    assert report.main([*words, "-o", str(root / "report.html")]) == 0
    return root / "report.html"


@pytest.fixture(scope="package")
def chromium() -> Iterator[Any]:
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed: pip install playwright"
    )
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no Chromium on the PATH; apt-get install chromium")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Any) -> Iterator[Callable[..., Opened]]:
    """Opens a file in a window of its own; options are playwright's (viewport, color_scheme, ...)."""
    contexts = []

    def open_it(path: Path, **options: Any) -> Opened:
        context = chromium.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()
        errors: list[str] = []
        requests: list[str] = []
        page.on("console", lambda message: errors.append(message.text))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(path.as_uri())
        seconds = page.evaluate(
            "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() =>"
            " done(performance.now() / 1000))))"
        )
        return Opened(page, errors, requests, seconds)

    yield open_it
    for context in contexts:
        context.close()
