"""Sizes of a tiny model and of its pre-training."""

from __future__ import annotations

from dataclasses import asdict, dataclass

KINDS = ("sentencepiece", "wordpiece", "wordpiece-uncased")  # of tokenizers


@dataclass(frozen=True)
class Sizes:
    """Shape of the model and kind of its tokenizer; ``max_positions`` counts pieces with the specials."""

    vocab: int = 4000
    layers: int = 3
    dim: int = 128
    heads: int = 4
    ffn: int = 512
    max_positions: int = 256
    tokenizer: str = KINDS[0]

    def settings(self) -> dict[str, object]:
        """The values that a finished folder is compared by; SentencePiece, the only kind once, is not named."""
        return {name: value for name, value in asdict(self).items() if value != KINDS[0]}


@dataclass(frozen=True)
class Schedule:
    """``batch_size`` in lines; ``parallel_share`` of the lines are translation pairs."""

    updates: int = 2000
    batch_size: int = 64
    lr: float = 2e-3
    seed: int = 1
    parallel_share: float = 0.1
