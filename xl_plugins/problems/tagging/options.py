"""Options of tagging, whatever the method."""

from dataclasses import dataclass, field
from typing import Any, Optional

from fairseq.dataclass import ChoiceEnum

from ...functional.scores.tag_schemes import SCHEMES
from ...functional.words import POOLINGS

WORD_POOLINGS = ChoiceEnum(list(POOLINGS))
TARGET_LABELS = ChoiceEnum(["gold", "soft"])
TAG_SCHEMES = ChoiceEnum(["auto", *SCHEMES])


@dataclass
class TaggingOptions:
    """Options of tagging, whatever the method."""

    word_pooling: Optional[WORD_POOLINGS] = field(  # type: ignore[valid-type]
        default=None,
        metadata={
            "help": "a word's vector from the states of its pieces: their mean, their sum (X-Mixup's code) or the first"
            " one (XTREME) (default: mean, with --preset official sum)"
        },
    )
    target_labels: TARGET_LABELS = field(  # type: ignore[valid-type]
        default="gold",
        metadata={
            "help": "labels of translated training text: its own tags, or soft pseudo-labels of a source-language model"
            " (X-Mixup 4.2; made by xl-augment soft-labels)"
        },
    )
    tag_scheme: TAG_SCHEMES = field(  # type: ignore[valid-type]
        default="auto",
        metadata={
            "help": "how tags mark spans, for their F1: iob (IOB1 and IOB2), ioe, bioes, bilou, io (every tag but O"
            " is a type), xtreme (its rules for PAN-X and UDPOS, the default there), or recognised from all labels"
        },
    )


def effective_pooling(given: Any, preset: Any) -> str:
    """``--word-pooling``, or what ``--preset`` makes of its absence."""
    return str(given or ("sum" if str(preset) == "official" else "mean"))
