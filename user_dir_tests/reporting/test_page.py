"""The page as text: nothing from a file is markup, nothing is asked for, the policy names its own style and script."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from user_dir_tests.helpers.evaluation.reported import (
    PIXEL,
    result,
    start,
    train,
    valid,
    write_analysis,
    write_log,
    write_matrix,
)
from xl_plugins.errors import UserError
from xl_plugins.evaluation.report.result import to_json
from xl_plugins.reporting import page
from xl_plugins.reporting.analysis import read_analysis
from xl_plugins.reporting.facts import origins
from xl_plugins.reporting.inputs import read_runs
from xl_plugins.reporting.scores import Bootstrap, compare_all

EVIL = "</script></style><script>alert(1)</script><img src=x onerror=alert(2)>\"'&\u202e\x1b[2J"


class Reader(HTMLParser):
    """Elements with their attributes, and the text between them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.found)


def write(path: Path, name: str, **scores: float) -> str:
    found = result(name, scores, checkpoint=EVIL, data=EVIL, more={EVIL: EVIL})
    path.write_text(to_json([found]), encoding="utf-8")
    return str(path)


@pytest.fixture(scope="module")
def evil(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A page in which everything that comes from a file tries to be markup."""
    root = tmp_path_factory.mktemp("evil")
    events = train(10, 1.0), valid(10, 60, (EVIL, "de")), {**train(20, 0.5), "stats": {EVIL: 1.0}}
    write_log(root / "run", start(command=["xl-train", EVIL], versions={EVIL: EVIL}), *events)
    (root / "run" / "xl_model.json").write_text(json.dumps({EVIL: EVIL}))
    matrix = write_matrix(root / "m.json", ["de", "en"], EVIL)
    analysis = write_analysis(root / "x", EVIL, a__png=PIXEL, b__svg=b"<svg><script>alert(3)</script></svg>")
    paths = [write(root / "a.json", "a", en=80, de=60), write(root / "b.json", "b", en=70, de=70)]
    paths += [str(root / "run"), matrix]
    inputs = read_runs(paths, ",".join(f"{EVIL}{i}" for i in range(4)))
    compared = compare_all(inputs.scored, None, Bootstrap(100))
    return page.make_page(EVIL, inputs, compared, [read_analysis(analysis)], origins(inputs, [EVIL]))


def test_hostile_texts_are_texts(evil: str) -> None:
    found = Reader(evil)
    assert found.count("script") == 1 and found.count("style") == 1
    assert "alert(1)" not in re.findall(r"<script>(.*?)</script>", evil, re.DOTALL)[0]
    assert {attributes["src"][:15] for tag, attributes in found.found if tag == "img"} == {
        "data:image/png;",
        "data:image/svg+",
    }  # type: ignore[index]
    assert not any(name.startswith("on") or name == "style" for _, attributes in found.found for name in attributes)
    assert "\u202e" not in evil and "\x1b" not in evil
    assert "".join(found.text).count("onerror=alert(2)") > 20, "shown as it is written"
    assert "alert(3)" not in evil, "a picture is an image, never markup"


def test_nothing_is_asked_for(evil: str) -> None:
    found = Reader(evil)
    links = [value for _, attributes in found.found for name, value in attributes.items()
             if name in ("src", "href", "action", "data", "srcset", "xlink:href")]  # fmt: skip
    assert links and all(link and link.startswith(("data:", "#")) for link in links)
    assert not re.search(r"url\(|@import|https?://", re.findall(r"<style>(.*?)</style>", evil, re.DOTALL)[0])
    for target in (link for link in links if link and link.startswith("#")):
        assert any(attributes.get("id") == target[1:] for _, attributes in found.found), target


def test_the_policy_names_this_style_and_script(evil: str) -> None:
    (policy,) = (attributes["content"] for tag, attributes in Reader(evil).found
                 if attributes.get("http-equiv") == "Content-Security-Policy")  # fmt: skip
    for tag in ("style", "script"):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", evil, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in str(policy)
    assert str(policy).startswith("default-src 'none'; img-src data:;") and "unsafe" not in str(policy)


def test_ids_are_unique_and_labels_lead_somewhere(evil: str) -> None:
    found = Reader(evil).found
    ids = [attributes["id"] for _, attributes in found if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {attributes["aria-labelledby"] for _, attributes in found if "aria-labelledby" in attributes} <= set(ids)


def test_the_mark_is_in_the_second_line(evil: str) -> None:
    assert evil.startswith("<!doctype html>\n<!-- made by xl-report of xl_plugins ")


@pytest.mark.parametrize(
    ("value", "text"), [(0.04, "±0.0"), (-0.04, "±0.0"), (1.25, "+1.2"), (-3.0, "−3.0"), (0.06, "+0.1")]
)
def test_differences(value: float, text: str) -> None:
    assert page.difference(value) == text


@pytest.mark.parametrize(("value", "text"), [(3000.0, "3,000"), (0.12345678, "0.1235"), (5e-6, "5e-06"), (0.0, "0")])
def test_values_of_curves(value: float, text: str) -> None:
    assert page.compact(value) == text


def test_without_jinja2_one_line_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    inputs = read_runs([write(tmp_path / "a.json", "a", en=80, de=60)], None)
    with pytest.raises(UserError, match=r"pip install 'xl-plugins\[report\]'"):
        page.make_page("x", inputs, [], [], [])


def test_template_style_and_script_are_packaged() -> None:
    assert {path.suffix for path in page.TEMPLATES.iterdir()} == {".html", ".css", ".js"}
    setup = (Path(__file__).resolve().parents[2] / "setup.py").read_text()
    assert all(f'"**/*{suffix}"' in setup for suffix in (".html", ".css", ".js"))
