"""Additions to fairseq's entry points: once, and for its own tasks only."""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path

import pytest
import torch
from fairseq import checkpoint_utils, options
from fairseq.criterions import CRITERION_DATACLASS_REGISTRY
from fairseq.models import ARCH_MODEL_REGISTRY
from fairseq.tasks import TASK_DATACLASS_REGISTRY

from user_dir_tests.helpers.running.training import old_names, save_archive
from user_dir_tests.helpers.toys.tiny import build
from user_dir_tests.helpers.toys.toy import make_data
from xl_plugins import hooks
from xl_plugins.errors import UserError
from xl_plugins.methods import TASKS, method_of
from xl_plugins.resuming.restore import _refuse_other_architecture, saved_config


def test_installing_twice_changes_nothing() -> None:
    before = options.parse_args_and_arch, checkpoint_utils.load_checkpoint
    hooks.install()
    assert (options.parse_args_and_arch, checkpoint_utils.load_checkpoint) == before


def test_other_tasks_keep_fairseqs_defaults(tmp_path: Path) -> None:
    parser = options.get_training_parser()
    words = [
        str(tmp_path),
        "--task",
        "masked_lm",
        "--arch",
        "roberta_base",
        "--criterion",
        "masked_lm",
        "--optimizer",
        "adam",
    ]
    args = options.parse_args_and_arch(parser, words)
    assert args.lr == [0.25] and args.clip_norm == 0.0 and args.best_checkpoint_metric == "loss"
    assert args.lr_scheduler == "fixed" and not args.max_epoch and args.batch_size is None


def test_modify_parser_of_the_caller_still_runs(tmp_path: Path) -> None:
    parser, calls = options.get_training_parser(), []
    words = [str(tmp_path), "--task", "xl_sentence_pair"]
    args = options.parse_args_and_arch(parser, words, modify_parser=lambda p: calls.append(p))
    assert calls and args.criterion == "xl_criterion"


def test_task_given_with_an_equals_sign(tmp_path: Path) -> None:
    args = options.parse_args_and_arch(options.get_training_parser(), [str(tmp_path), "--task=xmixup_sentence_pair"])
    assert args.arch == "xmixup_xlmr" and args.update_freq == [4]


def test_ranks_of_torchrun_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    args = options.parse_args_and_arch(options.get_training_parser(), [str(tmp_path), "--task", "xl_sentence_pair"])
    assert args.update_freq == [2]


def test_validation_parser_suppresses_defaults(tmp_path: Path) -> None:
    """fairseq-validate overrides a checkpoint's options only by those that were given."""
    parser = options.get_validation_parser()
    args = options.parse_args_and_arch(
        parser, [str(tmp_path), "--task", "xl_sentence_pair", "--path", "x.pt"], suppress_defaults=True
    )
    assert isinstance(args, argparse.Namespace)
    assert not hasattr(args, "lr") and not hasattr(args, "max_length")


def test_old_archive_names_are_the_published_ones(tmp_path: Path) -> None:
    """The archive maker of the tests writes the old names, so that restoring it means something."""
    data = make_data(tmp_path / "data", train=2, valid=2, test=2)
    state = save_archive(tmp_path / "model.pt", data / "dict.txt")
    old = old_names(state, 3)
    assert "decoder.sentence_encoder.embed_tokens.weight" in old and "decoder.lm_head.dense.weight" in old
    assert "decoder.sentence_encoder.emb_layer_norm.weight" in old
    assert old["decoder.sentence_encoder.layers.2.self_attn.in_proj_weight"].shape == (48, 16)
    assert not [name for name in old if "q_proj" in name or name.startswith("encoder")]
    model = build(data).model
    model.load_state_dict(old, strict=True, model_cfg=None)
    for name, value in state.items():
        assert torch.equal(model.state_dict()[name], value), name


def test_options_of_a_model_without_dataclass_are_read(tmp_path: Path) -> None:
    """fairseq-train keeps the options of ``--arch roberta_base`` as a Namespace inside the configuration."""
    cfg = {"task": {"_name": "masked_lm"}, "model": argparse.Namespace(arch="roberta_base", encoder_attention_heads=4)}
    torch.save({"cfg": cfg, "args": None, "model": {}}, tmp_path / "model.pt")
    saved = saved_config(str(tmp_path / "model.pt"))
    assert saved["task"]["_name"] == "masked_lm" and saved["model"]["encoder_attention_heads"] == 4
    with pytest.raises(
        UserError, match="--encoder-attention-heads 4, this run has 2; pass --encoder-attention-heads 4"
    ):
        _refuse_other_architecture("model.pt", saved["model"], argparse.Namespace(encoder_attention_heads=2))


def test_a_run_measured_in_updates_has_no_epoch_limit(tmp_path: Path) -> None:
    words = [str(tmp_path), "--task", "xl_sentence_pair", "--arch", "xl_xlmr"]
    for extra, epochs in (([], 4), (["--max-update", "9"], 0), (["--max-update", "9", "--max-epoch", "2"], 2)):
        args = options.parse_args_and_arch(options.get_training_parser(), [*words, *extra])
        assert args.max_epoch == epochs


XTUNE = ["--criterion", "xtune_criterion", "--second-view", "gn"]


@pytest.mark.parametrize(
    "problem, length, epochs, rows",
    [("sentence_pair", 256, 10, (32, 8)), ("tagging", 128, 10, (32, 8)), ("qa", 384, 4, (16, 4))],
)
def test_defaults_of_xtune_follow_from_the_criterion(
    tmp_path: Path, problem: str, length: int, epochs: int, rows: tuple[int, int]
) -> None:
    """xTune, Appendix B: 32 rows per update, warm-up over 10 %; with the plain criterion X-Mixup's stay."""
    words = [str(tmp_path), "--task", f"xl_{problem}"]
    for large, expected in enumerate(rows):
        arch = ["--arch", "xl_xlmr" + "_large" * large]
        args = options.parse_args_and_arch(options.get_training_parser(), [*words, *arch, *XTUNE])
        assert (args.max_length, args.max_epoch, args.warmup_ratio) == (length, epochs, 0.1)
        assert (args.batch_size, args.update_freq) == (expected, [32 // expected])
        assert args.r1_weight == 5.0 and args.lr == [5e-6] and args.clip_norm == 1.0
    plain = options.parse_args_and_arch(options.get_training_parser(), words)
    assert plain.batch_size * plain.update_freq[0] == 64 and plain.max_length == (384 if problem == "qa" else 128)


def test_what_the_user_gives_wins_over_xtunes_defaults(tmp_path: Path) -> None:
    given = ["--max-length", "64", "--warmup-ratio", "0", "--max-epoch", "2", "--batch-size", "6"]
    words = [str(tmp_path), "--task", "xl_sentence_pair", "--arch", "xl_xlmr", *XTUNE]
    args = options.parse_args_and_arch(options.get_training_parser(), [*words, *given])
    assert (args.max_length, args.warmup_ratio, args.max_epoch, args.batch_size) == (64, 0.0, 2, 6)
    assert args.update_freq == [1]
    args = options.parse_args_and_arch(options.get_training_parser(), [*words, "--max-tokens", "900"])
    assert args.batch_size is None and args.update_freq == [1]
    args = options.parse_args_and_arch(options.get_training_parser(), [*words, "--max-update", "9"])
    assert not args.max_epoch and args.batch_size == 32


@pytest.mark.parametrize("ranks, rows, passes", [(1, 32, 1), (2, 16, 1), (4, 8, 1), (32, 1, 1), (64, 1, 1)])
def test_32_rows_on_any_number_of_ranks(tmp_path: Path, ranks: int, rows: int, passes: int) -> None:
    words = [str(tmp_path), "--task", "xl_tagging", *XTUNE, "--distributed-world-size", str(ranks)]
    args = options.parse_args_and_arch(options.get_training_parser(), words)
    assert (args.batch_size, args.update_freq) == (rows, [passes])


@pytest.mark.parametrize("task", TASKS)
def test_help_shows_the_options_of_the_task(task: str, capsys: pytest.CaptureFixture[str]) -> None:
    """fairseq prints its help before it knows them; no data folder is needed."""
    with pytest.raises(SystemExit) as ended:
        options.parse_args_and_arch(options.get_training_parser(), ["--task", task, "--help"])
    shown = capsys.readouterr().out
    kinds = [
        TASK_DATACLASS_REGISTRY[task], type(ARCH_MODEL_REGISTRY[method_of(task).arch].__dataclass()),
        CRITERION_DATACLASS_REGISTRY[method_of(task).criterion],
    ]  # fmt: skip
    names = {field.name for kind in kinds for field in fields(kind) if not field.name.startswith("_")} - {"data"}
    missing = [name for name in names if f"--{name.replace('_', '-')}" not in shown]
    assert ended.value.code == 0 and not missing and shown.count("usage:") == 1


def test_help_of_other_tasks_is_fairseqs(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        options.parse_args_and_arch(options.get_training_parser(), ["--task", "masked_lm", "--help"])
    assert ended.value.code == 0 and "--user-dir" in capsys.readouterr().out


def test_mistakes_are_still_reported_in_the_first_parse(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        options.parse_args_and_arch(options.get_training_parser(), ["x", "--task", "xl_tagging", "--seed", "one", "-h"])
    assert ended.value.code == 2 and "argument --seed: invalid int value: 'one'" in capsys.readouterr().err
