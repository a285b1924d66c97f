"""Steps that need a language model: the encoder with a head, SALT and XLA."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import sets
from steps import Run, Step, Words
from training import Setting, Trainer

LANGUAGES = "de,en,es,fr,nl,pt"  # of the language model's text: sources, SALT's word lists, XLA's targets
UPDATES = 2000
_LISTS = "$DATA/wordfreq/{lang}_10k.txt"
MEMBERS = (1000, 3000, 4000)  # seeds of the released scripts
_LENGTH = f"--max-update {UPDATES} --total-num-update {UPDATES} --warmup-updates {UPDATES // 10}"
_TRAINING = "--optimizer adam --clip-norm 1 --lr 3e-4 --lr-scheduler polynomial_decay --batch-size 48 --num-workers 0"
_MASKING = "--sample-break-mode eos --tokens-per-sample 512 --mask-prob 0.15 --dropout 0 --attention-dropout 0"
_SAVING = "--save-interval-updates 100 --keep-interval-updates 1 --no-epoch-checkpoints --log-format simple"


def language_model(setting: Setting) -> Step:
    """``$WORK/lm/whole.pt``: the encoder with a language-model head, its whole vocabulary.

    A vocabulary of the text alone, the head alone on fixed states, then all weights by fairseq's masked LM.
    """

    def text(name: str, tokenizer: str, after: tuple[Step, ...] = ()) -> Step:
        files = sets.tokenizer_options(tokenizer, setting.tokenizer)
        words = ("python", "$STUDY/lm_text.py", "--data", "$DATA", *files, "--languages", LANGUAGES, "--overwrite",
                 f"$WORK/{name}")  # fmt: skip
        return Step(name, (words,), after)

    first = text("lm/text", "$ENCODER")
    small = sets.trimmed("lm/encoder", ["$WORK/lm/text/raw"], setting.tokenizer, after=(first,))
    data = text("lm/data", f"$WORK/{small.name}", (first, small))
    script, given = ("python", "$STUDY/lm_head.py"), ("--text", f"$WORK/{data.name}")
    model, head = f"$WORK/{small.name}/model.pt", "$WORK/lm/head.pt"
    loss = (*given, "--overwrite", "--loss")
    before = Step("lm/before", ((*script, model, *loss, "$WORK/lm/before.json"),), (small, data))
    alone = Step("lm/head", ((*script, model, *given, "--out", head, "--overwrite"),), (small, data, before))
    trained = "$WORK/lm/train/checkpoint_last.pt"
    train: Words = (
        "xl-train", f"$WORK/{data.name}", "--task", "masked_lm", "--criterion", "masked_lm", "--arch", "roberta",
        *setting.shape, *setting.precision, *_MASKING.split(), *_TRAINING.split(), *_LENGTH.split(), *_SAVING.split(),
        "--finetune-from-model", head, "--save-dir", "$WORK/lm/train",
    )  # fmt: skip
    masked = Step("lm/train", (train,), (data, alone))
    after = Step("lm/after", ((*script, trained, *loss, "$WORK/lm/after.json"),), (data, masked))
    untrim = ("xl-convert", "untrim", trained, "--dict", f"$WORK/{data.name}/dict.txt", "--full", "$ENCODER/model.pt",
              "--full-dict", "$ENCODER/dict.txt", "$WORK/lm/whole.pt", "--overwrite")  # fmt: skip
    return Step("lm/whole", (untrim,), (data, masked, after))


def retrieval(setting: Setting, whole: Step) -> list[Run]:
    """Tatoeba by the encoder as it was, and after it has learnt to predict words: whether it pays with its vectors."""
    languages = "ar,de,es,fr,nl,pt,sw,tr"
    words = ("xl-prepare", "tatoeba", "$DATA/tatoeba", "$WORK/tatoeba/data", "--languages", languages,
             *sets.tokenizer_options("$ENCODER", setting.tokenizer), "--overwrite")  # fmt: skip
    data = Step("tatoeba/data", (words,))
    found = []
    for system, model, after in (("encoder", "$ENCODER/model.pt", ()), ("lm-encoder", "$WORK/lm/whole.pt", (whole,))):
        name = f"tatoeba/{system}-1.score"
        score = ("xl-evaluate", "$WORK/tatoeba/data", "--path", model, "--layer", "12", "--json", f"$WORK/{name}.json",
                 "--overwrite", *setting.precision)  # fmt: skip
        found.append(Run(name, (score,), (data, *after), "tatoeba", system, 1, 0))
    return found


@dataclass(frozen=True)
class Salt:
    """SALT on a data set.

    languages: of the copies, the source's synonyms first; dictionaries: folder below $DATA that judges substitutes;
    longer: train plainly and with SALT four times as long, too.
    """

    trainer: Trainer
    languages: str
    dictionaries: str
    longer: bool = False

    def runs(self, make: Callable[[sets.Encoder, str], Step], seed: int) -> list[Run]:
        """Plain fine-tuning, English synonyms alone, no mixup, SALT, equally long; and translations by a dictionary in
        place of the model's counterparts, beside those systems of the same languages.

        Args:
            make: the step that prepares the data, from the encoder and the folder's name.
        """
        t = self.trainer
        data = make(t.encoder, f"{t.dataset}/salt-data")
        made = self._counterparts(data)
        targets = self.languages.split(",", 1)[1]
        found = []
        for system, languages, options in (
            ("salt-plain", "none", ()),
            ("salt-en", "en", ()),
            ("salt-no-mixup", self.languages, ("--mix", "none")),
            ("salt", self.languages, ()),
            ("salt-no-en", targets, ()),
        ):
            more = ("--salt-langs", languages, *options)
            trained = t.train(system, data, "salt_augment_task", *more, seed=seed, after=(made,))
            found.append(t.score(system, data, trained, seed=seed))
        for system, languages in (("salt-plain-long", "none"), ("salt-long", self.languages)) if self.longer else ():
            trained = t.train(system, data, "salt_augment_task", "--salt-langs", languages, seed=seed, times=4,
                              after=(made,))  # fmt: skip
            found.append(t.score(system, data, trained, seed=seed, times=4))
        data = make(t.encoder, f"{t.dataset}/salt-dictionary-data")
        made = self._dictionary(data, targets)
        trained = t.train(
            "salt-dictionary", data, "salt_augment_task", "--salt-langs", targets, seed=seed, after=(made,)
        )
        return [*found, t.score("salt-dictionary", data, trained, seed=seed)]

    def _counterparts(self, data: Step) -> Step:
        t = self.trainer
        name = f"{t.dataset}/salt-counterparts"
        words = ("xl-augment", "counterparts", f"$WORK/{data.name}", "--path", t.model(), "--word-lists", _LISTS,
                 "--languages", self.languages, *t.setting.precision)  # fmt: skip
        report = ("--report-only", "--dictionaries", f"$DATA/{self.dictionaries}", "--json", f"$WORK/{name}.json",
                  "--overwrite")  # fmt: skip
        return Step(name, (words, (*words, *report)), (t.encoder, data))

    def _dictionary(self, data: Step, languages: str) -> Step:
        script = "$STUDY/../mini/dictionary_counterparts.py"
        words = ("python", script, f"$WORK/{data.name}", _LISTS, f"$DATA/{self.dictionaries}", self.trainer.model(),
                 languages)  # fmt: skip
        return Step(f"{data.name}-made", (words,), (self.trainer.encoder, data))


@dataclass(frozen=True)
class Xla:
    """XLA from English to each target of a data set.

    problem: of the task; eta: percentages of the texts that are kept, by XLA epoch; source, target: percentages of the
    texts that are used, at the small scale.
    """

    trainer: Trainer
    data: Step
    problem: str
    eta: str
    source: int = 100
    target: int = 100

    def runs(self, targets: tuple[str, ...]) -> list[Run]:
        """The warmed-up models and, per target, the models after each XLA epoch: their mean and their ensemble."""
        t, task = self.trainer, f"xl_{self.problem}"
        pooling = ("--word-pooling", "first") if self.problem == "tagging" else ()  # the article's, and co-training's
        warm = [t.train("xla-member", self.data, task, "--conf-penalty", "1", *pooling, seed=seed)
                for seed in MEMBERS]  # fmt: skip
        members = tuple(f"$WORK/{step.name}/checkpoint_best.pt" for step in warm)
        found = self._scores("xla-0", members, ("en", *targets), tuple(warm))
        for target in targets:
            found += self._adapted(target, members, tuple(warm))
        return found

    def _adapted(self, target: str, members: Words, warm: tuple[Step, ...]) -> list[Run]:
        t, name = self.trainer, f"{self.trainer.dataset}/xla-{target}"
        virtual = self._virtual(target, self._virtual("en"))
        sizes: Words = ()
        if t.setting.scale == "small":
            rate = f"{float(t.budget.lr) / 5:g}"  # a fifth of the warm-up's
            sizes = ("--lr", rate, "--distill-eta", self.eta, "--batch-size", f"{t.budget.rows}", "--max-length",
                     f"{t.budget.length}", "--validate-interval-updates", f"{t.budget.interval}",
                     "--xla-source-percent", f"{self.source}", "--xla-target-percent", f"{self.target}")  # fmt: skip
        precision = (text for word in t.setting.precision for text in ("--xla-autocast", word.removeprefix("--")))
        words: Words = (
            "xl-train", f"$WORK/{self.data.name}", "--task", "xla_cotrain_task", "--problem", self.problem,
            "--xla-target", target, "--xla-init-members", ",".join(members), "--save-dir", f"$WORK/{name}", "--seed",
            "1000", *t.setting.shape, "--num-workers", "0", *sizes, "--save-interval", "6", "--keep-last-epochs", "-1",
            *precision, *t.setting.more,
        )  # fmt: skip
        adapted = Step(name, (words,), (self.data, *warm, virtual))
        found = []
        for epoch in (1, 2, 3):  # six trainings each
            folder = f"{name}-epoch-{epoch}"
            export = ("xl-convert", "members", f"$WORK/{name}/checkpoint{6 * epoch}.pt", "--out", f"$WORK/{folder}",
                      "--overwrite")  # fmt: skip
            step = Step(folder, (export,), (adapted,))
            models = tuple(f"$WORK/{folder}/member-{number}.pt" for number in (1, 2, 3))
            found += self._scores(f"xla-{target}-{epoch}", models, ("en", target), (step,))
        return found

    def _virtual(self, language: str, *before: Step) -> Step:
        """Virtual sentences; ``before``: steps that add to the same folder, which one command does at a time."""
        words = ("xl-augment", "vicinity", f"$WORK/{self.data.name}", "--path", self.trainer.model(), "--languages",
                 language, "--genlm-word-start-only", *self.trainer.setting.precision)  # fmt: skip
        after = (self.trainer.encoder, self.data, *before)
        return Step(f"{self.trainer.dataset}/xla-virtual-{language}", (words,), after)

    def _scores(self, system: str, models: Words, languages: Words, after: tuple[Step, ...]) -> list[Run]:
        t, found = self.trainer, []
        for name, options in ((system, ()), (f"{system}-ensemble", ("--ensemble",))):
            run = f"{t.dataset}/{name}-1.score"
            words = ("xl-evaluate", f"$WORK/{self.data.name}", "--path", *models, "--languages", ",".join(languages),
                     "--json", f"$WORK/{run}.json", "--overwrite", *t.setting.precision, *options)  # fmt: skip
            found.append(Run(run, (words,), (self.data, *after), t.dataset, name, 1, 0))
        return found
