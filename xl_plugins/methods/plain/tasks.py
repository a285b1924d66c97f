"""Plain fine-tuning of each problem: zero-shot (``--train-languages source``) and translate-train(-all)."""

from dataclasses import dataclass, field

from fairseq.tasks import register_task

from xl_plugins.problems.qa.options import QAOptions
from xl_plugins.problems.qa.problem import ExtractiveQA
from xl_plugins.tasks.base import XLTask
from xl_plugins.tasks.base_options import XLTaskConfig

from ...problems import QA
from ...problems.sentence_pair.problem import SentencePair
from ...problems.tagging.options import TaggingOptions
from ...problems.tagging.problem import Tagging
from ...problems.text.problem import Text


@dataclass
class SentencePairConfig(XLTaskConfig):
    """Plain fine-tuning on sentence pairs."""


@register_task("xl_sentence_pair", dataclass=SentencePairConfig)
class SentencePairTask(XLTask):
    """Sentence-pair classification."""

    problem_class = SentencePair


@dataclass
class TextConfig(XLTaskConfig):
    """Plain fine-tuning on single texts."""


@register_task("xl_text", dataclass=TextConfig)
class TextTask(XLTask):
    """Classification of single texts."""

    problem_class = Text


@dataclass
class TaggingConfig(XLTaskConfig, TaggingOptions):
    """Plain fine-tuning on tagging."""


@register_task("xl_tagging", dataclass=TaggingConfig)
class TaggingTask(XLTask):
    """Tagging of words: parts of speech, named entities."""

    problem_class = Tagging


@dataclass
class QAConfig(XLTaskConfig, QAOptions):
    """Plain fine-tuning on question answering."""

    max_length: int = field(
        default=QA.max_length, metadata={"help": "positions of a window, question included (X-Mixup C.1: 384)"}
    )


@register_task("xl_qa", dataclass=QAConfig)
class QATask(XLTask):
    """Extractive question answering."""

    problem_class = ExtractiveQA
