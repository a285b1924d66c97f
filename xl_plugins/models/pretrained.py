"""Pre-trained encoders of fairseq, whichever run or archive they come from."""

from __future__ import annotations

import os
from argparse import Namespace
from typing import Any

from fairseq import checkpoint_utils
from fairseq.data import Dictionary
from omegaconf import OmegaConf
from torch import Tensor

from ..checkpoints.kinds import missing_file
from ..errors import UserError
from ..huggingface.cached import hub_folder
from ..huggingface.from_hf import read_folder
from .plain import XLMRModel

_PREFIX = "encoder.sentence_encoder."
_SHAPE = ("encoder_attention_heads", "encoder_normalize_before", "activation_fn", "layernorm_embedding",
          "no_layernorm_embedding", "layer_norm_eps", "no_scale_embedding", "no_token_positional_embeddings",
          "encoder_learned_pos", "untie_weights_roberta", "token_types")  # fmt: skip


def read_pretrained(path: str) -> dict[str, Any]:
    """A checkpoint as fairseq reads it, without the optimiser, or the encoder of a folder of Hugging Face, with the
    ``symbols`` of its dictionary; UserError when there is none."""
    if folder := hub_folder(path):
        state, symbols = read_folder(folder)
        return {**state, "symbols": symbols}
    if not os.path.isfile(path):
        otherwise = "no such file; give model.pt of a pre-trained model or a checkpoint"
        raise UserError(f"--path {path}: {missing_file(path, otherwise)}")
    state = checkpoint_utils.load_checkpoint_to_cpu(path)
    state.pop("last_optimizer_state", None)
    return state


def build_pretrained(path: str, state: dict[str, Any], dictionary: Dictionary, with_lm_head: bool = False) -> XLMRModel:
    """The RoBERTa or XLM-R model of a checkpoint, in eval mode on the CPU: a published archive, a pre-training run, a
    fine-tuned model of this package (X-Mixup's as plain encoder).

    Args:
        state: of :func:`read_pretrained`.
        dictionary: of the data, with ``<mask>``; its size must be the checkpoint's.
        with_lm_head: the language-model head must be in the checkpoint too.

    Raises:
        UserError: no such encoder or head in it, or another vocabulary.
    """
    if state.get("symbols", dictionary.symbols) != dictionary.symbols:
        raise UserError(
            f"{path}: its pieces are not those of the data's dict.txt; prepare the data with --model {path}"
        )
    weights = {k: v for k, v in state["model"].items() if k.startswith(("encoder.", "decoder."))}
    positions = _table_length(path, weights)
    model = XLMRModel.build_model(_options(path, state, weights, positions), Namespace(source_dictionary=dictionary))
    if with_lm_head and not any(".lm_head." in key for key in weights):
        what = "pre-trained checkpoint with its language-model head"
        raise UserError(f"{path}: no encoder.lm_head.weight in it; give a {what}")
    try:
        model.load_state_dict(weights, strict=False)  # says itself what is missing
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    return model.eval()


def load_language_model(
    path: str, dictionary: Dictionary, allow_finetuned: bool = False, hint: str = "pass --allow-finetuned"
) -> XLMRModel:
    """A pre-trained masked language model; UserError for a checkpoint that a task was trained on, whose language model
    is not the pre-trained one any more. ``hint``: what else the message says can be done."""
    state = read_pretrained(path)
    heads = [key for key in state["model"] if key.startswith(("classification_heads.", "position_heads."))]
    if heads and not allow_finetuned:
        raise UserError(
            f"{path}: was fine-tuned (it has {heads[0]}), which spoils its language model; give the pre-trained"
            f" model.pt, or {hint}"
        )
    return build_pretrained(path, state, dictionary, with_lm_head=True)


def _table_length(path: str, weights: dict[str, Tensor]) -> int:
    """Longest text of the position table, whose first two rows are not used."""
    for name in ("encoder.", "decoder."):
        table = weights.get(f"{name}sentence_encoder.embed_positions.weight")
        if table is not None:
            return len(table) - 2
    raise UserError(
        f"{path}: holds no RoBERTa or XLM-R encoder; give model.pt of a pre-trained model or a checkpoint made from one"
    )


def _options(path: str, state: dict, weights: dict[str, Tensor], positions: int) -> Namespace:
    """Shape of the encoder: sizes as the weights have them, the rest as the checkpoint's own options say."""
    given = state.get("args") or (state.get("cfg") or {}).get("model")
    known = OmegaConf.to_container(given) if OmegaConf.is_config(given) else getattr(given, "__dict__", given)
    known = known if isinstance(known, dict) else {}
    heads = known.get("encoder_attention_heads")
    if isinstance(heads, bool) or not isinstance(heads, int):
        raise UserError(f"{path}: its options do not say the number of attention heads; give a checkpoint of fairseq")
    layers = {key.split(".")[3] for key in weights if ".sentence_encoder.layers." in key}
    first = next((weights[key] for key in weights if key.endswith("sentence_encoder.layers.0.fc1.weight")), None)
    if first is None or first.dim() != 2 or not 1 <= heads <= first.size(1) or first.size(1) % heads:
        reason = "no layers.0.fc1.weight" if first is None else f"{heads} attention heads do not fit its weights"
        raise UserError(f"{path}: holds no whole RoBERTa or XLM-R encoder ({reason}); give a checkpoint of fairseq")
    return Namespace(
        **{name: known[name] for name in _SHAPE if name in known},
        encoder_layers=len(layers), encoder_ffn_embed_dim=first.size(0), encoder_embed_dim=first.size(1),
        max_positions=positions, tokens_per_sample=positions,
    )  # fmt: skip
