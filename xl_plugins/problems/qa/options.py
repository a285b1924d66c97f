"""Options of extractive question answering."""

from dataclasses import dataclass, field

from fairseq.dataclass import ChoiceEnum

from ...ranges import NUMBER, POSITIVE

QA_SOURCE_WINDOWS = ChoiceEnum(["first", "aligned"])


@dataclass
class QAOptions:
    """Options of question answering, whatever the method; defaults from X-Mixup C.1 and XTREME."""

    doc_stride: int = field(
        default=128,
        metadata={"help": "pieces from one window's start to the next (X-Mixup C.1: 128)", "range": POSITIVE},
    )
    max_question_length: int = field(
        default=64,
        metadata={"help": "most pieces of the question, longer ones are cut (XTREME: 64)", "range": POSITIVE},
    )
    max_answer_length: int = field(
        default=30, metadata={"help": "most pieces of a predicted answer (XTREME: 30)", "range": POSITIVE}
    )
    n_best: int = field(
        default=20, metadata={"help": "starts and ends considered per window (XTREME: 20)", "range": POSITIVE}
    )
    null_threshold: float = field(
        default=0.0,
        metadata={
            "help": "data prepared with --with-unanswerable: predict no answer where its score is more than this above"
            " the best answer's (log probabilities; SQuAD 2)",
            "range": NUMBER,
        },
    )
    qa_source_window: QA_SOURCE_WINDOWS = field(  # type: ignore[valid-type]
        default="first",
        metadata={
            "help": "X-Mixup: window of the source text that every target window is paired with: the first (released"
            " code) or the one of the same number"
        },
    )
