"""The commands that are killed, and those that make what they need. ``{inputs}``: the folder of the latter."""

from __future__ import annotations

from typing import NamedTuple

SHAPE = (
    "--encoder-layers 1 --encoder-embed-dim 32 --encoder-ffn-embed-dim 32 --encoder-attention-heads 2"
    " --max-positions 256 --max-length 64"
)
QUIET = "--num-workers 0 --log-format simple --log-interval 50 --cpu"
TRAIN = (
    f"--user-dir {{root}}/xl_plugins {SHAPE} {QUIET} --save-dir run --lr 1e-3 --batch-size 16 --update-freq 1"
    " --save-interval-updates 4 --keep-interval-updates 1 --no-epoch-checkpoints"
)
START = "--restore-file {inputs}/enc/model.pt"
TOKENIZER = "--spm {inputs}/enc/sentencepiece.bpe.model --dict {inputs}/enc/dict.txt"
MAKE = "--languages en,de,fr --train 120 --dev 24 --test 24 --unlabelled 300"
THREE = "--languages en,de,fr --device cpu"
MEMBERS = ",".join("{inputs}/" + f"{name}/checkpoint_best.pt" for name in ("tagger", "tagger-2", "tagger-3"))
SALT = "--salt-langs en,de,fr --max-update 8"
PRETRAIN = "--updates 4 --layers 1 --dim 32 --ffn 32 --heads 2 --vocab 700"


class Job(NamedTuple):
    """A command: its words, and what it needs of the prepared inputs in its own folder."""

    name: str
    command: str
    copies: tuple[str, ...] = ()


def jobs() -> list[Job]:
    plain = f"fairseq-train {{inputs}}/bin {TRAIN} {START}"
    return [
        Job("plain", f"{plain} --task xl_sentence_pair --select source-dev --max-update 12"),
        Job("make", f"xl-mini make out --problem tagging {MAKE} --overwrite"),
        Job("prepare", f"xl-prepare xnli {{inputs}}/raw/xnli out {TOKENIZER} --overwrite"),
        Job("xmixup", f"{plain} --task xmixup_sentence_pair --sampling-k 16 --max-update 8"),
        Job("soft-labels", "xl-augment soft-labels tags --path {inputs}/tagger/checkpoint_best.pt", ("tags",)),
        Job("code-switch", "xl-augment code-switch bin --dictionaries {inputs}/raw/dictionaries", ("bin",)),
        Job(
            "counterparts",
            f"xl-augment counterparts bin --path {{inputs}}/enc/model.pt --word-lists {{inputs}}/raw/wordlists {THREE}",
            ("bin",),
        ),
        Job("vicinity", "xl-augment vicinity tags --path {inputs}/enc/model.pt --languages de --device cpu", ("tags",)),
        Job("evaluate", "xl-evaluate {inputs}/bin --path {inputs}/plain/checkpoint_best.pt --output out --overwrite"),
        Job("trim", f"xl-convert trim {{inputs}}/enc/model.pt --data {{inputs}}/raw/xnli {TOKENIZER} out --overwrite"),
        Job(
            "untrim",
            "xl-convert untrim {inputs}/small/model.pt --dict {inputs}/small/dict.txt --full {inputs}/enc/model.pt"
            " --full-dict {inputs}/enc/dict.txt out.pt --overwrite",
        ),
        Job("pretrain", f"xl-mini pretrain {{inputs}}/raw out {PRETRAIN}"),
        Job("salt", f"fairseq-train {{inputs}}/salt {TRAIN} {START} --task salt_augment_task {SALT}"),
        Job(
            "xla",
            f"fairseq-train {{inputs}}/xla {TRAIN} --task xla_cotrain_task --problem tagging --xla-target de"
            f" --xla-init-members {MEMBERS} --word-pooling mean --agreement union"
            " --xla-epochs 1 --xla-datasets 1:src,tgt_virt --distill-eta 100 --xla-passes 1",
        ),
        Job(
            "xtune",
            f"xl-xtune xnli {{inputs}}/bin {START} --save-dir run --dictionaries {{inputs}}/raw/dictionaries --"
            f" {SHAPE} {QUIET} --lr 1e-3 --batch-size 16 --update-freq 1 --save-interval-updates 4"
            " --keep-interval-updates 1 --no-epoch-checkpoints --max-update 8",
        ),
    ]  # fmt: skip


TAGGER = f"fairseq-train tags {TRAIN} {START} --task xl_tagging --max-update 4 --save-dir tagger"
SETUP = [
    ("raw", f"xl-mini make raw --problem all {MAKE}"),
    ("enc/model.pt", f"xl-mini pretrain raw enc {PRETRAIN}"),
    ("bin", f"xl-prepare xnli raw/xnli bin {TOKENIZER}"),
    ("tags", f"xl-prepare panx raw/panx tags {TOKENIZER}"),
    ("plain", f"fairseq-train bin {TRAIN} {START} --task xl_sentence_pair --max-update 4 --save-dir plain"),
    ("tagger", TAGGER),
]
LATER = {  # only where a job that needs it runs: what is made, the command, the folder that it changes a copy of
    "salt": [
        (
            "salt",
            f"xl-augment counterparts salt --path enc/model.pt --word-lists raw/wordlists {THREE}",
            "bin",
        )
    ],
    "untrim": [
        (
            "small",
            "xl-convert trim enc/model.pt --data raw/dictionaries --spm enc/sentencepiece.bpe.model"
            " --dict enc/dict.txt small",
            "",
        )
    ],
    "xla": [
        ("xla", "xl-augment vicinity xla --path enc/model.pt --languages de --device cpu", "tags"),
        *((f"tagger-{seed}", f"{TAGGER}-{seed} --seed {seed}", "") for seed in (2, 3)),
    ],
}
