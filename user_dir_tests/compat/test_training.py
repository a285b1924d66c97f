"""fairseq's own masked language model trained through the repairs: precision, several ranks, restoring."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from fairseq.data import Dictionary
from fairseq.data.indexed_dataset import MMapIndexedDatasetBuilder

from xl_plugins.checkpoints.safe_load import load_restricted

MODEL = (
    "--task masked_lm --criterion masked_lm --arch roberta_base --encoder-layers 1 --encoder-embed-dim 16 "
    "--encoder-ffn-embed-dim 16 --encoder-attention-heads 2 --max-positions 32 --tokens-per-sample 32 "
    "--sample-break-mode eos --optimizer adam --lr 0.01 --batch-size 4 --no-epoch-checkpoints --num-workers 0 "
    "--data-buffer-size 0 --log-format simple --save-interval-updates 1 --keep-interval-updates 1 --disable-validation"
).split()
TORCHRUN = "-m torch.distributed.run --standalone --nproc_per_node 2 -m".split()
CPU_RANKS = "--cpu --distributed-backend gloo --ddp-backend legacy_ddp".split()


@pytest.fixture(scope="module")
def lm_data(tmp_path_factory, tiny_spm) -> Path:
    """Binarised text of the tiny tokenizer, as fairseq-preprocess writes it."""
    import sentencepiece

    folder = tmp_path_factory.mktemp("lm")
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(tiny_spm.model))
    dictionary = Dictionary.load(str(tiny_spm.dict))
    dictionary.save(str(folder / "dict.txt"))
    lines = tiny_spm.text.read_text(encoding="utf-8").splitlines()
    for split, part in (("train", lines[:80]), ("valid", lines[80:90])):
        builder = MMapIndexedDatasetBuilder(str(folder / f"{split}.bin"), dtype=np.uint16)
        for line in part:
            builder.add_item(
                dictionary.encode_line(" ".join(pieces.encode(line, out_type=str)), add_if_not_exist=False)
            )
        builder.finalize(str(folder / f"{split}.idx"))
    return folder


@pytest.fixture
def train(lm_data, run_python, repo):
    """``train(folder, updates, *options)``: fairseq-train in fresh processes; the checkpoint, or what was printed."""

    def run(save: Path, updates: int, *more, ranks: int = 1, plugin: bool = True, fails: bool = False):
        start = [*TORCHRUN, "fairseq_cli.train"] if ranks > 1 else ["-m", "fairseq_cli.train"]
        user_dir = ["--user-dir", repo / "xl_plugins"] if plugin else []
        done = run_python(*start, lm_data, *MODEL, "--save-dir", save, "--max-update", updates, *user_dir, *more)
        if fails:
            assert done.code != 0
            return done
        assert done.code == 0, done.err[-3000:]
        return load_restricted(save / "checkpoint_last.pt")

    return run


def same(one: dict, other: dict) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_code_in_a_restored_checkpoint_is_refused(train, tmp_path):
    class Shell:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path}/ran",)

    torch.save({"args": Shell(), "model": {}}, tmp_path / "evil.pt")
    done = train(tmp_path / "out", 1, "--cpu", "--restore-file", tmp_path / "evil.pt", fails=True)
    assert done.code == 2
    assert [line for line in done.err.splitlines() if "error" in line.lower()] == [done.err.splitlines()[-1]]
    assert f"error: {tmp_path}/evil.pt: refused: it needs posix.system, which is not part" in done.err
    assert "Traceback" not in done.err
    assert not (tmp_path / "ran").exists()


@pytest.mark.slow
def test_checkpoint_of_mere_weights_is_a_start(train, tmp_path):
    first = train(tmp_path / "first", 2, "--cpu")
    weights = {"args": argparse.Namespace(task="masked_lm", arch="roberta_base", data="x"), "model": first["model"]}
    torch.save(weights, tmp_path / "model.pt", _use_new_zipfile_serialization=False)
    state = train(tmp_path / "second", 1, "--cpu", "--restore-file", tmp_path / "model.pt")
    assert state["optimizer_history"][-1]["num_updates"] == 1
    assert state["extra_state"]["train_iterator"] == {**state["extra_state"]["train_iterator"], "epoch": 1}
    moved = max((state["model"][name] - value).abs().max().item() for name, value in first["model"].items())
    assert 0 < moved <= 0.0101  # one step of Adam at 0.01 away from the restored weights


DEVICES = [
    pytest.param(["--cpu"], id="cpu"),
    pytest.param([], id="cuda", marks=pytest.mark.gpu),
]


@pytest.mark.slow
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("flag", ["--bf16", "--memory-efficient-bf16", "--fp16", "--memory-efficient-fp16"])
def test_half_precision_trains_and_resumes(flag, device, train, tmp_path):
    options = [*device, flag, "--fp16-init-scale", 4]
    train(tmp_path / "parts", 3, *options)
    parts = train(tmp_path / "parts", 5, *options)
    assert parts["optimizer_history"][-1]["num_updates"] == 5
    half = torch.bfloat16 if "bf16" in flag else torch.float16
    for value in parts["model"].values():  # fairseq widens parameters when it saves them
        assert torch.isfinite(value).all() and torch.equal(value, value.to(half).float())
    state = parts["last_optimizer_state"]["state"]
    assert {value.dtype for moments in state.values() for value in moments.values() if torch.is_tensor(value)} == {
        torch.float32
    }
    if "memory-efficient" in flag:  # without it a float32 copy is kept, which restarts from the rounded parameters
        assert same(train(tmp_path / "whole", 5, *options)["model"], parts["model"])


@pytest.mark.slow
def test_bf16_fails_in_fairseq_without_a_tpu(train, tmp_path):
    done = train(tmp_path, 1, "--cpu", "--bf16", plugin=False, fails=True)
    assert "'NoneType' object has no attribute 'xla_device'" in done.err


@pytest.mark.slow
def test_checkpoint_holds_only_listed_classes(train, tmp_path):
    train(tmp_path, 1, "--cpu")
    found = torch.serialization.get_unsafe_globals_in_checkpoint(tmp_path / "checkpoint_last.pt")
    assert set(found) <= {"argparse.Namespace"}


@pytest.mark.slow
@pytest.mark.parametrize("precision", [[], ["--bf16"]], ids=["float32", "bf16"])
def test_torchrun_on_the_cpu_trains_and_resumes(precision, train, tmp_path):
    options = [*CPU_RANKS, *precision]
    whole = train(tmp_path / "whole", 5, *options, ranks=2)
    assert whole["cfg"]["distributed_training"]["distributed_world_size"] == 2
    assert whole["extra_state"]["train_iterator"]["iterations_in_epoch"] == 5
    train(tmp_path / "parts", 3, *options, ranks=2)
    parts = train(tmp_path / "parts", 5, *options, ranks=2)  # rank 1 gets the checkpoint from rank 0
    assert parts["optimizer_history"][-1]["num_updates"] == 5
    if not precision:
        assert same(whole["model"], parts["model"])


COLLECTIVES = """
import sys
import torch
from omegaconf import OmegaConf
from fairseq.distributed import utils
torch.distributed.init_process_group("gloo")
rank, cpu = torch.distributed.get_rank(), torch.device("cpu")

def attempt(call):
    try:
        return call()
    except Exception as error:
        return type(error).__name__

def gather():
    return [utils.all_gather_list({"rank": rank, "text": "x" * size}, max_size=3 * size + 99) for size in (3, 70_000)]

def broadcast():
    state = {"model": {"w": torch.arange(3.0)}, "args": None, "cfg": OmegaConf.create({"task": {"_name": "t", "n": 1}})}
    return utils.broadcast_object(state if rank == 0 else None, 0, utils.get_global_group(), cpu)

if sys.argv[1] == "fairseq":
    text = attempt(gather), attempt(broadcast)
else:
    from xl_plugins import compat
    compat.apply()
    sizes = [[(entry["rank"], len(entry["text"])) for entry in entries] for entries in gather()]
    got = broadcast()
    text = sizes, type(got["cfg"]).__name__, got["cfg"].task._name, got["model"]["w"].tolist(), sorted(got)
open(f"{sys.argv[2]}/{rank}", "w").write(repr(text))
"""


@pytest.mark.slow
def test_collectives_of_two_cpu_ranks(run_python, tmp_path):
    (tmp_path / "collectives.py").write_text(COLLECTIVES)
    for mode in ("fairseq", "repaired"):
        (tmp_path / mode).mkdir()
        run_python(*TORCHRUN[:-1], tmp_path / "collectives.py", mode, tmp_path / mode)
    fault = [eval((tmp_path / "fairseq" / rank).read_text()) for rank in "01"]
    assert all(isinstance(gathered, str) for gathered, _ in fault)  # the name of an exception
    assert fault[1][1] == "UnpicklingError"
    for rank in "01":
        sizes, kind, name, weights, keys = eval((tmp_path / "repaired" / rank).read_text())
        assert sizes == [[(0, 3), (1, 3)], [(0, 70_000), (1, 70_000)]]
        assert (kind, name, weights, keys) == ("DictConfig", "t", [0.0, 1.0, 2.0], ["args", "cfg", "model"])
