"""Plain fine-tuning: zero-shot, translate-train and translate-train-all."""

from dataclasses import dataclass

from fairseq.tasks import register_task

from .base import XLTask, XLTaskConfig


@dataclass
class SentencePairConfig(XLTaskConfig):
    """Plain fine-tuning on sentence pairs."""


@register_task("xl_sentence_pair", dataclass=SentencePairConfig)
class SentencePairTask(XLTask):
    """Sentence-pair classification: ``--train-languages source`` is zero-shot, ``all`` is translate-train-all."""
