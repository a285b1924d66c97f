"""How the study trains and scores: what is common to its systems, at the two scales."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sets import SENTENCEPIECE, WORDPIECE, Encoder
from steps import Run, Step, Words

from xl_plugins.checkpoints.kinds import missing_file
from xl_plugins.checkpoints.safe_load import load_restricted
from xl_plugins.errors import UserError

SCALES = ("small", "paper")
PRECISIONS: dict[str, Words] = {"float32": (), "bfloat16": ("--bf16",), "float16": ("--fp16",)}
_SIZES = ("encoder_layers", "encoder_embed_dim", "encoder_ffn_embed_dim", "encoder_attention_heads")
_XTUNE = {"sick": "xnli"}  # presets of another data set of the same kind
_LOG = tuple("--no-epoch-checkpoints --keep-interval-updates 1 --log-format simple --log-interval 50".split())


@dataclass(frozen=True)
class Budget:
    """A training at the small scale: peak learning rate, found on the source's dev set for the baseline and shared by
    all systems; updates of ``rows`` examples; the longest text in pieces."""

    lr: str
    updates: int
    rows: int = 32
    length: int = 128
    interval: int = 100


@dataclass(frozen=True)
class Setting:
    """Holds for all data sets.

    shape: of the encoder; scale: ``small`` trains by a budget, ``paper`` by the defaults of the tasks, which are the
    papers'; precision: option of training, scoring and generation; more: options for every training; tokenizer: the
    encoder's file.
    """

    shape: Words
    scale: str = "small"
    precision: Words = ()
    more: Words = ()
    tokenizer: str = SENTENCEPIECE

    @property
    def samples(self) -> bool:
        """Whether subword sampling has a meaning: a WordPiece vocabulary cuts a word in one way."""
        return self.tokenizer == SENTENCEPIECE

    @property
    def training(self) -> Words:
        return (*self.precision, *self.more)


def shape_options(model: Path) -> Words:
    """Sizes of an encoder as options of xl-train.

    Raises:
        UserError: no checkpoint, or one whose options do not say its sizes.
    """
    if not model.is_file():
        raise UserError(f"--encoder {model}: {missing_file(str(model), 'no such file')}")
    state = load_restricted(model)
    given: Any = state.get("args") or (state.get("cfg") or {}).get("model") or {}
    known = given if isinstance(given, dict) else vars(given)
    weights = state["model"]
    positions = next((len(table) - 2 for name, table in weights.items() if "embed_positions" in name), None)
    if positions is None or not all(name in known for name in _SIZES):
        raise UserError(f"--encoder {model}: its options do not say its sizes; give an archive such as xlmr.base")
    words = [word for name in _SIZES for word in (f"--{name.replace('_', '-')}", str(known[name]))]
    return (*words, "--max-positions", str(positions))


def tokenizer_file(encoder: Path) -> str:
    """Name of the tokenizer in an encoder's folder; UserError without one."""
    for name in (SENTENCEPIECE, WORDPIECE):
        if (encoder / name).is_file():
            return name
    raise UserError(f"--encoder {encoder}: has neither {SENTENCEPIECE} nor {WORDPIECE}; xl-convert from-hf writes one")


@dataclass(frozen=True)
class Trainer:
    """Makes the steps of one data set."""

    dataset: str
    encoder: Encoder
    budget: Budget
    setting: Setting

    def model(self) -> str:
        return f"$WORK/{self.encoder.name}/model.pt"

    def size_options(self, times: float = 1) -> Words:
        """Learning rate, batch and length of a training; ``times``: as many updates."""
        if self.setting.scale == "paper":
            return ()
        budget = self.budget
        return (
            *f"--lr {budget.lr} --batch-size {budget.rows} --update-freq 1 --warmup-ratio 0.1".split(),
            *f"--max-length {budget.length} --max-update {round(budget.updates * times)}".split(),
            *self.interval_options(),
        )  # fmt: skip

    def interval_options(self) -> Words:
        """Checkpoints are selected on the source's dev set alone; no more than an interval is lost when stopped."""
        if self.setting.scale == "paper":
            return ()
        interval = self.budget.interval
        return ("--validate-interval-updates", f"{interval}", "--save-interval-updates", f"{interval}", *_LOG)

    def train(self, system: str, data: Step, task: str, *options: str, seed: int, times: float = 1, start: str = "",
              after: tuple[Step, ...] = ()) -> Step:  # fmt: skip
        """Train a system from the encoder, or from the checkpoint ``start`` of one of ``after``."""
        first = ("--finetune-from-model", start) if start else ("--restore-file", self.model())
        words = (
            "xl-train", f"$WORK/{data.name}", "--task", task, *first, "--save-dir",
            f"$WORK/{self.dataset}/{system}-{seed}", "--seed", str(seed), *self.setting.shape, "--num-workers", "0",
            "--valid-languages", "source", "--select", "source-dev", *self.size_options(times),
            *self.setting.training, *options,
        )  # fmt: skip
        return Step(f"{self.dataset}/{system}-{seed}", (words,), (self.encoder, data, *after), best_only=True)

    def xtune(self, name: str, setting: str, data: Step, *options: str, seed: int, more: Words = ()) -> Step:
        """Both stages of xTune; the second, which has two rows per example, takes twice the updates. ``options`` are
        those of xl-xtune, ``more`` those of the training."""
        lengths: Words = ()
        if self.setting.scale == "small":
            updates = self.budget.updates
            lengths = ("--stage1", f"--max-update {updates}", "--stage2", f"--max-update {2 * updates}")
        sizes = self.size_options()
        at = sizes.index("--max-update") if sizes else 0
        words = (
            "xl-xtune", _XTUNE.get(self.dataset, self.dataset), f"$WORK/{data.name}", "--setting", setting,
            "--restore-file", self.model(), "--save-dir", f"$WORK/{self.dataset}/{name}-{seed}", *options, *lengths,
            "--", "--seed", str(seed), *self.setting.shape, "--num-workers", "0", "--valid-languages", "source",
            "--select", "source-dev", *sizes[:at], *sizes[at + 2 :], *self.setting.training, *more,
        )  # fmt: skip
        return Step(f"{self.dataset}/{name}-{seed}", (words,), (self.encoder, data), best_only=True)

    def score(self, system: str, data: Step, trained: Step, *options: str, seed: int, times: float = 1,
              inner: str = "", dataset: str = "") -> Run:  # fmt: skip
        """Score a training's best checkpoint, or that of a folder ``inner`` in it.

        Args:
            dataset: name in the tables, where it is another than the training's.
        """
        checkpoint = f"$WORK/{trained.name}/{inner}checkpoint_best.pt"
        name = f"{dataset or self.dataset}/{system}-{seed}.score"
        words = ("xl-evaluate", f"$WORK/{data.name}", "--path", checkpoint, "--json", f"$WORK/{name}.json",
                 "--overwrite", *self.setting.precision, *options)  # fmt: skip
        updates = 0 if self.setting.scale == "paper" else round(self.budget.updates * times)
        return Run(name, (words,), (data, trained), dataset or self.dataset, system, seed, updates)

    def xtune_scores(
        self, prefix: str, setting: str, data: Step, *options: str, seed: int, more: Words = ()
    ) -> list[Run]:  # fmt: skip
        """The scores of both stages."""
        trained = self.xtune(prefix, setting, data, *options, seed=seed, more=more)
        return [
            self.score(f"{prefix}1", data, trained, seed=seed, inner="stage1/"),
            self.score(f"{prefix}2", data, trained, seed=seed, inner="stage2/", times=2),
        ]
