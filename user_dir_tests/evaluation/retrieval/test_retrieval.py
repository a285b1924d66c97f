"""Retrieval from folders and checkpoints: translations made by hand are found, and every option does what it says."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from user_dir_tests.helpers.evaluation.checkpoints import save_checkpoint
from user_dir_tests.helpers.running.training import save_archive
from user_dir_tests.helpers.toys.toy import VOCABULARY, make_data, write_rows
from xl_plugins.data.binary.layout import DataBin
from xl_plugins.data.sentences import Sentences
from xl_plugins.errors import UserError
from xl_plugins.evaluation.options import add_model_options
from xl_plugins.evaluation.retrieval import scores as retrieval
from xl_plugins.evaluation.retrieval.encode import SentenceEncoder, load_sentence_encoder
from xl_plugins.evaluation.retrieval.options import add_options
from xl_plugins.output.files import FileOutput

TYPES = VOCABULARY + 4


def draw(count: int, seed: int) -> list[list[int]]:
    """Different sentences."""
    made = np.random.default_rng(seed)
    rows = {tuple(made.integers(4, TYPES, made.integers(3, 12)).tolist()): None for _ in range(3 * count)}
    return [list(row) for row in rows][:count]


def write_side(root: Path, folder: str, split: str, rows: list[list[int]]) -> None:
    write_rows(root / folder / "input0" / split, rows, TYPES)


def write_gold(root: Path, language: str, split: str, pairs: list[tuple[int, int]]) -> None:
    path = root / language / "gold" / f"{split}.npy"
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, np.array(pairs, dtype=np.int64))


def start(root: Path, dataset: str) -> Path:
    root.mkdir(parents=True)
    (root / "dict.txt").write_text("".join(f"p{i} 1\n" for i in range(VOCABULARY)))
    (root / "meta.json").write_text(json.dumps({"problem": "retrieval", "dataset": dataset, "source_language": "en"}))
    return root


@pytest.fixture(scope="module")
def paths(tmp_path_factory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("runs")
    pairs = make_data(tmp_path_factory.mktemp("toy"))
    save_checkpoint(folder / "plain.pt", pairs, "xl_sentence_pair")
    save_checkpoint(folder / "xmixup.pt", pairs)
    save_archive(folder / "archive.pt", pairs / "dict.txt")
    return {name: str(folder / f"{name}.pt") for name in ("plain", "xmixup", "archive")}


@pytest.fixture(scope="module")
def tatoeba(tmp_path_factory) -> Path:
    """de: the English sentences themselves in another order; fr: 20 of 30 of them, the others unrelated."""
    root = start(tmp_path_factory.mktemp("data") / "tatoeba", "tatoeba")
    english, other = draw(30, 1), draw(10, 2)
    order = np.random.default_rng(3).permutation(30).tolist()
    write_side(root, "de", "test", [english[i] for i in order])
    write_gold(root, "de", "test", [(row, i) for row, i in enumerate(order)])
    write_side(root, "fr", "test", [*english[:20], *other])
    write_gold(root, "fr", "test", [(i, i) for i in range(30)])
    for language in ("de", "fr"):
        write_side(root, f"{language}/en-view", "test", english)
    return root


def arguments(data: Path, *words: object) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("data")
    parser.add_argument("--path", nargs="+")
    for option in ("split", "languages", "task", "names", "source-language", "output"):
        parser.add_argument(f"--{option}")
    parser.add_argument("--overwrite", action="store_true")
    add_model_options(parser)
    add_options(parser)
    return parser.parse_args([str(data), *map(str, words)])


def run(data: Path, *words: object) -> list:
    args = arguments(data, *words)
    with FileOutput("xl-evaluate", args.overwrite) as written:
        return retrieval.run(args, written)


@pytest.mark.parametrize("name", ["plain", "xmixup", "archive"])
@pytest.mark.parametrize("layer", [None, 0, 1, 3])
def test_equal_sentences_find_each_other(paths, tatoeba, name, layer):
    words = [] if layer is None else ["--layer", layer]
    (found,) = run(tatoeba, "--path", paths[name], *words)
    assert found.task == "tatoeba" and found.split == "test" and found.metric.name == "retrieval_accuracy"
    assert found.counts["de"] == (30, 30, 30)
    assert found.counts["fr"][2] == 30 and 20 <= found.counts["fr"][1] < 30
    assert found.examples["fr"][:20].min() == 1
    assert found.provenance["inference"]["layer"] == (2 if layer is None else layer)


def by_loops(data: Path, path: str, language: str, layer: int) -> list[list[int]]:
    """Every sentence encoded alone, every pair compared alone."""
    folder = DataBin(data)
    encoder = load_sentence_encoder(path, folder.dictionary, layer)
    sides = []
    for view in (False, True):
        texts = folder.open_text(language, "input0", "test", view)
        tokens = [torch.cat([torch.tensor([0]), row])[None] for row in texts]
        with torch.no_grad():
            sides.append([encoder.vectors(row)[0].numpy().astype(float) for row in tokens])
    own, english = ([vector / np.linalg.norm(vector) for vector in side] for side in sides)
    to_source = [max(range(len(english)), key=lambda j: float(own[i] @ english[j])) for i in range(len(own))]
    to_own = [max(range(len(own)), key=lambda i: float(own[i] @ english[j])) for j in range(len(english))]
    gold = np.load(data / language / "gold" / "test.npy").tolist()
    return [[int(to_source[i] == j), int(to_own[j] == i), 1] for i, j in gold]


@pytest.mark.parametrize("name", ["plain", "archive"])
@pytest.mark.parametrize("words", [[], ["--batch-size", 1], ["--batch-size", 7, "--max-tokens", 40]])
def test_parity_with_a_naive_double_loop_for_any_batch(paths, tmp_path, name, words):
    root = start(tmp_path / "data", "tatoeba")
    for number, language in enumerate(("de", "sw")):
        english = draw(40, 10 + number)
        noisy = [[*row[:-2], 5 + (row[-1] + number) % 50] for row in english]
        write_side(root, language, "test", noisy)
        write_side(root, f"{language}/en-view", "test", english)
        write_gold(root, language, "test", [(i, i) for i in range(40)])
    (found,) = run(root, "--path", paths[name], "--layer", 2, *words)
    for language in ("de", "sw"):
        expected = by_loops(root, paths[name], language, 2)
        assert 3 < sum(row[0] for row in expected) < 40
        assert found.examples[language].tolist() == expected


def test_predictions_are_written_for_every_source_sentence(paths, tatoeba, tmp_path):
    words = ["--path", paths["plain"], "--output", tmp_path / "out", "--languages", "de"]
    run(tatoeba, *words)
    rows = (tmp_path / "out" / "tatoeba" / "test-de.tsv").read_text().split("\n")
    gold = {english: own for own, english in np.load(tatoeba / "de" / "gold" / "test.npy").tolist()}
    assert rows == [str(gold[i]) for i in range(30)] + [""]
    with pytest.raises(UserError, match="pass --overwrite"):
        run(tatoeba, *words)


def test_a_source_side_that_languages_share_is_encoded_once(paths, tatoeba, monkeypatch):
    seen = []
    encode = SentenceEncoder.encode
    monkeypatch.setattr(
        SentenceEncoder, "encode", lambda self, rows, *a, **k: seen.append(len(rows)) or encode(self, rows, *a, **k)
    )
    run(tatoeba, "--path", paths["plain"])
    assert seen == [30, 30, 30]  # de, en, fr


def test_several_checkpoints_and_poolings(paths, tatoeba):
    one, two = run(tatoeba, "--path", paths["plain"], paths["archive"], "--pooling", "inner", "--layer", 1)
    assert (one.name, two.name) == ("plain", "archive")
    assert one.provenance["inference"]["description"] == "cosine, layer 1, mean without <s> and </s>, nearest neighbour"
    assert one.counts["de"] == two.counts["de"] == (30, 30, 30)


@pytest.fixture(scope="module")
def bucc(tmp_path_factory) -> Path:
    """40 sentences of which 25 (valid) and 20 (test) have a copy among 35 English ones; the others are unrelated."""
    root = start(tmp_path_factory.mktemp("data") / "bucc", "bucc")
    for split, shared in (("valid", 25), ("test", 20)):
        own, english = draw(40, shared), draw(35, shared + 1)
        pairs = [(i, 34 - i) for i in range(shared)]
        for i, j in pairs:
            english[j] = own[i]
        write_side(root, "de", split, own)
        write_side(root, "de/en-view", split, english)
        write_gold(root, "de", split, pairs)
    return root


@pytest.mark.parametrize("how", ["max", "intersection", "forward"])
@pytest.mark.parametrize("margin", ["ratio", "distance", "absolute"])
def test_copies_are_mined_and_the_threshold_comes_from_valid(paths, bucc, how, margin):
    """Layer 0 of copies has cosine 1: all are found, and with them few of the unrelated ones."""
    (found,) = run(bucc, "--path", paths["plain"], "--layer", 0, "--mine", how, "--margin", margin)
    true, predicted, hits = found.counts["de"]
    assert found.metric.name == "set_f1" and true == 20 and hits >= 18 and predicted <= 24
    assert found.scores["de"] == pytest.approx(200 * hits / (true + predicted))
    assert found.provenance["thresholds"]["de"]["tuned_on"] == "valid"
    if margin == "absolute":
        assert hits == 20 and 0.9 < found.provenance["thresholds"]["de"]["threshold"] < 1


def test_without_other_gold_the_threshold_is_tuned_on_the_split_itself_and_the_result_says_so(paths, bucc):
    (found,) = run(bucc, "--path", paths["plain"], "--layer", 0, "--split", "valid", "--margin", "absolute")
    assert found.scores["de"] == 100.0 and found.counts["de"] == (25, 25, 25)
    assert found.provenance["thresholds"]["de"]["tuned_on"] == "valid"
    assert "tuned on the gold of valid itself (de)" in found.provenance["inference"]["description"]


def test_what_is_refused(paths, tatoeba, bucc, tmp_path):
    def error(*words: object) -> str:
        with pytest.raises(UserError) as caught:
            run(*words)
        return str(caught.value)

    path = ["--path", paths["plain"]]
    assert "has no test sentences of sw with those of en; it has de, fr" in error(tatoeba, *path, "--languages", "sw")
    assert "--split: " in error(tatoeba, *path, "--split", "valid")
    assert "--margin is read for bucc2018 only" in error(tatoeba, *path, "--margin", "ratio")
    assert "--mixup-inference is not read for retrieval" in error(tatoeba, *path, "--no-mixup-inference")
    root = start(tmp_path / "data", "tatoeba")
    (root / "meta.json").write_text(json.dumps({"problem": "qa"}))
    assert "the data is for problem 'qa', not for retrieval" in error(root, *path)
    blind = start(tmp_path / "blind", "bucc")
    for folder in ("de", "de/en-view"):
        write_side(blind, folder, "test", draw(5, 1))
    assert "no gold pairs in valid or test; a threshold needs them" in error(blind, *path)


def test_a_set_without_gold_is_listed_as_unlabelled(paths, tmp_path):
    root = start(tmp_path / "data", "tatoeba")
    for folder in ("de", "de/en-view"):
        write_side(root, folder, "test", draw(5, 1))
    with pytest.raises(UserError, match="no gold pairs in test of de, so nothing can be scored; pass --output"):
        run(root, "--path", paths["plain"])
    (found,) = run(root, "--path", paths["plain"], "--output", tmp_path / "out")
    assert found.unlabelled == ["de"] and not found.counts
    assert (tmp_path / "out" / "tatoeba" / "test-de.tsv").read_text() == "0\n1\n2\n3\n4\n"


def test_sentences_of_a_file_are_those_of_fairseq(tatoeba):
    texts = DataBin(tatoeba).open_text("fr", "input0", "test")
    rows = Sentences.of(texts)
    for row in (0, 7, 29):
        start, size = int(rows.starts[row]), int(rows.sizes[row])
        assert rows.ids[start : start + size].tolist() == texts[row].tolist()
