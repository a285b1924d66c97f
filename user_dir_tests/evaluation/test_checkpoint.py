"""Opening fine-tuned checkpoints: what is restored, which folders fit, and what is refused in one line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from user_dir_tests.helpers.evaluation.checkpoints import checkpoint_state, save_checkpoint
from user_dir_tests.helpers.toys.tiny import build
from user_dir_tests.helpers.toys.toy import make_data
from xl_plugins.errors import UserError
from xl_plugins.evaluation.checkpoint import Selection, find_device, load_fine_tuned
from xl_plugins.problems.predicting import find_languages, predict_languages


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return make_data(tmp_path_factory.mktemp("toy"))


@pytest.fixture(scope="module")
def path(tmp_path_factory, data) -> Path:
    path = tmp_path_factory.mktemp("run") / "checkpoint_best.pt"
    save_checkpoint(path, data, select="target-dev", select_languages="de", score=43.2, best=44.0)
    return path


def refused(path: object, **options: object) -> str:
    with pytest.raises(UserError) as caught:
        load_fine_tuned(str(path), **options)
    return str(caught.value)


def test_every_weight_is_the_saved_one_and_dropout_is_off(path):
    tuned = load_fine_tuned(str(path))
    saved = torch.load(path, weights_only=True)["model"]
    assert set(saved) == set(tuned.model.state_dict())
    assert all(torch.equal(value, saved[name]) for name, value in tuned.model.state_dict().items())
    assert not tuned.model.training
    assert tuned.updates == 7


def test_selection_is_that_of_the_run_not_of_the_new_folder(path):
    tuned = load_fine_tuned(str(path))
    assert tuned.selection == Selection("target-dev", ["de"], "acc_select", 43.2, 44.0)
    assert tuned.selection.describe() == "target-dev over de"


def test_another_metric_than_the_protocols_is_said():
    text = Selection("mean-dev", ["de", "en"], "loss", 1.0, 1.0).describe()
    assert text == "by loss, not by the protocol's acc_select (mean-dev over de, en)"


def test_a_folder_with_other_languages_and_test_data_only_will_do(path, data, tmp_path):
    other = make_data(tmp_path / "all", languages=("en", "xx", "yy"))
    for lang in ("en", "xx", "yy"):
        for split in ("train", "valid"):
            for file in (other / lang).rglob(f"{split}.*"):
                file.unlink()
    tuned = load_fine_tuned(str(path), str(other))
    assert find_languages(tuned, "test") == ["en", "xx", "yy"]
    assert {lang: p.probabilities.shape for lang, p in predict_languages(tuned).items()} == {
        "en": (8, 3), "xx": (8, 3), "yy": (8, 3),
    }  # fmt: skip
    with pytest.raises(UserError, match="has no valid data; it has none"):
        find_languages(tuned, "valid")


def test_the_source_language_of_training_is_kept(tmp_path):
    data = make_data(tmp_path / "toy", languages=("de", "en"))
    save_checkpoint(tmp_path / "c.pt", data, source_language="de")
    shutil.rmtree(data / "de" / "input0")
    make_data(tmp_path / "toy", languages=("de", "en"))
    assert load_fine_tuned(str(tmp_path / "c.pt")).task.source_language == "de"


def test_options_of_inference_can_be_changed_when_the_task_has_them(path, data, tmp_path):
    tuned = load_fine_tuned(str(path), overrides={"inference_average": "logit"})
    assert tuned.task.inference() == {
        "mode": "mixup", "average": "logit", "description": "target text and its translation, mean of their logits",
    }  # fmt: skip
    save_checkpoint(tmp_path / "plain.pt", data, task="xl_sentence_pair")
    message = refused(tmp_path / "plain.pt", overrides={"no_mixup_inference": True})
    assert message.startswith("--no-mixup-inference: ") and "task xl_sentence_pair, which has no such option" in message


def test_no_file(tmp_path):
    assert refused(tmp_path / "none.pt").endswith("none.pt: no such file; give checkpoint_best.pt of a fine-tuning run")


def test_truncated_file(path, tmp_path):
    (tmp_path / "cut.pt").write_bytes(path.read_bytes()[:20000])
    assert "cut.pt: cannot be read as a checkpoint: truncated" in refused(tmp_path / "cut.pt")


class Harmful:
    def __reduce__(self):
        return exec, ("raise SystemExit('ran')",)


def test_a_pickle_that_runs_code_is_refused(path, tmp_path):
    state = torch.load(path, weights_only=True)
    torch.save({**state, "extra": Harmful()}, tmp_path / "bad.pt")
    assert "refused: it needs" in refused(tmp_path / "bad.pt")


def test_pre_trained_checkpoint(data, tmp_path):
    setup = build(data)
    state = checkpoint_state(setup)
    state["cfg"]["task"] = {"_name": "multilingual_masked_lm"}
    state["model"] = {k: v for k, v in state["model"].items() if "classification_heads" not in k}
    torch.save(state, tmp_path / "xlmr.pt")
    assert "a checkpoint of task 'multilingual_masked_lm', not fine-tuned for prediction" in refused(
        tmp_path / "xlmr.pt"
    )
    torch.save({"model": state["model"]}, tmp_path / "bare.pt")
    assert "a checkpoint of task 'unknown', not fine-tuned" in refused(tmp_path / "bare.pt")


@pytest.mark.parametrize("key", ["out_proj.weight", "dense.bias"])
def test_nothing_of_the_head_may_be_missing(path, tmp_path, key):
    state = torch.load(path, weights_only=True)
    del state["model"][f"classification_heads.sentence_classification_head.{key}"]
    torch.save(state, tmp_path / "c.pt")
    assert f"no classification_heads.sentence_classification_head.{key} in it" in refused(tmp_path / "c.pt")


def test_the_gate_must_be_there(path, tmp_path):
    state = torch.load(path, weights_only=True)
    del state["model"]["mixup_gate.weight"]
    torch.save(state, tmp_path / "c.pt")
    assert "the checkpoint has no mixup_gate.weight" in refused(tmp_path / "c.pt")


def test_a_weight_of_the_encoder_must_be_there(path, tmp_path):
    state = torch.load(path, weights_only=True)
    del state["model"]["encoder.sentence_encoder.layers.1.fc2.weight"]
    torch.save(state, tmp_path / "c.pt")
    assert "layers.1.fc2.weight" in refused(tmp_path / "c.pt")


def test_other_labels_or_their_order(path, data, tmp_path):
    other = tmp_path / "toy"
    shutil.copytree(data, other)
    (other / "label" / "dict.txt").write_text("entailment 1\ncontradiction 1\nneutral 1\n")
    message = refused(path, data=str(other))
    assert "label/dict.txt: not the one" in message
    assert "(contradiction, entailment, neutral there, entailment, contradiction, neutral here)" in message


def test_other_dictionary_of_the_same_size(path, data, tmp_path):
    other = tmp_path / "toy"
    shutil.copytree(data, other)
    lines = (other / "dict.txt").read_text().splitlines()
    (other / "dict.txt").write_text("\n".join([lines[1], lines[0], *lines[2:]]) + "\n")
    assert "dict.txt: not the one" in refused(path, data=str(other))


def test_counts_of_the_dictionary_do_not_matter(path, data, tmp_path):
    other = tmp_path / "toy"
    shutil.copytree(data, other)
    (other / "dict.txt").write_text((other / "dict.txt").read_text().replace(" 1\n", " 5\n"))
    load_fine_tuned(str(path), str(other))


def test_devices():
    assert find_device("cpu").type == "cpu"
    with pytest.raises(UserError, match="--fp16 needs a CUDA device"):
        find_device("cpu", "fp16")
    with pytest.raises(UserError, match="--device tpuu: not a torch device"):
        find_device("tpuu")
    with pytest.raises(UserError, match="--device cuda:99: there are"):
        find_device("cuda:99")


def test_bfloat16_changes_probabilities_by_little(path):
    exact, rounded = (predict_languages(load_fine_tuned(str(path), precision=p))["de"] for p in ("fp32", "bf16"))
    assert rounded.probabilities.dtype == exact.probabilities.dtype == "float32"
    difference = abs(rounded.probabilities - exact.probabilities).max()
    assert 0 < difference < 0.1


@pytest.mark.parametrize("view", ["mt", "cs"])
def test_a_run_on_augmented_data_needs_neither_translations_nor_dictionaries(data, tmp_path, view):
    """Evaluation reads every language as it is, whatever views the run was trained with."""
    save_checkpoint(
        tmp_path / "run.pt", data, "xl_sentence_pair", train_languages="source", criterion="xtune_criterion",
        augment=view, second_view=view, cs_dictionaries=str(tmp_path / "gone"),
    )  # fmt: skip
    task = load_fine_tuned(str(tmp_path / "run.pt")).task
    assert str(task.cfg.augment) == str(task.cfg.second_view) == "none" and task.train_languages == ["de", "en", "fr"]
