"""Gold labels of the real files through encode -> chunk or window -> decode -> write -> score give exactly 100."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest
import sentencepiece
import torch
import torch.nn.functional as F

from user_dir_tests.tiny import parse
from xl_plugins.cli import prepare
from xl_plugins.data.layout import DataBin
from xl_plugins.evaluation.checkpoint import FineTuned, Selection
from xl_plugins.evaluation.file_scores import score_files
from xl_plugins.evaluation.files import write_files
from xl_plugins.evaluation.predict import predict_languages
from xl_plugins.evaluation.scoring import prediction_files

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
CERTAIN = 60.0  # a score beside which the others are nothing


@pytest.fixture(scope="module")
def tokenizer(xl_data: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """A SentencePiece model trained on text of all languages, and its dictionary, as options of xl-prepare."""
    folder = tmp_path_factory.mktemp("tokenizer")
    text, prefix = folder / "text.txt", folder / "spm"
    with text.open("wb") as out:
        for path in sorted((xl_data / "parallel" / "flores200").glob("devtest.*.gz")):
            out.writelines(gzip.open(path).readlines()[:300])
    sentencepiece.SentencePieceTrainer.train(
        input=str(text), model_prefix=str(prefix), vocab_size=6000, model_type="unigram", character_coverage=0.9995,
        num_threads=2, minloglevel=2,
    )  # fmt: skip
    pieces = sentencepiece.SentencePieceProcessor(model_file=f"{prefix}.model")
    rows = [f"{pieces.id_to_piece(i)} 1\n" for i in range(3, pieces.get_piece_size())]
    (folder / "dict.txt").write_text("".join(rows), encoding="utf-8")
    return ["--spm", f"{prefix}.model", "--dict", str(folder / "dict.txt")]


def gold_system(data: Path, task: str, **options: object) -> FineTuned:
    """What ``xl-evaluate`` holds of a checkpoint, with a model that is certain of the gold labels of every row."""
    from fairseq import tasks

    made: Any = tasks.setup_task(parse(data, task, train_languages="all", **options).task)
    problem = made.problem

    def predict(model: torch.nn.Module, sample: dict) -> tuple:
        target = sample["target"]
        if problem.name == "tagging":
            output = CERTAIN * F.one_hot(target.clamp(min=0), len(problem.labels)).float()
        else:
            output = torch.zeros(*sample["net_input"]["src_tokens"].shape, 2)
            rows = target[:, 0].nonzero().flatten()
            for side in (0, 1):
                output[rows, target[rows, side], side] = CERTAIN
        return problem.values(output, sample)

    made.predict = predict
    return FineTuned("gold", made, torch.nn.Identity(), torch.device("cpu"), Selection("", [], "", None, None), 0)


def scored(data: Path, task: str, name: str, raw: Path, folder: Path, split: str = "test", **options: object) -> Any:
    tuned = gold_system(data, task, **options)
    found = predict_languages(tuned, split)
    write_files(prediction_files(str(folder), name, split, tuned.task.problem.name, found))
    return score_files(str(folder), str(raw), name, split)


@pytest.mark.parametrize("name, languages", [("udpos", 28), ("panx", 37)])
@pytest.mark.parametrize("split", ["valid", "test"])
def test_tags(xl_data: Path, tokenizer: list[str], tmp_path: Path, name: str, languages: int, split: str) -> None:
    """Rows of at most 40 positions, so that many sentences are chunked."""
    assert prepare.main([name, str(xl_data / name), str(tmp_path / "data"), *tokenizer]) == 0
    result = scored(tmp_path / "data", "xl_tagging", name, xl_data / name, tmp_path / "out", split, max_length=40)
    assert set(result.scores) == set(DataBin(tmp_path / "data").languages) and len(result.scores) == languages
    assert set(result.scores.values()) == {100.0}
    sentences = {
        language: DataBin(tmp_path / "data").open_text(language, "input0", split) for language in result.scores
    }
    assert sum((texts.sizes > 39).sum() for texts in sentences.values()) > 300  # chunked
    assert sum(counts[0] for counts in result.counts.values()) > 10_000  # spans
