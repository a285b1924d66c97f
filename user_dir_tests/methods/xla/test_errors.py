"""Mistakes in a co-training run: one line that names the option or the file, its value, and what to do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from user_dir_tests.helpers.cotrain import SMALL, TASK, copy_of, make, remove, write_virtual
from user_dir_tests.helpers.cotrain import folders as folders  # a fixture
from user_dir_tests.helpers.cotrain import problem as problem
from user_dir_tests.helpers.setups.salt import read_rows, write_counterparts
from user_dir_tests.helpers.toys.tiny import build
from user_dir_tests.helpers.toys.toy import write_rows
from xl_plugins.errors import UserError


@pytest.fixture
def data(folders: dict, problem: str, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return copy_of(folders, problem, tmp_path)


def refused(data: Path, problem: str = "tagging", **options: object) -> str:
    """The words that a setup, its data included, is refused with."""
    with pytest.raises(UserError) as caught:
        make({problem: data}, problem, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# -- options of the task --


@pytest.mark.parametrize(
    "option, value, expected",
    [
        ("xla_target", "", "name the target language, for example --xla-target de"),
        ("xla_target", "en", "is the source language; name the target language"),
        ("xla_target", "xx", "--valid-languages"),
        ("xla_epochs", 0, "expected at least 1 (XLA: 3)"),
        ("xla_datasets", "1:src,src", "a pool is named twice"),
        ("xla_datasets", "1:src|2:tgt", "gives pools of XLA epochs 1, 2, expected 1 because of --xla-epochs 1"),
        ("distill_eta", "0", "expected percentages above 0 and up to 100, such as 80,100,100"),
        ("distill_eta", "101", "expected percentages above 0 and up to 100"),
        ("distill_eta", "80,100", "2 percentages, expected 1, one for each of --xla-epochs 1"),
        ("distill_eta", "0.8", "these are percentages, not shares; write 80 for 80 %"),
        ("xla_member_seeds", "1,1,2", "two members would be the same; give different seeds"),
        ("xla_member_seeds", "1,2", "expected 3 numbers"),
        ("gmm_threshold", 0.0, "expected a posterior between 0 and 1 (XLA: 0.5)"),
        ("gmm_threshold", 1.0, "expected a posterior between 0 and 1"),
        ("gmm_threshold", float("nan"), "expected a posterior between 0 and 1"),
        ("gmm_features", "length", "expected loss, or loss,length"),
        ("sampling_alpha", -0.1, "expected 0 or more (XLA: 0.7)"),
        ("sampling_alpha", float("inf"), "expected 0 or more"),
        ("xla_passes", 0.0, "expected more than 0"),
        ("xla_warmup_lr", -1e-5, "expected more than 0"),
        ("stage_warmup_ratio", 1.0, "expected a share from 0 up to (not including) 1"),
        ("xla_warmup_passes", -1.0, "expected 0 (none) or more"),
        ("xla_label_tokens", 0, "expected at least 1"),
        ("xla_source_percent", "0", "expected a percentage above 0 and up to 100"),
        ("xla_target_percent", "five", "expected a percentage above 0 and up to 100"),
        ("select", "source-dev", "adaptation selects by the target's dev set; leave it out"),
        ("select_languages", "en", "adaptation selects by --xla-target de; leave it out"),
        ("target_labels", "soft", "the members label the target's texts themselves; leave it out"),
        ("train_languages", "all", "name the pools by --xla-datasets instead"),
        ("valid_languages", "de", "stages are selected by the dev sets of en; add them"),
        ("augment", "ss", "co-training has pools in place of views; leave it out"),
    ],
)
def test_options(folders: dict, option: str, value: object, expected: str) -> None:
    text = refused(folders["tagging"], **{option: value})
    flag = f"--{option.replace('_', '-')}"
    assert (text.startswith(f"{flag} {value}") or text.startswith(f"{flag}:") or value == "xx") and expected in text


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf")])
def test_conf_penalty(folders: dict, weight: float) -> None:
    text = refused(folders["tagging"], conf_penalty=weight)
    assert text == f"--conf-penalty {weight}: expected 0 or more (XLA: 1); below 0 it would reward certainty"


def test_positions_of_pairs(folders: dict) -> None:
    text = refused(folders["sentence_pair"], "sentence_pair", conf_penalty_positions="all")
    assert text.startswith("--conf-penalty-positions all: is for tagging")


def test_criterion_of_another_task(folders: dict) -> None:
    with pytest.raises(UserError, match="--criterion xla_criterion belongs to --task xla_cotrain_task"):
        build(folders["tagging"], "xl_tagging", criterion="xla_criterion")


# -- options of fairseq --


@pytest.mark.parametrize(
    "changed, expected",
    [
        ({"xla_warmup_passes": 0.0, "max_epoch": 6}, "--xla-init-members and --xla-warmup-passes: give exactly one"),
        ({"xla_init_members": "a,b,c"}, "--xla-init-members and --xla-warmup-passes: give exactly one of them"),
        ({"batch_size": None, "max_tokens": 100}, "--max-tokens: a stage's length is counted in examples; pass"),
        ({"max_epoch": 6}, "--max-epoch 6: this run has 9 stages (1 XLA epochs of 6 and 3 of warm-up); pass"),
        ({"max_epoch": 0}, "--max-epoch 0: this run has 9 stages"),
        ({"xla_init_members": "a,b,c", "xla_warmup_passes": 0.0}, "--max-epoch 9: this run has 6 stages"),
        ({"patience": 2}, "--patience: every stage has to run; leave it out"),
        ({"lr": [1e-5, 1e-6]}, "--lr 1e-05,1e-06: every stage has the same peak rate; pass one (and --xla-warmup-lr"),
        ({"stop_min_lr": 0.0}, "--stop-min-lr: every stage ends with a rate of 0; leave it out"),
        ({"max_valid_steps": 3}, "--max-valid-steps: members are compared on the whole dev set; leave it out"),
        ({"valid_subset": "test,valid"}, "--valid-subset test,valid: the stages are selected by the dev set; put"),
        ({"valid_subset": "test"}, "--valid-subset test: the stages are selected by the dev set"),
        ({"disable_validation": True}, "--disable-validation, --validate-interval, --validate-after-updates: every"),
        ({"validate_interval": 2}, "--disable-validation, --validate-interval"),
        ({"validate_after_updates": 5}, "--disable-validation, --validate-interval"),
        ({"fp16": True}, "--fp16: fairseq's copies of half-precision weights do not survive"),
        ({"bf16": True}, "--bf16: fairseq's copies"),
        ({"amp": True}, "--amp: fairseq's copies"),
        ({"memory_efficient_fp16": True}, "--memory-efficient-fp16: fairseq's copies"),
        ({"memory_efficient_bf16": True}, "--memory-efficient-bf16: fairseq's copies"),
        ({"store_ema": True}, "--store-ema: an average over members of different stages means nothing"),
        ({"distributed_world_size": 2, "ddp_backend": "pytorch_ddp"}, "pass --ddp-backend legacy_ddp (or --find"),
        ({"distributed_world_size": 2, "ddp_backend": "fully_sharded"}, "--ddp-backend fully_sharded: not for"),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else "",
)  # fmt: skip
def test_options_of_the_run(folders: dict, changed: dict, expected: str) -> None:
    given = {**SMALL, "batch_size": 4, "max_epoch": 9, **changed}
    setup = build(folders["tagging"], TASK, problem="tagging", **given)
    with pytest.raises(UserError) as caught:
        setup.task.prepare_run(setup.cfg, resumes=False)
    assert expected in str(caught.value)
    if any("16" in option or option == "amp" for option in changed):
        assert "pass --xla-autocast bf16 (or fp16), which keeps the weights in float32" in str(caught.value)


def test_options_that_are_fine(folders: dict) -> None:
    for changed in ({}, {"distributed_world_size": 2, "ddp_backend": "pytorch_ddp", "find_unused_parameters": True},
                    {"distributed_world_size": 2, "ddp_backend": "legacy_ddp"}):  # fmt: skip
        given = {**SMALL, "batch_size": 4, "max_epoch": 9, **changed}
        setup = build(folders["tagging"], TASK, problem="tagging", **given)
        setup.task.prepare_run(setup.cfg, resumes=False)


@pytest.mark.parametrize("group, value", [("optimizer", "adamax"), ("lr_scheduler", "fixed"), ("criterion", "x")])
def test_parts_of_fairseq(folders: dict, group: str, value: str) -> None:
    setup = build(folders["tagging"], TASK, problem="tagging", **{**SMALL, "batch_size": 4, "max_epoch": 9})
    setup.cfg[group]._name = value
    with pytest.raises(UserError, match=rf"^--{group.replace('_', '-')} {value}: co-training needs \w+; pass it"):
        setup.task.prepare_run(setup.cfg, resumes=False)


def test_one_model_cannot_train_itself(folders: dict) -> None:
    setup = build(folders["tagging"], TASK, problem="tagging", **SMALL)
    setup.cfg.model._name = "xl_xlmr"
    with pytest.raises(
        UserError, match=r"^--arch xl_xlmr: one model cannot train itself; pass --arch xla_cotrain_xlmr"
    ):
        setup.task.build_model(setup.cfg.model)


# -- pools --


@pytest.mark.parametrize("name", ["sr", "src_aug", "tgt_vir", "de/vicinity2", "../errors", "en/label"])
def test_unknown_pools(folders: dict, name: str) -> None:
    """Names are compared whole: ``src_aug`` is not ``src``."""
    text = refused(folders["tagging"], xla_datasets=f"1:src,{name}")
    assert text.startswith(f"--xla-datasets: unknown pool '{name}'; expected src, tgt, src_virt, tgt_virt, or a folder")


def test_missing_virtual_texts(data: Path, problem: str) -> None:
    text = refused(data, problem, xla_virtual="others")
    assert text.startswith(f"--xla-datasets: pool src_virt is {data}/en/others, which does not exist; make it")
    assert f"xl-augment vicinity {data} --languages en,de" in text


@pytest.mark.parametrize("language", ["en", "de"])
def test_missing_text(data: Path, problem: str, language: str) -> None:
    remove(data, language, "input0", "train")
    text = refused(data, problem)
    start = f"--train-languages source: {data} has no train data for en"
    assert text.startswith(start if language == "en" else f"--xla-target de: {data}/de/input0/train.idx: missing")


def test_source_without_labels(data: Path, problem: str) -> None:
    remove(data, "en", "label", "train")
    text = refused(data, problem)
    assert text.startswith(f"{data}/en/label/train.idx: ") and ("source" in text or "missing" in text)


def test_dev_set_without_labels(data: Path, problem: str) -> None:
    remove(data, "de", "label", "valid")
    assert f"{data}/de/label/valid.idx" in refused(data, problem)


def test_unknown_label(data: Path, problem: str) -> None:
    rows = read_rows(data, "en", "label")
    rows[4][0] = 30
    write_rows(data / "en" / "label" / "train", rows, 40)
    text = refused(data, problem)
    assert text.startswith(f"{data}/en/label/train.bin: ") and "not in label/dict.txt" in text


@pytest.mark.parametrize("problem", ["tagging"])
def test_labels_and_words_differ(data: Path) -> None:
    rows = read_rows(data, "en", "label")
    write_rows(data / "en" / "label" / "train", [*rows[:6], [*rows[6], 4], *rows[7:]], 9)
    text = refused(data)
    assert text.startswith(f"{data}/en/label/train.idx: not one label for every word of") and "(row 7: " in text


def test_virtual_texts_of_another_dictionary(data: Path, problem: str) -> None:
    write_virtual(data, "de", dictionary_sha256="0" * 64)
    text = refused(data, problem)
    assert text.startswith(f"{data}/de/vicinity/manifest.json: made with another dictionary than {data}/dict.txt")


def test_virtual_texts_of_other_rows(data: Path, problem: str) -> None:
    write_virtual(data, "en", parents=23)
    text = refused(data, problem)
    assert text.startswith(f"{data}/en/vicinity/manifest.json: made from 23 texts, but {data}/en/input0/train has 24")


def test_parents_of_other_texts(data: Path, problem: str) -> None:
    path = data / "de" / "vicinity" / "parents.npy"
    np.save(path, np.load(path)[:-3])
    assert refused(data, problem).startswith(f"{path}: 35 rows for 38 texts; make the pool again")
    path.write_bytes(b"\x93NUMPY")
    assert refused(data, problem).startswith(f"{path}: not a numpy array")


def test_manifest_that_is_none(data: Path, problem: str) -> None:
    path = data / "de" / "vicinity" / "manifest.json"
    for content in ("{", "[1]"):
        path.write_text(content)
        assert refused(data, problem).startswith(f"{path}: not a manifest")


def test_shares_of_pools_without_parents(data: Path, problem: str) -> None:
    (data / "de" / "vicinity" / "parents.npy").unlink()
    text = refused(data, problem, xla_target_percent="50")
    assert text.startswith(f"{data}/de/vicinity: 38 texts and no parents.npy") and "use 100 %" in text


@pytest.mark.parametrize("problem", ["tagging"])
def test_pool_without_words(data: Path) -> None:
    write_counterparts(data, ["de"])
    rows = read_rows(data, "en/counterparts/de", "input0")
    write_rows(data / "en" / "counterparts" / "de" / "input0" / "train", [[*rows[0], 5], *rows[1:]], 64)
    text = refused(data, xla_datasets="1:src,en/counterparts/de")
    assert text.startswith(f"{data}/en/counterparts/de/words/train.idx: missing, and the texts are not as long")


def test_disjoint_shares_that_are_too_large(folders: dict, problem: str) -> None:
    options = {"xla_source_percent": "60", "xla_target_percent": "50", "xla_disjoint_subsets": True}
    text = refused(folders[problem], problem, **options)
    assert text.startswith("--xla-disjoint-subsets: de: 50 % of 24 rows are 12, but only 10 are not excluded")
