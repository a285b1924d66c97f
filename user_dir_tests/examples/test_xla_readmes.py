"""XLA's commands in the READMEs run as they stand, and its script on the embedded benchmark from data to tables."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from user_dir_tests.examples.test_position_readmes import download as download  # a fixture
from user_dir_tests.examples.test_readme import REPO, blocks, run
from user_dir_tests.examples.test_readme import stage as stage  # a fixture
from user_dir_tests.helpers.running.training import save_archive

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def check(folder: Path, name: str, languages: set[str]) -> None:
    """The members' results and the ensemble's, of the right languages."""
    single, together = (json.loads((folder / f"{name}{part}.json").read_text("utf-8")) for part in ("", "-ensemble"))
    assert all(f'"{language}"' in json.dumps(result) for language in languages for result in (single, together))
    assert "member-3" in json.dumps(single)


def sections(path: Path, command: str) -> list[str]:
    """The blocks that hold a command. The stand-in for the language model knows nothing: most of its predictions are
    not the beginning of a word, so it may predict beginnings only."""
    found = [block for block in blocks(path) if command in block]
    return [block.replace("xl-augment vicinity", "xl-augment vicinity --genlm-word-start-only") for block in found]


@pytest.mark.parametrize(("data_set", "target"), [("xnli", "es"), ("pawsx", "de")])
def test_pairs(stage: Path, data_set: str, target: str) -> None:
    (commands,) = sections(REPO / "examples" / "recipes" / data_set / "README.md", "xl-convert")
    run(stage, f"rm -rf data-bin/{data_set} outputs/{data_set}\nexamples/recipes/{data_set}/prepare.sh")
    # 5 % of 96 pairs are no update: the last run has all of them
    run(stage, commands.rstrip() + " task.xla_source_percent=100 task.xla_target_percent=100\n")
    check(stage / "outputs" / data_set, f"xla-{target}", {"en", target})
    assert (stage / "outputs" / data_set / "xla_5_percent_base" / target / "checkpoint_best.pt").is_file()


def test_panx(download: Path) -> None:
    """Hindi stands in for Urdu."""
    (commands,) = sections(REPO / "examples" / "recipes" / "panx" / "README.md", "xl-convert")
    panx = download / "raw" / "panx"
    shutil.copy(panx / "translate-train" / "en-hi.tsv", panx / "train-hi.tsv")
    run(download, "rm -rf data-bin/panx-xla outputs/panx\n" + re.sub(r"\bur\b", "hi", commands))
    check(download / "outputs" / "panx", "xla-hi", {"en", "hi"})
    (panx / "train-hi.tsv").unlink()


def test_conll(download: Path) -> None:
    """The benchmark's entities in the files of the shared tasks: their tags, encoding and names."""
    raw = download / "raw" / "conll"
    raw.mkdir()
    for name, code in (("eng", "en"), ("deu", "de"), ("esp", "de"), ("ned", "en")):
        for part, stem in (("train", "train"), ("testa", "dev"), ("testb", "test")):
            source = download / "new" / "panx" / f"{stem}-{code}.tsv"
            if not source.is_file():
                source = download / "new" / "panx" / "translate-train" / "en-de.tsv"
            lines = (line.split("\t") for line in source.read_text(encoding="utf-8").splitlines())
            rows = [f"{line[0]} X {line[-1] if len(line) > 1 else 'O'}" if line[0] else "" for line in lines]
            if name in ("eng", "deu"):  # IOB1
                rows = [row.replace(" B-", " I-") for row in rows]
            text = "\n".join(["-DOCSTART- -X- O", "", *rows, ""])
            (raw / f"{name}.{part}").write_text(text, encoding="iso-8859-1", errors="replace")
    (commands,) = sections(REPO / "examples" / "recipes" / "conll" / "README.md", "xl-convert")
    run(download, commands)
    check(download / "outputs" / "conll", "xla-de", {"en", "de", "es", "nl"})
    made = (raw / "iob2" / "eng.testb").read_text(encoding="utf-8").splitlines()[2:]
    gold = (download / "new" / "panx" / "test-en.tsv").read_text(encoding="utf-8").splitlines()
    agree = [line.split(" ")[-1] == other.split("\t")[-1] for line, other in zip(made, gold)]
    assert len(made) == len(gold) and sum(agree) / len(agree) > 0.97  # but where entities of one type touch


def test_readme(download: Path) -> None:
    inside, shared = sections(REPO / "docs" / "xla.md", "--task xla_cotrain_task")
    panx = download / "raw" / "panx"
    shutil.copy(panx / "translate-train" / "en-de.tsv", panx / "train-de.tsv")
    run(download, f"rm -rf data-bin/panx-xla\n{inside}")
    check(download / "outputs", "xla-de", {"en", "de"})
    run(download, shared)
    assert (download / "outputs" / "xla-de-shared" / "checkpoint_best.pt").is_file()
    (panx / "train-de.tsv").unlink()


def test_on_the_embedded_benchmark(stage: Path) -> None:
    """The script from the quickstart's folder to its tables; started again it trains nothing."""
    quick, out = stage / "quick", stage / "mini-xla" / "sentence_pair"
    shutil.rmtree(quick, ignore_errors=True)
    shutil.copytree(stage / "xlmr.base", quick / "encoder")
    save_archive(quick / "encoder" / "model.pt", quick / "encoder" / "dict.txt", max_positions=256)
    command = stage / "bin" / "fairseq-train"
    before = command.read_text()
    few = "--agreement union --batch-size 4"  # models that know nothing seldom agree
    limit = f'limit="--max-update 2"; case "$*" in *xla_cotrain*) limit="{few}";; esac'
    train = 'exec bare-fairseq-train "$@" $limit --cpu --num-workers 0'
    command.write_text(f"#!/bin/sh\n{limit}\n{train}\n")
    try:
        call = "TRAIN=48 POOL=48 TARGETS=de examples/experiments/mini/xla.sh quick mini-xla sentence_pair"
        printed = run(stage, call)
        for text in ("paired bootstrap", "zero-shot", "+penalty", "XLA epoch 3", "ensemble of three"):
            assert text in printed
        trained = {log: log.stat().st_mtime_ns for log in out.glob("*.log")}
        assert len(trained) == 4 + 2 + 1  # models of the warm-up, virtual sentences, co-training
        stages = (out / "xla-de" / "xla_stages.jsonl").read_text(encoding="utf-8").splitlines()
        assert len(stages) == 18
        assert {f"{path.parent.name}/{path.name}" for path in (out / "xla-de").glob("epoch-*/*.pt")} == {
            f"epoch-{epoch}/member-{number}.pt" for epoch in (1, 2, 3) for number in (1, 2, 3)
        }
        meta = json.loads((out / "data-bin" / "meta.json").read_text(encoding="utf-8"))
        assert meta["splits"]["de"]["train"] == 48 and meta["unlabelled"] == {"de": ["train"]}
        run(stage, call)
        assert trained == {log: log.stat().st_mtime_ns for log in trained}
    finally:
        command.write_text(before)
