"""``xl-convert to-hf``: a fine-tuned checkpoint as a folder that transformers, pipelines and the hub read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from ..data.binary.meta import DICT, SPM, WORDPIECE
from ..data.tokenizer import find_tokenizer, load_dictionary, tokenizer_name
from ..errors import UserError
from ..evaluation.checkpoint import FineTuned, load_fine_tuned
from ..huggingface.export import SPANS, TEXTS, WORDS, Kind, hub_config, hub_weights
from ..huggingface.fast_tokenizer import bert_config, bert_tokenizer, fast_tokenizer, tokenizer_config
from ..models.heads import SpanHead, WordHead
from ..output import Staging
from .model_card import model_card
from .single_model import single_model

COMMAND = "xl-convert to-hf"


class Exported(NamedTuple):
    """The architecture that was written, and what the folder cannot do that the checkpoint can, a line each."""

    architecture: str
    lost: list[str]


def to_hf(
    path: str, out: str, data: str | None = None, plain: bool = False, scores: str | None = None,
    overwrite: bool = False,
) -> Exported:  # fmt: skip
    """Write configuration, weights, fast tokenizer and model card.

    Args:
        path: checkpoint of a task of this package.
        data: folder with its dictionary, tokenizer and labels; None for the one it was trained on.
        plain: export a model that mixes in translations without them, of a co-training run one member.
        scores: JSON file of ``xl-evaluate --json``, for the card.

    Raises:
        UserError: no such checkpoint, a model that transformers has not, files that do not fit, ``out`` is there.
    """
    staging = Staging(out, COMMAND, "OUT", overwrite, [path, data, scores])
    staging.check()
    with single_model(path, data, plain) as single:
        tuned = load_fine_tuned(single.path, single.data, device="cpu")
    kind, lost = _kind(tuned), [*single.lost, *_lost(tuned, plain)]
    root = Path(tuned.task.data_bin.root)
    options: Any = tuned.model.args
    problem = tuned.task.problem
    files, bert = _tokenizer(root, options.max_positions)
    config = hub_config(options, len(tuned.task.source_dictionary), kind, problem.labels, bert)
    head, first = f"{problem.facts.head}.", bool(options.encoder_normalize_before)
    weights = hub_weights(tuned.model.state_dict(), head, kind, first, bert)
    card = model_card(tuned, kind, lost, scores)
    with staging:
        from safetensors.torch import save_file

        (staging.new / "README.md").write_text(card, encoding="utf-8")
        _write(staging.new / "config.json", config)
        file = staging.new / "model.safetensors"
        save_file(weights, file, metadata={"format": "pt"})
        file.chmod((staging.new / "config.json").stat().st_mode)  # safetensors lets nobody else read it
        for name, content in files.items():
            (staging.new / name).write_bytes(content)
        staging.commit()
    return Exported(config["architectures"][0], lost)


def _kind(tuned: FineTuned) -> Kind:
    head = tuned.model.head(tuned.task.problem.head_name)  # type: ignore[operator]
    return WORDS if isinstance(head, WordHead) else SPANS if isinstance(head, SpanHead) else TEXTS


def _lost(tuned: FineTuned, plain: bool) -> list[str]:
    """Tell what transformers' model does otherwise; UserError where that needs the user's consent."""
    found = []
    if tuned.task.needs_source and not getattr(tuned.model.args, "no_mixup", False):
        if not plain:
            raise UserError(
                f"{tuned.path}: reads translations as well (X-Mixup with mixup inference), an exported model the text"
                " alone; pass --plain to export that"
            )
        found.append("mixup inference: the text is read without its translation into the source language")
    head = tuned.model.head(tuned.task.problem.head_name)  # type: ignore[operator]
    if isinstance(head, WordHead) and head.pooling != "first":
        found.append(
            f"the {head.pooling} over the pieces of a word: a pipeline classifies pieces and puts them together by its"
            " aggregation_strategy"
        )
    return found


def _tokenizer(root: Path, longest: int) -> tuple[dict[str, bytes], bool]:
    """Files of the tokenizer in a data folder, with their contents, and whether it is BERT's."""
    dictionary, path = load_dictionary(str(root / DICT)), find_tokenizer(root)
    if path is None:
        raise UserError(f"{root / SPM}: missing; put the encoder's tokenizer there, or give --data with it")
    if tokenizer_name(path) == WORDPIECE:
        made: Any = bert_tokenizer(path, dictionary.symbols)
        config = bert_config(made, longest)
    else:
        made = fast_tokenizer(path.read_bytes(), dictionary.symbols[dictionary.nspecial :], str(path))
        config = tokenizer_config(longest)
    files = {"tokenizer.json": _text(made), "tokenizer_config.json": _text(config)}
    return (files, True) if tokenizer_name(path) == WORDPIECE else ({SPM: path.read_bytes(), **files}, False)


def _text(content: Any) -> bytes:
    return (json.dumps(content, ensure_ascii=False, indent=2) + "\n").encode("utf-8")


def _write(path: Path, content: Any) -> None:
    path.write_bytes(_text(content))
