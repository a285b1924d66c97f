"""A small world of co-training: labelled English, German text, generated text of both, a pre-trained model; setups and
whole runs in it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from user_dir_tests.helpers.running.training import load, save_archive, train_here, words
from user_dir_tests.helpers.setups.salt import FIELDS, read_rows
from user_dir_tests.helpers.toys.tiny import Setup, build
from user_dir_tests.helpers.toys.toy import LABELS, VOCABULARY, write_rows
from user_dir_tests.helpers.toys.toy_positions import TAGS, make_tagging, write_flat
from xl_plugins.data.binary.layout import DataBin
from xl_plugins.errors import UserError
from xl_plugins.methods.xla.cotraining.stage_log import StageLog

TASK = "xla_cotrain_task"
PROBLEMS = ["sentence_pair", "tagging"]
NAMES = {"sentence_pair": LABELS, "tagging": TAGS}
POOLS = ("src", "tgt", "src_virt", "tgt_virt")
ALL = "1:" + ",".join(POOLS)
METRIC = {"sentence_pair": "acc", "tagging": "f1"}
# one XLA epoch after a warm-up within the run: nine stages; long texts are cut
SMALL = {
    "xla_target": "de", "xla_epochs": 1, "xla_datasets": ALL, "distill_eta": "80", "xla_warmup_passes": 3,
    "max_length": 14,
}  # fmt: skip
RUN = {
    "encoder_layers": 2, "batch_size": 6, "batch_size_valid": 24, "update_freq": 1, "lr": 5e-3, "xla_warmup_lr": 1e-2,
    "validate_interval_updates": 3, "weight_decay": 0.1,
}  # fmt: skip
FREQ = {"batch_size": 4, "update_freq": [1]}
DROPOUT = {"dropout": 0.1, "attention_dropout": 0.1, "pooler_dropout": 0.1}


# -- data --


def make_folders(root: Path) -> dict[str, Path]:
    """A folder with pools of either problem and, beside it, a pre-trained model of its dictionary."""
    made = {
        "sentence_pair": make_pairs(root / "sentence_pair"),
        "tagging": make_tagging(root / "tagging", ("en", "de"), train=24, valid=16, test=2, longest=9, soft=False),
    }
    for problem, data in made.items():
        for language in ("en", "de"):
            write_virtual(data, language)
        make_model(root / f"{problem}.pt", data / "dict.txt")
    return made


def make_model(path: Path, dictionary: Path) -> None:
    """A pre-trained model whose attention is not uniform: the first vector of a pair depends on its pieces."""
    save_archive(path, dictionary, encoder_layers=2)
    archive = load(path)
    for name, value in archive["model"].items():
        if "layers." in name and value.dim() == 2:
            value *= 8
    torch.save(archive, path)


def make_pairs(root: Path, train: int = 24, valid: int = 24) -> Path:
    """Pairs that are no translations of each other; the label can be learnt from most pieces."""
    (root / "label").mkdir(parents=True)
    (root / "dict.txt").write_text("".join(f"p{i} 1\n" for i in range(VOCABULARY)))
    (root / "label" / "dict.txt").write_text("".join(f"{name} 1\n" for name in LABELS))
    size = VOCABULARY + 4
    for split, count in (("train", train), ("valid", valid), ("test", 2)):
        for number, language in enumerate(("en", "de")):
            draw = np.random.default_rng([number, len(split), count])
            classes = [int(draw.integers(len(LABELS))) for _ in range(count)]
            first, second = ([_pieces(draw, label) for label in classes] for _ in range(2))
            for field, rows in (("input0", first), ("input1", second)):
                write_rows(root / language / field / split, rows, size)
            write_rows(root / language / "label" / split, [[4 + label] for label in classes], len(LABELS) + 4)
    return root


def _pieces(draw: np.random.Generator, label: int) -> list[int]:
    """Two to eight pieces, most of which tell the label by their number."""
    pieces = 4 + draw.integers(0, VOCABULARY, draw.integers(2, 9))
    told = pieces // 3 * 3 + label
    return np.where((draw.random(len(pieces)) < 0.8) & (told < 4 + VOCABULARY) & (told > 3), told, pieces).tolist()


def write_virtual(data: Path, language: str, name: str = "vicinity", per: int = 2, **manifest: object) -> np.ndarray:
    """Texts that differ from the language's own in some pieces, ``per`` of most rows; returns their rows."""
    problem = DataBin(data).meta.get("problem", "sentence_pair")
    size, folder = len(DataBin(data).dictionary) - 1, data / language / name
    count = len(read_rows(data, language, "input0"))
    parents = np.array([row for row in range(count) if row % 5 for _ in range(per)], np.int32)
    for side, field in enumerate(FIELDS[problem]):
        texts, draw = read_rows(data, language, field), np.random.default_rng([side, len(language), ord(language[0])])
        rows = [[int(draw.integers(4, size)) if draw.random() < 0.3 else p for p in texts[row]] for row in parents]
        write_rows(folder / field / "train", rows, size)
    if problem == "tagging":
        counts = DataBin(data).open_text(language, "words", "train")
        write_flat(folder / "words" / "train", [np.asarray(counts[int(row)]) for row in parents], np.uint16)
    np.save(folder / "parents.npy", parents)
    write_manifest(folder, {"parents": count, "dictionary_sha256": DataBin(data).dictionary_digest, **manifest})
    return parents


def write_manifest(folder: Path, content: Mapping[str, object]) -> None:
    (folder / "manifest.json").write_text(json.dumps({"kind": "vicinity", **content}), encoding="utf-8")


def copy_of(folders: Mapping[str, Path], problem: str, root: Path) -> Path:
    """A copy of a data folder that a test may spoil."""
    return Path(shutil.copytree(folders[problem], root / "data"))


def remove(data: Path, *parts: str) -> None:
    """Delete ``<data>/<parts>.bin`` and ``.idx``."""
    for end in (".bin", ".idx"):
        Path(f"{data.joinpath(*parts)}{end}").unlink()


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return make_folders(tmp_path_factory.mktemp("cotrain"))


@pytest.fixture(params=PROBLEMS)
def problem(request: pytest.FixtureRequest) -> str:
    return request.param


# -- setups --


def message(call: Callable[[], object]) -> str:
    """The one line that a mistake is answered with."""
    with pytest.raises(UserError) as caught:
        call()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def make(folders: Mapping[str, Path], problem: str, **options: object) -> Setup:
    """Task with its stages, three members whose heads are not near zero, criterion; in training mode, no dropout."""
    setup = build(folders[problem], TASK, problem=problem, **{**SMALL, **FREQ, "save_dir": "", **options})
    setup.model.train(), setup.criterion.train()
    for split in ("valid", "train"):
        setup.task.load_dataset(split)
    for number, member in enumerate(setup.model.members):
        enlarge_head(setup, member, number)
    return setup


def enlarge_head(setup: Setup, member: Any, seed: int) -> None:
    """Predictions of random weights that vary with the text, and from member to member."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in member.named_parameters():
        if "_heads." in name:
            parameter.data = torch.randn(parameter.shape, generator=generator) * (0.5 if name.endswith("bias") else 0.7)
    if setup.task.problem.name == "sentence_pair":  # the first vectors of all pairs are alike
        head = member.classification_heads[setup.task.problem.head_name].out_proj
        logits = torch.cat([p.log() for p in one_by_one(setup, member, setup.task.stages.pools["src"].dataset)])
        head.bias.data -= logits.mean(0).float()
        head.weight.data /= logits.std(0).mean().float()
        head.bias.data /= logits.std(0).mean().float()


def begin(setup: Setup, log: Path | None = None, **loading: int) -> Any:
    """The stages of a setup, as fairseq's trainer asks for them; ``log``: folder of their log, else they write none."""
    stages = setup.task.get_batch_iterator(setup.task.datasets["train"], **loading)
    stages.log = StageLog(str(log)) if log else SimpleNamespace(begin=lambda *_: None, end=lambda *_: None)
    return stages


def run_through(stages: Any) -> list[dict]:
    """Every micro-batch of the current stage's iterator."""
    iterator = stages._current
    return [next(iterator) for _ in range(len(iterator) - iterator.n)]


def change(member: Any, by: float = 1e-3) -> None:
    """Other weights, as if by training."""
    with torch.no_grad():
        for parameter in member.parameters():
            parameter.add_(by)


def optimizer_of(setup: Setup) -> SimpleNamespace:
    """The part of fairseq's optimizer that the stages use: torch's Adam over all members."""
    return SimpleNamespace(optimizer=torch.optim.AdamW(setup.model.parameters(), lr=1e-3))


# -- labels a second time --


def one_by_one(setup: Setup, member: Any, dataset: Any) -> list[Tensor]:
    """Probabilities of every text of a data set by itself: [(rows of the text, C)]."""
    problem, found = setup.task.problem, []
    was = member.training
    member.eval()
    with torch.no_grad():
        for index in range(len(dataset)):
            sample = dataset.collater([dataset[index]])
            output, _ = member(**sample["net_input"], classification_head_name=problem.head_name)
            if problem.name == "tagging":  # a long sentence is several rows; words are numbered from 1 in each
                counts = sample["net_input"]["words"].max(dim=1).values.tolist()
                output = torch.cat([output[row, :count] for row, count in enumerate(counts)])
            found.append(torch.softmax(output.double(), dim=-1))
    member.train(was)
    return found


# -- whole runs --


def small(folders: Mapping[str, Path], problem: str, **changed: object) -> dict:
    """Options of a run of nine short stages from the pre-trained model."""
    given = {"problem": problem, "restore_file": folders[problem].parent / f"{problem}.pt"}
    return {**given, **SMALL, **RUN, **changed}


def run(
    monkeypatch: pytest.MonkeyPatch, folders: Mapping[str, Path], problem: str, save: Path, data: Path | None = None,
    **changed: object,
) -> Path:  # fmt: skip
    """Train in this process; returns the last checkpoint."""
    train_here(monkeypatch, words(data or folders[problem], save, TASK, **small(folders, problem, **changed)))
    return save / "checkpoint_last.pt"


def stage_log(save: Path) -> list[dict]:
    return [json.loads(line) for line in (save / "xla_stages.jsonl").read_text(encoding="utf-8").splitlines()]


def without_times(lines: Sequence[Mapping]) -> list[dict]:
    """The log without what depends on the clock, or on how often a run was interrupted."""
    return [{k: v for k, v in line.items() if "seconds" not in k and k != "labelling_passes"} for line in lines]


def members(state: Mapping[str, Tensor]) -> list[dict[str, Tensor]]:
    """The weights of each member in a checkpoint's model state."""
    return [
        {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
        for prefix in ("members.0.", "members.1.", "members.2.")
    ]


def same(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    """Bit by bit."""
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def model_of(path: Path) -> dict[str, Tensor]:
    return load(path)["model"]
