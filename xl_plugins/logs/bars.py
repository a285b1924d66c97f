"""Between fairseq's loop and its progress bars: every figure goes to the run's log, and a validation is one line."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from fairseq.logging import progress_bar
from fairseq.logging.progress_bar import BaseProgressBar
from tqdm.contrib.logging import logging_redirect_tqdm

from ..checkpoints.loop import loop_module
from .quiet import without_bars_lines
from .run_log import RunLog

logger = logging.getLogger(__name__)


class Telling:
    """The figures of one training, on their way to its log and to the terminal.

    Args:
        trainer: fairseq's, restored, with the batches of the training.
        total: updates of the whole run; None where nobody knows.
    """

    def __init__(self, trainer: Any, total: int | None) -> None:
        cfg, task = trainer.cfg, trainer.task
        self.trainer, self.total = trainer, total
        self.first, self.began = trainer.get_num_updates(), time.monotonic()
        self.metric, self.figure = str(cfg.checkpoint.best_checkpoint_metric), str(task.problem.metric)
        self.languages = list(task.valid_languages)
        self.higher = bool(cfg.checkpoint.maximize_best_checkpoint_metric)
        self.verbose = bool(task.cfg.verbose) or cfg.common.log_format == "json"
        self.last: dict[str, Any] = {}
        self.log: RunLog | None = None
        if trainer.data_parallel_rank == 0 and not cfg.checkpoint.no_save:
            self.log = RunLog(cfg.checkpoint.save_dir, _start(trainer, self.metric, self.languages))

    def note(self, event: str, stats: Mapping[str, Any], **members: Any) -> None:
        if self.log is not None:
            self.log.write(event, updates=self.trainer.get_num_updates(), **members, stats=dict(stats))

    def validated(self, stats: Mapping[str, Any], epoch: Any, subset: str) -> None:
        """Log a validation, and say it in a line."""
        found = {name: float(value) for name, value in stats.items() if isinstance(value, (int, float))}
        score = found.get(self.metric)
        best = self._best_of(score, found.get(f"best_{self.metric}"), self.last.get("best"))
        figures = {lang: value for lang in self.languages if (value := found.get(f"{self.figure}_{lang}")) is not None}
        self.last = {"score": score, "best": best}
        languages = {lang: {self.figure: value} for lang, value in figures.items()}
        self.note("valid", stats, epoch=epoch, subset=subset, languages=languages, **self.last)
        logger.info("%s", validation_line(
            subset, self.trainer.get_num_updates(), self.total, self.metric, score, best, figures, self.seconds_left()
        ))  # fmt: skip

    def _best_of(self, *scores: float | None) -> float | None:
        """fairseq's own best is that of the checkpoints it saved, and comes back with them; others count here too."""
        known = [score for score in scores if score is not None]
        return (max if self.higher else min)(known) if known else None

    def seconds_left(self) -> float | None:
        """From how fast this process was so far, validations included."""
        done = self.trainer.get_num_updates() - self.first
        if not done or self.total is None:
            return None
        return (time.monotonic() - self.began) / done * max(0, self.total - self.trainer.get_num_updates())

    def ended(self) -> None:
        if self.log is not None:
            self.log.write("end", updates=self.trainer.get_num_updates(), **self.last)


def _start(trainer: Any, metric: str, languages: list[str]) -> dict[str, Any]:
    return {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "updates": trainer.get_num_updates(),
        "command": [os.path.basename(sys.argv[0]), *sys.argv[1:]], "seed": trainer.cfg.common.seed,
        "versions": trainer.task.state_dict()["versions"], "metric": metric, "languages": languages,
    }  # fmt: skip


def validation_line(
    subset: str, updates: int, total: int | None, metric: str, score: float | None, best: float | None,
    figures: Mapping[str, float], left: float | None,
) -> str:  # fmt: skip
    """``update 350 of 700 | acc_select 60.3 (best 61.0) | de 57.3, en 62.7 | 4 min left``.

    Args:
        score, best: of ``metric``, which selects the checkpoint; None where the subset does not have it.
        figures: of each language.
        left: seconds.
    """
    parts = [f"{subset}: update {updates}" + (f" of {total}" if total else "")]
    if score is not None:
        best_so_far = "best so far" if best is None or score == best else f"best {best:.4g}"
        parts.append(f"{metric} {score:.4g} ({best_so_far})")
    if figures:
        parts.append(", ".join(f"{language} {value:.1f}" for language, value in figures.items()))
    if left:
        parts.append(f"{duration(left)} left")
    return " | ".join(parts)


def duration(seconds: float) -> str:
    """``40 s``, ``4 min``, ``2 h 05 min``."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02d} min"


class ToldBar(BaseProgressBar):
    """A bar of fairseq whose figures are told as well."""

    def __init__(self, bar: Any, telling: Telling, epoch: Any) -> None:
        super().__init__(bar, epoch)
        self.bar, self.telling = bar, telling

    def __iter__(self) -> Iterator[Any]:
        with logging_redirect_tqdm() if sys.stderr.isatty() else contextlib.nullcontext():  # lines go above the bar
            yield from self.bar

    def __getattr__(self, name: str) -> Any:
        return getattr(self.bar, name)

    def update_config(self, config: Any) -> None:
        self.bar.update_config(config)

    def log(self, stats: Any, tag: str | None = None, step: int | None = None) -> None:
        if tag == "train_inner":
            self.telling.note("train", stats, epoch=self.epoch)
        self.bar.log(stats, tag=tag, step=step)

    def print(self, stats: Any, tag: str | None = None, step: int | None = None) -> None:
        if tag == "train" or tag is None:
            self.telling.note("epoch", stats, epoch=self.epoch)
            self.bar.print(stats, tag=tag, step=step)
        else:
            with contextlib.nullcontext() if self.telling.verbose else without_bars_lines():
                self.bar.print(stats, tag=tag, step=step)
            self.telling.validated(stats, self.epoch, tag)


class ToldBars:
    """Stands for fairseq's module of progress bars in the loop that trains; other runs' bars are left alone."""

    def __init__(self, telling: Telling) -> None:
        self.telling = telling

    def __getattr__(self, name: str) -> Any:
        return getattr(progress_bar, name)

    def progress_bar(self, iterator: Any, **options: Any) -> Any:
        bar = progress_bar.progress_bar(iterator, **options)
        ours = options.get("aim_param_checkpoint_dir") == self.telling.trainer.cfg.checkpoint.save_dir
        return ToldBar(bar, self.telling, options.get("epoch")) if ours else bar


def tell(trainer: Any, total: int | None) -> None:
    """Tell of a training that begins in this process; ``total``: updates of the run, None where nobody knows."""
    module: Any = loop_module()
    if module is None:
        return
    trainer.xl_telling = Telling(trainer, total)
    module.progress_bar = ToldBars(trainer.xl_telling)
    if not getattr(module.validate_and_save, "_xl_tells", False):
        module.validate_and_save = _tells_the_end(module.validate_and_save)


def _tells_the_end(validate_and_save: Callable) -> Callable:
    @functools.wraps(validate_and_save)
    def validate_save_and_tell(
        cfg: Any, trainer: Any, task: Any, epoch_itr: Any, valid_subsets: Any, end_of_epoch: bool
    ) -> Any:
        losses, ends = validate_and_save(cfg, trainer, task, epoch_itr, valid_subsets, end_of_epoch)
        telling = getattr(trainer, "xl_telling", None)
        last = end_of_epoch and cfg.optimization.max_epoch and epoch_itr.next_epoch_idx > cfg.optimization.max_epoch
        if telling is not None and (ends or last):
            telling.ended()
        return losses, ends

    validate_save_and_tell._xl_tells = True  # type: ignore[attr-defined]
    return validate_save_and_tell
