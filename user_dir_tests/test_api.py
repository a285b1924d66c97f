"""xl_plugins.load: what the commands give, for Python programs."""

from __future__ import annotations

import io
import itertools
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import xl_plugins
from user_dir_tests.conftest import TinySpm, made_up_text
from user_dir_tests.helpers.evaluation.checkpoints import save_checkpoint
from user_dir_tests.helpers.prepare.invented_xnli import prepare_raw, write_raw
from user_dir_tests.helpers.prepare.questions import make_xquad
from user_dir_tests.helpers.prepare.runs import run
from user_dir_tests.helpers.prepare.tagging import make_udpos
from xl_plugins.cli import evaluate, predict
from xl_plugins.errors import UserError

TEXTS = made_up_text(6, 8)
EXAMPLES: dict[str, tuple[list, list[dict]]] = {
    "sentence_pair": ([(a, b) for a, b in itertools.pairwise(TEXTS)],
                      [{"text1": a, "text2": b} for a, b in itertools.pairwise(TEXTS)]),
    "text": ([TEXTS[0], [TEXTS[1]]], [{"text": TEXTS[0]}, {"text": TEXTS[1]}]),
    "tagging": ([TEXTS[0].split(), TEXTS[1]], [{"words": text.split()} for text in TEXTS[:2]]),
    "qa": ([("Wer?", "Anna wohnt in Bern"), {"id": "7", "question": "Wo?", "context": "Anna wohnt in Bern"}],
           [{"question": "Wer?", "context": "Anna wohnt in Bern"},
            {"id": "7", "question": "Wo?", "context": "Anna wohnt in Bern"}]),
}  # fmt: skip


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory, tiny_spm: TinySpm) -> dict[str, Path]:
    """A checkpoint of random weights for every problem."""
    root = tmp_path_factory.mktemp("api")
    (root / "texts").mkdir()
    for name in ("train-en", "dev-en", "test-en"):
        rows = [f"{text}\t{'yes' if i % 2 else 'no'}" for i, text in enumerate(TEXTS)]
        (root / "texts" / f"{name}.tsv").write_text("\n".join(["text\tlabel", *rows]) + "\n")
    run(tiny_spm, "texts", root / "text", "--folder", root / "texts", "--labels", "no,yes")
    run(tiny_spm, "udpos", make_udpos(root / "udpos"), root / "tagging")
    squad = root / "raw-qa/squad/train-v1.1.json"
    run(tiny_spm, "xquad", make_xquad(root / "raw-qa") / "xquad", root / "qa", "--train", squad)
    prepare_raw(write_raw(root / "raw", rows=10), root / "sentence_pair", tiny_spm)
    found = {}
    for problem in EXAMPLES:
        found[problem] = root / f"{problem}.pt"
        more = {"max_question_length": 20} if problem == "qa" else {}
        save_checkpoint(found[problem], root / problem, f"xl_{problem}", max_positions=128, max_length=60, **more)
    save_checkpoint(root / "xmixup.pt", root / "sentence_pair", "xmixup_sentence_pair", max_positions=128,
                    max_length=60)  # fmt: skip
    return {**found, "xmixup": root / "xmixup.pt"}


def printed(path: Path, records: list[dict], monkeypatch: pytest.MonkeyPatch, capsys: Any, *more: str) -> list[dict]:
    """Lines of xl-predict for the same examples."""
    stream = io.TextIOWrapper(io.BytesIO("\n".join(map(json.dumps, records)).encode()))
    monkeypatch.setattr(sys, "stdin", stream)
    capsys.readouterr()
    assert predict.main(["--path", str(path), *more]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize("problem", EXAMPLES)
def test_predictions_are_those_of_the_command(
    paths: dict[str, Path], problem: str, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    examples, records = EXAMPLES[problem]
    model = xl_plugins.load(str(paths[problem]))
    expected = printed(paths[problem], records, monkeypatch, capsys)
    assert model.predict(examples) == model.predict(records) == expected
    assert model.predict(iter(examples), batch_size=1) == expected
    assert model.predict([]) == []
    assert model.problem == problem and bool(model.labels) == (problem != "qa")
    assert repr(model) == f"<xl_plugins model for {problem}: {paths[problem]}>"


def test_probabilities_of_tags(paths: dict[str, Path], monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    examples, records = EXAMPLES["tagging"]
    expected = printed(paths["tagging"], records, monkeypatch, capsys, "--probabilities")
    assert xl_plugins.load(str(paths["tagging"])).predict(examples, probabilities=True) == expected
    assert "probabilities" in expected[0]


def test_translations_for_mixup_inference(paths: dict[str, Path], monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    records = [{"text1": "a b", "text2": "c", "source1": "d", "source2": "e"}]
    expected = printed(paths["xmixup"], records, monkeypatch, capsys)
    model = xl_plugins.load(str(paths["xmixup"]))
    assert model.predict([("a b", "c", "d", "e")]) == expected
    with pytest.raises(UserError, match=r"^example:1: no translation into the source language"):
        model.predict([("a b", "c")])
    plain = xl_plugins.load(str(paths["xmixup"]), mixup_inference=False)
    assert plain.predict([("a b", "c")]) != expected
    assert plain.predict([("a b", "c", "d", "e")]) == plain.predict([("a b", "c")])


@pytest.mark.parametrize(
    ("problem", "example"),
    [("sentence_pair", "one text"), ("sentence_pair", ("a", 3)), ("text", ("a", "b", "c")), ("tagging", ["a", 1]),
     ("qa", "no context"), ("qa", ("a", "b", "c"))],
)  # fmt: skip
def test_what_is_no_example(paths: dict[str, Path], problem: str, example: Any) -> None:
    good = EXAMPLES[problem][0][0]
    with pytest.raises(UserError, match=f"^example:2: .* is no example of {problem}; see Model.predict$"):
        xl_plugins.load(str(paths[problem])).predict([good, example])


@pytest.mark.parametrize("problem", ["sentence_pair", "tagging"])
def test_scores_are_those_of_the_command(paths: dict[str, Path], problem: str, tmp_path: Path, capsys: Any) -> None:
    result = xl_plugins.load(str(paths[problem])).evaluate()
    evaluate.main([str(paths[problem].with_suffix("")), "--path", str(paths[problem]), "--json", str(tmp_path / "s")])
    made = json.loads((tmp_path / "s").read_text())
    figure = next(iter(made.get("figures", [made["metric"]])))
    assert result.scores == {name: pytest.approx(found[figure]) for name, found in made["languages"].items()}
    only = xl_plugins.load(str(paths[problem])).evaluate("valid", ["en"])
    assert list(only.scores) == ["en"] and only.split == "valid"


def test_vectors(paths: dict[str, Path]) -> None:
    """Means over the states of a layer, whatever the batch; predictions before and after are the same."""
    model = xl_plugins.load(str(paths["sentence_pair"]))
    pair = EXAMPLES["sentence_pair"][0][:1]
    before = model.predict(pair)
    found = model.embed(TEXTS, 1)
    assert found.shape == (len(TEXTS), 16) and found.dtype == np.float32
    np.testing.assert_allclose(model.embed(TEXTS, 1, batch_size=1), found, atol=1e-5)
    assert np.abs(model.embed(TEXTS, 0) - found).max() > 0.01
    assert np.abs(model.embed(TEXTS, 1, pooling="first") - found).max() > 0.01
    np.testing.assert_array_equal(model.embed(TEXTS), model.embed(TEXTS, 2))
    assert model.embed([]).shape == (0, 16)
    assert model.predict(pair) == before
    for bad in ({"layer": 9}, {"pooling": "max"}):
        with pytest.raises(UserError):
            model.embed(TEXTS, **bad)  # type: ignore[arg-type]


def test_what_the_package_offers() -> None:
    assert xl_plugins.__version__ == "0.2.0" and callable(xl_plugins.load)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        xl_plugins.nothing  # noqa: B018
    with pytest.raises(UserError, match="no such file; give checkpoint_best"):
        xl_plugins.load("nothing")
