"""X-Mixup (ICLR 2022) on each problem; what they share is in ``task.py``."""

from dataclasses import dataclass, field

from fairseq.tasks import register_task

from xl_plugins.problems.qa.options import QAOptions
from xl_plugins.problems.qa.problem import ExtractiveQA

from ...problems import QA
from ...problems.sentence_pair.problem import SentencePair
from ...problems.tagging.options import TARGET_LABELS, TaggingOptions
from ...problems.tagging.problem import Tagging
from ...problems.text.problem import Text
from .task import XMixupTask, XMixupTaskConfig


@dataclass
class XMixupSentencePairConfig(XMixupTaskConfig):
    """X-Mixup on sentence pairs."""


@register_task("xmixup_sentence_pair", dataclass=XMixupSentencePairConfig)
class XMixupSentencePairTask(XMixupTask):
    """Sentence-pair classification with X-Mixup."""

    problem_class = SentencePair


@dataclass
class XMixupTextConfig(XMixupTaskConfig):
    """X-Mixup on single texts."""


@register_task("xmixup_text", dataclass=XMixupTextConfig)
class XMixupTextTask(XMixupTask):
    """Classification of single texts with X-Mixup."""

    problem_class = Text


@dataclass
class XMixupTaggingConfig(XMixupTaskConfig, TaggingOptions):
    """X-Mixup on tagging."""

    target_labels: TARGET_LABELS = field(  # type: ignore[valid-type]
        default="soft",
        metadata={
            "help": "labels of translated training text: soft pseudo-labels of a source-language model (X-Mixup 4.2;"
            " made by xl-augment soft-labels), or its own tags where they are known"
        },
    )


@register_task("xmixup_tagging", dataclass=XMixupTaggingConfig)
class XMixupTaggingTask(XMixupTask):
    """Tagging with X-Mixup: only the target stream is predicted, and a back-translated source has no labels."""

    problem_class = Tagging


@dataclass
class XMixupQAConfig(XMixupTaskConfig, QAOptions):
    """X-Mixup on question answering."""

    max_length: int = field(
        default=QA.max_length, metadata={"help": "positions of a window, question included (X-Mixup C.1: 384)"}
    )
    sampling_k: float = field(
        default=2000.0, metadata={"help": "decay constant k of scheduled sampling (X-Mixup Eq. 6, Table 10: 2000)"}
    )


@register_task("xmixup_qa", dataclass=XMixupQAConfig)
class XMixupQATask(XMixupTask):
    """Question answering with X-Mixup."""

    problem_class = ExtractiveQA
