"""Validation: views, accuracies of a known model, and the metric that selects the checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from fairseq.logging import metrics

from user_dir_tests.helpers.toys.tiny import Setup, batch, build, build_trainer
from user_dir_tests.helpers.toys.toy import make_data

TASKS = ["xl_sentence_pair", "xmixup_sentence_pair"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_data(tmp_path_factory.mktemp("selection") / "data", valid=11)


def validate(setup: Setup, batch_size: int = 7) -> dict[str, float]:
    """Validation as fairseq-train runs it."""
    setup.task.load_dataset("valid")
    trainer = build_trainer(setup)
    iterator = setup.task.get_batch_iterator(
        setup.task.dataset("valid"), max_sentences=batch_size, max_positions=setup.task.max_positions()
    ).next_epoch_itr(shuffle=False)
    with metrics.aggregate(new_root=True) as meters:
        for sample in iterator:
            trainer.valid_step(sample)
    return dict(meters.get_smoothed_values())


def hand_counted(setup: Setup) -> dict[str, float]:
    """Accuracy per language in percent, one example at a time."""
    setup.model.eval()
    dataset, hits = setup.task.dataset("valid"), {}
    for index in range(len(dataset)):
        sample = batch(setup, [index], "valid")
        with torch.no_grad():
            logits, *rest = setup.model(
                sample["net_input"]["src_tokens"], source_tokens=sample.get("source"),
                classification_head_name="sentence_classification_head",
            ) if "source" in sample else setup.model(
                sample["net_input"]["src_tokens"], classification_head_name="sentence_classification_head"
            )  # fmt: skip
        p = logits.softmax(dim=1)
        if "source" in sample:
            p = (p + rest[0]["source_output"].softmax(dim=1)) / 2
        language = dataset.locate(index)[0].language
        hits.setdefault(language, []).append(float(p.argmax() == sample["target"][0]))
    return {language: 100 * sum(h) / len(h) for language, h in hits.items()}


@pytest.mark.parametrize("task", TASKS)
def test_accuracies_equal_hand_counts(data: Path, task: str) -> None:
    setup = build(data, task, weights=4, scale=30.0)
    values = validate(setup)
    by_hand = hand_counted(setup)
    assert len(set(by_hand.values())) > 1, "the test needs languages that differ"
    for language, value in by_hand.items():
        assert values[f"acc_{language}"] == pytest.approx(value)
    assert values["acc"] == values["acc_select"] == pytest.approx(sum(by_hand.values()) / 3)


@pytest.mark.parametrize("batch_size", [1, 4, 33])
def test_accuracies_do_not_depend_on_batches(data: Path, batch_size: int) -> None:
    values, usual = (validate(build(data), size) for size in (batch_size, 7))
    for name in ("acc", "acc_de", "acc_en", "acc_fr", "acc_select", "loss", "kl"):
        assert values[name] == pytest.approx(usual[name], abs=2e-4), name


@pytest.mark.parametrize(
    "options, languages",
    [
        ({"select": "source-dev"}, ["en"]),
        ({"select": "mean-dev"}, ["de", "en", "fr"]),
        ({"select": "mean-dev", "valid_languages": "de,fr"}, ["de", "fr"]),
        ({"select": "target-dev", "select_languages": "fr"}, ["fr"]),
        ({"select": "target-dev", "select_languages": "fr,de"}, ["fr", "de"]),
        ({"select": "target-dev", "valid_languages": "en,de"}, ["de"]),
    ],
    ids=str,
)
def test_selection_protocols(data: Path, options: dict, languages: list[str]) -> None:
    values = validate(build(data, **options))
    expected = sum(values[f"acc_{language}"] for language in languages) / len(languages)
    assert values["acc_select"] == pytest.approx(expected)


def test_validation_pairs_each_text_with_its_translation(data: Path) -> None:
    setup = build(data)
    setup.task.load_dataset("valid")
    data_bin, dataset = setup.task.data_bin, setup.task.datasets["valid"]
    for index in range(len(dataset)):
        part, row = dataset.locate(index)
        view = part.language != "en"
        first = data_bin.open_text(part.language, "input0", "valid", into_source=view)[row][:-1]
        second = data_bin.open_text(part.language, "input1", "valid", into_source=view)[row][:-1]
        assert dataset[index]["source"].tolist() == [0, *first.tolist(), 2, 2, *second.tolist(), 2]
        gold = data_bin.open_text("en", "input0", "valid")[row][:-1]
        if view:
            assert first.tolist() != gold.tolist() or second.tolist(), "the gold parallel text must not be used"
        assert "back_translation" not in dataset[index]


def test_test_split_uses_translate_test_too(data: Path) -> None:
    setup = build(data)
    dataset = setup.task.load_dataset("test")
    part, _ = dataset.locate(0)
    assert part.language == "de" and part.source.path.endswith("de/en-view/input0/test")


def test_source_language_with_a_view_uses_it(data: Path, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "data"
    shutil.copytree(data, copy)
    shutil.copytree(copy / "de" / "en-view", copy / "en" / "en-view")
    dataset = build(copy).task.load_dataset("train")
    english = next(p for p in dataset.parts if p.language == "en")
    assert english.back_translation.path.endswith("en/en-view/input0/train")
    assert english.source.path.endswith("en/input0/train")


@pytest.mark.parametrize(
    "task, option, languages",
    [
        ("xl_sentence_pair", None, ["en"]),
        ("xl_sentence_pair", "all", ["de", "en", "fr"]),
        ("xl_sentence_pair", "fr,en", ["fr", "en"]),
        ("xmixup_sentence_pair", None, ["de", "en", "fr"]),
        ("xmixup_sentence_pair", "source", ["en"]),
    ],
)
def test_training_languages(data: Path, task: str, option: Any, languages: list[str]) -> None:
    options = {} if option is None else {"train_languages": option}
    dataset = build(data, task, **options).task.load_dataset("train")
    assert [part.language for part in dataset.parts] == languages
    assert len(dataset) == 24 * len(languages)


def test_batches_are_composed_anew_every_epoch(data: Path) -> None:
    setup = build(data, batch_size=6)
    setup.task.load_dataset("train")
    trainer = build_trainer(setup)
    seen = []
    for epoch in (1, 2, 1):
        iterator = trainer.get_train_iterator(epoch=epoch, load_dataset=False)
        seen.append({tuple(sorted(sample["id"].tolist())) for sample in iterator.next_epoch_itr(shuffle=True)})
    assert seen[0] == seen[2] and len(seen[0] & seen[1]) < 4
    for batches in seen:
        assert sorted(i for ids in batches for i in ids) == list(range(72))
