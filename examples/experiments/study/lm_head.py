#!/usr/bin/env python3
"""A language-model head for an encoder that was trained without one: the head alone, on the encoder's fixed states.

    examples/experiments/study/lm_head.py ENCODER/model.pt --text TEXT --out FILE.pt    # TEXT: from lm_text.py
    examples/experiments/study/lm_head.py ENCODER/model.pt --text TEXT --loss FILE     # no training, but its loss

The states of masked pieces are computed once; the head (dense layer, layer norm, bias; its output is the embedding
table) then learns from them at a small part of the cost of training all weights. It is the start of fairseq's own
masked-LM training.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from fairseq.data import Dictionary
from torch import Tensor
from torch.nn.functional import cross_entropy
from tqdm import tqdm

from xl_plugins.arguments import Parser, number, whole
from xl_plugins.checkpoints.makers import MAKER, is_made_by
from xl_plugins.checkpoints.safe_load import load_checkpoint
from xl_plugins.checkpoints.writing import save_whole
from xl_plugins.data.binary.layout import load_with_mask
from xl_plugins.data.binary.rows import Rows
from xl_plugins.errors import UserError, run_cli
from xl_plugins.models.pretrained import build_pretrained, read_pretrained
from xl_plugins.output import atomic_file, check_file
from xl_plugins.terminal import say

COMMAND = "lm_head.py"
MASKED, KEPT, RANDOM = 0.15, 0.1, 0.1  # share of pieces that are predicted; of these left as they are, replaced (BERT)
_TOKENS = 4096  # positions of a batch of the encoder


class Cached(NamedTuple):
    """States of masked positions (N, C) and the pieces that stood there (N)."""

    states: Tensor
    targets: Tensor


def make_parser() -> argparse.ArgumentParser:
    parser = Parser(prog=COMMAND, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", metavar="MODEL", help="model.pt of the encoder")
    parser.add_argument("--text", type=Path, required=True, metavar="TEXT", help="folder of lm_text.py")
    parser.add_argument("--loss", metavar="FILE", help="write loss and share of right pieces per language, as JSON")
    parser.add_argument("--sentences", type=whole(1), default=20_000, metavar="N", help="default: %(default)s")
    parser.add_argument("--passes", type=whole(1), default=4, metavar="N", help="over them (default: %(default)s)")
    parser.add_argument("--batch", type=whole(1), default=1024, metavar="N", help="states (default: %(default)s)")
    parser.add_argument("--lr", type=number(0, 1), default=1e-3, metavar="X", help="default: %(default)s")
    parser.add_argument("--seed", type=whole(0), default=1, metavar="S", help="default: %(default)s")
    parser.add_argument("--out", metavar="FILE", help="train a head and write the model there")
    parser.add_argument("--overwrite", action="store_true", help="replace the file if this script made it")
    return parser


def mask(ids: np.ndarray, dictionary: Dictionary, draw: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A text with some of its pieces masked, and their places; at least one, never the last, which ends the text."""
    count = max(1, round(MASKED * (len(ids) - 1)))
    places = draw.choice(len(ids) - 1, size=count, replace=False)
    fate = draw.random(count)
    changed = ids.copy()
    changed[places[fate >= KEPT]] = dictionary.index("<mask>")
    other = places[(fate >= KEPT) & (fate < KEPT + RANDOM)]
    changed[other] = draw.integers(dictionary.nspecial, len(dictionary) - 1, size=len(other))
    return changed, places


@torch.no_grad()
def cache(model: Any, rows: Rows, count: int, dictionary: Dictionary, seed: int, name: str) -> Cached:
    """States and targets of the first ``count`` texts."""
    states, targets = [], []
    count = min(count, len(rows))
    with tqdm(total=count, unit="sentence", desc=name, disable=None) as bar:
        for batch in _batches(rows.row_sizes[:count]):
            longest = int(rows.row_sizes[batch].max()) + 1
            tokens = torch.full((len(batch), longest), dictionary.pad())
            where: list[np.ndarray] = []
            for line, row in enumerate(batch):
                ids = np.asarray(rows[row], dtype=np.int64)
                changed, places = mask(ids, dictionary, np.random.default_rng([seed, int(row)]))
                tokens[line, 0] = dictionary.bos()
                tokens[line, 1 : len(ids) + 1] = torch.from_numpy(changed)
                where.append(np.stack([np.full(len(places), line), places + 1]))
                targets.append(torch.from_numpy(ids[places]))
            lines, columns = torch.from_numpy(np.concatenate(where, axis=1))
            states.append(model(tokens, features_only=True)[0][lines, columns])
            bar.update(len(batch))
    return Cached(torch.cat(states), torch.cat(targets))


def _batches(sizes: np.ndarray) -> Iterator[np.ndarray]:
    """Rows of similar lengths, about ``_TOKENS`` positions at once."""
    order = np.argsort(sizes, kind="stable")
    start = 0
    while start < len(order):
        stop = start + 1
        while stop < len(order) and (stop - start + 1) * (sizes[order[stop]] + 1) <= _TOKENS:
            stop += 1
        yield order[start:stop]
        start = stop


def train_head(head: Any, cached: Cached, passes: int, batch: int, lr: float, seed: int) -> list[float]:
    """Train dense layer, layer norm and bias; the embedding table stays. Returns the mean loss of every pass."""
    for name, parameter in head.named_parameters():
        parameter.requires_grad_(name != "weight")  # the embedding table
    learned = [parameter for parameter in head.parameters() if parameter.requires_grad]
    optimizer = torch.optim.Adam(learned, lr=lr, betas=(0.9, 0.98))
    steps = passes * -(-len(cached.targets) // batch)
    decay = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / steps)
    shuffle, losses = torch.Generator().manual_seed(seed), []
    head.train()
    for number_of_pass in range(passes):
        total = 0.0
        order = torch.randperm(len(cached.targets), generator=shuffle)
        for chosen in tqdm(order.split(batch), desc=f"head, pass {number_of_pass + 1}", disable=None):
            optimizer.zero_grad()
            loss = cross_entropy(head(cached.states[chosen]), cached.targets[chosen])
            loss.backward()
            optimizer.step()
            decay.step()
            total += loss.item() * len(chosen)
        losses.append(total / len(order))
        say(f"pass {number_of_pass + 1}: loss {losses[-1]:.3f} nats")
    head.eval()
    return losses


def with_head(path: str, head: Any) -> dict[str, Any]:
    """The checkpoint as it is in its file, with a trained head."""
    with open(path, "rb") as file:
        state = load_checkpoint(file)
    state.pop("last_optimizer_state", None)
    state[MAKER] = COMMAND
    trained = {f"lm_head.{name}": value for name, value in head.state_dict().items() if name != "weight"}
    for name in state["model"]:  # archives begin them with decoder., checkpoints with encoder.
        state["model"][name] = trained.get(name.split(".", 1)[-1], state["model"][name])
    return state


@torch.no_grad()
def measure(model: Any, text: Path, dictionary: Dictionary, seed: int) -> dict[str, dict[str, float]]:
    """Masked-LM loss in nats and share of right pieces in percent on the held-out sentences of every language."""
    found = {}
    for index in sorted(text.glob("valid.*.idx")):
        language = index.name.split(".")[1]
        rows = Rows(str(index.with_suffix("")))
        cached = cache(model, rows, len(rows), dictionary, seed, language)
        loss, right = 0.0, 0
        for states, targets in zip(cached.states.split(1024), cached.targets.split(1024)):
            logits = model.encoder.lm_head(states)
            loss += cross_entropy(logits, targets, reduction="sum").item()
            right += int((logits.argmax(-1) == targets).sum())
        size = len(cached.targets)
        found[language] = {"loss": loss / size, "right": 100 * right / size, "pieces": size}
    return found


def main(argv: list[str] | None = None) -> int:
    args = make_parser().parse_args(argv)
    logging.getLogger().setLevel(logging.WARNING)
    if bool(args.loss) == bool(args.out):
        raise UserError("give either --out FILE, to train a head, or --loss FILE")
    if not (args.text / "train.idx").is_file():
        raise UserError(f"--text {args.text}: holds no train.idx; make it with lm_text.py")
    check_file(args.loss or args.out, args.overwrite, COMMAND, _is_losses if args.loss else is_made_by(COMMAND))
    dictionary = load_with_mask(args.text / "dict.txt")
    model: Any = build_pretrained(args.model, read_pretrained(args.model), dictionary, with_lm_head=True)
    if args.out:
        rows = Rows(str(args.text / "train"))
        cached = cache(model, rows, args.sentences, dictionary, args.seed, "states")
        train_head(model.encoder.lm_head, cached, args.passes, args.batch, args.lr, args.seed)
        save_whole(with_head(args.model, model.encoder.lm_head), args.out)
        return 0
    found = measure(model, args.text, dictionary, args.seed)
    for language, values in found.items():
        say(f"{language}: {values['loss']:.3f} nats, {values['right']:.1f} % of {values['pieces']} pieces right")
    with atomic_file(args.loss) as file:
        json.dump({"masked_lm": found}, file, indent=1)
    return 0


def _is_losses(path: str) -> bool:
    try:
        return "masked_lm" in json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False


if __name__ == "__main__":
    run_cli(main)
