"""Fine-tuned models for Python programs and notebooks: predict, evaluate, embed."""

from __future__ import annotations

import copy
import io
import json
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Union

import numpy as np

from .arguments import BATCH_SIZE
from .data.sentences import Sentences
from .errors import UserError
from .evaluation.checkpoint import FineTuned, load_fine_tuned
from .evaluation.report.result import Result
from .evaluation.retrieval.encode import SentenceEncoder, default_layer
from .evaluation.scoring import score_predictions
from .evaluation.tokenizer import open_tokenizer
from .problems.predicting import predict_languages
from .problems.raw import Given, source_rule

Example = Union[str, Sequence[str], Mapping[str, Any]]


def load(
    path: str, data: str | None = None, *, device: str | None = None, precision: str = "fp32",
    mixup_inference: bool | None = None,
) -> Model:  # fmt: skip
    """A fine-tuned checkpoint of this package, ready to predict.

    Args:
        path: ``checkpoint_best.pt`` of a run.
        data: folder with its dictionary, labels and tokenizer; None for the one it was trained on.
        device: of torch; None takes CUDA where there is a device.
        precision: ``fp32``, ``fp16`` (CUDA only) or ``bf16``.
        mixup_inference: X-Mixup: read translations as well, or the text alone; None as it was trained.

    Raises:
        UserError: no such checkpoint, or data that do not fit; its text is one line.

    Example:
        >>> model = xl_plugins.load("outputs/xnli/checkpoint_best.pt")
        >>> model.predict([("Er schläft.", "Er ist wach.")])
        [{'label': 'contradiction', 'probabilities': {'contradiction': 0.97, 'entailment': 0.01, 'neutral': 0.02}}]
    """
    overrides = {} if mixup_inference is None else {"no_mixup_inference": not mixup_inference}
    return Model(load_fine_tuned(path, data, overrides, device, precision))


class Model:
    """A fine-tuned model; made by :func:`load`."""

    def __init__(self, tuned: FineTuned) -> None:
        self.tuned = tuned
        self.encoder = open_tokenizer(tuned, tell=lambda text: warnings.warn(text, stacklevel=4))

    def __repr__(self) -> str:
        return f"<xl_plugins model for {self.problem}: {self.tuned.path}>"

    @property
    def problem(self) -> str:
        """Name of what is predicted, such as ``sentence_pair``."""
        return self.tuned.task.problem.name

    @property
    def labels(self) -> list[str]:
        """Names of the classes in their order; none for questions."""
        return list(self.tuned.task.problem.labels)

    def predict(
        self, examples: Iterable[Example], *, batch_size: int = BATCH_SIZE, probabilities: bool = False,
        spans: bool = False, segment: str | None = None,
    ) -> list[dict[str, Any]]:  # fmt: skip
        """Predictions in the order of the examples.

        Args:
            examples: texts; pairs of texts, or (text1, text2, source1, source2); sentences as lists of words, or as
                texts with blanks between the words; (question, context). Or mappings with the fields that xl-predict
                reads, such as ``{"question": ..., "context": ..., "id": ...}``.
            probabilities: tagging: of all labels for each word.
            spans: tagging: words and their spans as well, with characters of the text.
            segment: tagging: how texts are cut into words, ``blanks`` or ``unicode``, as xl-predict's ``--segment``.

        Returns:
            Records as xl-predict prints them: ``label`` and ``probabilities``; ``tags``; ``answer`` with ``start`` and
            ``end`` in the context and ``score``.

        Raises:
            UserError: an example that is none; its text names the number.
        """
        rows = [self._row(number, example) for number, example in enumerate(examples, 1)]
        if not rows:
            return []
        stream = io.BytesIO("".join(f"{row}\n" for row in rows).encode("utf-8", "surrogatepass"))
        facts = self.tuned.task.problem.facts
        asked = {"probabilities": probabilities, "spans": spans, "segment": segment}
        own: dict[str, Any] = {name: value for name, value in asked.items() if name in facts.raw_options}
        given = Given("example", stream, source_rule(self.tuned), batch_size, **own, tell=warnings.warn)
        return list(facts.load("raw")(self.tuned, self.encoder, given))

    def _row(self, number: int, example: Example) -> str:
        """An example as a line of JSON."""
        if isinstance(example, Mapping):
            return json.dumps(dict(example))
        record = self.tuned.task.problem.facts.load("raw", "example")(example)
        if record is None:
            raise UserError(f"example:{number}: {example!r:.60} is no example of {self.problem}; see Model.predict")
        return json.dumps(record)

    def evaluate(
        self, split: str = "test", languages: Sequence[str] | None = None, *, name: str = "model",
        batch_size: int | None = BATCH_SIZE,
    ) -> Result:  # fmt: skip
        """Scores of a split of the data folder, per language; ``result.scores`` in percent, ``result.summary()``.

        Raises:
            UserError: no such split or language.
        """
        predictions = predict_languages(self.tuned, split, languages, batch_size)
        task = str(self.tuned.task.data_bin.meta.get("dataset", ""))
        return score_predictions(self.tuned, predictions, split, name=name, task=task)

    def embed(
        self, texts: Sequence[str], layer: int | None = None, *, pooling: str = "mean", batch_size: int = BATCH_SIZE
    ) -> np.ndarray:
        """Vectors of texts (N, d) float32: states of a layer, pooled.

        Args:
            layer: 0 (embeddings) to the number of layers; None for two thirds up, as XTREME's retrieval.
            pooling: ``mean`` over all positions, ``inner`` without ``<s>`` and ``</s>``, ``first`` that of ``<s>``.

        Raises:
            UserError: no such layer.
        """
        encoder: Any = self.tuned.model.encoder.sentence_encoder  # type: ignore[union-attr]
        depth = len(encoder.layers)
        if layer is not None and not 0 <= layer <= depth:
            raise UserError(f"layer {layer}: the model has layers 1 to {depth}; 0 is the embeddings")
        if pooling not in ("mean", "inner", "first"):
            raise UserError(f"pooling {pooling!r}: expected mean, inner or first")
        short = copy.copy(encoder)
        short._modules = dict(encoder._modules)  # the layers above are left out of this copy alone
        longest = int(self.tuned.model.args.max_positions)  # type: ignore[union-attr,arg-type]
        made = SentenceEncoder(short, default_layer(depth) if layer is None else layer, pooling, longest)
        ids, sizes = self.encoder.encode(list(texts))
        sentences = Sentences(ids, np.cumsum(sizes) - sizes, sizes)
        return made.encode(sentences, batch_size).cpu().numpy() if len(texts) else np.zeros((0, made.width), np.float32)
