"""Systems on pairs of texts: SICK, XNLI and PAWS-X, and the embedded benchmark."""

from __future__ import annotations

import sets
from steps import Run, Step
from training import Trainer


def sick(t: Trainer, seed: int) -> list[Run]:
    data, pair = sets.sick(t.encoder), "xl_sentence_pair"
    plain = t.train("zero-shot", data, pair, seed=seed)
    longer = t.train("zero-shot-long", data, pair, seed=seed, times=4)
    translated = t.train("translate-train", data, pair, "--train-languages", "all", seed=seed)
    mixed = t.train("xmixup", data, "xmixup_sentence_pair", seed=seed)
    # why code-switch does not help: another view, and the same one with less weight
    terms = ("--criterion", "xtune_criterion", "--second-view")
    switched = ("cs", "--cs-dictionaries", "$DATA/dictionaries/wiktionary", "--cs-languages", "nl,pt")
    light = t.train("xtune-light", data, pair, *terms, *switched, "--r1-weight", "1", seed=seed)
    switch, languages = ("--dictionaries", "$DATA/dictionaries/wiktionary"), ("--cs-languages", "nl,pt")
    found = [
        t.score("zero-shot", data, plain, seed=seed),
        t.score("zero-shot-long", data, longer, seed=seed, times=4),
        t.score("translate-train", data, translated, seed=seed),
        t.score("xmixup", data, mixed, seed=seed),
        t.score("xmixup-plain-inference", data, mixed, "--no-mixup-inference", seed=seed),
        *t.xtune_scores("xtune", "cross-lingual-transfer", data, *switch, seed=seed, more=languages),
        *t.xtune_scores("xtune-mt", "translate-train-all", data, seed=seed),
        t.score("xtune-light", data, light, seed=seed),
    ]
    if t.setting.samples:
        sampled = ("ss", "--r1-weight", "5")
        both = t.train("xmixup-xtune", data, "xmixup_sentence_pair", "--second-view", *sampled, seed=seed)
        subword = t.train("xtune-subword", data, pair, *terms, *sampled, seed=seed)
        found += [t.score("xmixup-xtune", data, both, seed=seed), t.score("xtune-subword", data, subword, seed=seed)]
    return found


def xnli(t: Trainer, seed: int) -> list[Run]:
    """Zero-shot and xTune on MultiNLI; what needs translations goes on from there on XNLI's parallel dev rows, as does
    its own baseline on their English side."""
    data, parallel, pair = sets.mnli(t.encoder), sets.xnli_parallel(t.encoder), "xl_sentence_pair"
    plain = t.train("zero-shot", data, pair, seed=seed)
    longer = t.train("zero-shot-long", data, pair, seed=seed, times=4)
    start = {"seed": seed, "start": f"$WORK/{plain.name}/checkpoint_best.pt", "after": (plain,)}
    english = t.train("english-dev", parallel, pair, **start)
    translated = t.train("translate-train", parallel, pair, "--train-languages", "all", **start)
    mixed = t.train("xmixup", parallel, "xmixup_sentence_pair", "--no-mixup-inference", **start)
    return [
        t.score("zero-shot", data, plain, seed=seed),
        t.score("english-dev", parallel, english, seed=seed, times=2),
        t.score("translate-train", parallel, translated, seed=seed, times=2),
        t.score("xmixup-plain-inference", parallel, mixed, seed=seed, times=2),
        t.score("xmixup", parallel, mixed, "--mixup-inference", "--languages", "en,sw,ur", seed=seed, times=2),
        *_switched(t, data, "ar,bg,de,el,es,fr,hi,ru,th,tr,vi,zh", seed),
        t.score("zero-shot-long", data, longer, seed=seed, times=4),
    ]


def pawsx(t: Trainer, seed: int) -> list[Run]:
    data, pair = sets.pawsx(t.encoder), "xl_sentence_pair"
    plain = t.train("zero-shot", data, pair, seed=seed)
    translated = t.train("translate-train", data, pair, "--train-languages", "all", seed=seed)
    return [
        t.score("zero-shot", data, plain, seed=seed),
        t.score("translate-train", data, translated, seed=seed),
        *_switched(t, data, "de,es,fr,ja,zh", seed),
    ]


def _switched(t: Trainer, data: Step, languages: str, seed: int) -> list[Run]:
    """xTune with code-switch into the languages of its preset that MUSE has a dictionary of."""
    switch, more = ("--dictionaries", "$DATA/dictionaries/muse"), ("--cs-languages", languages)
    return t.xtune_scores("xtune", "cross-lingual-transfer", data, *switch, seed=seed, more=more)


def mini(t: Trainer, seed: int) -> list[Run]:
    """``--data`` is a folder of ``xl-mini make``."""
    data, pair = sets.prepared("mini/data", t.encoder, "xnli", ("$DATA/xnli", "DEST")), "xl_sentence_pair"
    plain = t.train("zero-shot", data, pair, seed=seed)
    translated = t.train("translate-train", data, pair, "--train-languages", "all", seed=seed)
    return [t.score("zero-shot", data, plain, seed=seed), t.score("translate-train", data, translated, seed=seed)]
