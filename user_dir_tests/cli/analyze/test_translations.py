"""``xl-analyze translations``: sacrebleu's numbers of the right texts, correlation with the transfer gap."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import sacrebleu

from user_dir_tests.helpers.pictures import check_folder
from user_dir_tests.helpers.toys.toy import make_data
from xl_plugins.cli import analyze
from xl_plugins.errors import UserError
from xl_plugins.evaluation.report.result import Result, to_json

GOLD = ["the dog sees a small cat", "she reads the old book at home", "they walk to the market", "a bird sings"]


def run(*words: object) -> None:
    assert analyze.main(["translations", *map(str, words)]) == 0


def write(path: Path, lines: list[str]) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def scores(path: Path, correct: dict[str, int]) -> Path:
    """Results of 10 examples per language."""
    path.write_text(to_json([Result("s", "xnli", "test", "en", {lang: (n, 10) for lang, n in correct.items()})]))
    return path


def test_files(tmp_path: Path) -> None:
    """The worse the translation, the larger the gap: rho is -1."""
    made = {
        "de": GOLD, "fr": [GOLD[0], *(line.replace("the", "a") for line in GOLD[1:])],
        "sw": [line.rpartition(" ")[0] for line in GOLD], "tr": ["nothing of it"] * 4,
    }  # fmt: skip
    gold = write(tmp_path / "gold", GOLD)
    words = [f"{language}={write(tmp_path / language, lines)}" for language, lines in made.items()]
    chrf = {lang: sacrebleu.corpus_chrf(lines, [GOLD]).score for lang, lines in made.items()}
    ranked = sorted(chrf, key=lambda lang: chrf[lang])
    result = scores(tmp_path / "s.json", {"en": 9, **{lang: 2 + place for place, lang in enumerate(ranked)}})
    run("--text", *words, "--reference", gold, "--scores", result, "--out", tmp_path / "out")
    content = check_folder(tmp_path / "out", "translations", {"chrf", "bleu", "chrf-gap"})
    entry = content["numbers"]["translation"]
    for language, lines in made.items():
        found = entry["languages"][language]
        assert found["chrf"] == pytest.approx(chrf[language], abs=1e-9) and found["lines"] == 4
        assert found["bleu"] == pytest.approx(sacrebleu.corpus_bleu(lines, [GOLD]).score, abs=1e-9)
    assert entry["languages"]["de"]["identical_percent"] == 100 and entry["languages"]["de"]["chrf"] == 100
    assert entry["chrf_and_gap"]["rho"] == pytest.approx(-1) and entry["chrf_and_gap"]["count"] == 4
    assert content["scores"]["transfer_gap"][ranked[0]] == pytest.approx(70)
    assert "chrF2" in content["signatures"]["chrf"] and "13a" in content["signatures"]["bleu"]


def test_a_data_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The toy's views differ from its source text in the last piece of every row; of fr one row is missing."""
    data = make_data(tmp_path / "data", languages=("en", "de", "fr"), train=9, valid=4, test=5)
    shorter = make_data(tmp_path / "shorter", languages=("en", "fr"), train=9, valid=4, test=4)
    for field in ("input0", "input1"):
        for end in ("bin", "idx"):
            name = f"fr/en-view/{field}/test.{end}"
            (data / name).write_bytes((shorter / name).read_bytes())
    (data / "dict.txt").write_text((data / "dict.txt").read_text().replace("p", "▁p"))  # every piece is a word
    capsys.readouterr()
    run(data, "--out", tmp_path / "out", "--sample", 3)
    names = {f"{metric}{end}" for metric in ("chrf", "bleu") for end in ("-back-translation", "-test", "-test-valid")}
    content = check_folder(tmp_path / "out", "translations", names)
    assert "fr, test: not as many rows" in capsys.readouterr().err
    found: dict[str, Any] = content["numbers"]
    assert list(found) == ["back-translation", "translate-test (valid)", "translate-test"]
    assert list(found["translate-test"]["languages"]) == ["de"]
    assert found["back-translation"]["languages"]["fr"]["lines"] == 6  # three rows of two texts
    assert 0 < found["back-translation"]["languages"]["de"]["chrf"] < 100


def test_without_sacrebleu_one_line_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sacrebleu", None)
    with pytest.raises(UserError, match=r"chrF and BLEU need sacrebleu; pip install 'xl-plugins\[report\]'"):
        run("D", "--out", tmp_path / "out")


def test_mistakes(tmp_path: Path) -> None:
    gold, short = write(tmp_path / "gold", GOLD), write(tmp_path / "short", GOLD[:2])
    bare = make_data(tmp_path / "bare", back_translation=False, translate=False)

    def error(*words: object) -> str:
        with pytest.raises(UserError) as caught:
            run(*words, "--out", tmp_path / "out")
        assert not (tmp_path / "out").exists()
        return str(caught.value)

    assert "2 lines, but" in error("--text", f"de={short}", "--reference", gold)
    assert error(bare).startswith(f"{bare}: no texts translated into en")
    assert error("--text", f"de={short}").startswith("give DATA, or --text LANG=FILE with --reference")
    assert error().startswith("give DATA")
    assert "--languages: " in error(bare, "--languages", "de,hi") and "no texts of hi translated into en" in error(
        bare, "--languages", "de,hi"
    )
    (tmp_path / "s.json").write_text(json.dumps({"a": 1}))
    assert "not a result of xl-evaluate" in error(
        "--text", f"de={gold}", "--reference", gold, "--scores", tmp_path / "s.json"
    )
