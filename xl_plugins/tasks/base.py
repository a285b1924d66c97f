"""The base of all tasks: data folder, languages, selection protocol, head, iterators."""

import contextlib
import logging
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from fairseq import models
from fairseq.models.roberta import RobertaModel
from omegaconf import OmegaConf, open_dict
from torch import Tensor

from ..checkpoints.finished import patience_state
from ..data.binary.layout import SPLITS, DataBin
from ..errors import UserError
from ..logs.bars import tell
from ..methods import method_of
from ..models.plain import set_epsilon
from ..optim.linear import XLLinearSchedule
from ..optim.progress import Progress
from ..preflight.batches import refuse_long_examples
from ..problems.base import Problem
from ..ranges import check_ranges
from ..resuming.identity import training_digests
from ..version import versions
from .active_rows import TrainsRows
from .augmentation import check_augmentation
from .languages import choose_languages, selected_languages
from .training_batches import training_iterator
from .training_views import Augmentation

logger = logging.getLogger(__name__)


class XLTask(TrainsRows):
    """Base of the tasks: a subclass names its problem, and says which source texts a language's data carries
    (:meth:`add_source_texts`)."""

    problem_class: ClassVar[type[Problem]]
    pairs_texts = False  # whether the method pairs texts with their translations
    criterion = ""  # its name, once the training is set up
    own_metrics: tuple[str, ...] = ()  # logged in validation besides the problem's

    def __init__(self, cfg: Any) -> None:
        super().__init__(cfg)
        self.check_config(cfg)
        self.progress = Progress()
        self.data_bin = DataBin(Path(cfg.data), cfg.source_language)
        self.problem = self.problem_of(cfg)(self.data_bin, cfg)
        self.source_language = self.data_bin.source_language
        self.train_languages = choose_languages(cfg, self.data_bin, "train")
        self.valid_languages = choose_languages(cfg, self.data_bin, "valid")
        self.languages = sorted({*self.train_languages, *self.valid_languages, *self.data_bin.languages})
        self.select_languages = selected_languages(cfg, self.source_language, self.valid_languages)
        logger.info(
            "%s: train on %s; validate on %s; checkpoint selected by %s (%s)",
            self.data_bin.root, ",".join(self.train_languages) or "nothing", ",".join(self.valid_languages) or
            "nothing", cfg.select, ",".join(self.select_languages) or "nothing",
        )  # fmt: skip

    # -- configuration --

    @classmethod
    def setup_task(cls, cfg: Any, from_checkpoint: bool = False, **kwargs: Any) -> Any:
        """``from_checkpoint``: from fairseq-validate; it changes nothing."""
        return super().setup_task(cfg, **kwargs)

    @classmethod
    def problem_of(cls, cfg: Any) -> type[Problem]:
        """The problem of a task's configuration; tasks of any problem take it from an option."""
        return cls.problem_class

    @classmethod
    def check_config(cls, cfg: Any) -> None:
        """Refuse options that make no sense, alone or together; subclasses extend."""
        check_ranges(cfg, getattr(cls, "__dataclass", None))
        problem = cls.problem_of(cfg)
        problem.check_config(cfg)
        check_augmentation(cfg, problem, cls.pairs_texts)

    # -- data --

    def split_languages(self, split: str) -> Sequence[str]:
        if split not in SPLITS:
            raise UserError(f"subset '{split}': expected one of {', '.join(SPLITS)}; all languages live in one subset")
        if split == "test":
            return self.data_bin.languages_with("test")
        return self.train_languages if split == "train" else self.valid_languages

    def add_source_texts(self, part: Any, split: str) -> None:
        """Attach what the method pairs a text with. Plain fine-tuning pairs nothing."""

    def build_part(self, language: str, split: str) -> Any:
        part = self.problem.build_part(language, self.languages.index(language), split, self.pairs_texts)
        self.add_source_texts(part, split)
        return part

    def load_dataset(self, split: str, combine: bool = False, **kwargs: Any) -> Any:
        if split == "train" and self.is_open():
            return self.datasets[split]
        languages = self.split_languages(split)
        if split == "valid":
            if not languages:
                raise UserError(f"{self.data_bin.root}: has no dev data; prepare some, or pass --disable-validation")
            self._refuse_test_as_dev()
        gold = split == "valid" or (split == "train" and not self.problem.trains_without_gold)
        blind = [lang for lang in languages if gold and self.data_bin.is_unlabelled(lang, split)]
        if blind:
            raise UserError(
                f"the {split} data of {', '.join(blind)} has no gold labels; prepare labelled data or leave these"
                " languages out"
            )
        parts = [self.build_part(language, split) for language in languages]
        dataset = self.problem.build_dataset(parts, shuffle=split == "train")
        self.datasets[split] = self.wrap_training(dataset) if split == "train" else dataset
        logger.info("loaded %s: %d examples of %d languages", split, len(self.datasets[split]), len(parts))
        return self.datasets[split]

    def wrap_training(self, dataset: Any) -> Any:
        """The training set with what the method makes of its examples."""
        augmentation = Augmentation(self)
        return augmentation.wrap(dataset) if augmentation.wanted else dataset

    def _refuse_test_as_dev(self) -> None:
        same = [lang for lang in self.select_languages if self.data_bin.same_content(lang, "valid", "test")]
        if same:
            raise UserError(
                f"the dev and test texts of {', '.join(same)} are the same: selecting a checkpoint on them would fit"
                " the test set; take other dev data, leave the language out of --valid-languages, or choose another"
                " --select"
            )

    def get_batch_iterator(self, dataset: Any, **kwargs: Any) -> Any:  # type: ignore[override]
        refuse_long_examples(dataset, kwargs.get("max_tokens"))
        if dataset is self.datasets.get("train"):
            return training_iterator(self, dataset, **kwargs)
        return super().get_batch_iterator(dataset, **kwargs)

    # -- training --

    @property
    def brings_weights(self) -> bool:
        """Whether the task reads the weights that a run starts from itself."""
        return False

    def prepare_run(self, cfg: Any, resumes: bool) -> None:
        """Called before a checkpoint is read, with the options of the whole run: the last moment to refuse it."""

    def training_begins(self, trainer: Any) -> None:
        super().training_begins(trainer)
        if isinstance(trainer.lr_scheduler, XLLinearSchedule):
            trainer.lr_scheduler.progress = self.progress
            trainer.lr_step_update()
        tell(trainer, self.progress.total(trainer.cfg.optimization))

    update_num = 0  # completed updates, so that all micro-batches of an update see the same number

    def train_step(
        self, sample: Any, model: Any, criterion: Any, optimizer: Any, update_num: int, **kwargs: Any
    ) -> Any:  # type: ignore[override]
        self.update_num = update_num
        loss, size, logged = super().train_step(sample, model, criterion, optimizer, update_num, **kwargs)
        if kwargs.get("ignore_grad"):  # stands in for an empty batch, of which fairseq discounts only the last one
            size, logged = size * 0, {name: value * 0 for name, value in logged.items()}
        return loss, size, logged

    # -- model --

    def build_model(self, cfg: Any, from_checkpoint: bool = False) -> Any:
        positions = getattr(cfg, "max_positions", None)
        if positions is not None and self.cfg.max_length > positions:
            raise UserError(
                f"--max-length {self.cfg.max_length} is longer than the model's position table (--max-positions"
                f" {positions})"
            )
        with open_dict(cfg) if OmegaConf.is_config(cfg) else contextlib.nullcontext():
            model = models.build_model(cfg, self, from_checkpoint)
        if isinstance(model, RobertaModel):
            set_epsilon(model, cfg)  # fairseq's own architectures have no such option
        if not isinstance(model, self.problem.takes_head):
            problem = self.problem.name
            raise UserError(f"--arch {cfg._name}: has no head for problem '{problem}'; pass --arch xl_encoder")
        self.problem.register_head(model)
        return model

    def max_positions(self) -> int:
        return self.cfg.max_length

    @property
    def source_dictionary(self) -> Any:
        return self.data_bin.dictionary

    @property
    def target_dictionary(self) -> None:
        return None

    def reduce_metrics(self, logging_outputs: Any, criterion: Any) -> None:
        super().reduce_metrics(logging_outputs, criterion)
        self.problem.reduce_metrics(logging_outputs, self.valid_languages, self.select_languages)

    def build_criterion(self, cfg: Any, from_checkpoint: bool = False) -> Any:
        self.criterion = str(cfg._name)
        return super().build_criterion(cfg, from_checkpoint)

    # -- what a checkpoint remembers of the run --

    def identity(self) -> dict:
        """The meaning of the model's inputs and outputs: a checkpoint fits only data with the same."""
        return {
            "problem": self.problem.name,
            "labels": list(self.problem.labels),
            "dictionary_sha256": self.data_bin.dictionary_digest,
            **self.problem.identity(),
        }

    def state_dict(self) -> dict:
        """Written to every checkpoint as ``task_state``; evaluation reads it, training never does."""
        return {
            **super().state_dict(),
            **self.identity(),
            "source_language": self.source_language,
            "train_languages": list(self.train_languages),
            "select": str(self.cfg.select),
            "select_languages": list(self.select_languages),
            "training_data": self._training_data,
            "method": method_of(str(self.cfg._name), self.criterion).name,
            "versions": versions(),
        }

    @cached_property
    def _training_data(self) -> dict[str, str]:
        return training_digests(self.data_bin.root, self.train_languages)

    def get_checkpoint_dict(self) -> dict:
        """Written to every checkpoint's ``extra_state``: what the training loop itself would forget."""
        return patience_state()

    # -- predictions --

    @property
    def needs_source(self) -> bool:
        """Whether :meth:`predict` wants the text's translation into the source language in ``sample["source"]``."""
        return False

    def inference(self) -> dict:
        """How :meth:`predict` comes to its probabilities; ``description`` in words."""
        return {"mode": "plain", "description": "target text alone"}

    def predict(self, model: Any, sample: dict) -> tuple[Tensor, Tensor]:
        """Values for predictions: (K, D) float32 probabilities and the number of rows of each unit (U,), as
        :meth:`Problem.values` defines them. The model must be in eval mode."""
        output, _ = model(**sample["net_input"], classification_head_name=self.problem.head_name)
        return self.problem.values(output, sample)
