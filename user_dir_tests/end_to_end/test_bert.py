"""A BERT with WordPiece in place of XLM-R: prepared, trained by every method, scored, predicted, exported."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("transformers")

import xl_plugins
from user_dir_tests.conftest import made_up_text
from user_dir_tests.helpers.prepare.invented_xnli import write_raw
from user_dir_tests.helpers.prepare.questions import make_xquad
from user_dir_tests.helpers.prepare.retrieval import make_tatoeba
from user_dir_tests.helpers.prepare.tagging import add_source_texts, make_udpos
from user_dir_tests.helpers.running.training import REPO, load, train_here
from user_dir_tests.helpers.wordpiece import write_bert
from xl_plugins.cli import augment, evaluate, prepare, xtune
from xl_plugins.data.binary.frame import BERT
from xl_plugins.data.binary.layout import DataBin
from xl_plugins.errors import UserError
from xl_plugins.huggingface.from_hf import from_hf

PROBLEMS = ("sentence_pair", "text", "tagging", "qa")
POSITIONS = "encoder.sentence_encoder.embed_positions."
RUN = ["--max-update", "2", "--batch-size", "4", "--update-freq", "1", "--max-length", "60", "--cpu", "--num-workers",
       "0", "--lr", "0.001"]  # fmt: skip
PLUGIN = ["--user-dir", str(REPO / "xl_plugins")]
QA = ["--max-question-length", "20", "--doc-stride", "16"]
EXAMPLES: dict[str, Any] = {"sentence_pair": ("a b", "c"), "text": "a b", "tagging": ["a", "b"],
                            "qa": ("Wer?", "Anna wohnt in Bern")}  # fmt: skip


@pytest.fixture(scope="module")
def hubs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Cased and uncased, as SALT's article has both, with the language-model head that SALT and GEN-LM need."""
    root = tmp_path_factory.mktemp("hub")
    for name in ("cased", "uncased"):
        write_bert(root / name, cased=name == "cased", head="ForMaskedLM")
    return {name: root / name for name in ("cased", "uncased")}


@pytest.fixture(scope="module")
def hub(hubs: dict[str, Path]) -> Path:
    return hubs["uncased"]


def write_texts(folder: Path) -> list[str]:
    """Parallel texts in English and German with a class, and the options of xl-prepare for them."""
    folder.mkdir()
    options = []
    for seed, role in enumerate(("train", "valid", "test", "back-translation", "translate-dev", "translate-test")):
        files = []
        for language in ("de",) if seed > 2 else ("en", "de"):
            texts = made_up_text(12, 2 * seed + (language == "en"))
            rows = [f"{text}\t{'yes' if row % 2 else 'no'}" for row, text in enumerate(texts)]
            (folder / f"{role}-{language}.tsv").write_text("\n".join(["text\tlabel", *rows]) + "\n")
            files.append(f"{language}={folder}/{role}-{language}.tsv")
        options += [f"--{role}", *files]
    return options


def write_words(folder: Path) -> list[str]:
    """Made-up sentences with a tag per word in English and German, and the options of xl-prepare for them."""
    folder.mkdir()
    options = []
    for seed, role in enumerate(("train", "valid", "test")):
        files = []
        for language in ("en", "de"):
            texts = made_up_text(40, 20 + 2 * seed + (language == "en"))
            rows = [
                "".join(f"{word}\t{'LONG' if len(word) > 4 else 'SHORT'}\n" for word in text.split()) for text in texts
            ]
            (folder / f"{role}-{language}.txt").write_text("\n".join(rows), encoding="utf-8")
            files.append(f"{language}={folder}/{role}-{language}.txt")
        options += [f"--{role}", *files]
    return options


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory, hub: Path) -> dict[str, Path]:
    """Prepared data of every problem."""
    return prepare_all(tmp_path_factory.mktemp("data"), hub)


def prepare_all(root: Path, hub: Path) -> dict[str, Path]:
    pairs = write_raw(root / "pairs", rows=12)
    tags = add_source_texts(make_udpos(root / "tags"))
    questions = make_xquad(root / "questions")
    commands: dict[str, list[Any]] = {
        "sentence_pair": ["xnli", pairs],
        "tagging": ["udpos", tags],
        "qa": ["xquad", questions / "xquad"],
    }  # fmt: skip
    texts = write_texts(root / "texts")
    assert prepare.main(["texts", f"{root}/text", "--model", str(hub), "--labels", "no,yes", *texts]) == 0
    more = {"qa": ["--train", questions / "squad/train-v1.1.json", "--valid", f"{questions}/dev-{{lang}}.json"]}
    for problem, (name, raw) in commands.items():
        words = [name, raw, root / problem, "--model", hub, *more.get(problem, [])]
        assert prepare.main([*map(str, words)]) == 0
    return {problem: root / problem for problem in PROBLEMS}


def trained(
    monkeypatch: pytest.MonkeyPatch, data: Path, save: Path, hub: Path, task: str, *more: str
) -> dict[str, torch.Tensor]:  # fmt: skip
    qa = QA if task.endswith("_qa") else []
    words = [str(data), "--task", task, "--restore-file", str(hub), "--save-dir", str(save), *PLUGIN, *RUN, *qa, *more]
    train_here(monkeypatch, words)
    return load(save / "checkpoint_last.pt")["model"]


@pytest.mark.parametrize("problem", PROBLEMS)
def test_the_folder_tells_its_kind(folders: dict[str, Path], problem: str) -> None:
    """One separator, the tokenizer beside the data, and its kind in meta.json for the case that it gets lost."""
    data = DataBin(folders[problem])
    assert data.meta["tokenizer"] == "wordpiece" and (data.root / "tokenizer.json").is_file()
    assert data.frame.between == BERT and not (data.root / "sentencepiece.bpe.model").exists()


@pytest.mark.parametrize("problem", PROBLEMS)
def test_trained_scored_and_moved(
    folders: dict[str, Path], hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, problem: str
) -> None:
    """Token types are trained where there are pairs; the run's folder predicts without the data."""
    gold = ["--target-labels", "gold", "--train-languages", "source"] if problem == "tagging" else []
    state = trained(monkeypatch, folders[problem], tmp_path / "run", hub, f"xmixup_{problem}", *gold)
    before = load(tmp_path / "run" / "encoder" / "model.pt")["model"][f"{POSITIONS}token_types.weight"]
    after = state[f"{POSITIONS}token_types.weight"]
    assert before.shape == after.shape == (2, 24)
    assert not torch.equal(before[0], after[0])
    assert torch.equal(before[1], after[1]) == (problem in ("tagging", "text"))
    path = str(tmp_path / "run" / "checkpoint_last.pt")
    common = [str(folders[problem]), "--path", path, "--no-mixup-inference", "--split", "valid"]
    assert evaluate.main([*common, "--output", str(tmp_path / "out")]) == 0
    found = xl_plugins.load(path, mixup_inference=False).predict([EXAMPLES[problem]])
    shutil.copytree(folders[problem], tmp_path / "data")
    shutil.move(tmp_path / "run", tmp_path / "moved")
    moved = xl_plugins.load(str(tmp_path / "moved" / "checkpoint_last.pt"), mixup_inference=False)
    assert moved.predict([EXAMPLES[problem]]) == found


@pytest.mark.parametrize("method", ["xl", "xmixup"])
def test_the_architecture_by_its_name(
    folders: dict[str, Path], hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """It trains as the unnamed one does, and gives mBERT's sizes where there is no checkpoint."""
    data, task = folders["sentence_pair"], f"{method}_sentence_pair"
    named, unnamed = (
        trained(monkeypatch, data, tmp_path / f"run{len(arch)}", hub, task, *arch)
        for arch in (["--arch", f"{method}_mbert"], [])
    )
    assert named.keys() == unnamed.keys() and all(torch.equal(named[name], unnamed[name]) for name in named)
    model = xl_plugins.configure(task, data, arch=f"{method}_mbert", from_scratch=True).model
    assert (model.encoder_layers, model.encoder_embed_dim, model.encoder_attention_heads) == (12, 768, 12)
    assert (model.encoder_ffn_embed_dim, model.max_positions) == (3072, 512)
    assert (model.layer_norm_eps, model.token_types, model._name) == (1e-12, 2, f"{method}_mbert")


def test_padding_and_batches_change_nothing(
    folders: dict[str, Path], hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained(monkeypatch, folders["sentence_pair"], tmp_path / "run", hub, "xl_sentence_pair")
    model = xl_plugins.load(str(tmp_path / "run" / "checkpoint_last.pt"))
    pairs = [("bo", "da"), ("bo da ke " * 5, "lu"), ("za", "ri mo " * 9)]
    together = model.predict(pairs)
    for pair, expected in zip(pairs, together):
        (alone,) = model.predict([pair], batch_size=1)
        assert alone["probabilities"] == pytest.approx(expected["probabilities"], abs=2e-6)
    swapped = model.predict([pair[::-1] for pair in pairs])
    assert all(one["probabilities"] != other["probabilities"] for one, other in zip(together, swapped))


@pytest.mark.parametrize("problem", PROBLEMS)
def test_weight_zero_is_plain_training(
    folders: dict[str, Path], hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, problem: str
) -> None:
    """To the last bit, with code-switched views; with a weight they change the model, and so does noise."""
    lexicon = tmp_path / "lexicon"
    lexicon.mkdir()
    (lexicon / "en-de.txt").write_text("".join(f"w{number} x{number}\n" for number in range(99)) + "a b\n")
    still = ["--dropout", "0", "--attention-dropout", "0", "--pooler-dropout", "0"]
    second = ["--criterion", "xtune_criterion", "--second-view"]
    views = [*second, "cs", "--cs-dictionaries", str(lexicon), "--cs-languages", "de"]
    kinds = {"plain": [], "0": [*views, "--r1-weight", "0"], "5": [*views, "--r1-weight", "5"],
             "noise": [*second, "gn", "--r1-weight", "5"]}  # fmt: skip
    made = {
        name: trained(monkeypatch, folders[problem], tmp_path / name, hub, f"xl_{problem}", *still, *words)
        for name, words in kinds.items()
    }
    assert all(torch.equal(made["plain"][name], made["0"][name]) for name in made["plain"])
    assert any(not torch.equal(made["0"][name], made["noise"][name]) for name in made["0"])
    if problem in ("sentence_pair", "tagging"):  # the other texts have no word of the lexicon
        assert any(not torch.equal(made["0"][name], made["5"][name]) for name in made["0"])


def test_subword_sampling_is_refused(
    folders: dict[str, Path], hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match=r"tokenizer.json: not a unigram model of SentencePiece, from whose"):
        trained(
            monkeypatch, folders["sentence_pair"], tmp_path / "run", hub, "xl_sentence_pair", "--criterion",
            "xtune_criterion", "--second-view", "ss",
        )  # fmt: skip


def test_xtune_in_two_stages(folders: dict[str, Path], hub: Path, tmp_path: Path) -> None:
    words = ["xnli", str(folders["sentence_pair"]), "--setting", "translate-train-all", "--restore-file", str(hub),
             "--save-dir", str(tmp_path / "run"), "--", *RUN]  # fmt: skip
    assert xtune.main(words) == 0
    assert load(tmp_path / "run" / "stage2" / "checkpoint_last.pt")["model"][f"{POSITIONS}token_types.weight"].any()


@pytest.mark.parametrize(
    ("problem", "kind"),
    [("sentence_pair", "uncased"), ("sentence_pair", "cased"), ("text", "uncased"), ("tagging", "cased")],
)
def test_salt_and_xla(
    folders: dict[str, Path], hubs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, problem: str,
    kind: str,
) -> None:  # fmt: skip
    """Substitutes are whole words in place of whole words; both methods train on what was made."""
    hub, data = hubs[kind], tmp_path / "bin"
    if problem == "tagging":  # words that are pieces
        assert prepare.main(["conll", str(data), "--model", str(hub), *write_words(tmp_path / "words")]) == 0
    else:
        made = folders if kind == "uncased" else prepare_all(tmp_path / "cased", hub)
        shutil.copytree(made[problem], data)
    vocabulary = [line.split()[0] for line in (data / "dict.txt").read_text(encoding="utf-8").splitlines()]
    (tmp_path / "lists").mkdir()
    words = [piece[1:] for piece in vocabulary if piece.startswith("▁") and piece[1:].isalpha()]
    (tmp_path / "lists" / "de.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    common = [str(data), "--path", str(hub), "--device", "cpu"]
    lists = ["--word-lists", str(tmp_path / "lists"), "--languages", "de", "--threshold", "0"]
    assert augment.main(["counterparts", *common, *lists]) == 0
    _check_substitutes(DataBin(data), ("input0", "input1") if problem == "sentence_pair" else ("input0",))
    trained(monkeypatch, data, tmp_path / "salt", hub, f"salt_{problem}", "--salt-langs", "de")
    samples = "1,1" if problem == "sentence_pair" else "1"
    least = ["--languages", "en,de", "--genlm-min-words", "1", "--samples", samples, "--genlm-min-chars", "1"]
    assert augment.main(["vicinity", *common, *least]) == 0
    words = ["--xla-target", "de", "--xla-epochs", "1", "--xla-warmup-passes", "1", "--distill-eta", "80",
             "--xla-datasets", "1:src,tgt,src_virt,tgt_virt", "--max-update", "0"]  # fmt: skip
    trained(monkeypatch, data, tmp_path / "xla", hub, f"xla_{problem}", *words)
    members = {name for name in load(tmp_path / "xla" / "checkpoint_last.pt")["model"] if "token_types" in name}
    assert members == {f"members.{number}.{POSITIONS}token_types.weight" for number in range(3)}


def _check_substitutes(data: DataBin, fields: tuple[str, ...]) -> None:
    symbols = data.dictionary.symbols
    starts = np.array([symbol.startswith("▁") for symbol in symbols])
    changed = 0
    for field in fields:
        own, other = data.open_text("en", field, "train"), data.open_text("en/counterparts/de", field, "train")
        for before, after in zip(own, other):
            differs = (before != after).numpy()
            changed += int(differs.sum())
            assert starts[after.numpy()[differs]].all() and starts[before.numpy()[differs]].all()
    assert changed > 5


def test_retrieval(hub: Path, tmp_path: Path) -> None:
    """The folder and what it is converted to give the same figures."""
    raw = make_tatoeba(tmp_path / "raw")
    assert prepare.main(["tatoeba", str(raw), str(tmp_path / "bin"), "--model", str(hub), "--languages", "de"]) == 0
    from_hf(str(hub), str(tmp_path / "out"))
    found = []
    for number, path in enumerate((hub, tmp_path / "out" / "model.pt")):
        words = ["--path", str(path), "--layer", "2", "--json", str(tmp_path / f"{number}.json"), "--device", "cpu"]
        assert evaluate.main([str(tmp_path / "bin"), *words]) == 0
        content = json.loads((tmp_path / f"{number}.json").read_text())
        found.append((content["languages"], content["figures"]))
    assert found[0] == found[1] and set(found[0][0]) == {"de"}


def test_data_of_sentencepiece_are_refused(
    folders: dict[str, Path], hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A BERT must not read pairs with two separators, whatever its vocabulary."""
    data = tmp_path / "bin"
    shutil.copytree(folders["sentence_pair"], data)
    (data / "tokenizer.json").unlink()
    (data / "checksums.json").unlink()
    (data / "meta.json").write_text(json.dumps({**DataBin(data).meta, "tokenizer": "sentencepiece"}))
    with pytest.raises(UserError, match=r"--token-types 2: the encoder is a BERT, and the data were prepared with a"):
        trained(monkeypatch, data, tmp_path / "run", hub, "xl_sentence_pair")
