"""The data sets of the study: a vocabulary trimmed to each, and binarised folders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from steps import Step, Words

XNLI = "ar,bg,de,el,en,es,fr,hi,ru,sw,th,tr,ur,vi,zh"
PANX = "af,ar,bg,bn,de,el,en,es,et,eu,fa,fi,fr,he,hi,id,it,ja,jv,ka,kk,ml,mr,ms,my,nl,pt,ru,sw,ta,te,tl,tr,ur,vi,yo,zh"
UDPOS = "ar,bg,de,el,en,es,et,eu,fa,fi,fr,he,hi,id,it,ja,mr,nl,pt,ro,ru,ta,te,tr,uk,ur,vi,zh"
PAWSX = "de,en,es,fr,ja,zh"
NLI = "contradiction,entailment,neutral"
SENTENCEPIECE, WORDPIECE = "sentencepiece.bpe.model", "tokenizer.json"
ENTITIES = "B-LOC,B-ORG,B-PER,I-LOC,I-ORG,I-PER,O"


@dataclass(frozen=True)
class Encoder(Step):
    """A step that makes an encoder's folder; ``tokenizer``: the file in it."""

    tokenizer: str = SENTENCEPIECE


def tokenizer_options(folder: str, tokenizer: str) -> Words:
    """Options for an encoder's ``folder`` whose tokenizer is the file ``tokenizer``."""
    return ("--spm", f"{folder}/{tokenizer}", "--dict", f"{folder}/dict.txt")


def trimmed(
    name: str,
    data: Sequence[str],
    tokenizer: str,
    sampling: bool = False,
    model: str = "$ENCODER/model.pt",
    after: tuple[Step, ...] = (),
) -> Encoder:
    """An encoder with the pieces of some files alone: the same numbers, faster.

    tokenizer: file of the encoder; sampling: keep what subword sampling may draw, which only SentencePiece does.
    """
    more = ("--sampling",) if sampling and tokenizer == SENTENCEPIECE else ()
    given = tokenizer_options("$ENCODER", tokenizer)
    words = ("xl-convert", "trim", model, "--data", *data, *given, *more, f"$WORK/{name}", "--overwrite")
    return Encoder(name, (words,), after, tokenizer=tokenizer)


def prepared(name: str, encoder: Encoder, command: str, options: Sequence[str]) -> Step:
    """``xl-prepare COMMAND`` into ``$WORK/NAME``."""
    given = tokenizer_options(f"$WORK/{encoder.name}", encoder.tokenizer)
    words: Words = ("xl-prepare", command, *options, *given, "--overwrite")
    where = words.index("DEST")
    return Step(name, ((*words[:where], f"$WORK/{name}", *words[where + 1 :]),), (encoder,))


def sick(encoder: Encoder, name: str = "sick/data") -> Step:
    """SICK, SICK-NL and SICK-BR joined by pair_ID; English originals are the translations of the other two."""
    english = "$DATA/sick/en/SICK_{}.txt"
    files = ("nl=$DATA/sick/nl/SICK_NL.txt", "pt=$DATA/sick/pt/SICK_BR.txt")
    options = (
        "DEST", "--name", "sick", "--labels", NLI, "--align-on", "pair_ID", "--label-map",
        "CONTRADICTION=contradiction,ENTAILMENT=entailment,NEUTRAL=neutral",
        "--columns", "first=sentence_A,second=sentence_B,label=entailment_label", "en:label=entailment_judgment",
        "back-translation,translate-dev,translate-test:first=sentence_A_original,second=sentence_B_original",
        "--train", f"en={english.format('train')}", *files, "--valid", f"en={english.format('trial')}", *files,
        "--test", f"en={english.format('test_annotated')}", *files,
        "--back-translation", *files, "--translate-dev", *files, "--translate-test", *files,
        "--filter", "nl,pt/train,back-translation:SemEval_set=TRAIN", "nl,pt/valid,translate-dev:SemEval_set=TRIAL",
        "nl,pt/test,translate-test:SemEval_set=TEST",
    )  # fmt: skip
    return prepared(name, encoder, "pairs", options)


def sick_unlabelled(encoder: Encoder) -> Step:
    """English SICK, and Dutch and Portuguese training pairs without their labels."""
    english = "$DATA/sick/en/SICK_{}.txt"
    files = ("nl=$DATA/sick/nl/SICK_NL.txt", "pt=$DATA/sick/pt/SICK_BR.txt")
    options = (
        "DEST", "--name", "sick", "--labels", NLI,
        "--label-map", "CONTRADICTION=contradiction,ENTAILMENT=entailment,NEUTRAL=neutral",
        "--columns", "first=sentence_A,second=sentence_B,label=entailment_label", "en:label=entailment_judgment",
        "--train", f"en={english.format('train')}", "--valid", f"en={english.format('trial')}", *files,
        "--test", f"en={english.format('test_annotated')}", *files, "--unlabelled", *files, "--filter",
        "nl,pt/unlabelled:SemEval_set=TRAIN", "nl,pt/valid:SemEval_set=TRIAL", "nl,pt/test:SemEval_set=TEST",
    )  # fmt: skip
    return prepared("sick/xla-data", encoder, "pairs", options)


def xnli_unlabelled(encoder: Encoder) -> Step:
    """5,000 MultiNLI pairs; 1,500 rows of XNLI's German dev set without labels, the others for selection."""
    options = (
        "DEST", "--name", "xnli", "--languages", "de,en", "--labels", NLI, "--columns", "first=1,second=2,label=3",
        "--train", "en=$DATA/xnli/train-en.tsv[0:5000]", "--unlabelled", "de=$DATA/xnli/dev-de.tsv[0:1500]",
        "--valid", "$DATA/xnli/dev-{lang}.tsv[1500:2490]", "--test", "$DATA/xnli/test-{lang}.tsv[0:1335]",
    )  # fmt: skip
    return prepared("xnli/xla-data", encoder, "pairs", options)


def panx_unlabelled(encoder: Encoder) -> Step:
    """5,000 English sentences with entities, 2,000 German and Dutch ones without."""
    options = (
        "DEST", "--name", "panx", "--comment", "", "--languages", "en,de,nl", "--labels", ENTITIES,
        "--train", "en=$DATA/panx/train-en.tsv[0:5000]",
        "--unlabelled", "de,nl=$DATA/panx/train-{lang}.tsv[0:2000]", "--valid", "$DATA/panx/dev-{lang}.tsv",
        "--test", "$DATA/panx/test-{lang}.tsv[0:667]",
    )  # fmt: skip
    return prepared("panx/xla-data", encoder, "conll", options)


def mnli(encoder: Encoder, name: str = "xnli/mnli") -> Step:
    """19,691 English pairs; XNLI's dev sets, and the first 1,335 rows of each test set, row-parallel."""
    options = (
        "DEST", "--name", "xnli", "--languages", XNLI, "--labels", NLI, "--columns", "first=1,second=2,label=3",
        "--train", "en=$DATA/xnli/train-en.tsv", "--valid", "$DATA/xnli/dev-{lang}.tsv",
        "--test", "$DATA/xnli/test-{lang}.tsv[0:1335]",
    )  # fmt: skip
    return prepared(name, encoder, "pairs", options)


def xnli_parallel(encoder: Encoder) -> Step:
    """2,000 rows of XNLI's dev set to train on, 490 for selection; the English rows are the gold source of the others
    and stand for their back-translations. Machine translations of the test sets exist for Swahili and Urdu."""
    targets = ",".join(language for language in XNLI.split(",") if language != "en")
    dev = "$DATA/xnli/dev-en.tsv"
    options = (
        "DEST", "--name", "xnli", "--languages", XNLI, "--labels", NLI, "--columns", "first=1,second=2,label=3",
        "translate-test:first=sentence1_en,second=sentence2_en,label=label",
        "--train", "$DATA/xnli/dev-{lang}.tsv[0:2000]", "--valid", "$DATA/xnli/dev-{lang}.tsv[2000:2490]",
        "--test", "$DATA/xnli/test-{lang}.tsv[0:1335]", "--back-translation", f"{targets}={dev}[0:2000]",
        "--translate-dev", f"{targets}={dev}[2000:2490]", "--translate-test",
        *(f"{name}=$DATA/xnli/translate-test/{name}.trans.test.tsv[0:1335]" for name in ("sw", "ur")),
    )  # fmt: skip
    return prepared("xnli/parallel", encoder, "pairs", options)


def pawsx(encoder: Encoder, name: str = "pawsx/data") -> Step:
    """English dev pairs, 1,700 to train on with their translations and 300 for selection; a third of the tests."""
    options = (
        "DEST", "--name", "pawsx", "--languages", PAWSX, "--labels", "0,1", "--columns", "first=1,second=2,label=3",
        "--no-translation", "NS", "--train", "$DATA/pawsx/dev-{lang}.tsv[0:1700]",
        "--valid", "$DATA/pawsx/dev-{lang}.tsv[1700:2000]", "--test", "$DATA/pawsx/test-{lang}.tsv[0:500]",
    )  # fmt: skip
    return prepared(name, encoder, "pairs", options)


def panx(encoder: Encoder) -> Step:
    """10,000 English sentences; a third of every test set."""
    options = (
        "DEST", "--name", "panx", "--comment", "", "--languages", PANX, "--labels", ENTITIES,
        "--train", "en=$DATA/panx/train-en.tsv", "--valid", "en=$DATA/panx/dev-en.tsv",
        *tests("panx", PANX, {"jv": 20, "my": 20, "yo": 20, "af": 200, "bn": 200, "hi": 200, "kk": 200, "ml": 200,
                              "mr": 200, "ms": 200, "sw": 200, "ta": 200, "te": 200, "tl": 200, "ur": 200}, 667),
    )  # fmt: skip
    return prepared("panx/data", encoder, "conll", options)


def udpos(encoder: Encoder) -> Step:
    """12,544 English sentences; the first 170 of every test set."""
    options = (
        "DEST", "--name", "udpos", "--comment", "", "--languages", UDPOS,
        "--train", "en=$DATA/udpos/train-en.tsv", "--valid", "en=$DATA/udpos/dev-en.tsv",
        *tests("udpos", UDPOS, {"ta": 84, "te": 102, "mr": 32}, 170),
    )  # fmt: skip
    return prepared("udpos/data", encoder, "conll", options)


def pud(encoder: Encoder) -> Step:
    """Parallel sentences with parts of speech, 18 languages: 600 to train on, 100 for selection, 100 for the test."""
    targets = "ar,cs,de,es,fi,fr,hi,id,it,ja,pl,pt,ru,sv,th,tr,zh"
    files = "$DATA/pud/{lang}_pud-ud-test.conllu"
    return _parallel("udpos/parallel", encoder, "conllu", ("--name", "udpos"), files, targets, (600, 700, 800))


def uner(encoder: Encoder) -> Step:
    """Parallel sentences with entities, 5 languages: 500 to train on, 100 for selection, 200 for the test."""
    options = ("--name", "panx", "--word-column", "2", "--tag-column", "3", "--labels", ENTITIES)
    files = "$DATA/uner_pud/{lang}_pud-ud-test.iob2"
    return _parallel("panx/parallel", encoder, "conll", options, files, "de,pt,ru,zh", (500, 600, 800))


def xquad_parallel(encoder: Encoder) -> Step:
    """XQuAD's articles in 11 languages: 30 to train on, 4 for selection, 6 for the test."""
    targets = "ar,de,el,es,hi,ru,th,tr,vi,zh"
    files = "$DATA/xquad/xquad.{lang}.json"
    return _parallel("xquad/parallel", encoder, "squad", ("--name", "xquad"), files, targets, (30, 34, 40))


def _parallel(
    name: str, encoder: Encoder, command: str, options: Words, files: str, targets: str, ends: tuple[int, int, int]
) -> Step:  # fmt: skip
    """Row-parallel files, {lang} in their name, cut at ``ends``: training, selection, test. The English originals stand
    for back-translations and translate-test."""
    cuts = [f"[{start}:{end}]" for start, end in zip((0, *ends), ends)]
    english = files.replace("{lang}", "en")
    words: list[str] = ["DEST", *options, "--languages", f"en,{targets}"]
    for split, translation, cut in zip(
        ("train", "valid", "test"), ("back-translation", "translate-dev", "translate-test"), cuts
    ):  # fmt: skip
        words += [f"--{split}", f"{files}{cut}", f"--{translation}", f"{targets}={english}{cut}"]
    return prepared(name, encoder, command, words)


def xquad(encoder: Encoder) -> Step:
    """2,019 SQuAD questions; all of XQuAD's, 11 languages."""
    squad = ("--train", "$DATA/squad/train-v1.1.json", "--valid", "$DATA/squad/dev-v1.1.json")
    return prepared("xquad/data", encoder, "xquad", ("$DATA/xquad", "DEST", *squad))


def mlqa(encoder: Encoder) -> Step:
    """The dev questions of MLQA as a test set, 7 languages."""
    return prepared(
        "xquad/mlqa", encoder, "mlqa", ("$DATA/mlqa", "DEST", "--train", "$DATA/squad/train-v1.1.json", "--dev-as-test")
    )


def tydiqa(encoder: Encoder) -> Step:
    """3,000 English questions to train on, 300 for selection, the other 396 and all Swahili ones for the test."""
    file = "$DATA/tydiqa/tydiqa-goldp-v1.1-train/tydiqa.goldp.{}.train.json"
    english = file.format("en")
    options = (
        "DEST", "--name", "tydiqa", "--train", f"en={english}[0:3000]", "--valid", f"en={english}[3000:3300]",
        "--test", f"en={english}[3300:]", f"sw={file.format('sw')}",
    )  # fmt: skip
    return prepared("tydiqa/data", encoder, "squad", options)


def tests(folder: str, languages: str, smaller: dict[str, int], rows: int) -> list[str]:
    """``--test`` with the first rows of every language's file."""
    names = languages.split(",")
    return ["--test", *(f"{name}=$DATA/{folder}/test-{name}.tsv[0:{smaller.get(name, rows)}]" for name in names)]
