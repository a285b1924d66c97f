"""Documents: every link leads somewhere, the README stays an index, and every option that a page names exists."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from xl_plugins.api import Model

REPO = Path(__file__).resolve().parents[2]
PAGES = sorted([*REPO.glob("*.md"), *(REPO / "docs").glob("*.md"), *(REPO / "examples").glob("**/*.md")])


def anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPO)))
def test_links(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if target.startswith(("http://", "https://")):
            continue
        name, _, anchor = target.partition("#")
        found = (page.parent / name).resolve() if name else page
        assert found.exists() and found.is_relative_to(REPO), target
        assert not anchor or anchor in anchors(found), target


def test_the_readme_is_an_index() -> None:
    """Short, and every document is linked from it."""
    text = (REPO / "README.md").read_text(encoding="utf-8")
    assert len(text.encode()) <= 8000
    linked = set(re.findall(r"docs/(\w+\.md)", text))
    assert linked == {page.name for page in (REPO / "docs").glob("*.md")}


def test_no_link_is_missed() -> None:
    assert sum(len(re.findall(r"\]\(", page.read_text(encoding="utf-8"))) for page in PAGES) > 60


def test_every_page_is_in_the_site() -> None:
    """The navigation of ``make docs`` names each document, and nothing that is none."""
    nav = (REPO / "tools" / "mkdocs.yml").read_text(encoding="utf-8").partition("nav:")[2]
    named = set(re.findall(r": (\S+\.md)", nav))
    made = {"functions.md", "options.md"}
    assert {f"docs/{page.name}" for page in (REPO / "docs").glob("*.md")} <= named
    assert all((REPO / name).is_file() for name in named - made) and made <= named


def test_the_code_of_the_page_on_python(capsys: pytest.CaptureFixture[str]) -> None:
    """Names exist; the mathematics run as they stand."""
    page = (REPO / "docs" / "python.md").read_text(encoding="utf-8")
    model, run, load, mathematics = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    exec("\n".join(line for line in (model + load).splitlines() if "import" in line), {})
    assert set(re.findall(r"model\.(\w+)\(", model)) <= set(dir(Model))
    made: dict[str, Any] = {}
    exec(run.partition("call_main(cfg")[0], made)
    assert made["cfg"].task.train_languages == "en,de"
    exec(mathematics, {})
    assert capsys.readouterr().out.count("tensor(") == 1


METHODS = ("plain", "xmixup", "xtune", "salt", "xla")


@pytest.mark.parametrize("name", METHODS)
def test_a_page_per_method(name: str) -> None:
    """It says what it needs and costs, has published and measured numbers; every table of options is generated."""
    text = (REPO / "docs" / f"{name}.md").read_text(encoding="utf-8")
    titles = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert {"What it needs", "Options", "Cost", "Published", "Measured"} <= set(titles)
    assert (
        text.count(" | default | |\n|---") == text.count("<!-- options: ") == text.count("<!-- end of options -->") > 0
    )


def test_the_runs_of_plain_fine_tuning_are_those_that_the_slow_test_makes() -> None:
    plain, xmixup = (
        (REPO / "docs" / f"{name}.md").read_text(encoding="utf-8").replace("\\\n", "") for name in ("plain", "xmixup")
    )
    (block,) = re.findall(r"^```bash\n(.*?)^```", plain, re.MULTILINE | re.DOTALL)
    assert len(block.splitlines()) == 4 and set(block.splitlines()) <= set(xmixup.splitlines())
