"""Small folders of BERT: transformers models of random weights with a WordPiece vocabulary of made-up words."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import torch
import transformers

from user_dir_tests.conftest import TinySpm, made_up_text
from user_dir_tests.helpers.hub import SIZES

VOCABULARY, FAST, SETTINGS = "vocab.txt", "tokenizer.json", "tokenizer_config.json"
SPECIAL = ["[UNK]", "[CLS]", "[SEP]", "[MASK]"]
CAPITALS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def vocabulary(cased: bool = True) -> list[str]:
    """Pieces in the hub's order: special tokens among unused ones, characters, beginnings of words, continuations."""
    text = made_up_text(2000, seed=1)
    letters = sorted({letter for line in text for letter in line if letter != " "})
    letters += sorted(set("abcdefghijklmnopqrstuvwxyz0123456789'-,火") - set(letters))
    words = Counter(word.strip(".?!") for line in text for word in line.split())
    common = [word for word, _ in words.most_common(90)]
    begins = [word for word in common if len(word) > 1] + [word.capitalize() for word in common[:10] if cased]
    pairs = Counter(word[place : place + 2] for word in words for place in range(1, len(word) - 1))
    parts = [f"##{pair}" for pair, _ in pairs.most_common(60)]
    singles = [*letters, *(CAPITALS if cased else "")]
    first = ["[PAD]", *(f"[unused{number}]" for number in range(1, 8)), *SPECIAL]
    return list(dict.fromkeys([*first, *singles, *(f"##{letter}" for letter in singles), *begins, *parts]))


def write_bert(
    folder: Path, cased: bool = True, head: str = "", tokenizers: str = f"{VOCABULARY} {SETTINGS}", seed: int = 1,
    **changed: Any,
) -> Any:  # fmt: skip
    """Write a folder and return its model, in eval mode with all weights drawn.

    Args:
        head: class of a model with a head, such as ``ForMaskedLM``.
        tokenizers: file names, separated by blanks.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pieces = vocabulary(cased)
    settings = {**SIZES, "max_position_embeddings": 64, "type_vocab_size": 2, "pad_token_id": 0, **changed}
    config = transformers.BertConfig(vocab_size=len(pieces), **settings)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = getattr(transformers, f"Bert{head or 'Model'}")(config).eval()
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn(parameter.shape, generator=draw))
    model.save_pretrained(folder)
    write_tokenizer(folder, cased, tokenizers)
    return model


def write_tokenizer(folder: Path, cased: bool = True, names: str = f"{VOCABULARY} {SETTINGS}") -> None:
    (folder / VOCABULARY).write_text("\n".join(vocabulary(cased)) + "\n", encoding="utf-8")
    (folder / SETTINGS).write_text(json.dumps({"do_lower_case": not cased}))
    if FAST in names:
        tokenizer_of(folder).backend_tokenizer.save(str(folder / FAST))
    for name in (VOCABULARY, SETTINGS):
        if name not in names.split():
            (folder / name).unlink()


def tokenizer_of(folder: Path) -> Any:
    """transformers' own of a folder with a vocabulary."""
    lower = json.loads((folder / SETTINGS).read_text())["do_lower_case"]
    return transformers.BertTokenizerFast(vocab=str(folder / VOCABULARY), do_lower_case=lower)


def make_tiny(folder: Path, cased: bool = True) -> TinySpm:
    """The tokenizer and dictionary that ``from-hf`` makes of such a folder, and the text it was made for."""
    from xl_plugins.huggingface.folder import Folder
    from xl_plugins.huggingface.from_hf import write_tokenizer as write_converted
    from xl_plugins.huggingface.tokenizer import read_tokenizer

    (folder / "hf").mkdir(parents=True)
    write_tokenizer(folder / "hf", cased)
    write_converted(read_tokenizer(Folder(folder / "hf", {})), folder)
    (folder / "text.txt").write_text("\n".join(made_up_text(2000, seed=1)) + "\n", encoding="utf-8")
    return TinySpm(folder / "tokenizer.json", folder / "dict.txt", folder / "text.txt")
