"""How a task's training set gets its views from the options of the augmentations."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np

from ..augment.primitives.code_switch import CodeSwitch
from ..augment.primitives.dictionaries import load_dictionaries
from ..augment.primitives.subword import SubwordSampling
from ..augment.primitives.translation import Translations
from ..augment.primitives.words import WordPieces
from ..data.augmented.dataset import AugmentedDataset
from ..data.augmented.views import OF_WORDS, ViewTools
from ..errors import UserError

logger = logging.getLogger(__name__)


class Augmentation:
    """Gives a task's training set its views; the task's configuration holds :class:`AugmentationOptions`."""

    def __init__(self, task: Any) -> None:
        self.task, self.cfg = task, task.cfg
        self.augment, self.second = str(self.cfg.augment), str(self.cfg.second_view)

    @property
    def wanted(self) -> bool:
        return {self.augment, self.second} != {"none"}

    def wrap(self, dataset: Any) -> AugmentedDataset:
        """The training set with its views."""
        return AugmentedDataset(dataset, self.task.problem.build_views(self._tools(dataset)))

    def _tools(self, dataset: Any) -> ViewTools:
        cfg, used = self.cfg, {self.augment, self.second}
        pieces = self._pieces() if used & set(OF_WORDS) else None
        words: dict[str, Any] = {}
        if pieces is not None and "ss" in used:
            words["ss"] = SubwordSampling(pieces, cfg.ss_ratio, cfg.ss_alpha, cfg.ss_nbest)
        if pieces is not None and "cs" in used:
            words["cs"] = self._code_switch(pieces)
        self.task.word_changes = list(words.values())
        view_source = str(cfg.r1_view_source or ("first" if cfg.xtune_compat == "paper" else "source"))
        changed = str(cfg.qa_changed or ("selected" if cfg.xtune_compat == "official" else "pieces"))
        return ViewTools(
            augment=self.augment, second=self.second, seed=cfg.seed, pieces=pieces, words=words,
            translations=self._translations(dataset) if "mt" in used else None, from_first=view_source == "first",
            different_pair=cfg.mt_different_pair, by_selection=changed == "selected",
        )  # fmt: skip

    def _pieces(self) -> WordPieces:
        pieces = WordPieces.of(self.task.data_bin)
        if pieces.warning:
            logger.warning("%s", pieces.warning)
        return pieces

    def _code_switch(self, pieces: WordPieces) -> CodeSwitch:
        cfg, source = self.cfg, self.task.source_language
        others = [language for language in self.task.train_languages if language != source]
        if others:
            raise UserError(
                f"--train-languages {','.join(self.task.train_languages)}: dictionaries translate from {source} only;"
                " code-switch trains on 'source'"
            )
        dictionaries = load_dictionaries(cfg.cs_dictionaries, source, cfg.cs_languages)
        return CodeSwitch(pieces, dictionaries, cfg.cs_ratio, str(cfg.cs_choice), cfg.cs_lower, cfg.cs_sentence_ratio)

    def _translations(self, dataset: Any) -> Translations:
        task, problem = self.task, self.task.problem
        if task.train_languages != [task.source_language]:
            raise UserError(
                f"--train-languages {self.cfg.train_languages}: with mt the translations come in through"
                " --mt-languages; train on 'source'"
            )
        (source,) = dataset.parts
        languages = self._mt_languages()
        indices = [task.languages.index(language) for language in languages]
        parts = [problem.translation_part(*pair, str(self.cfg.mt_labels)) for pair in zip(languages, indices)]
        for part in parts:
            part.check_rows()
        rows = [problem.match_translations(source, part) for part in parts]
        lengths = [len(part.target) for part in parts]
        table = np.stack(rows) if rows else np.zeros((0, 0), dtype=np.int64)
        return Translations(
            languages,
            parts,
            table,
            lengths,
            str(self.cfg.mt_missing),
            self.cfg.seed,
            lambda row: problem.example_name(source, row),
        )

    def _mt_languages(self) -> list[str]:
        cfg, task = self.cfg, self.task
        data = task.data_bin
        available = [la for la in data.languages_with("train") if la != task.source_language and not data.is_pool(la)]
        excluded = cfg.mt_exclude
        if excluded is None:  # languages that the user names are wanted
            excluded = task.problem.untranslatable if cfg.mt_languages == "all" else ""
        left_out = {lang.strip() for lang in excluded.split(",")}
        if cfg.mt_languages == "all":
            return [lang for lang in available if lang not in left_out]
        wanted = [lang.strip() for lang in cfg.mt_languages.split(",") if lang.strip()]
        missing = [lang for lang in wanted if lang not in available]
        if missing:
            raise UserError(
                f"--mt-languages {cfg.mt_languages}: {data.root} has no translated training text in"
                f" {', '.join(missing)}; it has {', '.join(available) or 'none besides the source'}"
            )
        return [lang for lang in wanted if lang not in left_out]
