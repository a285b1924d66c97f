"""SALT's offline step (Wang et al., Findings of ACL 2023, 2.3) a second time: one sentence after the other in float64,
by the strings of pieces, with the whole softmax of every position."""

from __future__ import annotations

import math
from argparse import Namespace
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from fairseq.models.roberta import RobertaModel

from user_dir_tests.helpers.running.training import tiny_options
from user_dir_tests.helpers.toys.toy_counterparts import LISTS, POSITIONS, World
from xl_plugins.data.binary.layout import DataBin, load_with_mask

MARK = "\u2581"


class Found(NamedTuple):
    """The best candidate at one eligible position; ``best`` and ``p`` are None where there is no candidate."""

    place: int
    source: int
    best: int | None
    p: float | None
    gap: float  # between the natural log-probabilities of the best two


@dataclass
class Oracle:
    """Rules as the article and its port to cased pieces have them; ``thresholds``: tau by language."""

    world: World
    languages: Sequence[str] = ("en", "fr", "es", "de")
    thresholds: Mapping[str, float] = field(default_factory=dict)
    positions: str = "whole-word"
    case: str = "match"
    source_in_list: bool = False
    exclude_identity: bool = False
    renormalize: bool = False
    max_positions: int = POSITIONS

    def __post_init__(self) -> None:
        self.dictionary = load_with_mask(self.world.pairs / "dict.txt")
        self.symbols: list[str] = self.dictionary.symbols
        self.model = float64_model(self.world.state, self.dictionary)
        self.words = {language: self.vocabulary(LISTS[language].split()) for language in self.languages}
        self._known: dict[tuple[int, ...], list[list[float]]] = {}

    def vocabulary(self, words: Iterable[str]) -> list[int]:
        """V_L, ascending: the toy tokenizer writes every word that is a piece as this piece."""
        variants = {variant for word in words for variant in (word, word.lower(), word.title())}
        return sorted(self.symbols.index(MARK + word) for word in variants if MARK + word in self.symbols)

    def distributions(self, ids: Sequence[int]) -> list[list[float]]:
        """log p(v) of every piece of a text that the model has positions for, (n, V)."""
        key = tuple(ids)
        if key not in self._known:
            seen = [0, *ids[: self.max_positions - 2], 2]
            with torch.no_grad():
                logits, _ = self.model(torch.tensor([seen]))
            self._known[key] = torch.log_softmax(logits[0, 1:-1], dim=-1).tolist()
        return self._known[key]

    def eligible(self, ids: Sequence[int]) -> list[int]:
        """Places of the pieces that may be substituted."""
        pieces = ["<unk>" if piece == self.dictionary.unk() else self.symbols[piece] for piece in ids]
        if self.positions == "all":
            places = [i for i, piece in enumerate(pieces) if piece != "<unk>" and holds(piece, str.isalpha)]
        else:
            words: list[list[int]] = []
            for i, piece in enumerate(pieces):
                if piece.startswith(MARK) or not words:
                    words.append([])
                words[-1].append(i)
            places = []
            for word in words:
                while word and not holds(pieces[word[-1]], str.isalnum):
                    word = word[:-1]
                if len(word) == 1 and pieces[word[0]].startswith(MARK) and holds(pieces[word[0]], str.isalpha):
                    places.append(word[0])
        if self.source_in_list:
            places = [i for i in places if ids[i] in self.words["en"]]
        return places

    def candidates(self, language: str, source: int) -> list[int]:
        """Pieces that may take a piece's place."""
        own, known = self.symbols[source], self.words[language]
        if language == "en" and own.startswith(MARK):
            known = [v for v in known if self.symbols[v].casefold() != own.casefold()]
        if self.exclude_identity:
            known = [v for v in known if v != source]
        if self.case == "match":
            wanted = kind(own.removeprefix(MARK))
            known = [
                v for v in known if "none" in (wanted, kind(self.symbols[v][1:])) or kind(self.symbols[v][1:]) == wanted
            ]
        return known

    def find(self, language: str, ids: Sequence[int]) -> list[Found]:
        """The best candidates of a text, ``</s>`` left out."""
        found, table = [], self.distributions(ids)
        for place in self.eligible(ids):
            if place >= len(table):
                continue
            known = self.candidates(language, ids[place])
            logs = [table[place][v] for v in known]
            if not known:
                found.append(Found(place, ids[place], None, None, math.inf))
                continue
            best = max(logs)
            mass = math.fsum(map(math.exp, logs)) if self.renormalize else 1.0
            rest = [x for i, x in enumerate(logs) if i != logs.index(best)]
            gap = best - max(rest) if rest else math.inf
            found.append(Found(place, ids[place], known[logs.index(best)], math.exp(best) / mass, gap))
        return found

    def tau(self, language: str) -> float:
        return self.thresholds.get(language, 1e-3 if language == "en" else 1e-7)

    def copy(self, language: str, ids: Sequence[int]) -> list[int]:
        """The text with its counterparts."""
        out = list(ids)
        for one in self.find(language, ids):
            if one.p is not None and one.best is not None and one.p > self.tau(language):
                out[one.place] = one.best
        return out

    def counts(self, language: str, texts: Iterable[Sequence[int]]) -> dict[str, int]:
        """Sums over different texts."""
        all_found = [one for text in texts for one in self.find(language, text)]
        passed = [one for one in all_found if one.p is not None and one.p > self.tau(language)]
        kept = sum(one.best == one.source for one in passed)
        candidates = sum(one.best is not None for one in all_found)
        return {"eligible": len(all_found), "candidates": candidates, "substituted": len(passed) - kept, "kept": kept}


def holds(piece: str, what: Any) -> bool:
    """Whether one of a piece's characters is a letter (or letter or digit); ``<unk>`` is a letter for all we know."""
    return piece == "<unk>" or any(map(what, piece))


def kind(surface: str) -> str:
    """Case class of a word of the toy world."""
    if surface.lower() == surface.upper():
        return "none"
    if surface == surface.lower():
        return "lower"
    return "title" if surface[0].isupper() and surface[1:] == surface[1:].lower() else "other"


def float64_model(state: Mapping[str, torch.Tensor], dictionary: Any, positions: int = POSITIONS) -> RobertaModel:
    """fairseq's own model with these parameters, dropout off."""
    options = tiny_options(max_positions=positions, tokens_per_sample=positions)
    model = RobertaModel.build_model(options, Namespace(source_dictionary=dictionary))
    model.load_state_dict(state)
    model.double().eval()
    model.encoder.lm_head.activation_fn = torch.nn.functional.gelu  # fairseq's computes in float32
    for layer in model.encoder.sentence_encoder.layers:
        layer.activation_fn = torch.nn.functional.gelu
    return model


def texts_of(data: DataBin, field: str = "input0", language: str | None = None) -> list[list[int]]:
    """Rows of the training text, or of its counterparts in a language, without ``</s>``."""
    where = f"counterparts/{language}/{field}" if language else field
    opened = data.open_text(data.source_language, where, "train")
    rows = [opened[row].tolist() for row in range(len(opened))]
    assert all(row[-1] == 2 for row in rows)
    return [row[:-1] for row in rows]
