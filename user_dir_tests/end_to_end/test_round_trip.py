"""Gold labels of the real files through encode -> chunk or window -> decode -> write -> score give exactly 100."""

from __future__ import annotations

import gzip
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import sentencepiece
import torch
import torch.nn.functional as F

from user_dir_tests.helpers.toys.tiny import parse
from xl_plugins.cli import prepare
from xl_plugins.data.binary.layout import DataBin
from xl_plugins.evaluation.checkpoint import FineTuned, Selection
from xl_plugins.evaluation.readers.file_scores import score_files
from xl_plugins.evaluation.scoring import prediction_files, score_predictions
from xl_plugins.output import write_together
from xl_plugins.problems.predicting import predict_languages

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
CERTAIN = 60.0  # a score beside which the others are nothing


@pytest.fixture(scope="module")
def tokenizer(xl_data: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """A SentencePiece model trained on text of all languages, and its dictionary, as options of xl-prepare."""
    folder = tmp_path_factory.mktemp("tokenizer")
    text, prefix = folder / "text.txt", folder / "spm"
    with text.open("wb") as out:
        for path in sorted((xl_data / "parallel" / "flores200").glob("devtest.*.gz")):
            with gzip.open(path) as lines:
                out.writelines(islice(lines, 300))
    sentencepiece.SentencePieceTrainer.train(
        input=str(text), model_prefix=str(prefix), vocab_size=6000, model_type="unigram", character_coverage=0.9995,
        num_threads=2, minloglevel=2,
    )  # fmt: skip
    pieces = sentencepiece.SentencePieceProcessor(model_file=f"{prefix}.model")
    rows = [f"{pieces.id_to_piece(i)} 1\n" for i in range(3, pieces.get_piece_size())]
    (folder / "dict.txt").write_text("".join(rows), encoding="utf-8")
    return ["--spm", f"{prefix}.model", "--dict", str(folder / "dict.txt")]


def gold_system(data: Path, task: str, **options: object) -> FineTuned:
    """The checkpoint as ``xl-evaluate`` holds it, with a model that is certain of the gold labels of every row."""
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
    write_together(prediction_files(str(folder), name, split, tuned.task.problem, found))
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


ENGLISH = ["--train", "en={data}/squad/train-v1.1.json"]
EXTRACTIVE = {  # command of xl-prepare, split with gold, languages, questions
    "xquad": (["xquad", "{data}/xquad", "{out}", "--train", "{data}/squad/train-v1.1.json"], "test", 11, 10_912),
    "mlqa": (["mlqa", "{data}/mlqa", "{out}", "--train", "{data}/squad/train-v1.1.json"], "valid", 7, 3_309),
    "squad": (["squad", "{out}", *ENGLISH, "--test", "en={data}/squad/dev-v1.1.json"], "test", 1, 556),
    # TyDiQA's dev files carry no answers here, so that the training files have to do
    "tydiqa": (
        ["squad", "{out}", *ENGLISH, "--languages", "en,sw", "--test",
         "{data}/tydiqa/tydiqa-goldp-v1.1-train/tydiqa.goldp.{{lang}}.train.json"],
        "test", 2, 6_451,
    ),
}  # fmt: skip


@pytest.mark.parametrize("pieces", ["character", "subword"])
@pytest.mark.parametrize("name", EXTRACTIVE)
def test_answers(xl_data: Path, tokenizer: list[str], tmp_path: Path, name: str, pieces: str) -> None:
    """One piece per character is exact; a subword may hold the answer and a letter more, which bounds every model."""
    command, split, languages, questions = EXTRACTIVE[name]
    data = tmp_path / "data"
    words = [word.format(data=xl_data, out=data) for word in command]
    assert prepare.main([*words, *tokenizer, "--context-pieces", pieces]) == 0
    # some answers are longer than the overlap of ordinary windows
    lengths = {"max_length": 60_000, "max_answer_length": 60_000} if pieces == "character" else {
        "max_length": 256, "doc_stride": 64, "max_answer_length": 180}  # fmt: skip
    tuned = gold_system(data, "xl_qa", **lengths)
    found = predict_languages(tuned, split)
    result = score_predictions(tuned, found, split, "gold", name)
    assert len(result.counts) == languages and sum(len(p.predicted) for p in found.values()) == questions
    exact, f1 = result.figures("em"), result.figures("f1")
    if pieces == "character":
        # MLQA deletes the answer "una", so that its F1 is 0; an answer of TyDiQA begins with an invisible mark
        bounds = {"mlqa": {"es": (405, 404)}, "tydiqa": {"en": (3695, 3695)}}.get(name, {})
        for language, counts in result.counts.items():
            size = counts[-1]
            assert exact[language] == 100 * bounds.get(language, (size, size))[0] / size
            assert 100 * bounds.get(language, (size, size))[1] / size <= f1[language] <= 100
            assert f1[language] == 100 or language in bounds
    else:
        assert min(exact.values()) > 95 and min(f1.values()) > 98, (exact, f1)
    if name in ("xquad", "mlqa"):  # the same through files; ids repeat in TyDiQA
        write_together(prediction_files(str(tmp_path / "out"), name, split, tuned.task.problem, found))
        raw = xl_data / name / ("MLQA_V1/dev" if name == "mlqa" else "")
        assert score_files(str(tmp_path / "out"), str(raw), name, split).figures("em") == exact
