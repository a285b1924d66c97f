"""The table of runs: for each data set its budget, its folders and its systems."""

from __future__ import annotations

from dataclasses import replace

import lm
import pairs
import questions
import sets
import tagging
from steps import Run
from training import Budget, Setting, Trainer

# One peak learning rate for all systems of a data set; the runs DATASET/search-RATE try RATES for plain fine-tuning, on
# the source's dev set.
BUDGETS = {
    "sick": Budget("5e-5", 300, length=96),
    "xnli": Budget("1e-4", 400, length=128),
    "panx": Budget("2e-4", 300),
    "udpos": Budget("1e-4", 300),
    "pawsx": Budget("1e-4", 300),
    "xquad": Budget("1e-4", 250, rows=16, length=384),
    "tydiqa": Budget("1e-4", 250, rows=16, length=384),
    "mini": Budget("1e-3", 40, rows=16, interval=10),
}
SYSTEMS = {
    "sick": pairs.sick,
    "xnli": pairs.xnli,
    "panx": tagging.panx,
    "udpos": tagging.udpos,
    "pawsx": pairs.pawsx,
    "xquad": questions.xquad,
    "tydiqa": questions.tydiqa,
    "mini": pairs.mini,
}
DATASETS = tuple(BUDGETS)
TRIAL = "mini"  # the embedded benchmark: made on request only
DEFAULT = tuple(name for name in DATASETS if name != TRIAL)
RATES = ("5e-5", "1e-4", "2e-4", "3e-4")


def runs(setting: Setting, seeds: int = 1) -> list[Run]:
    """All runs in the order in which they are made: the first seed of everything, then the others. What a language
    model makes comes first, because the longest chain of steps leads there."""
    first = [run for name in DEFAULT for run in SYSTEMS[name](_trainer(name, setting), 1)]
    # a language model is trained on pieces that SentencePiece cuts
    generated = _generated(setting) if setting.samples or setting.scale == "paper" else []
    search = [run for name in DEFAULT for run in _search(name, setting)]
    later = [
        run
        for seed in range(2, seeds + 1)
        for name in ("sick", "xnli", "panx")
        for run in SYSTEMS[name](_trainer(name, setting), seed)
    ]
    return [*generated, *first, *later, *search, *pairs.mini(_trainer("mini", setting), 1)]


def _trainer(name: str, setting: Setting) -> Trainer:
    files = {
        "sick": ("sick", "dictionaries/wiktionary/en-nl.txt.gz", "dictionaries/wiktionary/en-pt.txt.gz"),
        "xnli": ("xnli", "dictionaries/muse"),
        "pawsx": ("pawsx", "dictionaries/muse"),
        "panx": ("panx", "uner_pud"),
        "udpos": ("udpos", "pud"),
        "xquad": ("squad", "xquad", "mlqa", "dictionaries/muse"),
        "tydiqa": ("tydiqa/tydiqa-goldp-v1.1-train",),
        "mini": ("xnli", "dictionaries"),
    }
    data = [f"$DATA/{file}" for file in files.get(name, (name,))]
    sampling = name in ("panx", "udpos", "xquad", "tydiqa")
    encoder = sets.trimmed(f"{name}/encoder", data, setting.tokenizer, sampling)
    return Trainer(name, encoder, BUDGETS[name], setting)


def _generated(setting: Setting) -> list[Run]:
    """SALT and XLA, whose texts a language model makes: the encoder's own at the paper's scale, else a trained one."""
    salt = {
        "sick": ("en,nl,pt", "dictionaries/wiktionary"),
        "pawsx": ("en,fr,es,de", "dictionaries/muse"),
        "xnli": ("en,fr,es,de", "dictionaries/muse"),
    }
    files = {
        **{name: [name, *(f"wordfreq/{x}_10k.txt.gz" for x in langs.split(","))] for name, (langs, _) in salt.items()},
        "panx": ["panx"],
    }
    whole = lm.language_model(setting) if setting.scale == "small" else None
    model, after = ("$WORK/lm/whole.pt", (whole,)) if whole else ("$ENCODER/model.pt", ())
    trainers = {}
    for name, paths in files.items():
        data = [f"$DATA/{path}" for path in paths]
        encoder = sets.trimmed(f"{name}/lm-encoder", data, setting.tokenizer, model=model, after=after)
        trainers[name] = Trainer(name, encoder, BUDGETS[name], setting)
    sick, xnli, panx = (trainers[name] for name in ("sick", "xnli", "panx"))
    make = {"sick": sets.sick, "pawsx": sets.pawsx, "xnli": sets.mnli}
    found = lm.retrieval(setting, whole) if whole else []
    for name, (langs, judge) in salt.items():
        found += lm.Salt(trainers[name], langs, judge, name == "sick").runs(make[name], 1)
    return [
        *found,
        *lm.Xla(sick, sets.sick_unlabelled(sick.encoder), "sentence_pair", "50,80,100", 25, 25).runs(("nl",)),
        *lm.Xla(xnli, sets.xnli_unlabelled(xnli.encoder), "sentence_pair", "50,80,100", 20, 67).runs(("de",)),
        *lm.Xla(panx, sets.panx_unlabelled(panx.encoder), "tagging", "80,100,100", 20, 50).runs(("de",)),
    ]


def _search(name: str, setting: Setting) -> list[Run]:
    """Learning rates for plain fine-tuning on the source's dev set, at the small scale."""
    if setting.scale == "paper":
        return []
    trainer = _trainer(name, setting)
    data = {"sick": sets.sick, "xnli": sets.mnli, "panx": sets.panx, "udpos": sets.udpos, "pawsx": sets.pawsx,
            "xquad": sets.xquad, "tydiqa": sets.tydiqa}[name]  # fmt: skip
    task = {"panx": "xl_tagging", "udpos": "xl_tagging", "xquad": "xl_qa", "tydiqa": "xl_qa"}.get(
        name, "xl_sentence_pair"
    )
    found = []
    for rate in RATES:
        folder, system = data(trainer.encoder), f"search-{rate}"
        searching = replace(trainer, budget=replace(trainer.budget, lr=rate))
        trained = searching.train(system, folder, task, seed=1)
        found.append(trainer.score(system, folder, trained, "--split", "valid", "--languages", "en", seed=1))
    return found
