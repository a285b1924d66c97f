"""Extractive question answering: XQuAD, MLQA, TyDiQA-GoldP and anything in SQuAD's format."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...data.augmented.views import ViewTools
from ...data.augmented.views_qa import QAViews
from ...data.binary.layout import DataBin
from ...data.training.qa import QADataset, QAPart
from ...data.training.questions import (
    SPECIALS,
    Questions,
    Windowing,
    find,
)
from ...errors import UserError
from ...functional.consistency import (
    hard_cross_entropy,
    reduced_log_probabilities,
    symmetric_kl_of_logs,
    teacher_kl,
)
from ...functional.divergence import span_cross_entropy
from ...functional.precision import at_least_float32
from ...functional.scores.answer_span import best_spans, position_probabilities, split_null
from ...functional.scores.answers import em_f1, squad2_em_f1
from ..base import Problem
from ..counting import percent


class ExtractiveQA(Problem):
    """Start and end of the answer in the context; the head is a linear layer on every position."""

    name = "qa"
    head_name = "span_head"
    head_maker = "register_span_head"
    metric = "avg"
    counter_names = ("em", "f1", "count")
    source_weight = 0.2

    @classmethod
    def check_config(cls, cfg: Any) -> None:
        for option in ("doc_stride", "max_question_length", "max_answer_length", "n_best"):
            if getattr(cfg, option) < 1:
                raise UserError(f"--{option.replace('_', '-')} {getattr(cfg, option)}: expected at least 1")
        if math.isnan(cfg.null_threshold):
            raise UserError("--null-threshold nan: expected a number")
        if cfg.max_length <= cfg.max_question_length + SPECIALS:
            raise UserError(
                f"--max-length {cfg.max_length}: no room for the context beside --max-question-length"
                f" {cfg.max_question_length} and {SPECIALS} special tokens"
            )

    def __init__(self, data: DataBin, cfg: Any) -> None:
        super().__init__(data, cfg)
        self.windowing = Windowing(cfg.max_length, cfg.doc_stride, cfg.max_question_length)
        self.scores_null = self.predicts_null = bool(data.meta.get("unanswerable"))

    @property
    def labels(self) -> list[str]:
        return []

    @property
    def classes(self) -> int:
        return 1  # the released code of xTune takes a mean over windows here, not over elements

    @property
    def answer_metric(self) -> str:
        """Normalisation of answers: ``squad``, or ``mlqa`` with rules per language."""
        return self.data.meta.get("answer_metric", "squad")

    def identity(self) -> dict[str, Any]:
        return {"unanswerable": self.predicts_null}

    def restore(self, record: Mapping[str, Any]) -> None:
        """A checkpoint predicts "no answer" where it was trained on questions without one, whatever the data holds."""
        self.predicts_null = record.get("unanswerable") is True

    def null_inference(self, description: str) -> dict[str, Any]:
        """The record's addition about answers: when none is predicted."""
        if not self.predicts_null and not self.scores_null:
            return {}
        if not self.predicts_null:
            return {"description": f"{description}; always an answer, as trained"}
        threshold = float(self.cfg.null_threshold)
        words = f"{description}; no answer where its score is more than {threshold:g} above the best answer's"
        shown = threshold if math.isfinite(threshold) else str(threshold)  # JSON has no infinity
        return {"null_threshold": shown, "description": words}

    def register_head(self, model: Any) -> None:
        model.register_span_head(self.head_name)

    # -- data --

    def build_part(self, language: str, index: int, split: str, paired: bool) -> QAPart:
        training = split == "train"
        target = self.open_view(language, split, view=False)
        window = str(self.cfg.qa_source_window)
        return QAPart(language, index, target, windows=training, raw=not training, source_window=window)

    def build_dataset(self, parts: Sequence[QAPart], shuffle: bool) -> QADataset:
        return QADataset(parts, self.data.dictionary, shuffle)

    def open_view(self, language: str, split: str, view: bool) -> Questions:
        return Questions(self.data, language, split, self.windowing, view=view)

    def build_views(self, tools: ViewTools) -> QAViews:
        return QAViews(tools, self.cfg.max_length)

    def example_name(self, part: QAPart, row: int) -> str:
        return part.target.record(row)["id"]

    def match_translations(self, source: QAPart, part: QAPart) -> np.ndarray:
        return find(source.target, part.target)

    def gold_source(self, part: QAPart, language: str) -> None:
        part.source = self.open_view(language, "train", view=False)
        part.check_rows()

    def hide_source_labels(self, sample: dict, gold: Tensor) -> dict:
        return {**sample, "source_target": sample["source_target"] * gold[:, None]}

    # -- training --

    def loss(self, output: Tensor, sample: Mapping) -> Tensor:
        """Mean cross entropy of start and end over real positions: (R, T, 2) -> (R,)."""
        padding = sample["net_input"]["src_tokens"].eq(self.data.dictionary.pad())
        return span_cross_entropy(output[:, : padding.size(1)], padding, sample["target"])

    def source_loss(self, output: Tensor, sample: Mapping) -> Tensor:
        padding = sample["source"].eq(self.data.dictionary.pad())
        return span_cross_entropy(output[:, : padding.size(1)], padding, sample["source_target"])

    def training_counters(self, output: Tensor, sample: Mapping) -> tuple[Tensor, Tensor]:
        """Windows whose start and end are both right."""
        width = sample["net_input"]["src_tokens"].size(1)
        padding = sample["net_input"]["src_tokens"].eq(self.data.dictionary.pad())
        scores = output[:, :width].masked_fill(padding[..., None], float("-inf"))
        correct = scores.argmax(dim=1).eq(sample["target"]).all(dim=1)
        return correct.sum(), torch.tensor(correct.numel())

    # -- consistency --

    def consistency(
        self, first: Tensor, second: Tensor, sample: Mapping, stop_gradient: bool = True, mask_padding: bool = True
    ) -> Tensor:
        """Mean of KL_S of start and end over the positions that both views share, and the rest."""

        def reduced(output: Tensor, tokens: Tensor, aligned: Tensor) -> Tensor:
            padding = tokens.eq(self.data.dictionary.pad()) if mask_padding else None
            return reduced_log_probabilities(output[:, : tokens.size(1)], padding, aligned)

        log_p = reduced(first, sample["net_input"]["src_tokens"], sample["aligned"])
        log_q = reduced(second, sample["second"]["src_tokens"], sample["second"]["aligned"])
        return symmetric_kl_of_logs(log_p, log_q, stop_gradient, dim=1).mean(dim=-1)

    def distillation(self, teacher: Tensor, student: Tensor, sample: Mapping, hard: bool = False) -> Tensor:
        """Mean over start and end, over all real positions; the ends' labels are the teacher's ends."""
        padding = sample["net_input"]["src_tokens"].eq(self.data.dictionary.pad())[..., None]
        teacher, student = (x[:, : padding.size(1)].masked_fill(padding, float("-inf")) for x in (teacher, student))
        return (hard_cross_entropy if hard else teacher_kl)(teacher, student, dim=1).mean(dim=-1)

    # -- predictions --

    def values(self, output: Tensor, sample: Mapping) -> tuple[Tensor, Tensor]:
        """Probabilities of start and end of all context positions, window by window: (K, 2), positions per question.
        With unanswerable questions, each window's <s> comes first."""
        begin, _, length, _ = sample["window"].T
        places = torch.arange(output.size(1), device=output.device)[None, :]
        inside = (places >= begin[:, None]) & (places < (begin + length)[:, None])
        if self.predicts_null:  # <s> before the context
            inside, length = inside | (places == 0), length + 1
        order = sample["unit"].argsort()
        unit = order[torch.searchsorted(sample["unit"][order], sample["id"])]
        count = len(order)
        sizes = torch.zeros(count, dtype=torch.int64, device=output.device).index_add_(0, unit, length)
        owner = unit.repeat_interleave(length)
        return position_probabilities(at_least_float32(output[inside]), owner, count), sizes

    def unit_counters(self, values: Tensor, sizes: Tensor, sample: Mapping, languages: Sequence[str]) -> np.ndarray:
        windows = sample["window"].cpu().numpy()
        ids, units = sample["id"].cpu().numpy(), sample["unit"].cpu().numpy()
        counts = np.bincount(np.searchsorted(np.sort(units), ids), minlength=len(units))[np.argsort(np.argsort(units))]
        spans, _ = self._search(values.cpu().numpy(), windows[:, 1], windows[:, 2], counts)
        score = squad2_em_f1 if self.scores_null else em_f1
        names = [languages[index] for index in sample["unit_language"].tolist()]
        table = []
        for span, (context, offsets, answers), language in zip(spans, sample["raw"], names):
            table.append((*score(substring(context, offsets, span), answers, self.answer_metric, language), 1.0))
        return np.array(table)

    def _search(
        self, values: np.ndarray, starts: np.ndarray, lengths: np.ndarray, counts: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Pieces (first, last) of each question's answer, -1 for none, and the log score of what is predicted."""
        limits = self.cfg.n_best, self.cfg.max_answer_length
        if not self.predicts_null:
            return best_spans(values, starts, lengths, counts, *limits)
        context, null = split_null(values, lengths, counts)
        spans, best = best_spans(context, starts, lengths, counts, *limits)
        none = null > best + self.cfg.null_threshold
        return np.where(none[:, None], -1, spans), np.where(none, null, best)

    def scores(self, totals: Mapping[str, float]) -> dict[str, float]:
        """Exact match, F1 and their mean."""
        em, f1 = (percent(totals[name], totals["count"]) for name in ("em", "f1"))
        return {"avg": (em + f1) / 2, "em": em, "f1": f1}

    def decode(self, dataset: QADataset, values: np.ndarray, sizes: np.ndarray) -> list[str]:
        return [text for text, _, _ in self.answers(dataset, values)]

    def answers(self, dataset: QADataset, values: np.ndarray) -> list[tuple[str, tuple[int, int], float]]:
        """Answer of each question: text, characters [start, end) of the context, log score; "" for no answer."""
        target = dataset.parts[0].target
        counts = target.window_counts
        question = np.repeat(np.arange(len(counts)), counts)
        number = np.arange(len(question)) - np.repeat(np.cumsum(counts) - counts, counts)
        starts = number * target.steps[question]
        lengths = np.minimum(target.budgets[question], target.context_lengths[question] - starts)
        spans, scores = self._search(values, starts, lengths, counts)
        found = []
        for row, (span, score) in enumerate(zip(spans, scores)):
            context, offsets = target.context(row), target.offsets(row)
            found.append((substring(context, offsets, span), characters(offsets, span), float(score)))
        return found

    def gold(self, dataset: QADataset) -> list[list[str]] | None:
        target = dataset.parts[0].target
        if self.data.is_unlabelled(target.language, target.split):
            return None
        return [target.record(row)["answers"] for row in range(len(target))]

    def keys(self, dataset: QADataset) -> list[str]:
        """Question ids."""
        target = dataset.parts[0].target
        return [target.record(row)["id"] for row in range(len(target))]


def characters(offsets: np.ndarray, span: np.ndarray) -> tuple[int, int]:
    """Characters [start, end) of the pieces ``span`` (first, last); (0, 0) when there is no span."""
    first, last = (int(piece) for piece in span)
    return (0, 0) if first < 0 else (int(offsets[first, 0]), int(offsets[last, 1]))


def substring(context: str, offsets: np.ndarray, span: np.ndarray) -> str:
    """The raw text of a span; Chinese and Thai have no spaces to re-insert, so nothing is joined."""
    start, end = characters(offsets, span)
    return context[start:end]
