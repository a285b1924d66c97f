"""XLM-R with manifold mixup between the target text and its source-language counterpart (X-Mixup, ICLR 2022)."""

import logging
from dataclasses import dataclass, field
from typing import Any, Optional

import torch
from fairseq.dataclass import ChoiceEnum
from fairseq.models import register_model
from torch import Tensor, nn

from xl_plugins.models.config import MBertConfig, XLMRConfig, XLMRLargeConfig
from xl_plugins.models.plain import XLMRModel

from ...errors import UserError, flag
from ...functional.mixup import mixup_ratio
from ...models.embeddings import EmbeddingEdit
from ...models.heads import apply_head
from ...ranges import NUMBER, UNIT
from .encoder import encode_pairs, join_streams

logger = logging.getLogger(__name__)
MIXUP_RATIOS = ChoiceEnum(["entropy", "constant"])


@dataclass
class XMixupConfig(XLMRConfig):
    """Options of the mixup layer; defaults from X-Mixup section 5.1 and the released code's initialisation."""

    mixup_layer: Optional[int] = field(
        default=None,
        metadata={
            "help": "layer m that mixes, counted from 1 (default: X-Mixup 5.1, 1 for sentence pairs, 4 for tagging, 8"
            " of 12 or 16 of 24 for question answering; of other depths the same share)"
        },
    )
    mixup_ratio: MIXUP_RATIOS = field(  # type: ignore[valid-type]
        default="entropy",
        metadata={"help": "lambda from the attention entropies (X-Mixup Eq. 5), or the constant lambda_0 (Table 5)"},
    )
    mixup_lambda0: float = field(
        default=0.5,
        metadata={
            "help": "largest ratio lambda_0 (X-Mixup Eq. 5: 0.5)",
            "range": UNIT.said("a ratio from 0 to 1 (the paper uses 0.5)"),
        },
    )
    mixup_gate_weight: float = field(
        default=1.0, metadata={"help": "initial W of the ratio's gate (released code: 1)", "range": NUMBER}
    )
    mixup_gate_bias: float = field(
        default=0.0, metadata={"help": "initial b of the ratio's gate (released code: 0)", "range": NUMBER}
    )
    no_mixup: bool = field(
        default=False, metadata={"help": "both streams plain in training and inference (X-Mixup Table 5, w/o mixup)"}
    )


@dataclass
class XMixupLargeConfig(
    XLMRLargeConfig, XMixupConfig
):  # this order: the large shape wins over the inherited base shape
    """The same on XLM-R large."""


@dataclass
class XMixupMBertConfig(MBertConfig, XMixupConfig):  # this order, for the same reason
    """The same on mBERT."""


class MixupGate(nn.Module):
    """lambda = lambda_0 sigmoid((H(A) + H(A^T)) w + b) with one trainable w and b for the model (X-Mixup Eq. 5)."""

    def __init__(self, lambda0: float, weight: float, bias: float) -> None:
        super().__init__()
        self.lambda0 = lambda0
        self.weight = nn.Parameter(torch.full((1,), float(weight)))
        self.bias = nn.Parameter(torch.full((1,), float(bias)))

    def forward(self, entropy_sum: Tensor) -> Tensor:
        return mixup_ratio(entropy_sum, self.weight, self.bias, self.lambda0)


@register_model("xmixup_xlmr", dataclass=XMixupConfig)
class XMixupModel(XLMRModel):
    """XLM-R whose layer m mixes attention output over the source stream into the target stream.

    ``forward(src_tokens, source_tokens=...)`` returns the target's logits, and in its dictionary those of the source,
    final states and padding of both streams, lambda and the entropies. Without ``source_tokens`` it is the plain
    encoder.
    """

    reads_pairs = True

    def __init__(self, args: Any, encoder: Any) -> None:
        super().__init__(args, encoder)
        self.mixup_gate = None
        if not args.no_mixup and args.mixup_ratio == "entropy":
            self.mixup_gate = MixupGate(args.mixup_lambda0, args.mixup_gate_weight, args.mixup_gate_bias)

    @classmethod
    def check_config(cls, cfg: Any) -> None:
        super().check_config(cfg)
        if cfg.mixup_layer is not None and not 1 <= cfg.mixup_layer <= cfg.encoder_layers:
            raise UserError(
                f"--mixup-layer {cfg.mixup_layer}: expected 1 to {cfg.encoder_layers}, the number of layers"
            )
        gate = {f: getattr(cfg, f) for f in ("mixup_ratio", "mixup_lambda0", "mixup_gate_weight", "mixup_gate_bias")}
        changed = [f for f, value in gate.items() if value != _default(f)]
        if cfg.no_mixup and changed:
            raise UserError(f"{flag(changed[0])} has no effect with --no-mixup; drop one of the two")
        if cfg.mixup_ratio == "constant" and (unused := [f for f in changed if "gate" in f]):
            raise UserError(f"{flag(unused[0])} has no effect with --mixup-ratio constant; drop one of the two")
        if cfg.encoder_normalize_before:
            raise UserError("--encoder-normalize-before: X-Mixup is defined for post-norm encoders such as XLM-R")
        if cfg.encoder_layerdrop > 0:
            raise UserError("--encoder-layerdrop: the mixup layer must always run; set it to 0")

    def forward(  # type: ignore[override]
        self,
        src_tokens: Tensor,
        words: Tensor | None = None,
        source_tokens: Tensor | None = None,
        source_words: Tensor | None = None,
        classification_head_name: str | None = None,
        target_only: bool = False,
        edit_embeddings: EmbeddingEdit | None = None,
        **kwargs: Any,
    ) -> tuple[Tensor, dict]:
        """Encode B pairs.

        Args:
            src_tokens: (B, I) target ids, right-padded.
            words, source_words: (B, I), (B, J) word numbers for a head on words; without ``source_words`` such a head
                reads the target alone.
            source_tokens: (B, J) source-language ids; None for the plain encoder.
            classification_head_name: shared head applied to both streams; None returns the target's states.
            target_only: run the source stream only as far as the mixup layer needs it; there is no ``source_output``.
            edit_embeddings: makes the word embeddings of both streams, the target's in the first B rows of (2B, T).
        """
        plain: dict[str, Any] = {"words": words, "classification_head_name": classification_head_name,
                                 "edit_embeddings": edit_embeddings}  # fmt: skip
        if source_tokens is None:
            return super().forward(src_tokens, **plain, **kwargs)
        encoder = self.encoder.sentence_encoder
        if target_only and self.args.no_mixup:  # nothing of the source reaches the target
            return super().forward(src_tokens, **plain)[0], {}
        tokens = join_streams(src_tokens, source_tokens, encoder.padding_idx)
        keep = src_tokens.size(1) if target_only else None
        embeddings = None if edit_embeddings is None else edit_embeddings(self._embed, tokens)
        pair = encode_pairs(encoder, tokens, self.args.mixup_layer, self._gate(), keep, embeddings)
        extra = {"ratio": pair.ratio, "entropy": pair.entropy, "reverse_entropy": pair.reverse_entropy}
        if target_only:
            return self._outputs(classification_head_name, pair.states, words), extra
        (target_states, source_states), (target_padding, source_padding) = pair.states.chunk(2), pair.padding.chunk(2)
        if words is None:  # one call for both streams
            target, source = self._outputs(classification_head_name, pair.states, None).chunk(2)
        else:
            target = self._outputs(classification_head_name, target_states[:, : words.size(1)], words)
            source = None
            if source_words is not None:
                states = source_states[:, : source_words.size(1)]
                source = self._outputs(classification_head_name, states, source_words)
        return target, {
            "source_output": source,
            "target_states": target_states,
            "source_states": source_states,
            "target_padding": target_padding,
            "source_padding": source_padding,
            **extra,
        }

    def _outputs(self, head: str | None, states: Tensor, words: Tensor | None) -> Tensor:
        return states if head is None else apply_head(self.head(head), states, words)

    def _gate(self) -> nn.Module | float | None:
        if self.args.no_mixup:
            return None
        return self.args.mixup_lambda0 if self.mixup_gate is None else self.mixup_gate

    def upgrade_state_dict_named(self, state_dict: dict, name: str) -> None:
        super().upgrade_state_dict_named(state_dict, name)  # drops a gate that this model lacks
        has_gate = "mixup_gate.weight" in state_dict
        if self.mixup_gate is None:
            if has_gate:
                raise UserError(
                    "the checkpoint was trained with --mixup-ratio entropy, but this run has no gate; drop --no-mixup"
                    " or --mixup-ratio constant, or start from it with --finetune-from-model"
                )
            return
        if not has_gate and self.strict_restore:
            raise UserError(
                "the checkpoint has no mixup_gate.weight although --mixup-ratio is entropy: it was trained with another"
                " ratio; pass the --mixup-ratio it was trained with, or start from it with --finetune-from-model"
            )
        if not has_gate:
            logger.info("mixup gate starts from its initial values: the pre-trained checkpoint has none")
            state_dict["mixup_gate.weight"] = self.mixup_gate.weight.data
            state_dict["mixup_gate.bias"] = self.mixup_gate.bias.data


def _default(name: str) -> Any:
    return XMixupConfig.__dataclass_fields__[name].default


@register_model("xmixup_xlmr_large", dataclass=XMixupLargeConfig)
class XMixupLargeModel(XMixupModel):
    """X-Mixup on XLM-R large."""


@register_model("xmixup_mbert", dataclass=XMixupMBertConfig)
class XMixupMBertModel(XMixupModel):
    """X-Mixup on mBERT."""
