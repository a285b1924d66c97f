"""xTune's hyper-parameters: the article's Tables 7 and 8 and Appendix B, and what the released scripts add."""

from __future__ import annotations

import pytest

from xl_plugins.methods.xtune.presets import DATA_SETS, SETTINGS, SIZES, STAGES, recipe, teacher_checkpoint, views

CROSS, TRANSLATE = SETTINGS
SETS = ("xnli", "pawsx", "udpos", "panx", "xquad", "mlqa", "tydiqa")
# columns as printed, in the order of SETS
STAGE1 = {CROSS: "cs cs ss ss cs cs ss", TRANSLATE: "mt mt ss ss cs cs ss"}
AUGMENT = {CROSS: "cs cs ss ss ss ss ss", TRANSLATE: "mt mt mt mt mt mt mt"}
SECOND = {CROSS: "cs cs ss ss ss ss ss", TRANSLATE: "mt mt ss ss ss ss ss"}
R2 = {CROSS: (5, 2, 0.3, 5, 5, 5, 5), TRANSLATE: (1, 1, 0.3, 1, 0.1, 0.5, 0.3)}
LR = {"base": (7e-6, 1e-5, 2e-5, 1e-5, 3e-5, 3e-5, 3e-5), "large": (5e-6, 1e-5, 5e-6, 7e-6, 1.5e-5, 1.5e-5, 1.5e-5)}
EPOCHS = {"base": (10, 10, 10, 10, 4, 4, 20), "large": (10, 10, 10, 10, 4, 4, 10)}
UPDATES = {"base": (0, 0, 0, 0, 24000, 24000, 5000), "large": (0, 0, 0, 0, 24000, 24000, 2500)}
RATIO = {"ss": (None, None, 0.5, 0.3, 0.3, 0.3, 0.3), "cs": (0.3, 0.5, None, None, 0.3, 0.3, None)}
EVERY = [(d, s, z, n) for d in SETS for s in SETTINGS for z in SIZES for n in STAGES]


def test_there_is_a_preset_for_every_column() -> None:
    assert tuple(DATA_SETS) == SETS


@pytest.mark.parametrize("data_set, setting, size, stage", EVERY)
def test_values_of_the_tables(data_set: str, setting: str, size: str, stage: int) -> None:
    column, found = SETS.index(data_set), recipe(data_set, setting, size, stage)
    task, criterion, optimization = found["task"], found["criterion"], found["optimization"]
    if stage == 1:
        assert (task["augment"], task["second_view"]) == ("none", STAGE1[setting].split()[column])
        assert (criterion["r1_weight"], criterion["r2_weight"]) == (5, 0) and "r2_hard_labels" not in criterion
    else:
        assert task["augment"] == AUGMENT[setting].split()[column]
        assert task["second_view"] == SECOND[setting].split()[column]
        assert (criterion["r1_weight"], criterion["r2_weight"]) == (5, R2[setting][column])
        assert criterion.get("r2_hard_labels", False) == (data_set == "panx")
    for name in ("ss", "cs"):
        used = name in (task["augment"], task["second_view"])
        assert task.get(f"{name}_ratio") == (RATIO[name][column] if used else None)
    if "ss_ratio" in task:
        assert (task["ss_alpha"], task["ss_nbest"]) == (0.3, -1)
    assert optimization["lr"] == [LR[size][column]] and optimization["clip_norm"] == 1
    if stage == 2 and UPDATES[size][column]:
        assert optimization["max_update"] == UPDATES[size][column] and "max_epoch" not in optimization
    else:
        assert optimization["max_epoch"] == EPOCHS[size][column] and "max_update" not in optimization
    assert found["dataset"]["batch_size"] * optimization["update_freq"][0] == 32
    assert found["lr_scheduler"] == {"_name": "xl_linear", "warmup_ratio": 0.1}
    assert found["optimizer"] == {
        "_name": "adam", "adam_betas": "(0.9, 0.999)", "adam_eps": 1e-8, "weight_decay": 0.0,
    }  # fmt: skip
    assert found["model"]["_name"] == {"base": "xl_xlmr", "large": "xl_xlmr_large"}[size]
    assert {found["model"][f"{place}dropout"] for place in ("", "attention_", "pooler_")} == {0.1}


@pytest.mark.parametrize("data_set", SETS)
def test_lengths_labels_and_selection(data_set: str) -> None:
    found = recipe(data_set, TRANSLATE, "base", 2)
    task, problem = found["task"], found["task"]["_name"][3:]
    assert task["train_languages"] == "source"  # translations come in as views
    assert task["max_length"] == {"sentence_pair": 256, "tagging": 128, "qa": 384}[problem]
    assert task["select"] == ("source-dev" if data_set == "tydiqa" else "mean-dev")
    assert (
        found["checkpoint"]["best_checkpoint_metric"]
        == {"sentence_pair": "acc", "tagging": "f1"}.get(problem, "avg") + "_select"
    )
    assert task.get("word_pooling") == {"udpos": "mean", "panx": "first"}.get(data_set)
    if problem == "tagging":
        assert task["mt_exclude"] == "zh,ja,ko,th,my,ml,ta" and task["mt_labels"] == "absent"
    if problem == "qa":
        assert (task["doc_stride"], task["max_question_length"]) == (128, 64)
        assert (task["max_answer_length"], task["n_best"]) == (30, 20)
    assert task["mt_missing"] == {"tydiqa": "random", "xquad": "skip", "mlqa": "skip"}.get(data_set, "error")
    interval = {"xnli": 5000, "pawsx": 1000, "udpos": 500, "panx": 1000}.get(data_set)
    assert found["dataset"].get("validate_interval_updates") == interval
    assert found["checkpoint"].get("save_interval_updates") == interval  # only saved checkpoints can be the best


def test_dictionary_languages() -> None:
    found = {name: set(recipe(name, CROSS, "base", 1)["task"]["cs_languages"].split(",")) for name in ("xnli", "pawsx")}
    assert found["xnli"] == set("ar bg de el es fr hi ru sw th tr ur vi zh".split())
    assert found["pawsx"] == set("de es fr ja ko zh".split())


@pytest.mark.parametrize("data_set", SETS)
def test_readings_change_what_they_say_and_nothing_else(data_set: str) -> None:
    for setting in SETTINGS:
        for stage in STAGES:
            plain, official, paper = (
                recipe(data_set, setting, "base", stage, c) for c in ("default", "official", "paper")
            )
            problem = plain["task"]["_name"][3:]
            plain["task"]["xtune_compat"] = official["task"]["xtune_compat"] = paper["task"]["xtune_compat"] = "?"
            if stage == 1:
                assert paper["criterion"].pop("r1_weight") == 1.0 and plain["criterion"]["r1_weight"] == 5.0
                paper["criterion"]["r1_weight"] = 5.0
            elif data_set == "panx":
                assert "r2_hard_labels" not in paper["criterion"]
                paper["criterion"]["r2_hard_labels"] = True
            assert paper == plain
            if problem == "sentence_pair":
                assert official["lr_scheduler"].pop("warmup_ratio") == 0
                official["lr_scheduler"]["warmup_ratio"] = 0.1
            if data_set == "udpos":
                assert official["task"]["word_pooling"] == "sum"
                official["task"]["word_pooling"] = "mean"
            if problem == "qa" and plain["task"]["augment"] == "mt":
                assert official["task"]["mt_missing"] == "random"
                official["task"]["mt_missing"] = plain["task"]["mt_missing"]
            assert official == plain
    assert teacher_checkpoint(data_set, "default") == teacher_checkpoint(data_set, "paper") == "checkpoint_best.pt"
    last = DATA_SETS[data_set].problem == "qa"
    assert (teacher_checkpoint(data_set, "official") == "checkpoint_last.pt") == last


def test_other_views_bring_their_own_options() -> None:
    task = recipe("udpos", CROSS, "base", 1, given_views=("cs", "none"))["task"]
    assert (task["augment"], task["second_view"], task["cs_ratio"], task["cs_languages"]) == ("cs", "none", 0.3, "all")
    assert not [name for name in task if name.startswith(("ss_", "mt_"))]
    assert views("udpos", CROSS, 1) == ("none", "ss")
