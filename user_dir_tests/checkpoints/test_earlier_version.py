"""Checkpoints of version 0.1, written before problems and methods had rooms of their own, resume and predict as then.

``earlier/METHOD.pt`` was saved after two updates (XLA: after the warm-up and one training), ``METHOD.npz`` has the
parameters where that code ended, two updates (XLA: five trainings) later, and its predictions from the first file. The
numbers were the same to the last bit on the machine that made them; others may differ in the order of sums.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from user_dir_tests.helpers import cotrain
from user_dir_tests.helpers.running.training import load
from user_dir_tests.helpers.setups.salt import write_counterparts
from user_dir_tests.helpers.toys.toy import make_data
from user_dir_tests.helpers.toys.toy_positions import make_qa, make_tagging
from xl_plugins.evaluation.checkpoint import load_fine_tuned
from xl_plugins.evaluation.members import export_members
from xl_plugins.evaluation.predict import predict_languages

EARLIER = Path(__file__).parent / "earlier"
COMMON = (
    "--encoder-layers 2 --encoder-embed-dim 8 --encoder-ffn-embed-dim 8 --encoder-attention-heads 2 --max-positions 66"
    " --lr-scheduler fixed --lr 1e-2 --batch-size 6 --update-freq 1 --save-interval-updates 1 --optimizer adam"
    " --max-update 4"
)
OPTIONS = {
    "plain": f"--task xl_sentence_pair --train-languages all --max-length 32 {COMMON}",
    "xmixup": f"--task xmixup_tagging --train-languages all --max-length 32 --mixup-layer 1 {COMMON}",
    "xtune": "--task xl_qa --criterion xtune_criterion --augment gn --second-view gn --r1-weight 5 --noise-eps 0.1"
    f" --max-length 40 --max-question-length 8 --doc-stride 10 {COMMON}",
    "salt": f"--task salt_augment_task --max-length 32 {COMMON}",
    "xla": "--task xla_cotrain_task --problem sentence_pair --restore-file xla/sentence_pair.pt --encoder-layers 2"
    " --encoder-embed-dim 16 --encoder-ffn-embed-dim 24 --encoder-attention-heads 4 --max-positions 64"
    " --xla-target de --xla-epochs 1 --xla-datasets 1:src,tgt,src_virt,tgt_virt --distill-eta 80"
    " --xla-warmup-passes 3 --max-length 14 --batch-size 6 --batch-size-valid 24 --update-freq 1 --lr 5e-3"
    " --xla-warmup-lr 1e-2 --validate-interval-updates 3 --weight-decay 0.1 --keep-last-epochs -1",
}


def make(root: Path, method: str) -> Path:
    """The data that the method was trained on."""
    if method == "xla":
        return cotrain.make_folders(root / method)["sentence_pair"]
    data = {"xmixup": make_tagging, "xtune": make_qa}.get(method, make_data)(root / method)
    if method == "salt":
        write_counterparts(data, share=0.8)
    return data


@pytest.mark.parametrize("method", OPTIONS)
def test_resumed(method: str, tmp_path: Path, run_cli: Callable) -> None:
    data, save, expected = make(tmp_path, method), tmp_path / f"{method}-save", np.load(EARLIER / f"{method}.npz")
    save.mkdir()
    shutil.copy(EARLIER / f"{method}.pt", save / "checkpoint_last.pt")
    words = [*OPTIONS[method].split(), "--cpu", "--num-workers", "0", "--save-dir", save.name]
    done = run_cli("train", str(data.relative_to(tmp_path)), *words, cwd=tmp_path)
    assert done.code == 0, done.err[-3000:]
    found = load(save / "checkpoint_last.pt")["model"]
    assert {f"model.{name}" for name in found} == {name for name in expected if name.startswith("model.")}
    for name, value in found.items():
        assert np.allclose(value.numpy(), expected[f"model.{name}"], rtol=0, atol=2e-5), name


@pytest.mark.parametrize("method", OPTIONS)
def test_predicts(method: str, tmp_path: Path) -> None:
    data, path, expected = make(tmp_path, method), EARLIER / f"{method}.pt", np.load(EARLIER / f"{method}.npz")
    if method == "xla":
        path = Path(export_members(str(path), str(tmp_path / "members"))[0].path)
    found = predict_languages(load_fine_tuned(str(path), str(data), device="cpu"), "valid")
    assert {f"values.{language}" for language in found} == {name for name in expected if name.startswith("values.")}
    for language, made in found.items():
        assert np.allclose(made.values, expected[f"values.{language}"], rtol=0, atol=1e-6), language
