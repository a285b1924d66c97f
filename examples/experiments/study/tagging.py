"""Systems on tags of words: PAN-X with Universal NER, UDPOS with PUD."""

from __future__ import annotations

import sets
from steps import Run, Step
from training import Trainer


def panx(t: Trainer, seed: int) -> list[Run]:
    return _systems(t, sets.panx(t.encoder), sets.uner(t.encoder), "uner", seed)


def udpos(t: Trainer, seed: int) -> list[Run]:
    return _systems(t, sets.udpos(t.encoder), sets.pud(t.encoder), "pud", seed)


def _systems(t: Trainer, data: Step, parallel: Step, name: str, seed: int) -> list[Run]:
    """Zero-shot and xTune on English; what needs translations goes on from the zero-shot model, on parallel sentences
    whose target side has that model's soft labels, and is scored on both test sets; so is its baseline on their English
    side alone."""
    plain = t.train("zero-shot", data, "xl_tagging", seed=seed)
    checkpoint = f"$WORK/{plain.name}/checkpoint_best.pt"
    words = ("xl-augment", "soft-labels", f"$WORK/{parallel.name}", "--path", checkpoint, "--overwrite")
    labels = Step(f"{parallel.name}-soft-{seed}", ((*words, *t.setting.precision),), (parallel, plain))
    start = {"seed": seed, "start": checkpoint, "after": (plain, labels)}
    soft = ("--target-labels", "soft")
    english = t.train("english-parallel", parallel, "xl_tagging", **start)
    translated = t.train("translate-train", parallel, "xl_tagging", "--train-languages", "all", *soft, **start)
    mixed = t.train("xmixup", parallel, "xmixup_tagging", *soft, **start)
    found = [
        t.score("zero-shot", data, plain, seed=seed),
        t.score("zero-shot", parallel, plain, seed=seed, dataset=name),
    ]
    for system, trained in (("english-parallel", english), ("translate-train", translated)):
        found.append(t.score(system, data, trained, seed=seed, times=2))
        found.append(t.score(system, parallel, trained, seed=seed, times=2, dataset=name))
    without = "--no-mixup-inference"
    found += [
        t.score("xmixup-plain-inference", data, mixed, without, seed=seed, times=2),
        t.score("xmixup-plain-inference", parallel, mixed, without, seed=seed, times=2, dataset=name),
        t.score("xmixup", parallel, mixed, seed=seed, times=2, dataset=name),
    ]
    if t.setting.samples:  # the preset's second view
        found += t.xtune_scores("xtune", "cross-lingual-transfer", data, seed=seed)
    return found
