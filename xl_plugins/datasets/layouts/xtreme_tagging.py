"""XTREME's folders of tagged sentences (UDPOS, PAN-X): ``train-en.tsv``, ``dev-XX.tsv``, ``test-XX.tsv``."""

from __future__ import annotations

import argparse
import os
from dataclasses import replace

from xl_plugins.datasets.layouts import folder
from xl_plugins.datasets.layouts.given import check_pools
from xl_plugins.errors import UserError
from xl_plugins.formats.examples.plan import Part
from xl_plugins.formats.examples.sentences import SentenceFile, TaggingPlan, guess_kind
from xl_plugins.formats.tsv import find_file


def _names(*stems: str) -> tuple[str, ...]:
    return tuple(f"{stem}.{ending}" for stem in stems for ending in ("tsv", "txt", "conllu"))


# role: split, whether it is a source translation, patterns below the raw folder.
# XTREME's train-XX.tsv are no translations and not among them.
ROLES: dict[str, tuple[str, bool, tuple[str, ...]]] = {
    "translate_train": (
        "train",
        False,
        _names("translate-train/{source}-{lang}", "translate-train/{dataset}.translate.train.{source}-{lang}"),
    ),
    "back_translation": ("train", True, _names("back-translation/{source}-{lang}")),
    "translate_dev": ("valid", True, _names("translate-dev/{lang}-{source}")),
    "translate_test": (
        "test",
        True,
        _names("translate-test/{lang}-{source}", "translate-test/{dataset}.translate.test.{lang}-{source}"),
    ),
}
SOFT = ("soft-labels/{source}-{lang}.tsv",)
FILES_HELP = """\
files in RAW (plain or .gz; a word per line, blank line between sentences):
  train-en.tsv dev-XX.tsv test-XX.tsv   word TAB tag   (test files may lack the tags; languages may lack dev)
  translate-train/en-XX.tsv             word [TAB tag], sentence i is the translation of sentence i of train-en;
                                        or .txt, a sentence per line, words between blanks; or .conllu
  soft-labels/en-XX.tsv                 word TAB p1;p2;...;pC for translate-train/en-XX, labels in the order above;
                                        where only this file exists, it is the translated text as well
  back-translation/en-XX.tsv            en TAB its back-translation per line (or .txt: the latter only)
  translate-dev/XX-en.tsv  translate-test/XX-en.tsv   XX sentence TAB en sentence per line, or a word per line;
                                        or .txt, or .conllu
XTREME's own train-XX.tsv of other languages are not translations; name such files with --translate-train if they are,
and with --unlabelled for XLA, which reads no tags there.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    patterns = {role: entry[2] for role, entry in ROLES.items()}
    folder.add_arguments(
        parser, "train-en.tsv, dev-XX.tsv, test-XX.tsv", "sentences", {**patterns, "soft_labels": SOFT}
    )
    folder.add_pool_argument(parser, "sentences")


def make_plan(args: argparse.Namespace, dataset: str, labels: tuple[str, ...], template: SentenceFile) -> TaggingPlan:
    """Plan for the folder ``args.raw``; ``template`` says how its files are read."""
    source, languages = folder.languages_of(args)
    plan = TaggingPlan(dataset, source, labels, xtreme_words=template.clean)
    pools = folder.find_pools(args, languages)
    for lang in languages:
        parts = _parts(args, plan, lang, replace(template, prefix=f"{lang}:" if template.prefix else ""))
        if not any(not part.into_source for part in parts):
            looked = ", ".join(os.path.join(args.raw, f"{stem}-{lang}.tsv") for stem in ("dev", "test"))
            raise UserError(
                f"--languages: no file for {lang}; none of {looked} exists (nor a translated training file)"
            )
        plan.parts.extend(parts)
        if lang in pools:
            own = replace(template, path=pools[lang], tagged=False, prefix=f"{lang}:" if template.prefix else "")
            plan.parts.append(Part(lang, "train", False, own, pool=True))
    check_pools(plan)
    if not any(part.split == "train" and not part.into_source for part in plan.parts):
        plan.warnings.append(f"{args.raw}: no train-{source}.tsv; the result can be evaluated on but not trained on")
    return plan


def _parts(args: argparse.Namespace, plan: TaggingPlan, lang: str, template: SentenceFile) -> list[Part]:
    parts: list[Part] = []
    for split, stem in (("train", "train"), ("valid", "dev"), ("test", "test")):
        path = find_file(os.path.join(args.raw, f"{stem}-{lang}.tsv"))
        if path is not None and (split != "train" or lang == plan.source_language):
            parts.append(Part(lang, split, False, replace(template, path=path)))
    soft = folder.find_role(args, "soft_labels", SOFT, lang, plan.dataset) if lang != plan.source_language else None
    for role, (split, into_source, patterns) in ROLES.items():
        if role == "translate_train" and lang == plan.source_language:
            continue
        path = folder.find_role(args, role, patterns, lang, plan.dataset)
        if path is not None:
            file = translation_file(path, plan.labels, into_source, None if into_source else soft, template)
            parts.append(Part(lang, split, into_source, file))
        elif role == "translate_train" and soft is not None and args.translate_train != "none":
            parts.append(Part(lang, split, into_source, replace(template, path=soft, tagged=False, soft=soft)))
    texts = {part.split for part in parts if not part.into_source}
    for part in [part for part in parts if part.into_source and part.split not in texts]:
        parts.remove(part)
        plan.warnings.append(f"{part.file.path}: not used, since {lang} has no {part.split} sentences of its own")
    return parts


def translation_file(
    path: str, labels: tuple[str, ...], into_source: bool, soft: str | None, template: SentenceFile
) -> SentenceFile:
    """A translated file in whichever of the formats; translations into the source language need no tags."""
    return replace(template, path=path, kind=guess_kind(path, labels, into_source), soft=soft, prefix="")
