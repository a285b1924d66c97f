"""Systems on questions about a text: XQuAD, MLQA and TyDiQA."""

from __future__ import annotations

import sets
from steps import Run
from training import Trainer


def xquad(t: Trainer, seed: int) -> list[Run]:
    """Zero-shot and xTune on SQuAD; what needs translations goes on from the zero-shot model on 30 of XQuAD's articles,
    and is scored on six others and on MLQA; so is its baseline on their English side alone."""
    squad, mlqa, parallel = sets.xquad(t.encoder), sets.mlqa(t.encoder), sets.xquad_parallel(t.encoder)
    plain = t.train("zero-shot", squad, "xl_qa", seed=seed)
    start = {"seed": seed, "start": f"$WORK/{plain.name}/checkpoint_best.pt", "after": (plain,)}
    english = t.train("english-parallel", parallel, "xl_qa", **start)
    translated = t.train("translate-train", parallel, "xl_qa", "--train-languages", "all", **start)
    mixed = t.train("xmixup", parallel, "xmixup_qa", **start)
    found = [t.score("zero-shot", squad, plain, seed=seed)]
    without = "--no-mixup-inference"
    for data, name in ((parallel, "xquad-parallel"), (mlqa, "mlqa")):
        found += [
            t.score("zero-shot", data, plain, seed=seed, dataset=name),
            t.score("english-parallel", data, english, seed=seed, times=2, dataset=name),
            t.score("translate-train", data, translated, seed=seed, times=2, dataset=name),
            t.score("xmixup-plain-inference", data, mixed, without, seed=seed, times=2, dataset=name),
        ]
    switch = ("--dictionaries", "$DATA/dictionaries/muse")
    return [
        *found,
        t.score("xmixup", parallel, mixed, seed=seed, times=2, dataset="xquad-parallel"),
        *t.xtune_scores("xtune", "cross-lingual-transfer", squad, *switch, seed=seed),
    ]


def tydiqa(t: Trainer, seed: int) -> list[Run]:
    """Zero-shot and xTune: there are no translations."""
    data = sets.tydiqa(t.encoder)
    found = [t.score("zero-shot", data, t.train("zero-shot", data, "xl_qa", seed=seed), seed=seed)]
    if t.setting.samples:  # the preset's second view
        found += t.xtune_scores("xtune", "cross-lingual-transfer", data, seed=seed)
    return found
