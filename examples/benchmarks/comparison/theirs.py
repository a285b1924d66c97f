"""Hugging Face's side: its model, and its Trainer's own steps, stopped before each unit of work.

Nothing of the package or of fairseq is imported here. ``Trainer`` needs accelerate; without it the steps that it would
take are made by hand: the same optimiser, clipping and schedule.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from .gate import Gate

PAD, LONGEST = 1, 128
ORDERS = {
    "Hugging Face": "the batches of the plain run",
    "Hugging Face dynamic": "random order, padded to the longest row",
    "Hugging Face 128": "random order, padded to 128",
}
PREDICTION = "Hugging Face prediction"
Batch = dict[str, Tensor]


def has_trainer() -> bool:
    return importlib.util.find_spec("accelerate") is not None


def as_input(tokens: Tensor, labels: Tensor) -> Batch:
    return {"input_ids": tokens, "attention_mask": tokens.ne(PAD).long(), "labels": labels}


class Collator:
    """Rows to a batch, padded to the longest or to ``width``."""

    def __init__(self, width: int = 0) -> None:
        self.width = width

    def __call__(self, rows: list[tuple[Tensor, int]]) -> Batch:
        width = self.width or max(len(tokens) for tokens, _ in rows)
        tokens = torch.full((len(rows), width), PAD)
        for place, (row, _) in enumerate(rows):
            tokens[place, : len(row)] = row
        return as_input(tokens, torch.tensor([label for _, label in rows]))


class Given(torch.utils.data.IterableDataset):
    """The batches of a plain run, an epoch each time that it is read."""

    def __init__(self, epochs: list[list[tuple[Tensor, Tensor]]]) -> None:
        self.epochs, self.next = epochs, 0

    def __len__(self) -> int:
        return len(self.epochs[0])

    def __iter__(self) -> Iterator[Batch]:
        epoch, self.next = self.epochs[self.next % len(self.epochs)], self.next + 1
        return (as_input(tokens, labels) for tokens, labels in epoch)


def rows_of(epoch: list[tuple[Tensor, Tensor]]) -> list[tuple[Tensor, int]]:
    """The examples of an epoch without padding, in random order as in a file."""
    rows = [(row[row.ne(PAD)], int(label)) for tokens, labels in epoch for row, label in zip(tokens, labels)]
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(1)).tolist()
    return [rows[number] for number in order]


def load(folder: Path, facts: dict[str, Any]) -> Any:
    from transformers import AutoModelForSequenceClassification

    return AutoModelForSequenceClassification.from_pretrained(folder / "hf").to(facts["device"])


def loader(name: str, folder: Path, facts: dict[str, Any]) -> DataLoader:
    """The batches of a contender."""
    epochs = torch.load(folder / "batches.pt")
    if name == "Hugging Face":
        return DataLoader(Given(epochs), batch_size=None)
    rows: Any = rows_of(epochs[0])
    if name == PREDICTION:
        return DataLoader(rows, batch_size=facts["batch"], collate_fn=Collator())
    width = LONGEST if "128" in name else 0
    return DataLoader(rows, batch_size=facts["batch"], shuffle=True, collate_fn=Collator(width))


def arguments(folder: Path, facts: dict[str, Any]) -> Any:
    from transformers import TrainingArguments

    return TrainingArguments(
        output_dir=str(folder / "runs" / "hf"), per_device_train_batch_size=facts["batch"],
        per_device_eval_batch_size=facts["batch"], max_steps=facts["last"], learning_rate=1e-5, warmup_steps=0,
        optim="adamw_torch_fused", max_grad_norm=1.0, logging_strategy="no", save_strategy="no", report_to=[],
        use_cpu=facts["device"] == "cpu", bf16=facts["bf16"], dataloader_num_workers=0, disable_tqdm=True, seed=1,
    )  # fmt: skip


def train(name: str, folder: Path, facts: dict[str, Any], gate: Gate) -> None:
    """A training of which every update is a unit."""
    model, batches = load(folder, facts), loader(name, folder, facts)
    if not has_trainer():
        by_hand(model, batches, facts, gate)
        return
    from transformers import Trainer, TrainerCallback

    losses: list[float] = []

    class Stops(TrainerCallback):
        def on_train_begin(self, *args: Any, **kwargs: Any) -> None:
            gate.begin()

        def on_step_end(self, *args: Any, **kwargs: Any) -> None:
            gate.end("update", facts["batch"], loss=losses.pop() if losses else None)
            gate.begin()

    class Steps(Trainer):
        def get_train_dataloader(self) -> DataLoader:
            return self.accelerator.prepare(batches)

        def training_step(self, *args: Any, **kwargs: Any) -> Tensor:
            loss = super().training_step(*args, **kwargs)
            losses[:] = [float(loss)]
            return loss

    Steps(model, arguments(folder, facts), train_dataset=batches.dataset, callbacks=[Stops()]).train()


def by_hand(model: Any, batches: DataLoader, facts: dict[str, Any], gate: Gate) -> None:
    """The steps of ``Trainer``."""
    from transformers import get_linear_schedule_with_warmup

    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, weight_decay=0.0, fused=True)
    schedule = get_linear_schedule_with_warmup(optimizer, 0, facts["last"])
    model.train()
    gate.begin()
    while True:
        for batch in batches:
            with precision(facts):
                loss = model(**{name: value.to(facts["device"]) for name, value in batch.items()}).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            model.zero_grad()
            gate.end("update", facts["batch"], loss=float(loss))
            gate.begin()


def precision(facts: dict[str, Any]) -> Any:
    return torch.autocast(facts["device"], dtype=torch.bfloat16) if facts["bf16"] else nullcontext()


def predict(folder: Path, facts: dict[str, Any], gate: Gate) -> None:
    """Prediction over and over, of which every batch is a unit."""
    model, batches = load(folder, facts).eval(), loader(PREDICTION, folder, facts)
    if not has_trainer():
        gate.begin()
        while True:
            for batch in batches:
                with torch.no_grad(), precision(facts):
                    model(**{name: value.to(facts["device"]) for name, value in batch.items()}).logits.float().cpu()
                gate.end("batch", len(batch["labels"]))
                gate.begin()
    from transformers import Trainer, TrainerCallback

    class Stops(TrainerCallback):
        def on_prediction_step(self, *args: Any, **kwargs: Any) -> None:
            gate.end("batch", facts["batch"])
            gate.begin()

    trainer = Trainer(model, arguments(folder, facts), data_collator=Collator(), callbacks=[Stops()])
    gate.begin()
    while True:
        trainer.predict(batches.dataset)
