"""From a run that was killed and taken up again, through xl-evaluate, to a report: what one writes the other reads."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path

import pytest

from user_dir_tests.helpers.running.training import train, train_here, words
from user_dir_tests.helpers.toys.toy import make_data
from xl_plugins.cli import evaluate, report
from xl_plugins.reporting.inputs import read_runs

OPTIONS = {"encoder_layers": 2, "batch_size": 6, "update_freq": 1, "lr": 1e-3, "max_epoch": 2, "seed": 7,
           "save_interval_updates": 1, "keep_interval_updates": 1, "train_languages": "all"}  # fmt: skip


def test_a_run_its_scores_and_its_report(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    data = make_data(tmp_path / "data", train=8, test=10)
    run, task = tmp_path / "run", "xl_sentence_pair"
    killed = train(data, run, task, env={"XL_DIE_BEFORE": 4}, **OPTIONS)
    assert killed.killed, killed.output[-2000:]
    train_here(monkeypatch, words(data, run, task, **OPTIONS))
    path = f"{run}/checkpoint_best.pt"
    for name, more in (("plain", []), ("crossed", ["--generalised"])):
        assert evaluate.main([str(data), "--path", path, "--json", f"{tmp_path}/{name}.json", *more]) == 0
    runs = [f"{tmp_path}/plain.json", f"{tmp_path}/crossed.json"]

    (trained,) = read_runs(runs, None).trained
    log = trained.log
    assert log is not None and log.end is not None and log.torn == 0 and len(log.starts) == 2
    assert [event["updates"] for event in log.train] == list(range(1, 9)), "each update once"
    assert (log.seconds or 0) > 0

    out = tmp_path / "report.html"
    assert report.main([*runs, "--baseline", "plain", "-o", str(out)]) == 0
    page = unescape(out.read_text(encoding="utf-8"))
    scores = json.loads((tmp_path / "plain.json").read_text())
    assert all(f'data-v="{entry["accuracy"]:.4f}"' in page for entry in scores["languages"].values())
    assert f"--save-dir {run}" in page and "seed 7; updates 8" in page and "resumed at update" in page
    assert "Heat map of crossed" in page and "SHA-256 of dict.txt" in page and "torch" in page
    assert "SHA-256 of the data's checksums.json" not in page, "the toy has none"
    figures = re.findall(r'<figcaption id="chart-\d-\d+">([^<]+)</figcaption>', page)
    assert {"loss", "lr", "acc_select"} <= set(figures) and not any(name.startswith("best_") for name in figures)
    assert re.search(r"valid: \w+ by language", page)
