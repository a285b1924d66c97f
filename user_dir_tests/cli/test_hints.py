"""The commands that xl-prepare prints fit the data, and run as they stand."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import pytest
import torch

from xl_plugins.cli.shared.hints import describe_encoder, next_steps

REPO = Path(__file__).resolve().parents[2]
PLAIN = "xl-train D --task xl_sentence_pair --arch xl_xlmr --restore-file m/model.pt --lr 5e-6"


def commands(text: str) -> list[str]:
    """The commands in what was printed, each on one line."""
    lines = text.replace(" \\\n", " ").splitlines()
    return [" ".join(line.split()) for line in lines if line.startswith("  xl-")]


@pytest.mark.parametrize(
    ("splits", "views", "expected"),
    [
        (
            {"en": {"train": 1, "valid": 1, "test": 1}},
            {},
            [
                f"{PLAIN} --select source-dev --save-dir outputs/D-zero-shot",
                "xl-evaluate D --path outputs/D-zero-shot/checkpoint_best.pt",
            ],
        ),
        (
            {"en": {"train": 1}},
            {},
            [f"{PLAIN} --disable-validation --save-dir outputs/D-zero-shot"],
        ),
        (
            {"en": {"train": 1, "valid": 1}},
            {},
            [
                f"{PLAIN} --select source-dev --save-dir outputs/D-zero-shot",
                "xl-evaluate D --path outputs/D-zero-shot/checkpoint_best.pt --split valid",
            ],
        ),
        ({"en": {"test": 1}}, {}, ["xl-evaluate D --path CHECKPOINT"]),
        (  # XTREME's download: translate-train and translate-test, but no back-translation and no translate-dev
            {name: {"train": 1, "valid": 1, "test": 1} for name in ("en", "de")},
            {"de": {"test": 1}},
            [
                "xl-train D --task xmixup_sentence_pair --arch xmixup_xlmr --restore-file m/model.pt --lr 5e-6"
                " --no-scheduled-sampling --no-mixup-inference --save-dir outputs/D-xmixup",
                "xl-evaluate D --path outputs/D-xmixup/checkpoint_best.pt --mixup-inference",
            ],
        ),
        (
            {"en": {"train": 1, "valid": 1, "test": 1}, "de": {"train": 1, "test": 1}},
            {"de": {"train": 1}},
            [
                "xl-train D --task xmixup_sentence_pair --arch xmixup_xlmr --restore-file m/model.pt --lr 5e-6"
                " --save-dir outputs/D-xmixup",
                "xl-evaluate D --path outputs/D-xmixup/checkpoint_best.pt --no-mixup-inference",
            ],
        ),
    ],
)
def test_they_fit_the_data(splits: dict, views: dict, expected: list[str]) -> None:
    meta = {"source_language": "en", "splits": splits, "views": views, "problem": "sentence_pair"}
    assert commands("\n".join(next_steps("D", meta, "m/model.pt"))) == expected


def test_retrieval_names_the_encoder() -> None:
    assert commands("\n".join(next_steps("a b", {"problem": "retrieval"}, "my model/model.pt"))) == [
        "xl-evaluate 'a b' --path 'my model/model.pt'"
    ]


def test_entities_get_their_soft_labels_first(tmp_path: Path) -> None:
    meta = {
        "source_language": "en",
        "problem": "tagging",
        "splits": {"en": {"train": 1, "valid": 1}, "de": {"train": 1}},
    }
    made = [line.split()[0:4] for line in commands("\n".join(next_steps(str(tmp_path), meta, "m/model.pt")))]
    assert [words[0] for words in made] == ["xl-train", "xl-augment", "xl-train", "xl-evaluate"]
    assert made[0][3] == "xl_tagging" and made[1][1] == "soft-labels" and made[2][3] == "xmixup_tagging"
    (tmp_path / "de" / "label").mkdir(parents=True)
    (tmp_path / "de" / "label" / "train.idx").write_bytes(b"")
    found = commands("\n".join(next_steps(str(tmp_path), meta, "m/model.pt")))
    assert len(found) == 2 and "--target-labels gold" in found[0]
    (tmp_path / "de" / "soft").mkdir()
    (tmp_path / "de" / "soft" / "train.npy").write_bytes(b"")
    found = commands("\n".join(next_steps(str(tmp_path), meta, "m/model.pt")))
    assert len(found) == 2 and "gold" not in found[0]


def archive(path: Path, layers: int, width: int, ffn: int, heads: int, positions: int) -> str:
    prefix = "encoder.sentence_encoder."
    weights = {f"{prefix}layers.{n}.fc1.weight": torch.empty(ffn, width, device="meta") for n in range(layers)}
    weights[f"{prefix}embed_tokens.weight"] = torch.empty(9, width, device="meta")
    weights[f"{prefix}embed_positions.weight"] = torch.empty(positions + 2, width, device="meta")
    torch.save({"model": weights, "args": Namespace(encoder_attention_heads=heads)}, path)
    return str(path)


def test_what_an_encoders_shape_asks_for(tmp_path: Path) -> None:
    assert describe_encoder(archive(tmp_path / "a", 12, 768, 3072, 12, 512), 128) == ([], False)
    assert describe_encoder(archive(tmp_path / "b", 24, 1024, 4096, 16, 512), 128) == ([], True)
    small = archive(tmp_path / "c", 2, 32, 64, 4, 100)
    assert describe_encoder(small, 128) == (["--max-length", "100"], False)  # its sizes follow from it
    assert describe_encoder(str(tmp_path / "none"), 128) == ([], False)
    (tmp_path / "xlmr.large").mkdir()
    assert describe_encoder(str(tmp_path / "xlmr.large" / "model.pt"), 128) == ([], True)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_printed_command_runs_as_it_stands(tmp_path: Path) -> None:
    """On the embedded benchmark; a stand-in for xl-train stops after two updates, nothing else is changed."""
    programs = tmp_path / "bin"
    programs.mkdir()
    modules = {f"xl-{name}": f"xl_plugins.cli.{name}" for name in ("prepare", "augment", "evaluate", "mini", "train")}
    for name, module in modules.items():
        more = " --max-update 2 --cpu --num-workers 0" if name == "xl-train" else ""
        (programs / name).write_text(f'#!/bin/sh\nexec {sys.executable} -m {module} "$@"{more}\n')
        (programs / name).chmod(0o755)
    path = os.pathsep.join([str(programs), str(Path(sys.executable).parent), os.environ["PATH"]])
    env = {**os.environ, "PATH": path, "PYTHONPATH": str(REPO), "OMP_NUM_THREADS": "1", "COLUMNS": "80"}

    def run(command: str) -> str:
        done = subprocess.run(
            ["bash", "-c", command], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, f"{command}\n{done.stdout[-1000:]}\n{done.stderr[-2000:]}"
        return done.stdout

    run("xl-mini make raw --problem all --languages en,de --train 60 --dev 8 --test 8 --unlabelled 300")
    run("xl-mini pretrain raw 'my encoder' --updates 2 --layers 1 --dim 16 --ffn 16 --heads 2 --vocab 500")
    tokenizer = "--spm 'my encoder/sentencepiece.bpe.model' --dict 'my encoder/dict.txt'"
    (tmp_path / "tatoeba").mkdir()
    for name, text in (("deu", "Hallo Welt\nGuten Tag\n"), ("eng", "Hello world\nGood day\n")):
        (tmp_path / "tatoeba" / f"tatoeba.deu-eng.{name}").write_text(text)
    ran = []
    for data_set, raw in (("xnli", "raw/xnli"), ("panx", "raw/panx"), ("squad", ""), ("tatoeba", "tatoeba")):
        given = (
            f"{raw} {data_set}-bin"
            if raw
            else f"{data_set}-bin --train en=raw/squad/train-en.json --test en=raw/squad/test-en.json"
        )
        printed = run(f"xl-prepare {data_set} {given} {tokenizer}")
        for command in commands(printed):
            ran.append(shlex.split(command)[0])
            run(command)
    assert ran.count("xl-train") >= 4 and ran.count("xl-evaluate") >= 4 and "xl-augment" in ran
