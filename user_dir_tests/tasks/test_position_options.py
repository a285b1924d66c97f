"""Options of tagging and question answering: the papers' defaults by task, and mistakes that are refused by name."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from user_dir_tests.helpers.running.training import load, train_here, words
from user_dir_tests.helpers.setups.positions import OPTIONS, PROBLEMS, make, make_folders
from user_dir_tests.helpers.toys.tiny import SHAPE, STILL, build, parse
from user_dir_tests.helpers.toys.toy import make_data
from xl_plugins.errors import UserError, find_user_error

DEFAULTS = dict.fromkeys(name[2:].replace("-", "_") for name in (*SHAPE, *STILL))
TASKS = ["xl_tagging", "xl_qa", "xmixup_tagging", "xmixup_qa"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return make_folders(tmp_path_factory.mktemp("options"))


# -- defaults --


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("large", [False, True], ids=["base", "large"])
def test_paper_defaults_follow_from_the_task(task: str, large: bool) -> None:
    method, problem = task.split("_")
    qa, arch = problem == "qa", f"{method}_xlmr{'_large' * large}"
    cfg = parse(Path("DATA"), task, **DEFAULTS, **({"arch": arch} if large else {}))
    assert cfg.model._name == arch and cfg.model.encoder_layers == (24 if large else 12)
    assert cfg.criterion._name == f"{method}_criterion"
    assert cfg.optimizer._name == "adam" and list(cfg.optimization.lr) == [5e-6]
    assert (cfg.optimizer.adam_betas, cfg.optimizer.adam_eps, cfg.optimizer.weight_decay) == ("(0.9, 0.999)", 1e-8, 0.0)
    assert cfg.optimization.clip_norm == 1.0 and cfg.optimization.max_epoch == (2 if qa else 4)
    assert cfg.dataset.batch_size * cfg.optimization.update_freq[0] == 64
    assert (cfg.lr_scheduler._name, cfg.lr_scheduler.warmup_ratio) == ("xl_linear", 0.1 if qa else 0.0)
    assert cfg.task.max_length == (384 if qa else 128)
    assert (cfg.model.dropout, cfg.model.attention_dropout, cfg.model.pooler_dropout) == (0.1, 0.1, 0.1)
    assert cfg.checkpoint.best_checkpoint_metric == ("avg_select" if qa else "f1_select")
    assert cfg.checkpoint.maximize_best_checkpoint_metric
    if qa:
        lengths = (cfg.task.doc_stride, cfg.task.max_question_length, cfg.task.max_answer_length, cfg.task.n_best)
        assert lengths == (128, 64, 30, 20) and str(cfg.task.qa_source_window) == "first"
    else:
        assert cfg.task.word_pooling is None
        assert str(cfg.task.target_labels) == ("soft" if method == "xmixup" else "gold")
    if method == "xmixup":
        assert cfg.model.mixup_layer is None  # the model takes the article's, by its depth
        assert (cfg.criterion.mixup_alpha, cfg.criterion.mse_weight, cfg.criterion.kl_weight) == (
            0.2 if qa else 0.8, 1.0, 0.0,
        )  # fmt: skip
        assert (cfg.task.sampling_k, str(cfg.task.sampling_unit)) == (2000.0 if qa else 1000.0, "update")
        assert (cfg.task.train_languages, cfg.model.mixup_lambda0) == ("all", 0.5)


@pytest.mark.parametrize(
    "task, given, batch, freq",
    [
        ("xmixup_qa", {}, 8, 8),
        ("xmixup_qa", {"distributed_world_size": 4}, 8, 2),
        ("xmixup_qa", {"max_tokens": 4000}, None, 1),
        ("xmixup_tagging", {}, 16, 4),
        ("xmixup_tagging", {"batch_size": 8}, 8, 1),
    ],
    ids=str,
)
def test_units_per_update(task: str, given: dict, batch: int | None, freq: int) -> None:
    cfg = parse(Path("DATA"), task, **given)
    assert cfg.dataset.batch_size == batch and list(cfg.optimization.update_freq) == [freq]


def test_given_options_win_over_the_tasks() -> None:
    cfg = parse(Path("DATA"), "xmixup_qa", mixup_layer=3, mixup_alpha=0.6, max_epoch=7, warmup_ratio=0.2, sampling_k=5)
    assert (cfg.model.mixup_layer, cfg.criterion.mixup_alpha, cfg.optimization.max_epoch) == (3, 0.6, 7)
    assert (cfg.lr_scheduler.warmup_ratio, cfg.task.sampling_k) == (0.2, 5.0)


@pytest.mark.parametrize("problem, alpha", [("tagging", 0.8), ("qa", 0.2)])
def test_weights_without_task_defaults(folders: dict[str, Path], problem: str, alpha: float) -> None:
    """As under fairseq-hydra-train, where nothing but the dataclasses gives defaults."""
    setup = make(folders, problem, mixup_alpha=None, kl_weight=None)
    assert (setup.criterion.alpha, setup.criterion.kl_weight, setup.criterion.cfg.mse_weight) == (alpha, 0.0, 1.0)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_presets(folders: dict[str, Path], problem: str) -> None:
    paper, official = (make(folders, problem, preset=name) for name in ("paper", "official"))
    assert (paper.criterion.representation, official.criterion.representation) == ("mean", "sum")
    assert make(folders, problem, representation="cls").criterion.representation == "cls"
    if problem == "tagging":
        assert [s.task.problem.pooling for s in (paper, official)] == ["mean", "sum"]
        assert make(folders, problem, preset="official", word_pooling="mean").task.problem.pooling == "mean"


@pytest.mark.parametrize(
    ("dataset", "labels", "options", "rule"),
    [
        ("own", "B-LOC B-PER I-LOC I-PER O", {}, "iob"),
        ("own", "B-LOC I-LOC L-LOC U-LOC O", {}, "bilou"),
        ("own", "LOC PER ORG EVENT O", {}, "io"),
        ("own", "LOC PER ORG EVENT O", {"tag_scheme": "xtreme"}, "xtreme"),
        ("own", "NOUN VERB SYM X O", {}, "xtreme"),
        ("panx", "B-LOC B-PER I-LOC I-PER O", {}, "xtreme"),
        ("own", "B-LOC PER I-LOC I-PER O", {"tag_scheme": "io"}, "io"),
    ],
)
def test_spans_of_validation(folders, tmp_path, dataset: str, labels: str, options: dict, rule: str) -> None:
    """The spans that f1_select counts follow from the labels; mixed ones are refused before anything is computed."""
    data = styled(folders["tagging"], tmp_path / "data", dataset, labels)
    assert build(data, "xl_tagging", **options).task.problem.scheme.rule == rule


def test_labels_of_mixed_styles_are_refused_before_training(folders, tmp_path, monkeypatch) -> None:
    data = styled(folders["tagging"], tmp_path / "data", "own", "B-LOC PER I-LOC I-PER O")
    with pytest.raises(UserError, match=r"'B-LOC' and 'PER' are of different styles.*--tag-scheme"):
        build(data, "xl_tagging").task.load_dataset("valid")


def styled(folder: Path, copy: Path, dataset: str, labels: str) -> Path:
    shutil.copytree(folder, copy)
    (copy / "label" / "dict.txt").write_text("".join(f"{label} 1\n" for label in labels.split()), encoding="utf-8")
    meta = json.loads((copy / "meta.json").read_text(encoding="utf-8")) | {"dataset": dataset}
    meta.pop("labels", None)
    (copy / "meta.json").write_text(json.dumps(meta), encoding="utf-8")
    return copy


def test_what_inference_reports(folders: dict[str, Path]) -> None:
    assert make(folders, "qa").task.inference() == {
        "mode": "mixup", "description": "target text mixed with its translation",
    }  # fmt: skip
    assert make(folders, "qa", no_mixup_inference=True).task.inference()["mode"] == "no-mixup-inference"
    assert make(folders, "tagging", "xl").task.inference()["mode"] == "plain"


# -- mistakes --


def refused(folders: dict[str, Path], task: str, **options: object) -> str:
    method, problem = task.split("_")
    mixup = {"mixup_layer": 2} if method == "xmixup" else {}
    with pytest.raises(UserError) as caught:
        setup = build(folders[problem], task, **{**OPTIONS[problem], **mixup, **options})
        for split in ("train", "valid"):
            setup.task.load_dataset(split)
    assert "\n" not in str(caught.value)
    return str(caught.value)


NAN = float("nan")


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize(
    "options, words",
    [
        ({"kl_weight": 0.5}, "--kl-weight 0.5: both texts of a pair have the same label in sentence pairs only"),
        ({"kl_weight": -1.0}, "--kl-weight -1.0: expected 0 or more"),
        ({"kl_weight": NAN}, "--kl-weight nan"),
        ({"mse_weight": -1.0}, "--mse-weight -1.0: expected 0 or more"),
        ({"mixup_alpha": 1.1}, "--mixup-alpha 1.1: expected a weight from 0 to 1"),
        ({"mixup_alpha": NAN}, "--mixup-alpha nan"),
        ({"mixup_layer": 0}, "--mixup-layer 0: expected 1 to 3"),
        ({"mixup_layer": 4}, "--mixup-layer 4: expected 1 to 3"),
        ({"mixup_lambda0": 1.5}, "--mixup-lambda0 1.5: expected a ratio from 0 to 1"),
        ({"sampling_k": 0.0}, "--sampling-k 0.0: expected at least 1"),
        ({"no_mixup": True, "mixup_ratio": "constant"}, "--mixup-ratio has no effect with --no-mixup"),
        ({"train_languages": "en,zz"}, "--train-languages en,zz"),
        ({"max_length": 65}, "--max-length 65 is longer than the model's position table (--max-positions 64)"),
        ({"ddp_backend": "fully_sharded"}, "--ddp-backend fully_sharded"),
    ],
    ids=lambda value: ",".join(map(str, value)) if isinstance(value, dict) else "",
)
def test_mistakes_are_refused_by_name(folders: dict[str, Path], problem: str, options: dict, words: str) -> None:
    assert refused(folders, f"xmixup_{problem}", **options).startswith(words)


@pytest.mark.parametrize("method", ["xl", "xmixup"])
@pytest.mark.parametrize(
    "options, words",
    [
        ({"doc_stride": 0}, "--doc-stride 0: expected at least 1"),
        ({"max_question_length": 0}, "--max-question-length 0: expected at least 1"),
        ({"max_answer_length": 0}, "--max-answer-length 0: expected at least 1"),
        ({"n_best": 0}, "--n-best 0: expected at least 1"),
        ({"max_length": 8}, "--max-length 8: no room for the context beside --max-question-length 4 and 4 special"),
    ],
    ids=lambda value: ",".join(map(str, value)) if isinstance(value, dict) else "",
)
def test_lengths_of_questions(folders: dict[str, Path], method: str, options: dict, words: str) -> None:
    assert refused(folders, f"{method}_qa", **options).startswith(words)


def test_shortest_lengths_that_work(folders: dict[str, Path]) -> None:
    """One piece beside the special tokens, one piece of context."""
    assert len(make(folders, "qa", max_length=9).task.load_dataset("train")) > 200
    assert refused(folders, "xl_tagging", max_length=2).startswith("--max-length 2: expected at least 3")
    tagging = make(folders, "tagging", max_length=3).task
    assert all(len(row["rows"][0][0]) == 3 for row in (tagging.load_dataset("train")[i] for i in range(5)))


def test_the_other_methods_parts_are_refused(folders: dict[str, Path]) -> None:
    from fairseq import tasks

    cfg = parse(folders["tagging"], "xl_tagging", criterion="xmixup_criterion", arch="xl_xlmr")
    with pytest.raises(UserError, match="--task xmixup_"):
        tasks.setup_task(cfg.task).build_criterion(cfg.criterion)
    cfg = parse(folders["tagging"], "xmixup_tagging", arch="xl_xlmr")
    with pytest.raises(UserError, match="--arch xl_xlmr: has no mixup layer"):
        tasks.setup_task(cfg.task).build_model(cfg.model)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_a_model_without_the_problems_head(folders: dict[str, Path], problem: str) -> None:
    from fairseq import tasks

    cfg = parse(folders[problem], f"xl_{problem}", arch="roberta_base", **OPTIONS[problem])
    message = f"--arch roberta_base: has no head for problem '{problem}'; pass --arch xl_encoder"
    with pytest.raises(UserError, match=message):
        tasks.setup_task(cfg.task).build_model(cfg.model)


# -- resuming --

ONE = {"max_update": 1, "lr": 0.0, "batch_size": 8, "update_freq": 1, "disable_validation": True, "mixup_layer": 2}


def run(monkeypatch: pytest.MonkeyPatch, data: Path, save: Path, task: str, **changed: object) -> str | None:
    """The line that ends a run, None when it ends well."""
    problem = task.split("_")[1]
    options = {**ONE, **OPTIONS[problem], **changed}
    if task.startswith("xl_"):
        del options["mixup_layer"]
    try:
        train_here(monkeypatch, words(data, save, task, **options))
    except BaseException as error:
        text = find_user_error(error)
        assert text is not None, f"traceback instead of a message: {error!r}"
        return text
    return None


def test_head_of_another_number_of_classes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    data = make_folders(tmp_path)["tagging"]
    assert run(monkeypatch, data, tmp_path / "run", "xmixup_tagging", target_labels="gold") is None
    with (data / "label" / "dict.txt").open("a") as file:
        file.write("B-ORG 1\n")
    text = run(monkeypatch, data, tmp_path / "run", "xmixup_tagging", target_labels="gold", max_update=2)
    assert text is not None and "label/dict.txt: not the one" in text and "I-PER, O, B-ORG here" in text
    again = tmp_path / "again"  # which only initialises: encoder from the checkpoint, head anew
    restored = {"finetune_from_model": tmp_path / "run" / "checkpoint_last.pt", "target_labels": "gold"}
    assert run(monkeypatch, data, again, "xmixup_tagging", **restored) is None
    assert load(again / "checkpoint_last.pt")["model"]["position_heads.tagging_head.out_proj.weight"].shape == (6, 16)


def test_a_run_of_another_problem_is_not_resumed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folders = make_folders(tmp_path)
    assert run(monkeypatch, folders["tagging"], tmp_path / "run", "xl_tagging") is None
    text = run(monkeypatch, folders["qa"], tmp_path / "run", "xl_qa", max_update=2)
    assert text is not None and "was trained with another problem (tagging there, qa here) than" in text


def test_sentence_pair_run_initialises_tagging(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Encoder from the other problem's checkpoint, a new head, and nothing of the old one."""
    pairs, tagging = make_data(tmp_path / "pairs"), make_folders(tmp_path)["tagging"]
    one = {name: value for name, value in ONE.items() if name != "mixup_layer"}
    train_here(monkeypatch, words(pairs, tmp_path / "first", "xl_sentence_pair", **one))
    restored = {"restore_file": tmp_path / "first" / "checkpoint_last.pt"}
    assert run(monkeypatch, tagging, tmp_path / "second", "xl_tagging", **restored) is None
    first, second = (load(tmp_path / run / "checkpoint_last.pt")["model"] for run in ("first", "second"))
    encoder = [name for name in first if name.startswith("encoder.")]
    assert all((first[name] == second[name]).all() for name in encoder)
    assert not any("classification_heads" in name for name in second)


@pytest.mark.parametrize(
    "before, now, expected",
    [
        ({}, {"word_pooling": "first"}, "--word-pooling was none, is first"),
        ({}, {"preset": "official"}, "--preset was paper, is official"),
        ({}, {"word_pooling": "mean"}, None),  # what the preset stands for
        ({"preset": "official"}, {"word_pooling": "sum"}, "--preset was official, is paper"),
        ({}, {"target_labels": "gold"}, "--target-labels was soft, is gold"),
        ({}, {"mixup_layer": 3}, "--mixup-layer was 2, is 3"),
    ],
    ids=str,
)
def test_resuming_with_other_options_is_refused_with_both_values(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, folders: dict[str, Path], before: dict, now: dict,
    expected: str | None,
) -> None:  # fmt: skip
    assert run(monkeypatch, folders["tagging"], tmp_path / "run", "xmixup_tagging", **before) is None
    text = run(monkeypatch, folders["tagging"], tmp_path / "run", "xmixup_tagging", **{"max_update": 2, **now})
    assert text is None if expected is None else text is not None and expected in text


def test_a_head_that_initialises_brings_its_pooling(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, folders: dict[str, Path], caplog: pytest.LogCaptureFixture
) -> None:
    data = folders["tagging"]
    assert run(monkeypatch, data, tmp_path / "plain", "xl_tagging", word_pooling="first") is None
    caplog.clear()
    restored = {"restore_file": tmp_path / "plain" / "checkpoint_last.pt"}
    assert run(monkeypatch, data, tmp_path / "mixup", "xmixup_tagging", **restored) is None
    assert "--word-pooling is mean, but the checkpoint was trained with first" in caplog.text
