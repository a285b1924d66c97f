"""The table of runs: for each data set its budget, its folders and its systems."""

from __future__ import annotations

import lm
import sets
from steps import Run, Step, Words
from training import Budget, Setting, Trainer

# One peak learning rate for all systems of a data set; the runs DATASET/search-RATE try RATES for plain fine-tuning, on
# the source's dev set.
BUDGETS = {
    "sick": Budget("1e-4", 300, length=96),
    "xnli": Budget("1e-4", 400, length=128),
    "panx": Budget("1e-4", 300),
    "udpos": Budget("1e-4", 300),
    "pawsx": Budget("1e-4", 300),
    "mini": Budget("1e-3", 40, rows=16, interval=10),
}
DATASETS = tuple(BUDGETS)
DEFAULT = tuple(name for name in DATASETS if name != "mini")  # mini: the embedded benchmark, for a trial
RATES = ("5e-5", "1e-4", "2e-4", "3e-4")


def runs(setting: Setting, seeds: int = 1) -> list[Run]:
    """All runs in the order in which they are made: the first seed of everything, then the others. What a language
    model makes comes first, because the longest chain of steps leads there."""
    made = {"sick": _sick, "xnli": _xnli, "panx": _panx, "udpos": _udpos, "pawsx": _pawsx, "mini": _mini}
    first = [run for name in DEFAULT for run in made[name](_trainer(name, setting), 1)]
    generated = _generated(setting)
    search = [run for name in DEFAULT for run in _search(name, setting)]
    later = [
        run
        for seed in range(2, seeds + 1)
        for name in ("sick", "xnli", "panx")
        for run in made[name](_trainer(name, setting), seed)
    ]
    return [*generated, *first, *later, *search, *_mini(_trainer("mini", setting), 1)]


def _trainer(name: str, setting: Setting) -> Trainer:
    files = {
        "sick": ("sick", "dictionaries/wiktionary/en-nl.txt.gz", "dictionaries/wiktionary/en-pt.txt.gz"),
        "xnli": ("xnli", "dictionaries/muse"),
        "pawsx": ("pawsx", "dictionaries/muse"),
        "mini": ("xnli", "dictionaries"),
    }
    data = [f"$DATA/{file}" for file in files.get(name, (name,))]
    encoder = sets.trimmed(f"{name}/encoder", data, sampling=name in ("panx", "udpos"))
    return Trainer(name, encoder, BUDGETS[name], setting)


def _generated(setting: Setting) -> list[Run]:
    """SALT and XLA, whose texts a language model makes: the encoder's own at the paper's scale, else a trained one."""
    files = {"sick": ["sick", *(f"wordfreq/{lang}_10k.txt.gz" for lang in ("en", "fr", "es", "de"))], "panx": ["panx"]}
    whole = lm.language_model(setting) if setting.scale == "small" else None
    model, after = ("$WORK/lm/whole.pt", (whole,)) if whole else ("$ENCODER/model.pt", ())
    trainers = {}
    for name, paths in files.items():
        data = [f"$DATA/{path}" for path in paths]
        encoder = sets.trimmed(f"{name}/lm-encoder", data, model=model, after=after)
        trainers[name] = Trainer(name, encoder, BUDGETS[name], setting)
    sick, panx = trainers["sick"], trainers["panx"]
    return [
        *lm.salt(sick, sets.sick(sick.encoder, "sick/salt-data"), 1),
        *lm.Xla(sick, sets.sick_unlabelled(sick.encoder), "sentence_pair", "50,80,100").runs(("nl", "pt")),
        *lm.Xla(panx, sets.panx_unlabelled(panx.encoder), "tagging", "80,100,100").runs(("de", "nl")),
    ]


def _search(name: str, setting: Setting) -> list[Run]:
    """Learning rates for plain fine-tuning on the source's dev set, at the small scale; the zero-shot run is one."""
    if setting.scale == "paper":
        return []
    trainer = _trainer(name, setting)
    data = {"sick": sets.sick, "xnli": sets.mnli, "panx": sets.panx, "udpos": sets.udpos, "pawsx": sets.pawsx}[name]
    task = "xl_tagging" if name in ("panx", "udpos") else "xl_sentence_pair"
    found = []
    for rate in RATES:
        folder, system = data(trainer.encoder), f"search-{rate}"
        if rate == trainer.budget.lr:
            trained = trainer.train("zero-shot", folder, task, seed=1)
        else:
            trained = trainer.train(system, folder, task, "--lr", rate, seed=1)
        found.append(trainer.score(system, folder, trained, "--split", "valid", "--languages", "en", seed=1))
    return found


def _xtune(trainer: Trainer, prefix: str, setting: str, data: Step, options: Words, seed: int) -> list[Run]:
    """The scores of both stages."""
    trained = trainer.xtune(prefix, setting, data, *options, seed=seed)
    return [
        trainer.score(f"{prefix}1", data, trained, seed=seed, inner="stage1/"),
        trainer.score(f"{prefix}2", data, trained, seed=seed, inner="stage2/", times=2),
    ]


def _sick(t: Trainer, seed: int) -> list[Run]:
    data, pair = sets.sick(t.encoder), "xl_sentence_pair"
    plain = t.train("zero-shot", data, pair, seed=seed)
    longer = t.train("zero-shot-long", data, pair, seed=seed, times=4)
    translated = t.train("translate-train", data, pair, "--train-languages", "all", seed=seed)
    mixed = t.train("xmixup", data, "xmixup_sentence_pair", seed=seed)
    both = t.train("xmixup-xtune", data, "xmixup_sentence_pair", "--second-view", "ss", "--r1-weight", "5", seed=seed)
    switch = ("--dictionaries", "$DATA/dictionaries/wiktionary", "--cs-languages", "nl,pt")
    return [
        t.score("zero-shot", data, plain, seed=seed),
        t.score("zero-shot-long", data, longer, seed=seed, times=4),
        t.score("translate-train", data, translated, seed=seed),
        t.score("xmixup", data, mixed, seed=seed),
        t.score("xmixup-plain-inference", data, mixed, "--no-mixup-inference", seed=seed),
        *_xtune(t, "xtune", "cross-lingual-transfer", data, switch, seed),
        *_xtune(t, "xtune-mt", "translate-train-all", data, (), seed),
        t.score("xmixup-xtune", data, both, seed=seed),
    ]


def _xnli(t: Trainer, seed: int) -> list[Run]:
    """Zero-shot and xTune on MultiNLI; what needs translations goes on from there on XNLI's parallel dev rows, as does
    its own baseline on their English side."""
    data, parallel, pair = sets.mnli(t.encoder), sets.xnli_parallel(t.encoder), "xl_sentence_pair"
    plain = t.train("zero-shot", data, pair, seed=seed)
    longer = t.train("zero-shot-long", data, pair, seed=seed, times=4)
    start = {"seed": seed, "start": f"$WORK/{plain.name}/checkpoint_best.pt", "after": (plain,)}
    english = t.train("english-dev", parallel, pair, **start)
    translated = t.train("translate-train", parallel, pair, "--train-languages", "all", **start)
    mixed = t.train("xmixup", parallel, "xmixup_sentence_pair", "--no-mixup-inference", **start)
    switch = ("--dictionaries", "$DATA/dictionaries/muse")
    return [
        t.score("zero-shot", data, plain, seed=seed),
        t.score("english-dev", parallel, english, seed=seed, times=2),
        t.score("translate-train", parallel, translated, seed=seed, times=2),
        t.score("xmixup-plain-inference", parallel, mixed, seed=seed, times=2),
        t.score("xmixup", parallel, mixed, "--mixup-inference", "--languages", "en,sw,ur", seed=seed, times=2),
        *_xtune(t, "xtune", "cross-lingual-transfer", data, switch, seed),
        t.score("zero-shot-long", data, longer, seed=seed, times=4),
    ]


def _pawsx(t: Trainer, seed: int) -> list[Run]:
    data, pair = sets.pawsx(t.encoder), "xl_sentence_pair"
    plain = t.train("zero-shot", data, pair, seed=seed)
    translated = t.train("translate-train", data, pair, "--train-languages", "all", seed=seed)
    switch = ("--dictionaries", "$DATA/dictionaries/muse")
    return [
        t.score("zero-shot", data, plain, seed=seed),
        t.score("translate-train", data, translated, seed=seed),
        *_xtune(t, "xtune", "cross-lingual-transfer", data, switch, seed),
    ]


def _panx(t: Trainer, seed: int) -> list[Run]:
    data = sets.panx(t.encoder)
    plain = t.train("zero-shot", data, "xl_tagging", seed=seed)
    return [
        t.score("zero-shot", data, plain, seed=seed),
        *_xtune(t, "xtune", "cross-lingual-transfer", data, (), seed),
    ]


def _udpos(t: Trainer, seed: int) -> list[Run]:
    data = sets.udpos(t.encoder)
    plain = t.train("zero-shot", data, "xl_tagging", seed=seed)
    return [
        t.score("zero-shot", data, plain, seed=seed),
        *_xtune(t, "xtune", "cross-lingual-transfer", data, (), seed),
    ]


def _mini(t: Trainer, seed: int) -> list[Run]:
    """``--data`` is a folder of ``xl-mini make``."""
    data, pair = sets.prepared("mini/data", t.encoder, "xnli", ("$DATA/xnli", "DEST")), "xl_sentence_pair"
    plain = t.train("zero-shot", data, pair, seed=seed)
    translated = t.train("translate-train", data, pair, "--train-languages", "all", seed=seed)
    return [t.score("zero-shot", data, plain, seed=seed), t.score("translate-train", data, translated, seed=seed)]
