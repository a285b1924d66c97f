"""Options: defaults that follow from the task, presets, and mistakes that must be refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from user_dir_tests.helpers.toys.tiny import SHAPE, STILL, batch, build, build_trainer, parse
from user_dir_tests.helpers.toys.toy import make_data
from xl_plugins.errors import UserError


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_data(tmp_path_factory.mktemp("options") / "data")


def refused(data: Path, task: str = "xmixup_sentence_pair", **options: object) -> str:
    with pytest.raises(UserError) as caught:
        setup = build(data, task, **options)
        for split in ("train", "valid"):
            setup.task.load_dataset(split)
        build_trainer(setup).lr_scheduler  # noqa: B018  builds optimizer and schedule
    assert "\n" not in str(caught.value)
    return str(caught.value)


NAN = float("nan")
SHAPE_OPTIONS = [name[2:].replace("-", "_") for name in (*SHAPE, *STILL)]


@pytest.mark.parametrize(
    "options, words",
    [
        ({"mixup_layer": 0}, "--mixup-layer 0: expected 1 to 3"),
        ({"mixup_layer": 4}, "--mixup-layer 4: expected 1 to 3"),
        ({"mixup_lambda0": -0.1}, "--mixup-lambda0 -0.1"),
        ({"mixup_lambda0": 1.01}, "--mixup-lambda0 1.01"),
        ({"mixup_lambda0": NAN}, "--mixup-lambda0"),
        ({"mixup_alpha": -0.1}, "--mixup-alpha -0.1"),
        ({"mixup_alpha": 1.1}, "--mixup-alpha 1.1"),
        ({"mixup_alpha": NAN}, "--mixup-alpha"),
        ({"sampling_k": 0.5}, "--sampling-k 0.5"),
        ({"sampling_k": NAN}, "--sampling-k"),
        ({"mse_weight": -1.0}, "--mse-weight -1.0"),
        ({"kl_weight": -0.5}, "--kl-weight -0.5"),
        ({"mse_weight": NAN}, "--mse-weight"),
        ({"kl_weight": float("inf")}, "--kl-weight"),
        ({"no_mixup": True, "mixup_lambda0": 0.3}, "--mixup-lambda0 has no effect with --no-mixup"),
        ({"no_mixup": True, "mixup_ratio": "constant"}, "--mixup-ratio has no effect with --no-mixup"),
        ({"no_mixup": True, "mixup_gate_weight": 2.0}, "--mixup-gate-weight has no effect with --no-mixup"),
        ({"no_mixup": True, "mixup_gate_bias": 2.0}, "--mixup-gate-bias has no effect with --no-mixup"),
        ({"mixup_ratio": "constant", "mixup_gate_bias": 2.0}, "--mixup-gate-bias has no effect with --mixup-ratio"),
        ({"train_languages": "en,xx"}, "--train-languages en,xx"),
        ({"train_languages": "en,en"}, "--train-languages 'en,en'"),
        ({"train_languages": ","}, "--train-languages ','"),
        ({"valid_languages": "de,zz"}, "--valid-languages de,zz"),
        ({"source_language": "zz"}, "zz"),
        ({"select": "target-dev"}, "--select-languages"),
        ({"select": "target-dev", "select_languages": "zz"}, "zz"),
        ({"select_languages": "de"}, "--select-languages is read with --select target-dev only"),
        ({"select": "source-dev", "valid_languages": "de,fr"}, "--select source-dev needs dev data of en"),
        ({"max_length": 5}, "--max-length 5"),
        ({"max_length": 65}, "--max-length 65 is longer than the model's position table (--max-positions 64)"),
        ({"encoder_attention_heads": 3}, "--encoder-attention-heads 3"),
        ({"encoder_normalize_before": True}, "--encoder-normalize-before"),
        ({"encoder_layerdrop": 0.1}, "--encoder-layerdrop"),
        ({"ddp_backend": "fully_sharded"}, "--ddp-backend fully_sharded"),
        ({"warmup_ratio": 1.0}, "--warmup-ratio 1.0"),
        ({"warmup_ratio": -0.1}, "--warmup-ratio -0.1"),
        ({"max_epoch": 0, "max_update": 0}, "--max-epoch"),
    ],
    ids=lambda value: ",".join(map(str, value)) if isinstance(value, dict) else "",
)  # fmt: skip
def test_mistakes_are_refused_by_name(data: Path, options: dict, words: str) -> None:
    assert words in refused(data, **options)


@pytest.mark.parametrize("options", [{"source_language": "zz"}, {"train_languages": "zz"}, {"select_languages": "de"}])
def test_plain_task_refuses_too(data: Path, options: dict) -> None:
    assert next(iter(options.values())) in refused(data, "xl_sentence_pair", **options) or "select" in next(
        iter(options)
    )


def test_xmixup_criterion_needs_its_task(data: Path) -> None:
    with pytest.raises(UserError, match="--task xmixup_sentence_pair"):
        cfg = parse(data, "xl_sentence_pair", criterion="xmixup_criterion", arch="xl_xlmr")
        from fairseq import tasks

        tasks.setup_task(cfg.task).build_criterion(cfg.criterion)


def test_plain_model_with_the_xmixup_task_is_refused(data: Path) -> None:
    """The plain architecture ignores the source text; the user must be told, not given a traceback."""
    from fairseq import tasks

    cfg = parse(data, arch="xl_xlmr")
    task = tasks.setup_task(cfg.task)
    with pytest.raises(UserError, match="arch"):
        task.build_model(cfg.model)


@pytest.mark.parametrize("task, arch", [("xl_sentence_pair", "xl_xlmr"), ("xmixup_sentence_pair", "xmixup_xlmr")])
def test_paper_defaults_follow_from_the_task(data: Path, task: str, arch: str) -> None:
    shape = dict.fromkeys(SHAPE_OPTIONS)
    cfg = parse(data, task, **shape)
    assert cfg.model._name == arch
    assert cfg.criterion._name == ("xl_criterion" if task == "xl_sentence_pair" else "xmixup_criterion")
    assert cfg.optimizer._name == "adam" and list(cfg.optimization.lr) == [5e-6]
    assert (cfg.optimizer.adam_betas, cfg.optimizer.adam_eps, cfg.optimizer.weight_decay) == ("(0.9, 0.999)", 1e-8, 0.0)
    assert cfg.optimization.clip_norm == 1.0 and cfg.optimization.max_epoch == 4
    assert cfg.dataset.batch_size * cfg.optimization.update_freq[0] == 64
    assert cfg.task.max_length == 128
    assert (cfg.model.dropout, cfg.model.attention_dropout, cfg.model.pooler_dropout) == (0.1, 0.1, 0.1)
    assert cfg.model.activation_dropout == 0.0
    assert (cfg.model.encoder_layers, cfg.model.encoder_embed_dim, cfg.model.max_positions) == (12, 768, 512)
    assert cfg.checkpoint.best_checkpoint_metric == "acc_select" and cfg.checkpoint.maximize_best_checkpoint_metric
    assert cfg.lr_scheduler._name == "xl_linear" and cfg.lr_scheduler.warmup_ratio == 0.0
    if task == "xmixup_sentence_pair":
        assert (cfg.model.mixup_layer, str(cfg.model.mixup_ratio), cfg.model.mixup_lambda0) == (None, "entropy", 0.5)
        assert (cfg.model.mixup_gate_weight, cfg.model.mixup_gate_bias) == (1.0, 0.0)
        assert (cfg.criterion.mixup_alpha, cfg.criterion.mse_weight, cfg.criterion.kl_weight) == (0.4, 1.0, 1.0)
        assert (cfg.task.sampling_k, str(cfg.task.sampling_unit), cfg.task.train_languages) == (1000.0, "update", "all")


@pytest.mark.parametrize(
    "given, batch, freq",
    [
        ({}, 16, 4),
        ({"distributed_world_size": 4}, 16, 1),
        ({"distributed_world_size": 8}, 8, 1),
        ({"batch_size": 8}, 8, 1),
        ({"update_freq": 2}, 16, 2),
        ({"max_tokens": 4000}, None, 1),
        ({"max_sentences": 8}, 8, 1),
    ],
    ids=str,
)
def test_pairs_per_update(data: Path, given: dict, batch: int | None, freq: int) -> None:
    cfg = parse(data, **given)
    assert cfg.dataset.batch_size == batch and list(cfg.optimization.update_freq) == [freq]


def test_given_options_win_over_the_tasks(data: Path) -> None:
    cfg = parse(
        data, lr=3e-5, max_epoch=7, clip_norm=0.5, criterion="xl_criterion", arch="xmixup_xlmr_large", adam_eps=1e-6
    )
    assert list(cfg.optimization.lr) == [3e-5] and cfg.optimization.max_epoch == 7
    assert cfg.optimization.clip_norm == 0.5 and cfg.optimizer.adam_eps == 1e-6
    assert cfg.criterion._name == "xl_criterion" and cfg.model._name == "xmixup_xlmr_large"


def test_large_shape(data: Path) -> None:
    shape = dict.fromkeys(SHAPE_OPTIONS)
    for task, arch in (("xl_sentence_pair", "xl_xlmr_large"), ("xmixup_sentence_pair", "xmixup_xlmr_large")):
        model = parse(data, task, arch=arch, **shape).model
        assert (model.encoder_layers, model.encoder_embed_dim, model.encoder_ffn_embed_dim) == (24, 1024, 4096)
        assert (model.encoder_attention_heads, model.max_positions) == (16, 512)


def test_presets(data: Path) -> None:
    paper, official = build(data), build(data, preset="official")
    assert (paper.criterion.representation, paper.task.average) == ("mean", "prob")
    assert (official.criterion.representation, official.task.average) == ("cls", "logit")
    mixed = build(data, preset="official", representation="mean", inference_average="prob")
    assert (mixed.criterion.representation, mixed.task.average) == ("mean", "prob")


@pytest.mark.parametrize("precision", [{}, {"bf16": True}, {"bf16": True, "memory_efficient_bf16": True}], ids=str)
def test_gate_has_no_weight_decay(data: Path, precision: dict) -> None:
    """The gate takes the ordinary learning rate and no weight decay; other parameters decay."""
    ends = []
    for decay in (0.0, 0.9):
        setup = build(data, weight_decay=decay, lr=[0.1], mixup_gate_weight=-0.6, mixup_gate_bias=1.4, **precision)
        setup.task.load_dataset("train")
        trainer = build_trainer(setup)
        trainer.get_train_iterator(epoch=1, load_dataset=False)
        trainer.begin_epoch(1)
        trainer.train_step([batch(setup, [1, 40])])
        ends.append(setup.model.float())
    without, decayed = ends
    for name, start in (("weight", -0.6), ("bias", 1.4)):
        gates = [getattr(model.mixup_gate, name).item() for model in ends]
        assert gates[1] == pytest.approx(gates[0], abs=1e-6 if not precision else 0.01)
        assert gates[0] != pytest.approx(start, abs=0.05)
    key = "classification_heads.sentence_classification_head.out_proj.weight"
    assert (without.state_dict()[key] - decayed.state_dict()[key]).abs().max() > 0.01
