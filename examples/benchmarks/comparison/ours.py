"""The package's side: ``xl-train`` and ``xl-evaluate`` as a user starts them, stopped before each unit of work."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from .gate import Gate

# what each contender adds to a plain run; {teacher}: checkpoint of one; {passes}: two updates of a member's warm-up
RUNS = {
    "plain": "--task xl_sentence_pair",
    "X-Mixup": "--task xmixup_sentence_pair --arch xmixup_xlmr --train-languages de --mixup-layer 1",
    "xTune stage 1": "--task xl_sentence_pair --criterion xtune_criterion --second-view mt --mt-languages de",
    "xTune stage 2": "--task xl_sentence_pair --criterion xtune_criterion --second-view mt --augment mt"
    " --mt-languages de --r2-weight 1 --teacher {teacher}",
    "SALT": "--task salt_augment_task --salt-langs de",
    "XLA": "--task xla_cotrain_task --problem sentence_pair --arch xla_cotrain_xlmr --xla-target de --xla-epochs 3"
    " --xla-datasets 1:src,tgt|2:src,tgt|3:src,tgt --distill-eta 100,100,100 --xla-select last --agreement union"
    " --xla-warmup-passes {passes}",
}
UPDATES = {"xTune stage 2": 2}  # an epoch has twice as many: half of its rows are copies
LABELLING = "XLA labelling"


def words(name: str, folder: Path, facts: dict[str, Any]) -> list[str]:
    """Arguments of ``xl-train``. ``facts``: batch, updates of a round, dropout, device, bf16."""
    given = RUNS[name].format(teacher=folder / "teacher" / "checkpoint_last.pt", passes=2 / facts["updates"])
    made = [
        str(folder / "data"),
        *given.split(),
        "--restore-file",
        str(folder / "fairseq" / ("encoder.pt" if name == "XLA" else "model.pt")),
    ]
    drop = ("dropout", "attention-dropout", "pooler-dropout")
    options = {
        "batch-size": facts["batch"], "update-freq": 1, "max-length": 128, "num-workers": 0, "lr": 1e-5, "seed": 1,
        "save-dir": folder / "runs" / name.replace(" ", "-"), "log-format": "simple", "log-interval": 1_000_000,
        **dict.fromkeys(drop, facts["dropout"]),
    }  # fmt: skip
    if name != "XLA":
        options["max-update"] = facts["last"]
        made += ["--disable-validation"]
    for option, value in options.items():
        made += [f"--{option}", str(value)]
    if facts["bf16"]:
        made += ["--xla-autocast", "bf16"] if name == "XLA" else ["--bf16"]
    return [*made, "--no-save", *["--cpu"] * (facts["device"] == "cpu")]


def train(name: str, folder: Path, facts: dict[str, Any], gate: Gate) -> None:
    """A run of which every update is a unit."""
    from fairseq.trainer import Trainer

    from xl_plugins.cli.train import main
    from xl_plugins.methods.xla.cotraining.labelling import Labeller

    step, label = Trainer.train_step, Labeller._label

    def gated(self: Any, samples: list, *args: Any, **kwargs: Any) -> Any:
        stages = getattr(self.task, "stages", None)
        if stages is not None and stages.stage.is_warmup:
            return step(self, samples, *args, **kwargs)
        gate.begin()  # the first one; later ones have begun when the one before ended
        logged = step(self, samples, *args, **kwargs)
        gate.end("update", facts["batch"], loss=float(logged["loss"]) if logged else None)
        gate.begin()
        return logged

    def labelled(self: Any, member: int, pool: Any) -> Any:
        with gate.apart(LABELLING, len(pool)):
            return label(self, member, pool)

    Trainer.train_step, Labeller._label = gated, labelled
    main(words(name, folder, facts))


def teach(folder: Path, facts: dict[str, Any]) -> None:
    """``folder``/teacher: the checkpoint of a plain run of one update."""
    from xl_plugins.cli.train import main

    run = words("plain", folder, {**facts, "last": 1})
    run.remove("--no-save")
    main([*run, "--save-dir", str(folder / "teacher"), "--no-epoch-checkpoints"])


def predict(folder: Path, facts: dict[str, Any], gate: Gate) -> None:
    """``xl-evaluate`` over and over, of which every batch is a unit."""
    from xl_plugins.cli.evaluate import main
    from xl_plugins.problems import predicting

    made = predicting.predict_batches

    def gated(tuned: Any, dataset: Any, batches: Any, *args: Any, **kwargs: Any) -> Iterator[Any]:
        found = made(tuned, dataset, batches, *args, **kwargs)
        for number, batch in enumerate(batches):
            gate.begin()
            if not number:
                gate.forget()  # the checkpoint has been read, as for every pass
            values = next(found)
            gate.end("batch", len(batch))
            yield values

    predicting.predict_batches = gated
    logging.disable(logging.WARNING)
    given = [str(folder / "data"), "--path", str(folder / "teacher" / "checkpoint_last.pt"), "--languages", "en",
             "--batch-size", str(facts["batch"]), "--device", facts["device"]]  # fmt: skip
    while True:
        main(given + ["--bf16"] * facts["bf16"])


def batches(folder: Path, facts: dict[str, Any]) -> None:
    """``folder``/batches.pt: tokens and labels of the batches of a plain run, epoch by epoch."""
    from fairseq import options, tasks
    from fairseq.dataclass.utils import convert_namespace_to_omegaconf

    import xl_plugins  # noqa: F401  (registers tasks, models and criterions)

    parser = options.get_training_parser()
    sys.argv = ["fairseq-train", *words("plain", folder, facts)]
    cfg = convert_namespace_to_omegaconf(options.parse_args_and_arch(parser, sys.argv[1:]))
    task = tasks.setup_task(cfg.task)
    dataset, epochs = task.load_dataset("train"), []
    for epoch in range(1, facts["epochs"] + 1):
        made = task.get_batch_iterator(
            dataset, max_sentences=facts["batch"], seed=cfg.common.seed, epoch=epoch, num_workers=0
        ).next_epoch_itr(shuffle=True)
        epochs.append([(sample["net_input"]["src_tokens"], sample["target"]) for sample in made])
    torch.save(epochs, folder / "batches.pt")
