"""Options of the augmentations, of every task."""

from dataclasses import dataclass, field
from typing import Any, Optional

from fairseq.dataclass import ChoiceEnum

from ..augment.primitives.subword import NBEST
from ..augment.primitives.translation import MISSING
from ..errors import UserError
from ..problems.labelled_texts.problem import LabelledTexts
from ..ranges import UNIT, WEIGHT

AUGMENTATIONS = ChoiceEnum(["none", "ss", "cs", "gn", "mt"])
CS_CHOICES = ChoiceEnum(["any", "covered"])
NOISE_TYPES = ChoiceEnum(["normal", "uniform"])
MT_MISSING = ChoiceEnum(list(MISSING))
MT_LABELS = ChoiceEnum(["absent", "ignore", "use"])
VIEW_SOURCES = ChoiceEnum(["source", "first"])
CHANGED = ChoiceEnum(["pieces", "selected"])
COMPATS = ChoiceEnum(["default", "official", "paper"])
_SHARE = UNIT.said("a share from 0 to 1")


@dataclass
class AugmentationOptions:
    """Views of training examples; defaults from xTune (ACL 2021, Appendix B) and its released scripts."""

    augment: AUGMENTATIONS = field(  # type: ignore[valid-type]
        default="none",
        metadata={
            "help": "augmentation A (xTune, section 3.2): every example also trains as a copy under subword sampling"
            " (ss), code-switch (cs), Gaussian noise (gn) or machine translation (mt)"
        },
    )
    second_view: AUGMENTATIONS = field(  # type: ignore[valid-type]
        default="none",
        metadata={
            "help": "augmentation A' (in stage 1 A*) of the second view x' that the consistency loss R1 compares with x"
            " (xTune, section 3.1)"
        },
    )
    ss_ratio: float = field(
        default=0.3,
        metadata={
            "help": "share of words whose segmentation is sampled (xTune's scripts: 0.5 for POS, 0.3 for others)",
            "range": _SHARE,
        },
    )
    ss_alpha: float = field(
        default=0.3,
        metadata={
            "help": "a segmentation is drawn in proportion to its probability to this power (xTune's scripts: 0.3)",
            "range": WEIGHT.said("0 or more (xTune: 0.3)"),
        },
    )
    ss_nbest: int = field(
        default=-1,
        metadata={
            "help": "draw among the n best segmentations, 2 to 512, or all of them, -1 (xTune's scripts: -1)",
            "range": NBEST,
        },
    )
    cs_dictionaries: str = field(
        default="",
        metadata={"help": "folder with MUSE dictionaries such as en-de.txt, a word and its translation per line"},
    )
    cs_languages: str = field(
        default="all",
        metadata={"help": "languages to switch into: 'all' that have a dictionary, or a list such as de,fr"},
    )
    cs_ratio: float = field(
        default=0.3,
        metadata={
            "help": "share of words for which a language is drawn (xTune's scripts: 0.3, PAWS-X 0.5)",
            "range": _SHARE,
        },
    )
    cs_choice: CS_CHOICES = field(  # type: ignore[valid-type]
        default="any",
        metadata={
            "help": "draw the language among all, so that a word it lacks stays (xTune's code), or among those whose"
            " dictionary has the word"
        },
    )
    cs_lower: bool = field(
        default=False, metadata={"help": "lower-case a text before words are switched (CoSDA-ML; xTune: no)"}
    )
    cs_sentence_ratio: float = field(
        default=1.0,
        metadata={"help": "share of texts in which words are switched (CoSDA-ML; xTune: 1)", "range": _SHARE},
    )
    noise_eps: float = field(
        default=1e-5,
        metadata={
            "help": "standard deviation sigma of the noise on embeddings, for uniform noise its bound (R3F and xTune's"
            " code: 1e-5; the article gives none)",
            "range": WEIGHT.said("0 or more (xTune's code: 1e-5)"),
        },
    )
    noise_type: NOISE_TYPES = field(  # type: ignore[valid-type]
        default="normal", metadata={"help": "law of the noise (xTune, section 3.2: Gaussian; its code: uniform)"}
    )
    noise_detach: bool = field(
        default=False, metadata={"help": "no gradient into the embeddings of the noised view (R3F)"}
    )
    mt_languages: str = field(
        default="all",
        metadata={"help": "languages whose training text serves as translations: 'all' in the data folder, or a list"},
    )
    mt_exclude: Optional[str] = field(
        default=None,
        metadata={
            "help": "languages left out of them (default: none; in tagging, unless named, zh,ja,ko,th,my,ml,ta as in"
            " xTune's code)"
        },
    )
    mt_missing: MT_MISSING = field(  # type: ignore[valid-type]
        default="error",
        metadata={
            "help": "an example without translation: an error, skip (draw among the languages that have one), or a"
            " random translated example (xTune's code for question answering)"
        },
    )
    mt_different_pair: bool = field(
        default=False,
        metadata={"help": "translate the two texts of a pair into languages of their own (xTune: the same)"},
    )
    mt_labels: MT_LABELS = field(  # type: ignore[valid-type]
        default="absent",
        metadata={
            "help": "tags of translated sentences: there are none (xTune, section 4.1), ignore them, or use them"
        },
    )
    r1_view_source: Optional[VIEW_SOURCES] = field(  # type: ignore[valid-type]
        default=None,
        metadata={
            "help": "x' of an augmented copy is made from the text that the copy was made from (xTune's code), or from"
            " the copy itself (article) (default: source, with --xtune-compat paper first)"
        },
    )
    qa_changed: Optional[CHANGED] = field(  # type: ignore[valid-type]
        default=None,
        metadata={
            "help": "question answering: a word counts as changed when its pieces differ (article), or when it was"
            " selected (code) (default: pieces, with --xtune-compat official selected)"
        },
    )
    xtune_compat: COMPATS = field(  # type: ignore[valid-type]
        default="default",
        metadata={
            "help": "where article and code of xTune differ: this package's choice, the released code, or the article;"
            " fills in options that are not given"
        },
    )


def check_augmentation(cfg: Any, problem: type, pairs_texts: bool) -> None:
    """Refuse options of the augmentations that make no sense together."""
    augment, second = str(cfg.augment), str(cfg.second_view)
    used = {augment, second}
    if second == "mt" and not issubclass(problem, LabelledTexts):
        raise UserError(
            "--second-view mt: words or answers of a translation cannot be aligned with the original; use ss or cs"
        )
    if augment == "mt" and second == "cs":
        raise UserError(
            "--second-view cs: dictionaries translate words of the source language, not those of --augment mt; use ss"
        )
    if pairs_texts and "mt" in used:
        raise UserError("mt: X-Mixup trains on the translations itself; use ss or gn for --augment and --second-view")
    if "cs" in used and not cfg.cs_dictionaries:
        raise UserError("--cs-dictionaries: code-switch needs a folder with MUSE dictionaries such as en-de.txt")
