"""``xl-analyze mixing``, ``selection`` and ``substitutions``: numbers against the models and files themselves."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from user_dir_tests.helpers.evaluation.checkpoints import save_checkpoint
from user_dir_tests.helpers.pictures import check_folder
from user_dir_tests.helpers.setups.salt import write_counterparts
from user_dir_tests.helpers.toys.toy import make_data
from user_dir_tests.helpers.toys.toy_positions import make_tagging
from xl_plugins.analysis.selection import separation
from xl_plugins.cli import analyze, evaluate
from xl_plugins.data.binary.layout import DataBin
from xl_plugins.errors import UserError
from xl_plugins.evaluation.checkpoint import load_fine_tuned
from xl_plugins.evaluation.predict import predict_languages


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("world")
    make_data(root / "pairs", languages=("en", "de", "fr", "sw"), test=30)
    save_checkpoint(root / "mixed.pt", root / "pairs", "xmixup_sentence_pair")
    save_checkpoint(root / "constant.pt", root / "pairs", "xmixup_sentence_pair", mixup_ratio="constant")
    save_checkpoint(root / "plain.pt", root / "pairs", "xl_sentence_pair")
    save_checkpoint(root / "tags.pt", make_tagging(root / "tags", test=20), "xl_tagging")
    return root


def run(command: str, *words: object) -> None:
    assert analyze.main([command, *map(str, words)]) == 0


def error(command: str, out: Path, *words: object) -> str:
    with pytest.raises(UserError) as caught:
        run(command, *words, "--out", out)
    assert not out.exists()
    return str(caught.value)


def test_ratio_and_entropies(world: Path, tmp_path: Path) -> None:
    """Lambda follows from the two entropies by the gate, row by row, whatever the batches."""
    result = tmp_path / "s.json"
    words = [str(world / "pairs"), "--path", str(world / "mixed.pt"), "--json", str(result)]
    assert evaluate.main(words) == 0
    given = [world / "pairs", "--path", world / "mixed.pt", "--scores", result]
    run("mixing", *given, "--out", tmp_path / "out", "--batch-size", 7)
    content = check_folder(tmp_path / "out", "mixing", {"ratio", "entropy", "reverse-entropy"})
    run("mixing", *given, "--out", tmp_path / "other", "--batch-size", 30)
    other = json.loads((tmp_path / "other" / "analysis.json").read_text())
    for language, entry in content["numbers"]["languages"].items():
        assert entry["ratio"]["rows"] == 30 and 0 < entry["ratio"]["mean"] < 0.5
        assert entry["entropy"]["mean"] > 0 and entry["ratio"]["std"] > 0
        for name, found in entry.items():
            assert found["mean"] == pytest.approx(other["numbers"]["languages"][language][name]["mean"], abs=1e-5)
    assert content["numbers"]["correlation"]["ratio"]["count"] == 3
    one = load_fine_tuned(str(world / "mixed.pt"), str(world / "pairs"), device="cpu")
    heard: list[Any] = []
    one.model.register_forward_hook(lambda module, inputs, output: heard.append(output[1]))
    predict_languages(one, "test", ["de"])
    entropies = heard[0]["entropy"] + heard[0]["reverse_entropy"]
    expected = 0.5 / (
        1 + np.exp(-(entropies * one.model.mixup_gate.weight + one.model.mixup_gate.bias).detach().numpy())
    )
    assert content["numbers"]["languages"]["de"]["ratio"]["mean"] == pytest.approx(float(expected.mean()), abs=1e-5)


def test_a_constant_ratio_has_no_entropies(world: Path, tmp_path: Path) -> None:
    run("mixing", world / "pairs", "--path", world / "constant.pt", "--languages", "de", "--out", tmp_path / "out")
    content = check_folder(tmp_path / "out", "mixing", {"ratio"})
    found = content["numbers"]["languages"]["de"]["ratio"]
    assert found["mean"] == 0.5 and found["std"] == 0


def test_a_model_that_mixes_nothing(world: Path, tmp_path: Path) -> None:
    for path, more in (("plain.pt", ()), ("mixed.pt", ("--no-mixup-inference",))):
        message = error("mixing", tmp_path / "out", world / "pairs", "--path", world / path, *more)
        assert "mixes no texts; give a checkpoint trained with X-Mixup" in message


@pytest.mark.parametrize("name", ["plain", "tags"])
def test_selection(world: Path, tmp_path: Path, name: str) -> None:
    data = world / ("pairs" if name == "plain" else "tags")
    given = [data, "--path", world / f"{name}.pt", "--languages", "de,fr", "--eta", "30"]
    run("selection", *given, "--out", tmp_path / "out")
    content = check_folder(tmp_path / "out", "selection", {"losses", "lengths"})
    made = predict_languages(load_fine_tuned(str(world / f"{name}.pt"), str(data), device="cpu"))
    for language, found in content["numbers"]["languages"].items():
        one = made[language]
        right = np.array([gold == guess for gold, guess in zip(one.gold or [], one.predicted)])
        sure = np.array([part.max(axis=1).mean() for part in np.split(one.values, np.cumsum(one.sizes)[:-1])])
        losses = [-np.log(part.max(axis=1)).mean() for part in np.split(one.values, np.cumsum(one.sizes)[:-1])]
        assert found["right_percent"] == pytest.approx(100 * right.mean()) and found["kept"] == len(right) * 3 // 10
        kept = np.argsort(-sure, kind="stable")[: found["kept"]]
        assert found["right_of_kept_percent"] == pytest.approx(100 * right[kept].mean())
        if right.any() and not right.all():
            pairs = [(w > r) + 0.5 * (w == r) for w in np.array(losses)[~right] for r in np.array(losses)[right]]
            assert found["auc"] == pytest.approx(np.mean(pairs), abs=1e-6)
    rows = list(csv.DictReader((tmp_path / "out" / "losses.csv").open()))
    assert sum(int(row["texts"]) for row in rows if row["language"] == "de") == len(made["de"].predicted)


def test_separation_by_hand() -> None:
    losses, right = np.array([0.1, 0.3, 0.2, 0.4]), np.array([True, True, False, False])
    assert separation(losses, right) == 0.75 and separation(-losses, right) == 0.25
    assert separation(np.ones(4), right) == 0.5 and np.isnan(separation(losses, losses > 0))


def test_stages_and_training_texts(world: Path, tmp_path: Path) -> None:
    stages = [
        {"stage": 1, "member": 1, "pools": {"en": {"size": 9, "kept": [], "agreed": 9, "accuracy": None}}, "score": 50},
        *(
            {"stage": 2 + place, "member": 1, "score": 60, "pools": {
                "de": {"size": 40, "kept": [30, 20], "agreed": 10 + place, "accuracy": 70.0 + place}}}
            for place in range(3)
        ),
    ]  # fmt: skip
    path = tmp_path / "xla_stages.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in stages))
    given = [world / "pairs", "--path", world / "plain.pt", "--languages", "de", "--split", "train"]
    run("selection", *given, "--stages", path, "--out", tmp_path / "out")
    pictures = {"losses", "lengths", "stages-agreed", "stages-right"}
    content = check_folder(tmp_path / "out", "selection", pictures)
    assert content["numbers"]["languages"]["de"]["texts"] == 24 and len(content["numbers"]["stages"]) == 4
    rows = list(csv.DictReader((tmp_path / "out" / "stages.csv").open()))
    assert [row["right_percent"] for row in rows] == ["", "70", "71", "72"]
    path.write_text('{"a": 1}\n')
    message = error("selection", tmp_path / "o", *given, "--stages", path)
    assert message.startswith(f"{path}:1: no stage with its pools; give xla_stages.jsonl")


def test_substitutions(world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = make_data(tmp_path / "data", train=30)
    written = write_counterparts(data, ("fr", "de"), share=0.4)
    capsys.readouterr()
    run("substitutions", data, "--out", tmp_path / "out", "--examples", 4, "--pairs", 1000)
    content = check_folder(tmp_path / "out", "substitutions", {"rates"})
    texts = {field: DataBin(data).open_text("en", field, "train") for field in ("input0", "input1")}
    for language, fields in written.items():
        found = content["numbers"][language]
        changed = total = 0
        for field, rows in fields.items():
            for row, after in enumerate(rows):
                before = texts[field][row].tolist()[:-1]
                total += len(before)
                changed += sum(map(int.__ne__, before, after))
        assert (found["pieces"], found["changed"]) == (total, changed) and found["rows"] == 60
        assert sum(pair["count"] for pair in found["frequent"]) == changed
        assert len(found["examples"]) == 4
        for example in found["examples"]:
            after = fields[example["field"]][example["row"] - 1]
            assert example["counterpart"] == "".join(f"p{piece - 4}" for piece in after) != example["original"]
    assert " -> " in capsys.readouterr().out


def test_no_counterparts(world: Path, tmp_path: Path) -> None:
    assert "has no counterparts; make them by xl-augment counterparts. It has none" in error(
        "substitutions", tmp_path / "out", world / "pairs"
    )
