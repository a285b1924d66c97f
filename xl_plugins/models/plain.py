"""XLM-R for fine-tuning: fairseq's RoBERTa encoder with a configuration dataclass, and loading that says what does
not fit."""

import contextlib
import logging
from typing import Any, Optional

import torch
from fairseq.dataclass.utils import gen_parser_from_dataclass
from fairseq.models import MODEL_DATACLASS_REGISTRY, MODEL_REGISTRY, register_model
from fairseq.models.roberta import RobertaModel
from omegaconf import OmegaConf, open_dict
from torch import Tensor, nn

from xl_plugins.models.config import MBertConfig, XLMRConfig, XLMRLargeConfig

from ..checkpoints.kinds import name_some
from ..errors import UserError
from ..huggingface.encoder import ENCODER, TYPES
from ..ranges import check_ranges
from .active import train_rows
from .embeddings import EmbeddingEdit
from .heads import SpanHead, WordHead, apply_head
from .token_types import add_token_types

logger = logging.getLogger(__name__)
_NEEDED = tuple(f"{ENCODER}{name}" for name in ("layernorm_embedding.", "layer_norm.", f"embed_positions.{TYPES}"))


@register_model("xl_xlmr", dataclass=XLMRConfig)
class XLMRModel(RobertaModel):
    """XLM-R encoder with the heads of the problems; the forward pass is fairseq's own.

    ``position_heads`` hold the heads of tagging and question answering: what stands under ``classification_heads``
    fairseq expects to have a dense layer.

    ``strict_restore`` is set while a run of ours is resumed or evaluated: then nothing may be filled in with fresh
    weights. The language-model head is kept, frozen: fine-tuning does not use it, and distributed wrappers stumble
    over unused parameters.
    """

    strict_restore = False
    reads_pairs = False  # whether it may read a second stream, a text beside each text

    def __init__(self, args: Any, encoder: Any) -> None:
        super().__init__(args, encoder)
        self.position_heads = nn.ModuleDict()
        for name, parameter in self.encoder.lm_head.named_parameters():
            if name != "weight":  # tied to the embeddings
                parameter.requires_grad = False

    @classmethod
    def add_args(cls, parser: Any) -> None:
        """Options of the configuration dataclass; RobertaModel's own list would hide them."""
        gen_parser_from_dataclass(parser, MODEL_DATACLASS_REGISTRY[_registered_name(cls)](), delete_default=True)

    @classmethod
    def build_model(cls, cfg: Any, task: Any) -> "XLMRModel":
        cls.check_config(cfg)
        if getattr(cfg, "no_layernorm_embedding", False):
            with open_dict(cfg) if OmegaConf.is_config(cfg) else contextlib.nullcontext():
                cfg.layernorm_embedding = False  # fairseq's name
        model = set_epsilon(super().build_model(cfg, task), cfg)
        data = getattr(task, "data_bin", None)  # none where an encoder is built for its own sake
        frame = None if data is None else data.frame
        return add_token_types(model, getattr(cfg, "token_types", 0), task.source_dictionary, frame)

    @classmethod
    def check_config(cls, cfg: Any) -> None:
        check_ranges(cfg, getattr(cls, "__dataclass", None))
        if cfg.encoder_embed_dim % cfg.encoder_attention_heads:
            raise UserError(
                f"--encoder-attention-heads {cfg.encoder_attention_heads} does not divide --encoder-embed-dim"
                f" {cfg.encoder_embed_dim}"
            )

    def register_word_head(self, name: str, num_classes: int, pooling: str) -> None:
        """Add a head that classifies words; dropout is ``--pooler-dropout``, as for sentence pairs."""
        self.position_heads[name] = WordHead(
            self.args.encoder_embed_dim, num_classes, self.args.pooler_dropout, pooling
        )

    def register_span_head(self, name: str) -> None:
        """Add a head that scores positions as start and end of an answer."""
        self.position_heads[name] = SpanHead(self.args.encoder_embed_dim)

    def train_rows(self, rows: Tensor) -> None:
        """Train these rows of the word embeddings alone (``models.active``)."""
        train_rows(self, rows)

    def head(self, name: str) -> nn.Module:
        return self.position_heads[name] if name in self.position_heads else self.classification_heads[name]

    def forward(  # type: ignore[override]
        self,
        src_tokens: Tensor,
        words: Optional[Tensor] = None,
        classification_head_name: Optional[str] = None,
        edit_embeddings: Optional[EmbeddingEdit] = None,
        token_logits: bool = False,
        **kwargs: Any,
    ) -> tuple[Tensor, dict]:
        """Encode (B, T) ids.

        Args:
            words: (B, T) numbers of the words for a tagging head (see ``functional.words``).
            edit_embeddings: makes the word embeddings, before positions, layer norm and dropout; None looks them up.
            token_logits: give the tagging head's logits of every position (B, T, C) as ``extra["token_logits"]``.
        """
        if edit_embeddings is not None:  # fairseq's own forward pass takes token_embeddings and drops them silently
            embeddings = edit_embeddings(self._embed, src_tokens)
            states, extra = self.encoder.extract_features(src_tokens, token_embeddings=embeddings, **kwargs)
            if classification_head_name is not None:
                states = apply_head(self.head(classification_head_name), states, words)
            return states, extra
        if classification_head_name is None or classification_head_name not in self.position_heads:
            return super().forward(src_tokens, classification_head_name=classification_head_name, **kwargs)
        states, extra = super().forward(src_tokens, **{**kwargs, "features_only": True})
        if token_logits:
            every = torch.arange(1, src_tokens.size(1) + 1, device=src_tokens.device).expand_as(src_tokens)
            extra = {**(extra or {}), "token_logits": apply_head(self.head(classification_head_name), states, every)}
        return apply_head(self.head(classification_head_name), states, words), extra

    def _embed(self, tokens: Tensor) -> Tensor:
        return self.encoder.sentence_encoder.embed_tokens(tokens)

    def upgrade_state_dict_named(self, state_dict: dict, name: str) -> None:
        """Rename the keys of old archives (fairseq does), then compare shapes and say which option does not fit."""
        if self.strict_restore:
            self._check_heads(state_dict)
        super().upgrade_state_dict_named(state_dict, name)
        self._check_shape(state_dict)
        self._fit_language_model(state_dict)
        self._check_encoder(state_dict)
        if not self.strict_restore:
            self._fit_position_heads(state_dict)
            self._drop_unknown(state_dict)

    def _fit_language_model(self, state: dict) -> None:
        """Fine-tuning does without the language-model head, so a checkpoint may."""
        head = {key: value for key, value in self.state_dict().items() if key.startswith("encoder.lm_head.")}
        if any(key in state for key in head):
            return
        logger.info("the checkpoint has no language-model head: fine-tuning does not read it")
        state.update(head)
        state["encoder.lm_head.weight"] = state["encoder.sentence_encoder.embed_tokens.weight"]  # tied

    def _check_encoder(self, state: dict) -> None:
        """Every weight of the encoder is there, in its shape; in a checkpoint to go on from, no other."""
        own = {key: value for key, value in self.state_dict().items() if key.startswith("encoder.")}
        if missing := own.keys() - state.keys():
            raise UserError(f"the checkpoint lacks weights of the encoder: {name_some(missing)}; give a whole one")
        if wrong := [key for key, value in own.items() if value.shape != state[key].shape]:
            raise UserError(f"the checkpoint has weights of another shape: {name_some(wrong)}; give the model's own")
        extra = [key for key in state if key.startswith("encoder.") and key not in own]
        needed = [key for key in extra if key.startswith(_NEEDED)]  # left out, others would compute something else
        if needed or (extra and self.strict_restore):
            raise UserError(
                f"the checkpoint has weights that this model lacks: {name_some(extra)}; give the model's own"
            )

    def _fit_position_heads(self, state: dict) -> None:
        """A checkpoint that only initialises this run gives its heads where they fit; others start from new weights, as
        fairseq does with classification heads."""
        for key, value in self.position_heads.state_dict().items():
            key = f"position_heads.{key}"
            if key not in state or state[key].shape != value.shape:
                logger.info("%s starts from its initial values: the checkpoint has none that fits", key)
                state[key] = value

    def _drop_unknown(self, state: dict) -> None:
        """Leave out what another method or objective added to a checkpoint that only initialises this run."""
        unknown = sorted(state.keys() - self.state_dict().keys())
        if unknown:
            logger.warning(
                "left out of the checkpoint, because this model has no such parameters: %s", name_some(unknown)
            )
        for key in unknown:
            del state[key]

    def _check_heads(self, state: dict) -> None:
        heads = [("classification_heads", *item) for item in self.classification_heads.items()]
        heads += [("position_heads", *item) for item in self.position_heads.items()]
        for group, name, head in heads:
            weight = state.get(f"{group}.{name}.out_proj.weight")
            if weight is None:
                raise UserError(
                    f"the checkpoint has no head '{name}': it was not trained on this task; give a fine-tuned"
                    " checkpoint"
                )
            if weight.size(0) != head.out_proj.weight.size(0):  # another width is told with the shape
                raise UserError(
                    f"the checkpoint's head '{name}' has {weight.size(0)} classes, the data's label/dict.txt has "
                    f"{head.out_proj.weight.size(0)}; use the data the checkpoint was trained on"
                )

    def _check_shape(self, state: dict) -> None:
        encoder = "encoder.sentence_encoder."
        if f"{encoder}embed_tokens.weight" not in state:
            raise UserError(
                "the checkpoint holds no RoBERTa or XLM-R encoder; give one made by fairseq (for example"
                " xlmr.base/model.pt)"
            )
        types, width = state[f"{encoder}embed_tokens.weight"].shape
        ours = self.encoder.sentence_encoder
        numbers = [key.split(".")[3] for key in state if key.startswith(f"{encoder}layers.")]
        layers = 1 + max((int(number) for number in numbers if number.isdecimal()), default=-1)
        found = {
            "--encoder-layers": (layers, len(ours.layers)),
            "--encoder-embed-dim": (width, ours.embed_tokens.embedding_dim),
        }
        rows = {"--encoder-ffn-embed-dim": ("layers.0.fc1.weight", self.args.encoder_ffn_embed_dim, 0),
                "--max-positions": ("embed_positions.weight", self.args.max_positions, 2)}  # fmt: skip
        for option, (name, mine, special) in rows.items():
            if f"{encoder}{name}" in state:
                found[option] = (state[f"{encoder}{name}"].size(0) - special, mine)
        wrong = {option: pair for option, pair in found.items() if pair[0] != pair[1]}
        if wrong:
            asked = " ".join(f"{option} {theirs}" for option, (theirs, _) in wrong.items())
            built = ", ".join(f"{option} {mine}" for option, (_, mine) in wrong.items())
            raise UserError(f"the checkpoint has another shape than the model ({built}); pass {asked}")
        if types != ours.embed_tokens.num_embeddings:
            raise UserError(
                f"the checkpoint's vocabulary has {types} types, the data's dict.txt with its special tokens "
                f"{ours.embed_tokens.num_embeddings}; prepare the data with the checkpoint's own dict.txt"
            )


@register_model("xl_xlmr_large", dataclass=XLMRLargeConfig)
class XLMRLargeModel(XLMRModel):
    """XLM-R large."""


@register_model("xl_mbert", dataclass=MBertConfig)
class MBertModel(XLMRModel):
    """mBERT, on data with a WordPiece tokenizer."""


def set_epsilon(model: Any, cfg: Any) -> Any:
    """The model with the epsilon of ``--layer-norm-eps`` in the layer norms of its encoder, for which fairseq has no
    option."""
    for module in model.encoder.modules():
        if hasattr(module, "normalized_shape"):
            module.eps = getattr(cfg, "layer_norm_eps", XLMRConfig.layer_norm_eps)
    return model


def unwrapped(model: Any) -> Any:
    """The model itself; fairseq may put one distributed wrapper around another."""
    while hasattr(model, "module"):
        model = model.module
    return model


def _registered_name(cls: type) -> str:
    return next(name for name, model in MODEL_REGISTRY.items() if model is cls)
