"""Which options may differ when a run is taken up again: by configuration alone, without training."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from user_dir_tests.helpers.toys.tiny import configure
from xl_plugins.errors import UserError
from xl_plugins.resuming.changes import find_changes, refuse_changes

RECORD = {
    "source_language": "en", "train_languages": ["en"], "select_languages": ["en", "de"],
    "training_data": {"en": "a" * 64},
}  # fmt: skip
XLA = {"xla_target": "de", "xla_init_members": "a,b,c"}


def options(tmp_path: Path, task: str = "xmixup_sentence_pair", **changed: Any) -> dict:
    """All options, resolved; ``lr_scheduler`` and ``optimizer`` change the part's name alone."""
    names = {part: changed.pop(part) for part in ("lr_scheduler", "optimizer") if part in changed}
    cfg = OmegaConf.to_container(configure(tmp_path, task, **changed), resolve=True, enum_to_str=True)
    for part, name in names.items():
        cfg[part]["_name"] = name
    return cfg


def changes(tmp_path: Path, before: dict, now: dict, task: str = "xmixup_sentence_pair") -> list[str]:
    cfgs = [options(tmp_path, task, **given) for given in (before, now)]
    return [str(change) for change in find_changes(*cfgs, RECORD, RECORD, str(tmp_path))]


@pytest.mark.parametrize(
    "task, before, now, line",
    [
        ("xmixup_sentence_pair", {"lr": [1e-3]}, {"lr": [1e-2]}, "--lr was 0.001, is 0.01"),
        ("xmixup_sentence_pair", {}, {"seed": 7}, "--seed was 1, is 7"),
        ("xmixup_sentence_pair", {"mixup_layer": 1}, {"mixup_layer": 2}, "--mixup-layer was 1, is 2"),
        ("xmixup_sentence_pair", {}, {"dropout": 0.3}, "--dropout was 0.0, is 0.3"),
        ("xmixup_sentence_pair", {}, {"kl_weight": 2.0}, "--kl-weight was 1.0, is 2.0"),
        ("xmixup_sentence_pair", {}, {"encoder_embed_dim": 64}, "--encoder-embed-dim was 16, is 64"),
        ("xmixup_sentence_pair", {}, {"weight_decay": 0.1}, "--weight-decay was 0.0, is 0.1"),
        ("xmixup_sentence_pair", {}, {"max_length": 48}, "--max-length was 32, is 48"),
        ("xmixup_sentence_pair", {}, {"fp16": True}, "--fp16 was False, is True"),
        ("xmixup_sentence_pair", {}, {"warmup_ratio": 0.5}, "--warmup-ratio was 0.0, is 0.5"),
        ("xl_sentence_pair", {}, {"lr_scheduler": "fixed"}, "--lr-scheduler was xl_linear, is fixed"),
        ("xl_sentence_pair", {"batch_size": 8}, {"batch_size": 4},
         "--batch-size x --update-freq x ranks was 8 x 4 x 1, is 4 x 4 x 1"),
        ("xl_sentence_pair", {}, {"criterion": "xtune_criterion"}, "--criterion was xl_criterion, is xtune_criterion"),
        ("xl_tagging", {}, {"word_pooling": "first"}, "--word-pooling was none, is first"),
        ("xla_cotrain_task", XLA, {**XLA, "xla_passes": 2.0}, "--xla-passes was 1.0, is 2.0"),
        ("xla_cotrain_task", XLA, {**XLA, "gmm_threshold": 0.9}, "--gmm-threshold was 0.5, is 0.9"),
        ("xl_sentence_pair", {}, {"best_checkpoint_metric": "loss"},
         "--best-checkpoint-metric was acc_select, is loss"),
    ],
)  # fmt: skip
def test_what_changes_the_result_is_named(tmp_path: Path, task: str, before: dict, now: dict, line: str) -> None:
    assert line in changes(tmp_path, before, now, task)
    assert changes(tmp_path, now, now, task) == []


@pytest.mark.parametrize(
    "before, now",
    [
        ({"max_epoch": 2}, {"max_epoch": 9, "patience": 3, "max_update": 500, "stop_time_hours": 2.0}),
        ({}, {"save_interval_updates": 3, "validate_interval": 2, "keep_last_epochs": 1, "no_epoch_checkpoints": True}),
        ({}, {"log_format": "json", "log_interval": 7, "num_workers": 3, "data_buffer_size": 2, "cpu": False}),
        ({}, {"ddp_backend": "legacy_ddp", "user_dir": "elsewhere", "save_dir": "elsewhere", "log_file": "t"}),
        ({"batch_size": 8, "update_freq": [4]}, {"batch_size": 16, "update_freq": [2]}),
        ({"batch_size": 8, "update_freq": [4, 4]}, {"batch_size": 4, "update_freq": [4], "distributed_world_size": 2}),
        ({"word_pooling": "mean"}, {"word_pooling": None}),
        ({}, {"continue_with_changes": True, "batch_size_valid": 99}),
        ({"restore_file": "model.pt"}, {}),
    ],
)  # fmt: skip
def test_what_does_not_change_the_result_is_free(tmp_path: Path, before: dict, now: dict) -> None:
    assert changes(tmp_path, before, now, "xl_tagging") == []


def test_another_split_by_epoch_counts_each_epoch(tmp_path: Path) -> None:
    found = changes(tmp_path, {"batch_size": 8, "update_freq": [4, 2]}, {"batch_size": 8, "update_freq": [4]})
    assert found == ["--batch-size x --update-freq x ranks was 8 x 4,2 x 1, is 8 x 4 x 1"]


def test_options_that_another_version_adds_are_no_differences(tmp_path: Path) -> None:
    before, now = options(tmp_path), options(tmp_path)
    del before["task"]["max_length"], before["common"]["fp16"], now["criterion"]["kl_weight"]
    before["model"]["gone"] = 3
    assert find_changes(before, now, {}, RECORD, str(tmp_path)) == []


def test_the_same_value_written_in_another_way(tmp_path: Path) -> None:
    before, now = options(tmp_path), options(tmp_path)
    before["optimizer"]["adam_betas"], now["optimizer"]["adam_betas"] = "(0.9, 0.999)", [0.9, 0.999]
    before["optimization"]["clip_norm"], now["optimization"]["clip_norm"] = 1.0, 1
    assert find_changes(before, now, RECORD, RECORD, str(tmp_path)) == []


def test_paths_count_by_content(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name, text in (("a.pt", "1"), ("b.pt", "1"), ("c.pt", "2")):
        (tmp_path / name).write_text(text)
    first = {"restore_file": str(tmp_path / "a.pt")}
    assert changes(tmp_path, first, {"restore_file": str(tmp_path / "b.pt")}) == []
    assert changes(tmp_path, first, {"finetune_from_model": str(tmp_path / "b.pt")}) == []
    other = changes(tmp_path, first, {"restore_file": str(tmp_path / "c.pt")})
    assert other == [f"--restore-file was {tmp_path}/a.pt, is {tmp_path}/c.pt"]
    assert changes(tmp_path, {}, first) == [f"--restore-file was none, is {tmp_path}/a.pt"]
    assert changes(tmp_path, {}, {"restore_file": str(tmp_path / "checkpoint_3.pt")}) == []  # one of the run's own
    cfgs = [options(tmp_path, restore_file=str(tmp_path / name)) for name in ("a.pt", "c.pt")]
    for path, count in (("a.pt", 1), ("c.pt", 0)):  # the run that goes on is in c.pt
        assert len(find_changes(*cfgs, RECORD, RECORD, "elsewhere", str(tmp_path / path))) == count
    gone = {"restore_file": "elsewhere/a.pt"}
    assert changes(tmp_path, gone, first) == []
    assert [r.getMessage() for r in caplog.records] == [
        f"elsewhere/a.pt is not there any more; taking {tmp_path}/a.pt for the same"
    ]


def test_data_count_by_content(tmp_path: Path) -> None:
    cfg = options(tmp_path)
    now = {**copy.deepcopy(RECORD), "training_data": {"en": "b" * 64}, "train_languages": ["en", "de"]}
    found = [str(change) for change in find_changes(cfg, cfg, RECORD, now, str(tmp_path))]
    assert found == [
        "--train-languages was en, is en,de",
        "the training data of en was digest aaaaaaaa, is digest bbbbbbbb",
    ]


def test_the_ways_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    cfgs = [options(tmp_path, lr=[lr], seed=seed) for lr, seed in ((1e-3, 1), (1e-2, 2))]
    found = find_changes(*cfgs, RECORD, RECORD, str(tmp_path))
    inside, outside = str(tmp_path / "checkpoint_last.pt"), "elsewhere/checkpoint_last.pt"
    with pytest.raises(UserError) as refused:
        refuse_changes(found, str(tmp_path), inside, False)
    assert str(refused.value) == (
        f"{inside}: the run there has other options (--seed was 1, is 2; --lr was 0.001, is 0.01); give the same, or"
        " another --save-dir, or --continue-with-changes to go on with these"
    )
    with pytest.raises(UserError, match="or --finetune-from-model, which takes the weights alone, or"):
        refuse_changes(found, str(tmp_path), outside, False)
    refuse_changes(found, str(tmp_path), inside, True)
    assert [r.getMessage() for r in caplog.records if "another option" in r.getMessage()] == [
        f"continuing {inside} with another option: --seed was 1, is 2",
        f"continuing {inside} with another option: --lr was 0.001, is 0.01",
    ]
