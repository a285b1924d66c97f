"""Shape and dropout of XLM-R as options of fairseq."""

from dataclasses import dataclass, field

from fairseq.dataclass import FairseqDataclass

from ..ranges import SHARE, WEIGHT, Range

_LAYERS, _WIDTH, _POSITIONS = Range(1, 1000), Range(1, 1 << 20), Range(1, 1 << 24)
_TYPES = Range(0, 2, without=(1,), words="0, or 2 as in BERT")


@dataclass
class XLMRConfig(FairseqDataclass):
    """Shape and dropout of XLM-R base (Conneau et al., ACL 2020, Table 7)."""

    encoder_layers: int = field(default=12, metadata={"help": "number of layers N (XLM-R base: 12)", "range": _LAYERS})
    encoder_embed_dim: int = field(
        default=768, metadata={"help": "width d of the hidden states (XLM-R base: 768)", "range": _WIDTH}
    )
    encoder_ffn_embed_dim: int = field(
        default=3072, metadata={"help": "width of the feed-forward layers (XLM-R base: 3072)", "range": _WIDTH}
    )
    encoder_attention_heads: int = field(
        default=12, metadata={"help": "attention heads h per layer (XLM-R base: 12)", "range": _WIDTH}
    )
    max_positions: int = field(
        default=512,
        metadata={"help": "rows of the position table without its 2 special rows (XLM-R: 512)", "range": _POSITIONS},
    )
    dropout: float = field(
        default=0.1, metadata={"help": "dropout after embeddings, attention and FFN (X-Mixup C.1: 0.1)", "range": SHARE}
    )
    attention_dropout: float = field(
        default=0.1, metadata={"help": "dropout of attention probabilities (X-Mixup C.1: 0.1)", "range": SHARE}
    )
    activation_dropout: float = field(
        default=0.0, metadata={"help": "dropout inside the FFN (XLM-R: 0)", "range": SHARE}
    )
    pooler_dropout: float = field(
        default=0.1,
        metadata={
            "help": "dropout of the classification head (the papers' heads: 0.1; fairseq's own default is 0)",
            "range": SHARE,
        },
    )
    activation_fn: str = field(default="gelu", metadata={"help": "activation of the FFN (XLM-R: exact gelu)"})
    pooler_activation_fn: str = field(
        default="tanh", metadata={"help": "activation of the classification head (RoBERTa: tanh)"}
    )
    encoder_layerdrop: float = field(
        default=0.0, metadata={"help": "probability to skip a layer in training (0: never)", "range": SHARE}
    )
    encoder_normalize_before: bool = field(
        default=False,
        metadata={"help": "layer norm before each sub-layer, for checkpoints trained that way (XLM-R: after)"},
    )
    no_layernorm_embedding: bool = field(
        default=False, metadata={"help": "no layer norm of the embeddings, for checkpoints without (XLM-R XL)"}
    )
    layer_norm_eps: float = field(
        default=1e-5,
        metadata={"help": "epsilon of the layer norms (XLM-R: 1e-5; BERT's checkpoints: 1e-12)", "range": WEIGHT},
    )
    token_types: int = field(
        default=0,
        metadata={"help": "token types whose vectors tell a pair's texts apart (BERT: 2, XLM-R: none); 2 needs data"
                  " with a WordPiece tokenizer", "range": _TYPES},
    )  # fmt: skip


@dataclass
class XLMRLargeConfig(XLMRConfig):
    """Shape of XLM-R large."""

    encoder_layers: int = field(default=24, metadata={"help": "number of layers N (XLM-R large: 24)"})
    encoder_embed_dim: int = field(default=1024, metadata={"help": "width d of the hidden states (XLM-R large: 1024)"})
    encoder_ffn_embed_dim: int = field(
        default=4096, metadata={"help": "width of the feed-forward layers (XLM-R large: 4096)"}
    )
    encoder_attention_heads: int = field(default=16, metadata={"help": "attention heads h per layer (XLM-R large: 16)"})


@dataclass
class MBertConfig(XLMRConfig):
    """Shape of mBERT (Devlin et al., NAACL 2019; multilingual cased and uncased): base, with two token types."""

    layer_norm_eps: float = field(
        default=1e-12, metadata={"help": "epsilon of the layer norms (BERT: 1e-12)", "range": WEIGHT}
    )
    token_types: int = field(
        default=2, metadata={"help": "token types whose vectors tell a pair's texts apart (BERT: 2)", "range": _TYPES}
    )
