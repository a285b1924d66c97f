"""Training through fairseq's own command line: in this process (quick) or in one of its own (exit status, signals)."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from argparse import Namespace
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from fairseq import checkpoint_utils
from fairseq.data import Dictionary
from fairseq.logging import metrics
from fairseq.models.roberta import RobertaModel, base_architecture
from torch import Tensor

from user_dir_tests.helpers.running.warm import WarmProcess
from user_dir_tests.helpers.toys.tiny import arguments

REPO = Path(__file__).resolve().parents[3]
RUN = {"log_format": "simple", "log_interval": 1, "no_progress_bar": True}
# fairseq-train with two additions: die by SIGKILL before training step number XL_DIE_BEFORE, count steps from 1
PROGRAM = """
import os, signal, sys
from fairseq.trainer import Trainer
from fairseq_cli.train import cli_main
sys.argv[0] = "fairseq-train"
last, steps, train_step = int(os.environ.get("XL_DIE_BEFORE", 0)), [0], Trainer.train_step
def counted(self, *args, **kwargs):
    steps[0] += 1
    if steps[0] == last:
        os.kill(os.getpid(), signal.SIGKILL)
    return train_step(self, *args, **kwargs)
Trainer.train_step = counted
cli_main()
"""


class Ended(NamedTuple):
    """Exit status (negative: killed by that signal) and all output of a command."""

    code: int
    output: str

    @property
    def killed(self) -> bool:
        return self.code == -signal.SIGKILL


def words(data: Path, save: Path, task: str, **changed: object) -> list[str]:
    """Arguments of a small run that saves into ``save``."""
    return arguments(data, task, save_dir=save, user_dir=REPO / "xl_plugins", **{**RUN, **changed})


def environment() -> dict[str, str]:
    path = os.pathsep.join(filter(None, [str(REPO), os.environ.get("PYTHONPATH", "")]))
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}


def start(arguments: list[str], prelude: str = "", **env: object) -> subprocess.Popen:
    """``fairseq-train ARGUMENTS`` in a process of its own, not waited for; ``prelude``: Python code that runs first."""
    return subprocess.Popen(
        [sys.executable, "-c", prelude + PROGRAM, *arguments],
        env={**environment(), **{name: str(value) for name, value in env.items()}},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace", cwd=REPO.anchor,
    )  # fmt: skip


def finish(*processes: subprocess.Popen, timeout: float = 240) -> list[Ended]:
    try:
        return [Ended(p.returncode, out) for p in processes for out in [p.communicate(timeout=timeout)[0]]]
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()


def train(
    data: Path, save: Path, task: str = "xmixup_sentence_pair", env: dict | None = None, **changed: object
) -> Ended:
    """``fairseq-train`` in a process of its own."""
    code, out, err = _begin(words(data, save, task, **changed), env).finish()
    return Ended(code, out + err)


def _begin(arguments: list[str], env: dict | None = None) -> WarmProcess:
    return WarmProcess(PROGRAM, arguments, REPO.anchor, {name: str(value) for name, value in (env or {}).items()})


def train_here(monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    """``fairseq-train`` in this process; a user's mistake arrives as the exception that it is."""
    from fairseq_cli.train import cli_main

    metrics.reset()
    vars(checkpoint_utils.save_checkpoint).pop("best", None)  # fairseq keeps the best score of the process
    monkeypatch.setattr(sys, "argv", ["fairseq-train", *arguments])
    cli_main()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def two_ranks(data: Path, save: Path, task: str, backend: str = "legacy_ddp", **options: object) -> None:
    """Two, one process each, as on machines without CUDA."""
    train_ranks(2, data, save, task, backend, **options)


def train_ranks(
    count: int, data: Path, save: Path, task: str, backend: str = "legacy_ddp", **options: object
) -> None:  # fmt: skip
    processes = [_begin(arguments) for arguments in rank_words(count, data, save, task, backend, **options)]
    for code, out, err in [process.finish() for process in processes]:
        assert code == 0, (out + err)[-3000:]


def start_ranks(
    data: Path, save: Path, task: str, backend: str = "legacy_ddp", prelude: str = "", env: dict | None = None,
    count: int = 2, **options: object,
) -> list[subprocess.Popen]:  # fmt: skip
    """The processes of ``count`` ranks."""
    given = rank_words(count, data, save, task, backend, **options)
    return [start(arguments, prelude, **(env or {})) for arguments in given]


def rank_words(count: int, data: Path, save: Path, task: str, backend: str, **options: object) -> list[list[str]]:
    """Arguments of every rank."""
    port = free_port()
    common = {
        "distributed_backend": "gloo", "distributed_no_spawn": True, "distributed_world_size": count, "device_id": 0,
        "distributed_init_method": f"tcp://127.0.0.1:{port}", "ddp_backend": backend,
    }  # fmt: skip
    return [words(data, save, task, **common, **options, distributed_rank=rank) for rank in range(count)]


def load(path: Path) -> dict:
    """A checkpoint that a test made itself."""
    return torch.load(path, map_location="cpu", weights_only=False)


def same_parameters(first: Path, second: Path, tolerance: float = 0.0) -> float:
    """Largest difference between the parameters of two checkpoints; asserts that it is within ``tolerance``."""
    one, other = load(first)["model"], load(second)["model"]
    assert one.keys() == other.keys()
    difference = max((one[name].double() - other[name].double()).abs().max().item() for name in one)
    assert difference <= tolerance, f"{first} and {second} differ by {difference}"
    return difference


def tiny_options(**changed: object) -> Namespace:
    """Options of a masked-language-model run of the tests' shape, as old archives hold them."""
    options = Namespace(
        arch="roberta_base", task="multilingual_masked_lm", criterion="masked_lm", encoder_layers=3,
        encoder_embed_dim=16, encoder_ffn_embed_dim=24, encoder_attention_heads=4, max_positions=64,
        tokens_per_sample=64, dropout=0.1, attention_dropout=0.1, activation_dropout=0.0, lr=[0.0007], max_update=90,
        optimizer="adam", adam_betas="(0.9, 0.98)", seed=1, update_freq=[4],
    )  # fmt: skip
    vars(options).update(changed)
    base_architecture(options)
    return options


def old_names(state: dict[str, Tensor], layers: int) -> dict[str, Tensor]:
    """Parameter names as of the published archives: ``decoder``, ``emb_layer_norm``, one ``in_proj`` per attention."""
    renamed = {}
    for name, value in state.items():
        name = name.replace("encoder.", "decoder.", 1).replace("layernorm_embedding", "emb_layer_norm")
        if not any(f".self_attn.{part}_proj." in name for part in "qkv"):
            renamed[name] = value
    for number in range(layers):
        prefix = f"sentence_encoder.layers.{number}.self_attn."
        for kind in ("weight", "bias"):
            parts = [state[f"encoder.{prefix}{part}_proj.{kind}"] for part in "qkv"]
            renamed[f"decoder.{prefix}in_proj_{kind}"] = torch.cat(parts)
    return renamed


def save_archive(path: Path, dictionary: Path, zipped: bool = False, **changed: object) -> dict[str, Tensor]:
    """A masked-language-model checkpoint like the published XLM-R archives; returns its parameters by today's names."""
    options = tiny_options(**changed)
    words = Dictionary.load(str(dictionary))
    words.add_symbol("<mask>")
    torch.manual_seed(7)
    model = RobertaModel.build_model(options, Namespace(source_dictionary=words))
    state = {name: value.clone() for name, value in model.state_dict().items()}
    history = {
        "criterion_name": "MaskedLmLoss", "optimizer_name": "FairseqAdam", "num_updates": 1500,
        "lr_scheduler_state": {"best": 2.1},
    }  # fmt: skip
    archive = {
        "args": options,
        "model": old_names(state, options.encoder_layers),
        "optimizer_history": [history],
        "extra_state": {"epoch": 42, "batch_offset": 9, "val_loss": 2.1},
    }
    torch.save(archive, path, _use_new_zipfile_serialization=zipped)
    return state
