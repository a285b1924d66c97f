"""Commands that go on from prepared data: printed so that they run as they stand, with the paths that were used."""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ...errors import UserError
from ...problems import SENTENCE_PAIR, Facts, problem_of

_WIDTH = 88
_LARGE = 1024  # width of XLM-R large


def next_steps(dest: str, meta: Mapping[str, Any], encoder: str) -> list[str]:
    """Lines of words and commands for the folder ``dest`` with this ``meta.json``; ``encoder``: what to train from."""
    facts = problem_of(meta, SENTENCE_PAIR) or SENTENCE_PAIR
    if not facts.metric:
        return ["Evaluate an encoder on it:", _shown(["xl-evaluate", dest, "--path", encoder])]
    source, splits = meta["source_language"], meta["splits"]
    if "train" not in splits.get(source, {}):
        return ["Evaluate a fine-tuned checkpoint on it:", f"  xl-evaluate {shlex.quote(dest)} --path CHECKPOINT"]
    others = [name for name in splits if name != source]
    translated = [name for name in others if "train" in splits[name] and name not in meta.get("pools", [])]
    run = _Run(dest, meta, facts, encoder)
    if not translated:
        return ["Train on it and evaluate:", *run.plain("zero-shot", final=True)]
    if facts.words and not run.labelled(translated):
        first = ["X-Mixup on it: a model of the source language gives the translations soft labels first:"]
        label = ["xl-augment", "soft-labels", dest, "--path", run.checkpoint("zero-shot")]
        return [*first, *run.plain("zero-shot"), _shown(label), *run.xmixup(translated, others)]
    return ["Train on it with X-Mixup and evaluate:", *run.xmixup(translated, others)]


class Shape(NamedTuple):
    """Options that a checkpoint's shape asks for, and whether it is as wide as XLM-R large."""

    options: list[str]
    large: bool = False


class _Run:
    """Commands that train and evaluate on one data folder."""

    def __init__(self, dest: str, meta: Mapping[str, Any], facts: Facts, encoder: str) -> None:
        self.dest, self.meta, self.facts, self.encoder = dest, meta, facts, encoder
        self.splits: Mapping[str, Any] = meta["splits"]
        self.shape = describe_encoder(encoder, facts.max_length)
        self.validates = any("valid" in found for found in self.splits.values())

    def checkpoint(self, name: str) -> str:
        return os.path.join(self._folder(name), f"checkpoint_{'best' if self.validates else 'last'}.pt")

    def labelled(self, languages: list[str], field: str = "") -> bool:
        """Whether all these languages' training texts have tags or soft labels (or the files of ``field``)."""
        files = [field] if field else ["soft/train.npy", "label/train.idx"]
        return all(any(Path(self.dest, name, file).is_file() for file in files) for name in languages)

    def plain(self, name: str, final: bool = False) -> list[str]:
        select = ["--select", "source-dev"] if "valid" in self.splits[self.meta["source_language"]] else []
        return [self._train(name, "xl", select), *(self._evaluate(name) if final else [])]

    def xmixup(self, translated: list[str], others: list[str]) -> list[str]:
        into_source = self.meta.get("views", {})

        def lacks(split: str, languages: list[str]) -> bool:
            return any(split in self.splits[name] and split not in into_source.get(name, {}) for name in languages)

        further = ["--no-scheduled-sampling"] if lacks("train", translated) else []
        if self.facts.words and not self.labelled(translated, "soft/train.npy"):
            further += ["--target-labels", "gold"] if self.labelled(translated) else []
        lacks_dev, lacks_test = lacks("valid", others), lacks("test", others)
        if lacks_dev:
            further.append("--no-mixup-inference")
        inference = []
        if lacks_dev and not lacks_test and any("test" in self.splits[name] for name in others):
            inference = ["--mixup-inference"]  # translate-test is there, translate-dev is not, as in XTREME
        elif lacks_test and not lacks_dev:
            inference = ["--no-mixup-inference"]
        return [self._train("xmixup", "xmixup", further), *self._evaluate("xmixup", *inference)]

    def _folder(self, name: str) -> str:
        return os.path.join("outputs", f"{Path(self.dest).name or 'data'}-{name}")

    def _train(self, name: str, method: str, further: list[str]) -> str:
        options = ["--task", f"{method}_{self.facts.name}"]
        options += [
            "--arch",
            f"{method}_xlmr{'_large' * self.shape.large}",
            "--restore-file",
            self.encoder,
            *self.shape.options,
        ]
        options += ["--lr", "5e-6", *further]
        if not self.validates:
            options.append("--disable-validation")
        return _shown(["xl-train", self.dest, *options, "--save-dir", self._folder(name)])

    def _evaluate(self, name: str, *options: str) -> list[str]:
        if not any("test" in found for found in self.splits.values()):
            if not self.validates:
                return []
            options = (*options, "--split", "valid")
        return [_shown(["xl-evaluate", self.dest, "--path", self.checkpoint(name), *options])]


def _shown(words: list[str]) -> str:
    """A command on indented lines, to be pasted into a shell."""
    quoted = [shlex.quote(word) for word in words]
    first = next((place for place, word in enumerate(quoted) if word.startswith("--")), len(quoted))
    groups = [" ".join(quoted[:first])]
    for word in quoted[first:]:
        if word.startswith("--"):
            groups.append(word)
        else:
            groups[-1] += f" {word}"
    lines, line = [], "  "
    for group in groups:
        if len(line) + len(group) > _WIDTH and line.strip():
            lines.append(line.rstrip() + " \\")
            line = "      "
        line += f"{group} "
    return "\n".join([*lines, line.rstrip()])


def describe_encoder(path: str, max_length: int) -> Shape:
    """The shape of the encoder in a checkpoint; ``max_length``: the task's default, cut to the encoder's positions."""
    from ...starting.encoder_shape import follow_encoder

    found = {}
    with contextlib.suppress(UserError):  # training says what is wrong with it
        found = follow_encoder(path)
    large = found.get("encoder_embed_dim") == _LARGE if found else "large" in Path(path).parent.name
    positions = found.get("max_positions", max_length)
    return Shape(["--max-length", str(positions)] if positions < max_length else [], large)
