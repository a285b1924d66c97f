"""XTREME's folders of sentence pairs (XNLI, PAWS-X): which files there are and which columns they have."""

from __future__ import annotations

import argparse
import os

from xl_plugins.datasets.layouts import folder
from xl_plugins.datasets.layouts.given import check_pools
from xl_plugins.errors import UserError
from xl_plugins.formats.examples.plan import Part, Plan
from xl_plugins.formats.examples.table import CountSchema, PairFile, PairPlan
from xl_plugins.formats.tsv import find_file

GOLD_TRAIN = CountSchema(((3, 0, 1, 2, None),))
GOLD_TEST = CountSchema(((3, 0, 1, 2, None), (2, 0, 1, None, None)))
TRANSLATED = CountSchema(((5, 2, 3, 4, (0, 1)), (3, 0, 1, 2, None)))
POOL_TEXT = CountSchema(((5, 2, 3, None, None), (3, 0, 1, None, None), (2, 0, 1, None, None)))
BACK_TRANSLATED = CountSchema(((5, 2, 3, 4, (0, 1)), (4, 2, 3, None, (0, 1)), (3, 0, 1, 2, None)))

# role: split, whether it is a source translation, own patterns and XTREME's below the raw folder
ROLES: dict[str, tuple[str, bool, tuple[str, ...]]] = {
    "translate_train": (
        "train",
        False,
        (
            "translate-train/{source}-{lang}.tsv",
            "translate-train/{source}-{lang}-translated.tsv",
            "translate-train/{dataset}.translate.train.{source}-{lang}.tsv",
            "{dataset}.translate.train.{source}-{lang}.tsv",
            "train-{lang}.tsv",
        ),
    ),
    "back_translation": ("train", True, ("back-translation/{source}-{lang}.tsv",)),
    "translate_dev": (
        "valid",
        True,
        ("translate-dev/{lang}-{source}.tsv", "translate-dev/dev-{lang}-{source}-translated.tsv"),
    ),
    "translate_test": (
        "test",
        True,
        (
            "translate-test/{lang}-{source}.tsv",
            "translate-test/test-{lang}-{source}-translated.tsv",
            "translate-test/{lang}.trans.test.tsv",
            "translate-test/{dataset}.translate.test.{lang}-{source}.tsv",
        ),
    ),
}


def role_schema(role: str, lang: str, source: str) -> CountSchema:
    """Columns of a file of role ``role``; a translate-test file may carry the header of the XNLI translations."""
    if role == "translate_train":
        return TRANSLATED
    names = ("sentence1_{0}", "sentence2_{0}")
    header = (*(n.format(source) for n in names), "label", *(n.format(lang) for n in names))
    layouts = (
        BACK_TRANSLATED.layouts if role == "back_translation" else (*BACK_TRANSLATED.layouts, (2, 0, 1, None, None))
    )
    return CountSchema(layouts, header)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    folder.add_arguments(parser, "train-en.tsv, dev-XX.tsv, test-XX.tsv", "pairs", {r: v[2] for r, v in ROLES.items()})
    folder.add_pool_argument(parser, "pairs")


def _gold_parts(raw: str, lang: str, source: str) -> list[Part]:
    parts = []
    for split, stem, schema in (
        ("train", "train", GOLD_TRAIN),
        ("valid", "dev", GOLD_TRAIN),
        ("test", "test", GOLD_TEST),
    ):
        if split == "train" and lang != source:
            continue  # a target language's training file is its translation
        path = find_file(os.path.join(raw, f"{stem}-{lang}.tsv"))
        if path is not None:
            parts.append(Part(lang, split, False, PairFile(path, schema)))
    return parts


def make_plan(args: argparse.Namespace, dataset: str, labels: tuple[str, ...], **options: object) -> PairPlan:
    """Plan for the XTREME folder ``args.raw``; ``options`` are further fields of :class:`PairPlan`."""
    source, languages = folder.languages_of(args)
    plan = PairPlan(dataset, source, labels, **options)  # type: ignore[arg-type]
    pools = folder.find_pools(args, languages)
    for lang in languages:
        parts = _gold_parts(args.raw, lang, source)
        for role, (split, into_source, _) in ROLES.items():
            if role == "translate_train" and lang == source:
                continue
            path = folder.find_role(args, role, ROLES[role][2], lang, dataset)
            if path is not None:
                parts.append(Part(lang, split, into_source, PairFile(path, role_schema(role, lang, source))))
        _check_language_files(parts, lang, args, plan)
        plan.parts.extend(parts)
        if lang in pools:
            plan.parts.append(Part(lang, "train", False, PairFile(pools[lang], POOL_TEXT), pool=True))
    check_pools(plan)
    if not any(part.split == "train" and not part.into_source for part in plan.parts):
        plan.warnings.append(f"{args.raw}: no train-{source}.tsv; the result can be evaluated on but not trained on")
    return plan


def _check_language_files(parts: list[Part], lang: str, args: argparse.Namespace, plan: Plan) -> None:
    texts = {part.split for part in parts if not part.into_source}
    if not texts:
        looked = ", ".join(os.path.join(args.raw, f"{stem}-{lang}.tsv") for stem in ("dev", "test", "train"))
        raise UserError(f"--languages: no file for {lang}; none of {looked} exists (nor a translated training file)")
    for part in [part for part in parts if part.into_source and part.split not in texts]:
        parts.remove(part)
        plan.warnings.append(f"{part.file.path}: not used, since {lang} has no {part.split} pairs of its own")
