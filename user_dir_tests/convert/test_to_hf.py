"""xl-convert to-hf: transformers reads what was written and computes the same."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor

pytest.importorskip("transformers")

import transformers

from user_dir_tests.conftest import TinySpm, made_up_text
from user_dir_tests.helpers.evaluation.checkpoints import save_checkpoint
from user_dir_tests.helpers.evaluation.cotraining import cotraining
from user_dir_tests.helpers.prepare.invented_xnli import prepare_raw, write_raw
from user_dir_tests.helpers.prepare.questions import make_xquad
from user_dir_tests.helpers.prepare.runs import run
from user_dir_tests.helpers.prepare.tagging import make_udpos
from user_dir_tests.helpers.toys.tiny import Setup
from xl_plugins.cli import convert
from xl_plugins.convert.to_hf import to_hf
from xl_plugins.data.tokenizer import PieceEncoder
from xl_plugins.errors import UserError
from xl_plugins.evaluation.members import export_members
from xl_plugins.functional.words import pool_words
from xl_plugins.huggingface.from_hf import from_hf
from xl_plugins.models.token_types import second_text

AUTO = {
    "sentence_pair": transformers.AutoModelForSequenceClassification,
    "text": transformers.AutoModelForSequenceClassification,
    "tagging": transformers.AutoModelForTokenClassification,
    "qa": transformers.AutoModelForQuestionAnswering,
}


class Made(NamedTuple):
    """A checkpoint of random weights on prepared data."""

    path: Path
    data: Path
    setup: Setup


def prepare_all(root: Path, tiny: TinySpm) -> dict[str, Path]:
    """Data folders of every problem."""
    raw = write_raw(root / "raw", rows=10)
    (root / "texts").mkdir()
    for name in ("train-en", "dev-en", "test-en"):
        rows = [f"{text}\t{'yes' if i % 2 else 'no'}" for i, text in enumerate(made_up_text(9, 3))]
        (root / "texts" / f"{name}.tsv").write_text("\n".join(["text\tlabel", *rows]) + "\n")
    run(tiny, "texts", root / "text", "--folder", root / "texts", "--labels", "no,yes")
    run(tiny, "udpos", make_udpos(root / "udpos"), root / "tagging")
    questions = make_xquad(root / "raw-qa")
    run(tiny, "xquad", questions / "xquad", root / "qa", "--train", questions / "squad/train-v1.1.json")
    made = {name: root / name for name in ("text", "tagging", "qa")}
    return {**made, "sentence_pair": prepare_raw(raw, root / "sentence_pair", tiny)}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, tiny_spm: TinySpm) -> dict[str, Path]:
    return prepare_all(tmp_path_factory.mktemp("data"), tiny_spm)


def make(data: dict[str, Path], folder: Path, problem: str, method: str = "xl", **options: Any) -> Made:
    path = folder / "checkpoint_best.pt"
    shape = {"max_positions": 128, "max_length": 60, **({"max_question_length": 20} if problem == "qa" else {})}
    setup = save_checkpoint(path, data[problem], f"{method}_{problem}", **{**shape, **options})
    return Made(path, data[problem], setup)


def ours(setup: Setup) -> tuple[dict, Tensor]:
    """A batch of test examples, and what the head says of it."""
    problem = setup.task.problem
    parts = [problem.build_part("en", 0, "test", False)]
    dataset = problem.build_dataset(parts, shuffle=False)
    sample = dataset.collater([dataset[i] for i in range(len(dataset))])
    setup.model.eval()
    with torch.no_grad():
        output, _ = setup.model(**sample["net_input"], classification_head_name=problem.head_name)
    return sample, output


def theirs(folder: Path, problem: str, sample: dict, bert: bool = False) -> Tensor:
    """The same by transformers; tags of words are means over their pieces, or those of the first."""
    model = AUTO[problem].from_pretrained(folder).eval()
    tokens = sample["net_input"]["src_tokens"]
    types = {"token_type_ids": second_text(tokens, 2)} if bert else {}
    with torch.no_grad():
        found = model(tokens, attention_mask=tokens.ne(1).long(), **types)
    return torch.stack([found.start_logits, found.end_logits], dim=-1) if problem == "qa" else found.logits


def test_logits_of_an_encoder_that_norms_first(data: dict[str, Path], tmp_path: Path) -> None:
    """XLM-R XL: no norm of the embeddings, one before each part of a layer and a last one."""
    made = make(data, tmp_path, "text", encoder_normalize_before=True, no_layernorm_embedding=True)
    check_logits(made, tmp_path, "text")
    config = json.loads((tmp_path / "hf" / "config.json").read_text())
    assert config["architectures"] == ["XLMRobertaXLForSequenceClassification"]


@pytest.mark.parametrize("problem", AUTO)
def test_logits(data: dict[str, Path], tmp_path: Path, problem: str) -> None:
    check_logits(make(data, tmp_path, problem, layer_norm_eps=1e-3), tmp_path, problem)


def check_logits(made: Made, tmp_path: Path, problem: str, bert: bool = False) -> None:
    to_hf(str(made.path), str(tmp_path / "hf"))
    sample, expected = ours(made.setup)
    found = theirs(tmp_path / "hf", problem, sample, bert)
    if problem == "tagging":
        found = pool_words(found, sample["net_input"]["words"], "mean")
        real = torch.arange(found.size(1)) < sample["net_input"]["words"].amax(1, keepdim=True)
        expected, found = expected[real], found[real]
    if problem == "qa":
        real = sample["net_input"]["src_tokens"].ne(1)
        expected, found = expected[real], found[real]
    assert expected.std() > 0.01
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_the_first_piece_needs_no_word_of_warning(data: dict[str, Path], tmp_path: Path) -> None:
    made = make(data, tmp_path, "tagging", word_pooling="first")
    assert to_hf(str(made.path), str(tmp_path / "hf")).lost == []
    sample, expected = ours(made.setup)
    found = pool_words(theirs(tmp_path / "hf", "tagging", sample), sample["net_input"]["words"], "first")
    real = torch.arange(found.size(1)) < sample["net_input"]["words"].amax(1, keepdim=True)
    torch.testing.assert_close(found[real], expected[real], atol=1e-5, rtol=1e-5)
    mean = make(data, tmp_path / "mean", "tagging")
    assert "the mean over the pieces of a word" in to_hf(str(mean.path), str(tmp_path / "mean" / "hf")).lost[0]


def test_texts_and_pairs_get_the_same_ids(data: dict[str, Path], tmp_path: Path) -> None:
    made = make(data, tmp_path, "sentence_pair")
    to_hf(str(made.path), str(tmp_path / "hf"))
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "hf")
    encoder = PieceEncoder(str(made.data / "sentencepiece.bpe.model"), str(made.data / "dict.txt"))
    texts = [*made_up_text(150, 9), " two  blanks ", "ﬁne １２ ① Ａ", "xyz ÿ 火", "<mask"]
    for first, second in zip(texts, reversed(texts)):
        one, other = (encoder.encode([text])[0].tolist() for text in (first, second))
        assert tokenizer(first)["input_ids"] == [0, *one]
        assert tokenizer(first, second)["input_ids"] == [0, *one, 2, *other]
    assert tokenizer.mask_token_id == len(made.setup.task.source_dictionary) - 1
    assert tokenizer.model_max_length == 128 and tokenizer.pad_token_id == 1


@pytest.mark.parametrize(
    ("problem", "pipeline", "given"),
    [("sentence_pair", "text-classification", {"text": "a b", "text_pair": "c"}),
     ("text", "text-classification", "a b"), ("tagging", "token-classification", "a b c"),
     ("qa", "question-answering", None)],
)  # fmt: skip
def test_pipelines_run(data: dict[str, Path], tmp_path: Path, problem: str, pipeline: str, given: Any) -> None:
    made = make(data, tmp_path, problem)
    to_hf(str(made.path), str(tmp_path / "hf"))
    config = json.loads((tmp_path / "hf" / "config.json").read_text())
    if problem == "qa":
        assert "id2label" not in config and config["architectures"] == ["XLMRobertaForQuestionAnswering"]
        return  # transformers 5 has no such pipeline
    names = made.setup.task.problem.labels
    assert config["id2label"] == {str(number): name for number, name in enumerate(names)}
    found = transformers.pipeline(pipeline, str(tmp_path / "hf"))(given)
    entry = found[0] if isinstance(found, list) else found
    assert entry.get("label", entry.get("entity")) in names


def test_there_and_back(data: dict[str, Path], tmp_path: Path) -> None:
    """The encoder of an exported model is the one that was trained, bit for bit."""
    made = make(data, tmp_path, "sentence_pair")
    to_hf(str(made.path), str(tmp_path / "hf"))
    from_hf(str(tmp_path / "hf"), str(tmp_path / "back"))
    back = torch.load(tmp_path / "back" / "model.pt", weights_only=False)["model"]
    before = made.setup.model.state_dict()
    assert all(torch.equal(back[name], before[name]) for name in before if name.startswith("encoder.sentence_encoder."))
    for name in ("dict.txt", "sentencepiece.bpe.model"):
        assert (tmp_path / "back" / name).read_bytes() == (made.data / name).read_bytes()


def test_a_model_that_mixes_is_exported_on_request(data: dict[str, Path], tmp_path: Path) -> None:
    made = make(data, tmp_path, "sentence_pair", "xmixup")
    with pytest.raises(UserError, match=r"reads translations as well \(X-Mixup with mixup inference\).*pass --plain"):
        to_hf(str(made.path), str(tmp_path / "hf"))
    assert not (tmp_path / "hf").exists()
    assert to_hf(str(made.path), str(tmp_path / "hf"), plain=True).lost[0].startswith("mixup inference:")
    sample, expected = ours(made.setup)  # of the text alone
    torch.testing.assert_close(theirs(tmp_path / "hf", "sentence_pair", sample), expected, atol=1e-5, rtol=1e-5)
    for number, options in enumerate(({"no_mixup_inference": True}, {"no_mixup": True})):
        other = make(data, tmp_path / str(number), "sentence_pair", "xmixup", **options)
        assert to_hf(str(other.path), str(tmp_path / str(number) / "hf")).lost == []


def test_a_co_training_run_is_exported_as_its_best_member_on_request(data: dict[str, Path], tmp_path: Path) -> None:
    path, folder = tmp_path / "checkpoint_last.pt", data["sentence_pair"]
    torch.save(cotraining(("sentence_pair", folder)), path)
    with pytest.raises(UserError, match=f"the mean of their prob.*Pass --plain.*xl-convert members {path}"):
        to_hf(str(path), str(tmp_path / "hf"))
    assert not (tmp_path / "hf").exists()
    made = to_hf(str(path), str(tmp_path / "hf"), plain=True)
    assert made.lost == ["the mean over the members: this is member 1 of 3, dev score 61.50"]
    first = export_members(str(path), str(tmp_path / "members"))[0]
    to_hf(first.path, str(tmp_path / "first"))
    for name in ("model.safetensors", "config.json"):
        assert (tmp_path / "hf" / name).read_bytes() == (tmp_path / "first" / name).read_bytes()
    state = torch.load(path, weights_only=False)
    state["cfg"]["task"]["data"] = str(tmp_path / "gone")
    torch.save(state, path)
    with pytest.raises(UserError, match=f"^{path}: was trained on {tmp_path}/gone, which is gone, .*--data DATA$"):
        to_hf(str(path), str(tmp_path / "hf2"), plain=True)
    card = (tmp_path / "hf" / "README.md").read_text()
    assert "| method | xla |" in card and "* the mean over the members: this is member 1 of 3" in card


def test_the_card_and_the_command(data: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = make(data, tmp_path, "tagging")
    scores = {"figures": {"f1": {"mean": 55.5}}, "languages": {"en": {"f1": 60.25}, "de": {"f1": 50.75}}}
    (tmp_path / "s.json").write_text(json.dumps(scores))
    words = ["to-hf", str(made.path), str(tmp_path / "hf"), "--scores", str(tmp_path / "s.json")]
    assert convert.main(words) == 0
    shown = capsys.readouterr()
    assert shown.out == f"{tmp_path / 'hf'}: XLMRobertaForTokenClassification\n"
    assert shown.err.startswith("warning: not in the folder: the mean over the pieces of a word")
    card = (tmp_path / "hf" / "README.md").read_text()
    assert card.startswith('---\nlanguage:\n- "en"\nlibrary_name: transformers\npipeline_tag: token-classification\n')
    digest = made.setup.task.state_dict()["training_data"]["en"]
    assert f"| SHA-256 of the training data, en | `{digest}` |" in card and "| method | plain |" in card
    assert "| training languages | en |" in card and "| checkpoint chosen by | mean-dev over de, en |" in card
    assert "| task | `xl_tagging` |" in card and "| updates | 7 |" in card and "| dev score" in card
    assert "| de | 50.8 |" in card and "| mean | 55.5 |" in card and str(tmp_path) not in card
    assert oct(os.stat(tmp_path / "hf" / "model.safetensors").st_mode) == oct(os.stat(tmp_path / "hf" / SPM).st_mode)
    (tmp_path / "s.json").write_text(
        json.dumps({"metric": "accuracy", "mean": 71, "languages": {"en": {"accuracy": 71}}})
    )
    assert convert.main([*words, "--overwrite"]) == 0
    assert "| | accuracy |" in (tmp_path / "hf" / "README.md").read_text()
    with pytest.raises(UserError, match="exists; pass --overwrite"):
        convert.main(words)
    (tmp_path / "s.json").write_text("[]")
    with pytest.raises(UserError, match=r"--scores .*: no scores in it"):
        convert.main([*words, "--overwrite"])


SPM = "sentencepiece.bpe.model"


def test_what_cannot_be_exported(data: dict[str, Path], tmp_path: Path, tiny_spm: TinySpm) -> None:
    made = make(data, tmp_path, "text", activation_fn="tanh")
    with pytest.raises(UserError, match="--activation-fn tanh: transformers' encoders have none like it"):
        to_hf(str(made.path), str(tmp_path / "hf"))
    made = make(data, tmp_path, "text", pooler_activation_fn="relu")
    with pytest.raises(UserError, match="--pooler-activation-fn relu: transformers' heads have tanh"):
        to_hf(str(made.path), str(tmp_path / "hf"))
    made = make(data, tmp_path, "text", encoder_normalize_before=True)
    with pytest.raises(UserError, match="--encoder-normalize-before: transformers has such encoders without norm"):
        to_hf(str(made.path), str(tmp_path / "hf"))
    with pytest.raises(UserError, match="nothing: no such file"):
        to_hf("nothing", str(tmp_path / "hf"))
    copied = tmp_path / "copied"
    copied.mkdir()
    for file in made.data.iterdir():
        if file.name != SPM:
            (copied / file.name).symlink_to(file)
    made = make(data, tmp_path, "text")
    with pytest.raises(UserError, match=f"{SPM}: missing"):
        to_hf(str(made.path), str(tmp_path / "hf"), str(copied))
    assert not (tmp_path / "hf").exists()
