"""Languages with script or region through the commands: prepared, trained on, selected by, scored and predicted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from user_dir_tests.helpers.prepare.raw import make_xnli, write_rows
from user_dir_tests.helpers.prepare.runs import meta, run
from user_dir_tests.helpers.running.training import load, train_here, words
from xl_plugins.cli import evaluate
from xl_plugins.logs.reading import read_log

CODES = ("zh-CN", "sr_Latn", "pt_br", "zh-Hant-HK")


@pytest.mark.slow
def test_sentence_pairs(
    tiny_spm,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    data = tmp_path / "bin"
    run(tiny_spm, "xnli", make_xnli(tmp_path / "raw", CODES), data)
    assert meta(data)["languages"] == sorted((*CODES, "en"))
    assert (data / "zh-CN" / "en-view" / "input0" / "train.idx").is_file()
    train_here(
        monkeypatch,
        words(
            data, tmp_path / "run", "xmixup_sentence_pair", lr=1e-3, max_update=1, batch_size=12, update_freq=1,
            train_languages="en,zh-CN,pt_br", select="target-dev", select_languages="zh-CN,zh-Hant-HK",
        ),
    )  # fmt: skip
    [line] = [text for text in caplog.messages if "valid: update" in text]
    assert all(f" {code} " in line for code in CODES), line
    assert set(read_log(tmp_path / "run" / "log.jsonl").valid[0]["languages"]) == {*CODES, "en"}
    assert load(tmp_path / "run" / "checkpoint_last.pt")["extra_state"]["best"] >= 0
    evaluate.main(
        f"{data} --path {tmp_path}/run/checkpoint_best.pt --device cpu --output {tmp_path}/out --json "
        f"{tmp_path}/scores.json --languages zh-CN,sr_Latn,pt_br,zh-Hant-HK,en".split()
    )
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert all(code in json.dumps(scores) for code in CODES)
    assert sorted(path.name for path in (tmp_path / "out" / "xnli").iterdir() if path.suffix == ".tsv") == sorted(
        f"test-{code}.tsv" for code in (*CODES, "en")
    )
    evaluate.main(f"--predictions {tmp_path}/out --labels {tmp_path}/raw --task xnli".split())
    assert "sr_Latn" in capsys.readouterr().out


def test_prefix_of_words(tiny_spm, tmp_path: Path) -> None:
    for code in ("en", "zh-CN"):
        for split in ("train", "test")[code != "en" :]:
            write_rows(tmp_path / "raw" / f"{split}-{code}.tsv", [[f"{code}:ba", "B-PER"], [f"{code}:ka", "O"], []])
    run(tiny_spm, "panx", tmp_path / "raw", tmp_path / "bin")
    found = [(tmp_path / "bin" / code / "raw" / "test.bin").read_bytes() for code in ("en", "zh-CN")]
    assert found[0] == found[1]
