"""Probabilities: in row order, independent of batches, and those of the model asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from fairseq.models.roberta import RobertaModel

from user_dir_tests.helpers.evaluation.checkpoints import save_checkpoint
from user_dir_tests.helpers.toys.toy import make_data, write_rows
from xl_plugins.errors import UserError
from xl_plugins.evaluation.checkpoint import FineTuned, load_fine_tuned
from xl_plugins.problems.predicting import build_datasets, predict_dataset, predict_languages

HEAD = "sentence_classification_head"


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return make_data(tmp_path_factory.mktemp("toy"), test=37, longest=14)


@pytest.fixture(scope="module")
def paths(tmp_path_factory, data) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("runs")
    found = {}
    for name, task in (("plain", "xl_sentence_pair"), ("xmixup", "xmixup_sentence_pair")):
        found[name] = str(folder / f"{name}.pt")
        save_checkpoint(folder / f"{name}.pt", data, task)
    return found


def one_by_one(tuned: FineTuned, language: str) -> np.ndarray:
    """Each row alone, straight through the model's forward pass."""
    dataset = build_datasets(tuned, "test", [language])[language]
    rows = []
    for number in range(len(dataset)):
        sample = dataset.collater([dataset[number]])
        extra = {"source_tokens": sample["source"]} if "source" in sample else {}
        with torch.no_grad():
            target, more = tuned.model(**sample["net_input"], classification_head_name=HEAD, **extra)
        streams = [target] + ([more["source_output"]] if extra else [])
        rows.append(torch.stack([torch.softmax(stream[0], -1) for stream in streams]).mean(0).numpy())
    return np.stack(rows)


@pytest.mark.parametrize("name", ["plain", "xmixup"])
def test_rows_come_back_in_file_order(paths, name):
    tuned = load_fine_tuned(paths[name])
    found = predict_languages(tuned)
    assert list(found) == ["en", "de", "fr"]  # source language first
    for language, predictions in found.items():
        expected = one_by_one(tuned, language)
        assert np.unique(expected.round(4), axis=0).shape[0] > 30  # rows differ, so their order shows
        np.testing.assert_allclose(predictions.probabilities, expected, atol=1e-5)
        assert predictions.names == [tuned.task.problem.labels[i] for i in expected.argmax(1)]


@pytest.mark.parametrize("name", ["plain", "xmixup"])
@pytest.mark.parametrize("limits", [(1, None), (5, None), (64, None), (None, 100), (3, 90)])
def test_batches_and_padding_change_nothing(paths, name, limits):
    tuned = load_fine_tuned(paths[name])
    dataset = build_datasets(tuned, "test", ["de"])["de"]
    np.testing.assert_allclose(predict_dataset(tuned, dataset, *limits), predict_dataset(tuned, dataset, 7), atol=1e-5)


def test_batches_hold_like_lengths_and_respect_both_limits(paths, monkeypatch):
    tuned = load_fine_tuned(paths["xmixup"])
    dataset = build_datasets(tuned, "test", ["de"])["de"]
    seen = []
    collate = dataset.collater
    monkeypatch.setattr(dataset, "collater", lambda items: seen.append(collate(items)) or seen[-1])
    predict_dataset(tuned, dataset, 6, 200)
    widths = [max(s["net_input"]["src_tokens"].size(1), s["source"].size(1)) for s in seen]
    assert widths == sorted(widths, reverse=True)
    assert max(len(s["id"]) for s in seen) <= 6
    assert sorted(i for s in seen for i in s["id"].tolist()) == list(range(37))
    padded = sum(s["net_input"]["src_tokens"].numel() for s in seen)
    assert padded < 1.25 * dataset.parts[0].target.lengths.sum()


def test_probabilities_sum_to_one_and_lie_between_both_streams(paths):
    """X-Mixup 4.3: the average of two distributions."""
    tuned = load_fine_tuned(paths["xmixup"])
    dataset = build_datasets(tuned, "test", ["fr"])["fr"]
    sample = dataset.collater([dataset[i] for i in range(37)])
    with torch.no_grad():
        target, extra = tuned.model(
            **sample["net_input"], source_tokens=sample["source"], classification_head_name=HEAD
        )
    streams = torch.stack([target, extra["source_output"]]).softmax(-1).numpy()
    found = predict_languages(tuned, languages=["fr"])["fr"].probabilities
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-6)
    assert (found >= streams.min(0) - 1e-6).all() and (found <= streams.max(0) + 1e-6).all()
    assert abs(streams[0] - streams[1]).max() > 0.05


def test_average_of_probabilities_and_of_logits_disagree(paths):
    """Logits (6, -1, -6) and (-5, 6, 6): the first class by probabilities, the second by logits."""
    source, target = torch.tensor([[6.0, -1, -6]]), torch.tensor([[-5.0, 6, 6]])
    model = lambda **given: (target, {"source_output": source})  # noqa: E731
    sample = {"net_input": {"src_tokens": torch.zeros(1, 2)}, "source": torch.zeros(1, 2)}
    expected = {"prob": [0.499546, 0.250453, 0.250001], "logit": [0.111166, 0.821409, 0.067425]}
    for average, numbers in expected.items():
        task = load_fine_tuned(paths["xmixup"], overrides={"inference_average": average}).task
        np.testing.assert_allclose(task.predict(model, sample)[0][0].numpy(), numbers, atol=1e-6)


def test_without_mixup_inference_the_plain_encoder_answers_and_no_translation_is_needed(paths, tmp_path):
    bare = make_data(tmp_path / "toy", test=37, longest=14, translate=False)
    with pytest.raises(UserError, match="mixup inference needs the test text of language 'de'"):
        predict_languages(load_fine_tuned(paths["xmixup"], str(bare)))
    tuned = load_fine_tuned(paths["xmixup"], str(bare), {"no_mixup_inference": True})
    found = predict_languages(tuned)["de"].probabilities
    dataset = build_datasets(tuned, "test", ["de"])["de"]
    sample = dataset.collater([dataset[i] for i in range(37)])
    with torch.no_grad():
        logits, _ = RobertaModel.forward(tuned.model, **sample["net_input"], classification_head_name=HEAD)
    np.testing.assert_allclose(found, logits.softmax(-1).numpy(), atol=1e-5)
    assert tuned.task.inference()["mode"] == "no-mixup-inference"


def test_source_language_is_paired_with_itself(paths):
    tuned = load_fine_tuned(paths["xmixup"])
    item = build_datasets(tuned, "test", ["en"])["en"][3]
    assert torch.equal(item["target"], item["source"])


def test_languages_and_splits_that_are_not_there(paths):
    tuned = load_fine_tuned(paths["plain"])
    with pytest.raises(UserError, match=r"--languages: .* has no test data for xx; it has de, en, fr"):
        predict_languages(tuned, languages=["de", "xx"])
    with pytest.raises(UserError, match="--split train: expected valid or test"):
        predict_languages(tuned, "train")


def test_too_few_positions_for_an_example(paths):
    tuned = load_fine_tuned(paths["plain"])
    dataset = build_datasets(tuned, "test", ["de"])["de"]
    longest = int(dataset.tokens_per_unit.max())
    with pytest.raises(UserError, match=f"--max-tokens 9: an example has {longest} positions"):
        predict_dataset(tuned, dataset, None, 9)
    assert predict_dataset(tuned, dataset, None, longest).shape == (37, 3)


def test_numbers_that_are_none_are_not_scored(paths):
    tuned = load_fine_tuned(paths["plain"])
    tuned.model.classification_heads[HEAD].out_proj.bias.data[0] = float("inf")
    with pytest.raises(UserError, match=r"predictions for de:\d+, .* are not finite"):
        predict_languages(tuned, languages=["de"])


def test_progress_counts_every_example(paths):
    tuned = load_fine_tuned(paths["plain"])
    started, counted = [], []
    predict_languages(
        tuned, batch_size=10, progress=lambda language, count: started.append((language, count)) or counted.append
    )
    assert started == [("en", 37), ("de", 37), ("fr", 37)]
    assert sum(counted) == 3 * 37


def test_gold_labels_are_those_of_the_folder(paths, data):
    tuned = load_fine_tuned(paths["plain"])
    found = predict_languages(tuned, languages=["fr"])["fr"]
    assert found.gold is not None
    labels = tuned.task.problem.labels
    assert found.gold == [labels[i] for i in tuned.task.data_bin.open_labels("fr", "test")]
    (data / "meta.json").write_text('{"unlabelled": {"fr": ["test"]}}')
    try:
        found = predict_languages(load_fine_tuned(paths["plain"]), languages=["de", "fr"])
    finally:
        (data / "meta.json").unlink()
    assert found["fr"].gold is None and found["de"].gold is not None


@pytest.mark.parametrize(
    ("rows", "meta", "scored"), [(10, None, False), (9, None, True), (10, '{"dataset": "own"}', True)]
)
def test_one_label_throughout_a_hand_made_folder_is_a_placeholder(paths, tmp_path, rows, meta, scored):
    root = make_data(tmp_path / "toy", test=rows)
    write_rows(root / "de" / "label" / "test", [[5]] * rows, 7)
    if meta:
        (root / "meta.json").write_text(meta)
    found = predict_languages(load_fine_tuned(paths["plain"], str(root)), languages=["de", "fr"])
    assert (found["de"].gold is not None) == scored and found["fr"].gold is not None
