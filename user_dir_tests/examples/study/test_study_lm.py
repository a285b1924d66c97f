"""The study's language-model head: its text, its masks, and that nothing but the head changes."""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from user_dir_tests.conftest import TinySpm, made_up_text
from user_dir_tests.helpers.running.training import save_archive
from xl_plugins.data.binary.layout import load_with_mask
from xl_plugins.data.binary.rows import Rows
from xl_plugins.errors import UserError

STUDY = Path(__file__).resolve().parents[3] / "examples" / "experiments" / "study"


@pytest.fixture(scope="module")
def modules() -> Any:
    """The scripts of the study, which are no package."""
    sys.path.insert(0, str(STUDY))
    try:
        import lm_head
        import lm_text

        yield {"head": lm_head, "text": lm_text}
    finally:
        sys.path.remove(str(STUDY))


def pack(path: Path, lines: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress("".join(f"{line}\n" for line in lines).encode(), mtime=0))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    for seed, language in enumerate(("de", "en", "zh"), 2):
        pack(root / f"parallel/ntrex/newstest2019.{language}.gz", made_up_text(40 * seed, seed))
    pack(root / "parallel/newstest/2018/en-tr/newstest2018.en.gz", ["only here", "only here"])
    pack(root / "parallel/bible_nt/en.tsv.gz", ["b.MAT.1.1\tin the beginning"])
    pack(root / "panx/train-zh.tsv.gz", ["ba\tO", "du\tB-LOC", "", "ge\tO"])
    pack(root / "panx/dev-de.tsv.gz", ["ba\tO", "du\tO"])
    for folder in ("panx", "udpos"):
        pack(root / f"{folder}/test-de.tsv.gz", ["secret\tO"])
    return root


def make_text(modules: Any, data: Path, spm: TinySpm, out: Path, *more: str) -> int:
    words = ["--data", str(data), "--spm", str(spm.model), "--dict", str(spm.dict), "--languages", "de,en,zh"]
    return modules["text"].main([*words, *more, str(out)])


def test_text_of_all_kinds_but_no_test_sets(modules: Any, data: Path) -> None:
    found = {language: set(modules["text"].sentences(data, language)) for language in ("de", "en", "zh")}
    assert found["en"] == {*made_up_text(120, 3), "only here", "in the beginning"}
    assert found["de"] == {*made_up_text(80, 2), "ba du"} and found["zh"] == {*made_up_text(160, 4), "badu", "ge"}


def test_every_language_has_its_share(modules: Any) -> None:
    texts = {"a": [f"a{n}" for n in range(5)], "b": [f"b{n}" for n in range(50)], "c": [f"c{n}" for n in range(90)]}
    drawn = modules["text"].balanced(texts, 65, 1)
    assert {name: len(found) for name, found in drawn.items()} == {"a": 5, "b": 30, "c": 30}
    assert all(len(set(found)) == len(found) and set(found) <= set(texts[name]) for name, found in drawn.items())
    assert drawn == modules["text"].balanced(texts, 65, 1) != modules["text"].balanced(texts, 65, 2)


def test_binarised_text(modules: Any, data: Path, tiny_spm: TinySpm, tmp_path: Path) -> None:
    assert make_text(modules, data, tiny_spm, tmp_path / "text", "--sentences", "150", "--length", "20") == 0
    train, valid = (Rows(str(tmp_path / "text" / split)) for split in ("train", "valid"))
    assert (len(train), len(valid)) == (147, 3) and train.row_sizes.max() == 20
    assert all(row[-1] == 2 for row in (train[0], train[100], valid[0]))
    raw = [(tmp_path / "text" / "raw" / f"{language}.txt").read_text().splitlines() for language in ("de", "en", "zh")]
    assert sum(map(len, raw)) == 150 and set(raw[1]) <= set(modules["text"].sentences(data, "en"))
    with pytest.raises(UserError, match="no text of tr; give the folder of the data sets"):
        make_text(modules, data, tiny_spm, tmp_path / "other", "--languages", "de,tr")
    with pytest.raises(UserError, match="exists; pass --overwrite"):
        make_text(modules, data, tiny_spm, tmp_path / "text")


def test_masks(modules: Any, tiny_spm: TinySpm) -> None:
    dictionary = load_with_mask(tiny_spm.dict)
    fates = np.zeros(3, dtype=int)
    for seed in range(400):
        ids = np.append(np.random.default_rng([9, seed]).integers(4, 300, size=40), dictionary.eos())
        changed, places = modules["head"].mask(ids, dictionary, np.random.default_rng([1, seed]))
        assert len(places) == len(set(places)) == 6 and 40 not in places
        untouched = np.delete(np.arange(41), places)
        assert np.array_equal(changed[untouched], ids[untouched])
        masked = changed[places] == dictionary.index("<mask>")
        kept = changed[places] == ids[places]
        fates += masked.sum(), kept.sum(), (~masked & ~kept).sum()
        assert changed.min() >= 2 and changed[places].min() >= dictionary.nspecial
    assert fates.sum() == 2400 and np.allclose(fates / 2400, [0.8, 0.1, 0.1], atol=0.02)
    short = modules["head"].mask(np.array([7, dictionary.eos()]), dictionary, np.random.default_rng(1))
    assert short[1].tolist() == [0]


def test_the_head_learns_and_nothing_else_changes(
    modules: Any, data: Path, tiny_spm: TinySpm, tmp_path: Path
) -> None:  # fmt: skip
    make_text(modules, data, tiny_spm, tmp_path / "text")
    save_archive(tmp_path / "model.pt", tiny_spm.dict, max_positions=128, tokens_per_sample=128)
    text = ["--text", str(tmp_path / "text")]
    run = modules["head"].main
    run([str(tmp_path / "model.pt"), *text, "--loss", str(tmp_path / "before.json")])
    run([str(tmp_path / "model.pt"), *text, "--out", str(tmp_path / "head.pt"), "--batch", "32", "--lr", "0.01"])
    run([str(tmp_path / "head.pt"), *text, "--loss", str(tmp_path / "after.json")])
    before, after = (json.loads((tmp_path / name).read_text())["masked_lm"] for name in ("before.json", "after.json"))
    assert before.keys() == after.keys() == {"de", "en", "zh"}
    for language in before:
        assert after[language]["loss"] < before[language]["loss"] - 0.2
        assert after[language]["pieces"] == before[language]["pieces"]
    one, other = (torch.load(tmp_path / name, weights_only=False)["model"] for name in ("model.pt", "head.pt"))
    changed = {name.split(".", 1)[1] for name in one if not torch.equal(one[name], other[name])}
    assert one.keys() == other.keys() and "lm_head.bias" in changed
    assert all(name.startswith("lm_head.") and name != "lm_head.weight" for name in changed)
    with pytest.raises(UserError, match="give either --out FILE, to train a head, or --loss FILE"):
        run([str(tmp_path / "model.pt"), *text])
    with pytest.raises(UserError, match=r"head\.pt exists"):
        run([str(tmp_path / "model.pt"), *text, "--out", str(tmp_path / "head.pt")])
    few = ["--sentences", "8", "--overwrite"]
    run([str(tmp_path / "model.pt"), *text, "--out", str(tmp_path / "head.pt"), *few])
    with pytest.raises(UserError, match=r"model\.pt: lm_head\.py did not make it"):
        run([str(tmp_path / "model.pt"), *text, "--out", str(tmp_path / "model.pt"), *few])


def test_states_do_not_depend_on_batches(
    modules: Any, data: Path, tiny_spm: TinySpm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_text(modules, data, tiny_spm, tmp_path / "text")
    save_archive(tmp_path / "model.pt", tiny_spm.dict, max_positions=128, tokens_per_sample=128)
    head, dictionary = modules["head"], load_with_mask(tmp_path / "text" / "dict.txt")
    model = head.build_pretrained(
        str(tmp_path / "model.pt"), head.read_pretrained(str(tmp_path / "model.pt")), dictionary
    )
    rows = Rows(str(tmp_path / "text" / "train"))
    found = []
    for tokens in (4096, 1):
        monkeypatch.setattr(head, "_TOKENS", tokens)
        found.append(head.cache(model, rows, 50, dictionary, 1, "states"))
    assert torch.equal(found[0].targets, found[1].targets)
    torch.testing.assert_close(found[0].states, found[1].states, rtol=1e-5, atol=1e-5)
