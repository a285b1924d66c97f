"""Train a tokenizer and a tiny XLM-R, or BERT, with fairseq's own masked language model task.

OUT appears when all is there; until then it is made in a folder beside it, in which a killed or interrupted run
continues.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import torch
from tqdm import tqdm

import xl_plugins
from xl_plugins.checkpoints.damaged import mend_last
from xl_plugins.checkpoints.safe_load import load_checkpoint, load_restricted
from xl_plugins.checkpoints.writing import LAST, clear_temporary, save_whole
from xl_plugins.errors import UserError
from xl_plugins.huggingface.encoder import ENCODER, PAIR, TYPES
from xl_plugins.interrupts import death_with_parent
from xl_plugins.mini.corpora import Text
from xl_plugins.mini.pretraining_text import LOG, MODEL, WORK, prepare
from xl_plugins.mini.sizes import KINDS, Schedule, Sizes
from xl_plugins.output import Staging, atomic_file

COMMAND, SETTINGS = "xl-mini pretrain", "settings.json"
TASK = "masked_lm"
SAVE_EVERY = 200  # updates
# python -m fairseq_cli.train, but ended by the next line it prints when the command that started it was killed, where
# it is not ended at once (Linux)
_LAUNCH = (
    "import runpy, signal; hasattr(signal, 'SIGPIPE') and signal.signal(signal.SIGPIPE, signal.SIG_DFL); "
    "runpy.run_module('fairseq_cli.train', run_name='__main__', alter_sys=True)"
)


def pretrain(text: Text, out: Path, sizes: Sizes, schedule: Schedule, overwrite: bool = False) -> None:
    """Make ``out``, or finish what a killed run began. Raises UserError if it holds the result of other settings."""
    settings: dict[str, object] = {"sizes": sizes.settings(), "schedule": asdict(schedule), "text": text.digest()}
    if not overwrite:
        if (out / MODEL).exists() and _settings(out) == settings:
            Staging(out, COMMAND, "OUT").clean()  # killed after the folder was complete
            print(f"{out / MODEL}: exists already with these settings")
            return
        if out.is_dir() and any(out.iterdir()):
            raise UserError(
                f"{out}: holds something else (other text or settings); choose another folder or pass --overwrite"
            )
    with Staging(out, COMMAND, "OUT", overwrite, [*text.own, *text.parallel], resume=True) as staging:
        _take_up(staging, settings)
        _complete(text, staging, sizes, schedule)
        staging.commit()
    print(f"{out / MODEL}: {sizes.layers} layers of {sizes.dim}, {schedule.updates} updates; log in {out / LOG}")


def _settings(folder: Path) -> object:
    """The settings that a finished or unfinished folder is made with; None where they are unknown."""
    try:
        return json.loads((folder / WORK / SETTINGS).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None


def _take_up(staging: Staging, settings: dict[str, object]) -> None:
    """Go on in the folder of a killed run if it has the same settings, else begin."""
    found = _settings(staging.new)
    if found not in (None, settings) and not staging.overwrite:
        staging.keep = True
        raise UserError(
            f"OUT {staging.dest}: a run with other text or settings was interrupted ({staging.work}); start it again"
            " with them, choose another folder, or pass --overwrite to give it up"
        )
    if found != settings:
        staging.restart()
        (staging.new / WORK).mkdir()
        with atomic_file(staging.new / WORK / SETTINGS) as file:
            file.write(json.dumps(settings, indent=2, sort_keys=True) + "\n")


def _complete(text: Text, staging: Staging, sizes: Sizes, schedule: Schedule) -> None:
    """The steps, each skipped if its result is there."""
    out = staging.new
    if not (out / WORK / "data" / "complete").exists():
        try:
            prepare(text, out, sizes, schedule)
        except RuntimeError as error:  # SentencePiece says so about too little text or too small a vocabulary
            reason = " ".join(str(error).split())
            raise UserError(f"--vocab {sizes.vocab}: SentencePiece cannot train on this text: {reason}") from None
    staging.keep = True  # for the next run to go on from
    if not (out / MODEL).exists():
        checkpoints = out / WORK / "checkpoints"
        # fairseq makes one more update of a finished run, and its own tasks' checkpoints are copied in place
        if checkpoints.is_dir():
            mend_last(str(checkpoints), TASK)
            clear_temporary(str(checkpoints))
        if updates_of(checkpoints / LAST) < schedule.updates:
            _train(out, sizes, schedule, staging.lock.fileno())
        _strip(checkpoints / LAST, out / MODEL, bert=sizes.tokenizer != KINDS[0])


def updates_of(checkpoint: Path) -> int:
    """Updates of a training so far, 0 where there is no checkpoint."""
    return load_restricted(checkpoint)["optimizer_history"][-1]["num_updates"] if checkpoint.is_file() else 0


def command(sizes: Sizes, schedule: Schedule) -> list[str]:
    """The fairseq-train command line, to be run in the folder that is made: its name is in no checkpoint."""
    options: dict[str, object] = {
        "--user-dir": Path(xl_plugins.__file__).resolve().parent, "--task": TASK, "--criterion": "masked_lm",
        "--sample-break-mode": "eos", "--tokens-per-sample": sizes.max_positions, "--mask-prob": 0.25,
        "--arch": "roberta", "--max-positions": sizes.max_positions, "--encoder-layers": sizes.layers,
        "--encoder-embed-dim": sizes.dim, "--encoder-attention-heads": sizes.heads,
        "--encoder-ffn-embed-dim": sizes.ffn,
        "--dropout": 0.0, "--attention-dropout": 0.0, "--optimizer": "adam", "--adam-betas": "(0.9, 0.98)",
        "--adam-eps": 1e-6, "--weight-decay": 0.01, "--clip-norm": 1.0, "--lr": schedule.lr,
        "--lr-scheduler": "polynomial_decay", "--warmup-updates": max(1, schedule.updates // 10),
        "--total-num-update": schedule.updates, "--max-update": schedule.updates, "--batch-size": schedule.batch_size,
        "--seed": schedule.seed, "--num-workers": 0, "--log-format": "json", "--log-interval": 10,
        "--save-dir": f"{WORK}/checkpoints", "--save-interval-updates": SAVE_EVERY, "--keep-interval-updates": 1,
    }  # fmt: skip
    flags = ["--no-epoch-checkpoints"] + ([] if torch.cuda.is_available() else ["--cpu"])
    pairs = [str(word) for item in options.items() for word in item]
    return [sys.executable, "-c", _LAUNCH, f"{WORK}/data", *pairs, *flags]


def _train(out: Path, sizes: Sizes, schedule: Schedule, lock: int) -> None:
    """Run fairseq-train in a process of its own, its output going to the log and its progress to the terminal."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))}
    with (
        (out / LOG).open("a", encoding="utf-8") as log,
        tqdm(total=schedule.updates, desc="pretrain", unit=" updates") as bar,
    ):
        process = subprocess.Popen(
            command(sizes, schedule),
            cwd=out,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
            pass_fds=(lock,),  # as long as it lives, no other one begins
            preexec_fn=death_with_parent(),
        )
        try:
            assert process.stdout is not None
            for line in process.stdout:
                log.write(line)
                log.flush()
                _show(bar, line)
        finally:
            if process.poll() is None and sys.exc_info()[0] is not None:
                process.terminate()
            status = process.wait()
    if status:
        tail = [line for line in (out / LOG).read_text(encoding="utf-8").splitlines() if line.strip()]
        raise UserError(
            f"fairseq-train ended with status {status}: {tail[-1] if tail else 'no output'}; see {out / LOG}"
        )


def _show(bar: tqdm, line: str) -> None:
    """Move the bar to the update count of one of fairseq's JSON log lines."""
    start = line.find('{"epoch"')
    if start < 0:
        return
    try:
        values = json.loads(line[start:])
    except ValueError:
        return
    updates = next(
        (int(values[key]) for key in ("num_updates", "train_num_updates", "valid_num_updates") if key in values), 0
    )
    bar.update(max(0, updates - bar.n))
    if "loss" in values:
        bar.set_postfix(loss=values["loss"], refresh=False)


def _strip(checkpoint: Path, model: Path, bert: bool) -> None:
    """Copy a checkpoint without optimizer state, as if no epoch had begun, so that fine-tuning starts at update 0.

    Args:
        bert: with token types, which fairseq's own task has not: they are zero until fine-tuning learns them.
    """
    with checkpoint.open("rb") as handle:
        state = load_checkpoint(handle, map_location="cpu")
    state.pop("last_optimizer_state", None)
    state["extra_state"] = {"train_iterator": {"version": 2, "epoch": 1, "iterations_in_epoch": 0, "shuffle": True}}
    if bert:
        width = state["model"][f"{ENCODER}embed_tokens.weight"].size(1)
        state["model"][f"{ENCODER}embed_positions.{TYPES}"] = torch.zeros(PAIR, width)
        state["cfg"]["model"].token_types = PAIR
    save_whole(state, model)
