"""From raw Tatoeba and BUCC files through xl-prepare to the table of xl-evaluate."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from user_dir_tests.conftest import made_up_text
from user_dir_tests.helpers.running.training import save_archive
from xl_plugins.cli import evaluate, prepare
from xl_plugins.errors import UserError


@pytest.fixture(scope="module")
def archive(tmp_path_factory, tiny_spm) -> Path:
    """A pre-trained model as the published ones are: old parameter names, Namespace options, no head."""
    path = tmp_path_factory.mktemp("model") / "model.pt"
    save_archive(path, tiny_spm.dict)
    return path


def different(count: int, seed: int) -> list[str]:
    return list(dict.fromkeys(made_up_text(3 * count, seed)))[:count]


def prepared(name: str, raw: Path, tiny_spm, *more: str) -> Path:
    words = [name, raw, raw.parent / "bin", "--spm", tiny_spm.model, "--dict", tiny_spm.dict, *more]
    assert prepare.main([str(word) for word in words]) == 0
    return raw.parent / "bin"


def write(path: Path, lines: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def test_tatoeba(archive, tmp_path, tiny_spm, capsys):
    """de are the English sentences themselves; of sw every fourth is another sentence."""
    raw, english = tmp_path / "raw", different(40, 1)
    other = different(40, 2)
    for language, lines in (
        ("de", english),
        ("sw", [other[i] if i % 4 == 0 else english[i] for i in range(40)]),
    ):
        write(raw / f"{language}-en.{language}", lines)
        write(raw / f"{language}-en.en", english)
    data = prepared("tatoeba", raw, tiny_spm, "--sorted-english")
    words = [str(data), "--path", str(archive), "--json", str(tmp_path / "out.json"), "--output", str(tmp_path / "p")]
    capsys.readouterr()
    assert evaluate.main([*words, "--format", "tsv"]) == 0
    table = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert ["de", "40", "100.0", "100.0"] in table
    result = json.loads((tmp_path / "out.json").read_text())
    assert result["task"] == "tatoeba" and result["inference"]["layer"] == 2
    assert 30 <= result["languages"]["sw"]["to_source"] < 40
    order = sorted(range(40), key=lambda i: english[i])
    assert (tmp_path / "p" / "tatoeba" / "test-de.tsv").read_text().split() == [str(i) for i in order]


@pytest.mark.parametrize("test_gold", [True, False])
def test_bucc(archive, tmp_path, tiny_spm, test_gold):
    """Half of the sentences have their copy among the English ones; the threshold comes from the training part."""
    raw = tmp_path / "raw"
    for part, seed in (("training", 3), ("test", 5)):
        own, english = different(40, seed), different(40, seed + 1)
        english[:20] = own[20:]
        write(raw / f"de-en.{part}.de", [f"de-{i:04d}\t{text}" for i, text in enumerate(own)])
        write(raw / f"de-en.{part}.en", [f"en-{i:04d}\t{text}" for i, text in enumerate(english)])
        if test_gold or part == "training":
            write(raw / f"de-en.{part}.gold", [f"de-{20 + i:04d}\ten-{i:04d}" for i in range(20)])
    data = prepared("bucc2018", raw, tiny_spm)
    words = [str(data), "--path", str(archive), "--layer", "0", "--margin", "absolute"]
    if not test_gold:
        with pytest.raises(UserError, match="no gold pairs in test of de, so nothing can be scored; pass --output"):
            evaluate.main(words)
    out = ["--json", str(tmp_path / "out.json"), "--output", str(tmp_path / "p")]
    assert evaluate.main([*words, *out]) == 0
    result = json.loads((tmp_path / "out.json").read_text())
    pairs = (tmp_path / "p" / "bucc2018" / "test-de.tsv").read_text().splitlines()
    assert {f"{20 + i}\t{i}" for i in range(20)} <= set(pairs) and len(pairs) < 26
    assert result["thresholds"]["de"]["tuned_on"] == "valid"
    if test_gold:
        found = result["languages"]["de"]
        assert (found["true"], found["predicted"], found["hits"]) == (20, len(pairs), 20)
        assert found["f1"] == pytest.approx(4000 / (20 + len(pairs)))
    assert evaluate.main([*words, "--split", "valid", "--json", str(tmp_path / "valid.json")]) == 0
    result = json.loads((tmp_path / "valid.json").read_text())
    assert "tuned on the gold of valid itself" in result["inference"]["description"]
