"""Languages, model and files that soft labels are made of."""

from __future__ import annotations

from collections.abc import Iterable

from ..data.binary.layout import DataBin
from ..errors import UserError
from ..formats.languages import parse_languages
from .checkpoint import FineTuned


def find_languages(data: DataBin, asked: str | None) -> list[str]:
    """Target languages with training text; UserError for others."""
    source = data.source_language
    available = [language for language in data.languages_with("train") if language != source]
    wanted = list(parse_languages(asked, "--languages")) if asked else available
    if source in wanted:
        raise UserError(f"--languages: {source} is the source language, whose tags are gold; leave it out")
    missing = [language for language in wanted if language not in available]
    if missing or not available:
        raise UserError(
            f"{'--languages' if missing else 'DATA'}: {data.root} has no translated training text"
            f"{' of ' + ', '.join(missing) if missing else ''}; prepare it (--translate-train). It has"
            f" {', '.join(available) or 'none'}"
        )
    return wanted


def check_model(tuned: FineTuned) -> None:
    """The model has to tag, from the text alone."""
    if not tuned.task.problem.facts.words:
        raise UserError(
            f"--path {tuned.path}: trained on problem '{tuned.task.problem.name}'; give a checkpoint of task xl_tagging"
        )
    if tuned.task.inference()["mode"] != "plain":
        raise UserError(
            f"--path {tuned.path}: trained with X-Mixup; soft labels come from a model fine-tuned on the source"
            " language alone, give a checkpoint of task xl_tagging"
        )


def input_files(path: str, data: DataBin, languages: Iterable[str]) -> list[str]:
    """The checkpoint ``path`` and the texts that it labels."""
    names = [f"{data.prefix(language, 'input0', 'train')}.{end}" for language in languages for end in ("bin", "idx")]
    return [path, *names]
