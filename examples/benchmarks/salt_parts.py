"""Parts for salt_speed.py to compare: counterparts, what of making them cannot be saved, and a naive loop."""

from __future__ import annotations

import argparse
import string
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
import torch
import torch.nn.functional as F
from fairseq.data import Dictionary
from step_speed import config

from xl_plugins.augment.counterparts import scorer as counterpart_scorer
from xl_plugins.augment.counterparts.finder import CounterpartFinder, _packed
from xl_plugins.augment.counterparts.options import LANGUAGES, CounterpartOptions
from xl_plugins.augment.counterparts.scorer import CounterpartScorer
from xl_plugins.augment.primitives.piece_classes import CASELESS, PieceClasses
from xl_plugins.augment.primitives.vocabulary import LanguageVocabulary
from xl_plugins.augment.primitives.word_lists import WordList
from xl_plugins.augment.primitives.words import BOUNDARY
from xl_plugins.data.sentences import Sentences
from xl_plugins.models.config import XLMRConfig
from xl_plugins.models.plain import XLMRModel

WORDS = 0.7  # share of the dictionary, and so of the text
OPTIONS = CounterpartOptions("en")
_BYTES = 1 << 28  # of the logits that the bare projection makes at once
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}


def make_dictionary(types: int) -> Dictionary:
    """Words in pairs that differ by case, then punctuation; special symbols around them."""
    dictionary = Dictionary()
    count = types - dictionary.nspecial - 1
    for i in range(count):
        letters = spelled(i // 2, string.ascii_lowercase)
        word = BOUNDARY + (letters if i % 2 else letters.capitalize())
        dictionary.add_symbol(word if i < count * WORDS else spelled(i, "!?.,;:-"))
    dictionary.add_symbol("<mask>")
    return dictionary


def spelled(number: int, letters: str) -> str:
    text = letters[number % len(letters)]
    return text if number < len(letters) else spelled(number // len(letters) - 1, letters) + text


def make_vocabularies(classes: PieceClasses, count: int, rng: np.random.Generator) -> list[LanguageVocabulary]:
    """Words of every language, drawn from those of the dictionary in pairs."""
    firsts = np.flatnonzero(classes.starts & classes.letter)[:-1:2]
    made = []
    for language in LANGUAGES:
        drawn = rng.choice(firsts, min(count // 2, len(firsts)), replace=False)
        ids = np.sort(np.concatenate([drawn, drawn + 1]))
        made.append(LanguageVocabulary(language, ids, (), len(ids), len(ids), WordList("", "", [], {}, len(ids))))
    return made


def make_finder(args: argparse.Namespace) -> tuple[XLMRModel, CounterpartFinder]:
    """A model with random weights in eval mode, and what makes counterparts of ``args.sentences`` with it."""
    torch.manual_seed(1)
    rng = np.random.default_rng(1)
    dictionary = make_dictionary(args.types)
    task = SimpleNamespace(source_dictionary=dictionary)
    model = XLMRModel.build_model(config(XLMRConfig, encoder_layers=args.layers), task).eval()
    half = torch.float16 if args.device != "cpu" else torch.bfloat16
    model.to(device=args.device, dtype=half if args.half else torch.float32)
    classes = PieceClasses(dictionary)
    vocabularies = make_vocabularies(classes, args.candidates, rng)
    ids = rng.integers(dictionary.nspecial, args.types - 1, (args.sentences, args.pieces + 1)).astype(np.int32)
    ids[:, -1] = dictionary.eos()
    sizes = np.full(args.sentences, args.pieces + 1)
    texts = Sentences(ids.ravel(), np.cumsum(sizes) - sizes, sizes)
    scorer = CounterpartScorer(model, classes, vocabularies, OPTIONS)
    return model, CounterpartFinder(scorer, texts, classes, vocabularies, OPTIONS, dictionary, 512, args.max_tokens)


class Clock:
    """Seconds by the clock of this ``kind``, after what cuda has to do."""

    kind = "wall"

    @classmethod
    def now(cls) -> float:
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        return CLOCKS[cls.kind]()


@contextmanager
def stopwatch(seconds: dict[str, float], part: str, owner: Any, name: str) -> Iterator[None]:
    """Adds the time of every call of a function to ``seconds[part]``."""
    function = getattr(owner, name)
    seconds[part] = 0.0

    def timed(*args: Any, **kwargs: Any) -> Any:
        start = Clock.now()
        result = function(*args, **kwargs)
        seconds[part] += Clock.now() - start
        return result

    with mock.patch.object(owner, name, timed):
        yield


def counterparts(model: XLMRModel, finder: CounterpartFinder, numbers: np.ndarray) -> dict[str, float]:
    """Seconds of what the product does, and of its parts."""
    seconds: dict[str, float] = {}
    with ExitStack() as stack:
        for watched in (
            ("encoder", model.encoder, "extract_features"),
            ("projection", counterpart_scorer, "blockwise_logits"),
            ("log-sum-exp", torch, "logsumexp"),
            ("candidates", finder.scorer, "_best"),
        ):
            stack.enter_context(stopwatch(seconds, *watched))
        start = Clock.now()
        finder.find(numbers)
        seconds["all"] = Clock.now() - start
    seconds["candidates"] -= seconds["projection"]
    seconds["projection"] -= seconds["log-sum-exp"]
    return seconds


@torch.inference_mode()
def bare(model: XLMRModel, finder: CounterpartFinder, numbers: np.ndarray) -> dict[str, float]:
    """Seconds of the same batches in the encoder, and of the eligible positions in the output projection."""
    seconds = {"encoder": 0.0, "projection": 0.0}
    head = model.encoder.lm_head
    texts = _packed(finder.texts.take(numbers))
    eligible = finder._eligible(texts)
    for rows in finder._batches(texts.sizes):
        batch = texts.take(rows)
        lines, columns = map(torch.from_numpy, finder._positions(batch, eligible))
        tokens = batch.tokens(finder.dictionary, finder.max_length).to(head.weight.device)
        start = Clock.now()
        features, _ = model.encoder.extract_features(tokens)
        middle = Clock.now()
        for states in features[lines, columns + 1].split(_BYTES // (4 * len(head.weight))):
            F.linear(states, head.weight, head.bias)
        seconds["encoder"] += middle - start
        seconds["projection"] += Clock.now() - middle
    return {**seconds, "all": sum(seconds.values())}


@torch.inference_mode()
def naive(model: XLMRModel, finder: CounterpartFinder, numbers: np.ndarray) -> dict[str, list[np.ndarray]]:
    """Substituted texts by language: for every sentence the probabilities of all types at all positions, and for every
    language a table of them with its candidates alone."""
    classes, device = finder.classes, model.encoder.lm_head.weight.device
    case, fold = (torch.from_numpy(values.astype(np.int64)).to(device) for values in (classes.case, classes.fold))
    found: dict[str, list[np.ndarray]] = {vocabulary.language: [] for vocabulary in finder.vocabularies}
    for number in numbers:
        text = _packed(finder.texts.take(np.array([number])))
        tokens = text.tokens(finder.dictionary, finder.max_length).to(device)
        source, eligible = tokens[0], torch.zeros(tokens.size(1), dtype=torch.bool)
        eligible[1:] = torch.from_numpy(finder._eligible(text))
        probabilities = model(tokens)[0][0].float().softmax(dim=-1)
        for vocabulary in finder.vocabularies:
            listed = torch.zeros(len(classes), dtype=torch.bool, device=device)
            listed[torch.from_numpy(vocabulary.ids).to(device)] = True
            allowed = (case == case[source][:, None]) | (case == CASELESS) | (case[source][:, None] == CASELESS)
            if vocabulary.language == OPTIONS.source:
                allowed &= fold != fold[source][:, None]
            best, ids = torch.where(allowed & listed, probabilities, 0.0).max(dim=-1)
            passed = eligible & (best > OPTIONS.tau(vocabulary.language)).cpu()
            found[vocabulary.language].append(torch.where(passed, ids.cpu(), source.cpu())[1:].numpy())
    return found


def disagreements(model: XLMRModel, finder: CounterpartFinder, numbers: np.ndarray) -> tuple[int, int]:
    """Substitutions, and positions where the naive loop has another result."""
    original = _packed(finder.texts.take(numbers)).ids
    theirs = naive(model, finder, numbers)
    count = differing = 0
    for name, (places, ids) in finder.find(numbers)[0].items():
        mine = original.copy()
        mine[places] = ids
        count += len(places)
        differing += int((mine != np.concatenate(theirs[name])).sum())
    return count, differing
