"""Tagging sets: formats, tags, alignment of the translations, splits, noise."""

from collections import Counter
from pathlib import Path

import pytest

from xl_plugins.cli.mini import main
from xl_plugins.mini.files import Options, split_of
from xl_plugins.mini.lexicon import LANGUAGES, SOURCE, names
from xl_plugins.mini.named import held_out
from xl_plugins.mini.problems.tagging import DATASETS, draw_sentences
from xl_plugins.mini.sentences import lowered

SIZES = {"train": 150, "dev": 20, "test": 25}
ARGUMENTS = [part for key, value in SIZES.items() for part in (f"--{key}", str(value))]
ARGUMENTS += ["--problem", "tagging", "--unlabelled", "60", "--seed", "5"]
TARGETS = [code for code in LANGUAGES if code != SOURCE]
UPOS = set("ADJ ADP ADV AUX CCONJ DET NOUN NUM PART PRON PROPN PUNCT VERB".split())
IOB = {f"{part}-{kind}" for part in "BI" for kind in ("LOC", "ORG", "PER")} | {"O"}


def make(folder: Path, *more: str, languages: str = ",".join(LANGUAGES)) -> Path:
    assert main(["make", str(folder), "--languages", languages, *ARGUMENTS, *more]) == 0
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("tagging") / "data")


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("tagging") / "clean", "--noise", "0", languages="en,hi")


def sentences(path: Path) -> list[list[list[str]]]:
    """Sentences of rows of columns; every sentence ends with one empty line."""
    content = path.read_bytes().decode("utf-8")
    assert content.endswith("\n\n") and "\n\n\n" not in content and "\r" not in content
    return [[row.split("\t") for row in block.split("\n")] for block in content[:-2].split("\n\n")]


def lines(path: Path) -> list[str]:
    content = path.read_bytes().decode("utf-8")
    assert content.endswith("\n")
    return content[:-1].split("\n")


@pytest.mark.parametrize("name", DATASETS)
def test_files_and_counts(folder: Path, name: str) -> None:
    base = folder / name
    expected = {"train-en.tsv": SIZES["train"]}
    for code in LANGUAGES:
        expected |= {f"{split}-{code}.tsv": SIZES[split] for split in ("dev", "test")}
    for code in TARGETS:
        expected |= {
            f"translate-train/en-{code}.tsv": SIZES["train"],
            f"back-translation/en-{code}.txt": SIZES["train"],
        }
        expected |= {f"translate-{split}/{code}-en.txt": SIZES[split] for split in ("dev", "test")}
    found = {str(path.relative_to(base)): path for path in base.rglob("*") if path.is_file()}
    assert set(found) == set(expected)
    for file, path in found.items():
        rows = lines(path) if file.endswith(".txt") else sentences(path)
        assert len(rows) == expected[file], file
        if file.endswith(".txt"):
            assert all(row and row == " ".join(row.split()) for row in rows)
        else:
            columns = 1 if file.startswith("translate") else 2
            assert all(len(row) == columns and all(row) and " " not in row[0] for block in rows for row in block)


@pytest.mark.parametrize(("name", "tags"), [("udpos", UPOS), ("panx", IOB)])
def test_tags(folder: Path, name: str, tags: set[str]) -> None:
    for code in LANGUAGES:
        seen: Counter[str] = Counter()
        for split in ("train", "dev", "test") if code == SOURCE else ("dev", "test"):
            for block in sentences(folder / name / f"{split}-{code}.tsv"):
                seen.update(tag for _, tag in block)
                if name == "panx":  # IOB2: an inside tag follows a tag of its kind
                    for (_, before), (_, tag) in zip([["", "O"], *block], block):
                        assert tag[0] != "I" or before[2:] == tag[2:]
        assert set(seen) <= tags
        if code == SOURCE:
            assert set(seen) == tags
        elif name == "udpos":  # the others are not in every language, or in too few sentences
            assert seen.keys() >= {"CCONJ", "NOUN", "NUM", "PROPN", "PUNCT", "VERB"}
        else:
            assert seen.keys() >= {"B-LOC", "B-ORG", "B-PER", "I-ORG", "I-PER", "O"}


def test_entities_agree_between_languages(folder: Path) -> None:
    """As many entities of each kind as in English: the languages say the same."""

    def kinds(code: str) -> list[Counter]:
        blocks = sentences(folder / "panx" / f"test-{code}.tsv")
        return [Counter(tag[2:] for _, tag in block if tag[0] == "B") for block in blocks]

    assert all(kinds(code) == kinds(SOURCE) for code in TARGETS)
    assert sum(sum(counts.values()) for counts in kinds(SOURCE)) > SIZES["test"]


def test_no_clause_is_in_two_splits_and_training_lacks_some_names() -> None:
    options = Options(tuple(LANGUAGES), 400, 60, 60, 1)
    for name in DATASETS:
        for split in ("train", "dev", "test"):
            clauses = [c for s in draw_sentences(options, name, split) for c in s.clauses]
            assert {split_of(clause) for clause in clauses} == {split}
            nouns = [n for c in clauses for n in (c.subject.noun, c.object.noun if c.object else "", c.place)]
            parts = [names.split(noun) for noun in nouns if names.is_name(noun) and not noun.startswith("@PRO")]
            shown = [name for kind, found in parts for name in (found[1:] if kind == "ORG" else found)]
            assert any(map(held_out, shown)) == (split != "train")


def test_english_training_sentences_are_in_no_other_split(folder: Path) -> None:
    for name in DATASETS:
        text = {s: {tuple(w for w, _ in b) for b in sentences(folder / name / f"{s}-en.tsv")} for s in SIZES}
        assert not text["train"] & text["dev"] and not (text["train"] | text["dev"]) & text["test"]


def test_some_sentences_have_no_capitals(folder: Path) -> None:
    """The same ones in every language; Turkish dotted and dotless i are kept apart."""

    def without(code: str) -> list[bool]:
        blocks = sentences(folder / "panx" / f"test-{code}.tsv")
        return ["".join(word for word, _ in block) == "".join(word for word, _ in block).lower() for block in blocks]

    assert all(without(code) == without(SOURCE) for code in TARGETS if code != "hi")
    assert 3 <= sum(without(SOURCE)) <= 14
    assert lowered("Izmir'de", "tr") == "ızmir'de" and lowered("İzmir'de", "tr") == "izmir'de"


def test_translations_without_noise_have_the_same_entities(clean: Path) -> None:
    """Up to synonyms, a translate-test text without noise is the English sentence itself."""
    for name in DATASETS:
        for split in ("dev", "test"):
            english = [[w for w, _ in block] for block in sentences(clean / name / f"{split}-en.tsv")]
            view = [line.split(" ") for line in lines(clean / name / f"translate-{split}" / "hi-en.txt")]
            assert [len(words) for words in english] == [len(words) for words in view]
            same = sum(a == b for one, two in zip(english, view) for a, b in zip(one, two))
            assert same / sum(map(len, english)) > 0.9
        back = [line.split(" ") for line in lines(clean / name / "back-translation" / "en-hi.txt")]
        train = [[w for w, _ in block] for block in sentences(clean / name / "train-en.tsv")]
        assert [len(words) for words in back] == [len(words) for words in train]


def test_noise_leaves_punctuation_and_alters_words(folder: Path, clean: Path) -> None:
    for name in DATASETS:
        noisy, exact = (
            [[w for (w,) in b] for b in sentences(f / name / "translate-train/en-hi.tsv")] for f in (folder, clean)
        )
        assert len(noisy) == len(exact)
        assert all(a[-1] == b[-1] and a[-1] in "।!" for a, b in zip(noisy, exact))
        lost = 1 - sum(map(len, noisy)) / sum(map(len, exact))
        assert lost == pytest.approx(0.1 / 3, abs=0.02)


def test_a_language_does_not_depend_on_the_others_nor_on_the_problem(folder: Path, tmp_path: Path) -> None:
    two = make(tmp_path / "two", languages="en,tr")
    everything = make(tmp_path / "all", "--problem", "all", languages="en,tr")
    for path in two.rglob("*.t*"):
        if path.is_file():
            name = path.relative_to(two)
            assert path.read_bytes() == (folder / name).read_bytes() == (everything / name).read_bytes(), name
    assert {path.name for path in everything.iterdir()} == {
        "xnli", "pawsx", "udpos", "panx", "squad", "topics", "dictionaries", "wordlists", "unlabelled",
        ".xl_plugins.json",
    }  # fmt: skip


def test_more_rows_leave_the_first_ones_alone(folder: Path, tmp_path: Path) -> None:
    more = make(tmp_path / "more", "--train", "200", languages="en,de")
    for file in ("train-en.tsv", "translate-train/en-de.tsv"):
        for name in DATASETS:
            assert sentences(more / name / file)[: SIZES["train"]] == sentences(folder / name / file)


def test_unlabelled_text_has_names_and_questions(folder: Path) -> None:
    for code in LANGUAGES:
        own, parallel = (lines(folder / "unlabelled" / f"{name}.txt") for name in (code, f"parallel-{code}"))
        assert len(own) == len(parallel) == 60 and all(own) and all(parallel)
        assert any(line.endswith("?") for line in parallel)
    both = [lines(folder / "unlabelled" / f"parallel-{code}.txt") for code in ("en", "es")]
    assert [line.endswith("?") for line in both[0]] == [line.endswith("?") for line in both[1]]
