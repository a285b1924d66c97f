"""Runs of every method and problem on data with unseen pieces, by a name such as ``xmixup tagging``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from user_dir_tests.helpers import cotrain
from user_dir_tests.helpers.setups.salt import write_counterparts
from user_dir_tests.helpers.setups.unseen import UNSEEN, add_unseen
from user_dir_tests.helpers.toys.toy import make_data, make_texts
from user_dir_tests.helpers.toys.toy_positions import make_qa, make_tagging
from user_dir_tests.helpers.toys.toy_views import make_dictionaries, make_folder, make_spm
from xl_plugins.data.binary.layout import DataBin

COMMON = {
    "encoder_layers": 2, "lr": 5e-3, "clip_norm": 0, "batch_size": 6, "update_freq": 1, "max_update": 30,
    "lr_scheduler": "fixed", "dropout": 0.1, "attention_dropout": 0.1, "pooler_dropout": 0.1,
}  # fmt: skip
QA = {"max_length": 40, "max_question_length": 8, "doc_stride": 10}
PLAIN = {"text": make_texts, "sentence_pair": make_data, "tagging": make_tagging, "qa": make_qa}
XTUNE = {"criterion": "xtune_criterion", "r1_weight": 5}
CS = {"text": "cs", "sentence_pair": "cs", "tagging": "ss", "qa": "cs"}  # each in one of the two
NAMES = [
    *(f"{method} {problem}" for method in ("plain", "xmixup", "xtune1", "xtune2") for problem in PLAIN),
    *(f"{method} {problem}" for method in ("salt", "xla") for problem in ("sentence_pair", "tagging")),
]


def make(root: Path) -> dict[str, Path]:
    """The data folder of every name, those without one by the problem."""
    found = {}
    for problem, write in PLAIN.items():
        data = found[f"plain {problem}"] = found[f"xmixup {problem}"] = add_unseen(write(root / problem))
        if problem in ("sentence_pair", "tagging"):
            found[f"salt {problem}"] = data
            write_counterparts(data, unseen=UNSEEN)
    spm = make_spm(root)
    for problem in PLAIN:
        data = make_folder(root / f"views-{problem}", spm, problem, train=6, valid=3, tagged=True, source_texts=True)
        make_dictionaries(root / f"views-{problem}-dictionaries", data)
        found[f"xtune1 {problem}"] = found[f"xtune2 {problem}"] = data
    for problem, data in cotrain.make_folders(root / "xla").items():
        add_unseen(data)
        for manifest in data.glob("*/vicinity/manifest.json"):
            content = json.loads(manifest.read_text(encoding="utf-8"))
            cotrain.write_manifest(manifest.parent, {**content, "dictionary_sha256": DataBin(data).dictionary_digest})
        cotrain.make_model(data.parent / f"{problem}.pt", data / "dict.txt")
        found[f"xla {problem}"] = data
    return found


def task_and_options(name: str, folders: Mapping[str, Path], **changed: object) -> tuple[str, dict]:
    """``--task`` and the options of a run of 30 updates; of XLA nine stages of a few."""
    method, problem = name.split()
    given = {**COMMON, **(QA if problem == "qa" else {})}
    if method == "xla":
        shape = {"max_update": None, "lr_scheduler": None, "xla_select": "best"}
        given = {**cotrain.small({problem: folders[name]}, problem), **cotrain.DROPOUT, **shape, "clip_norm": 0}
        return cotrain.TASK, {**given, **changed}
    if method in ("plain", "xmixup"):
        given["train_languages"] = "all"
    if method == "salt":
        given |= {"problem": problem, "salt_langs": "fr,es,de"}
        return "salt_augment_task", {**given, **changed}
    if method.startswith("xtune"):
        view = CS[problem]
        given |= {**XTUNE, "second_view": view}
        given |= {"cs_dictionaries": f"{folders[name]}-dictionaries"} if view == "cs" else {}
        given |= {"augment": "mt" if problem in ("text", "sentence_pair") else "ss"} if method == "xtune2" else {}
        given |= {"second_view": "ss"} if method == "xtune2" and problem in ("text", "sentence_pair") else {}
        given |= {"r2_weight": 2} if method == "xtune2" else {}
    return f"{'xmixup' if method == 'xmixup' else 'xl'}_{problem}", {**given, **changed}
