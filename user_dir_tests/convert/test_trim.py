"""xl-convert trim and untrim: the same pieces, the same numbers, a smaller table, and back."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sentencepiece
import torch
from fairseq.data import Dictionary

from user_dir_tests.conftest import TinySpm, made_up_text
from user_dir_tests.helpers.evaluation.checkpoints import save_checkpoint
from user_dir_tests.helpers.folders import tree
from user_dir_tests.helpers.prepare.invented_xnli import prepare_raw, write_raw
from xl_plugins.cli import convert
from xl_plugins.convert.untrim import untrim
from xl_plugins.convert.used_pieces import find_pieces
from xl_plugins.data.binary.layout import load_with_mask
from xl_plugins.data.tokenizer import PieceEncoder
from xl_plugins.errors import UserError
from xl_plugins.evaluation.checkpoint import load_fine_tuned
from xl_plugins.models.pretrained import build_pretrained, read_pretrained
from xl_plugins.problems.predicting import predict_languages

SPM, DICT, MODEL = "sentencepiece.bpe.model", "dict.txt", "model.pt"


class World:
    """A fine-tuned model of random weights on prepared data, and the model trimmed to the raw files of these."""

    def __init__(self, root: Path, spm: TinySpm) -> None:
        self.root, self.spm = root, spm
        self.raw = write_raw(root / "raw", rows=8)
        self.data = prepare_raw(self.raw, root / "data", spm)
        self.model = root / "full.pt"
        save_checkpoint(self.model, self.data, "xl_sentence_pair", max_positions=256, max_length=100)
        self.out = root / "small"

    def trim(self, *more: object, data: object = None, out: Path | None = None) -> int:
        words = ["trim", self.model, "--data", data or self.raw, "--spm", self.spm.model, "--dict", self.spm.dict]
        return convert.main([str(word) for word in (*words, *more, out or self.out)])


def train_tokenizer(folder: Path) -> TinySpm:
    """Train on whole words, more than the data have."""
    folder.mkdir()
    text, prefix = folder / "text.txt", folder / "spm"
    lines = [line for seed in (1, 11, 12, 5) for line in made_up_text(400, seed)]
    text.write_text("\n".join(lines) + "\n", encoding="utf-8")
    sentencepiece.SentencePieceTrainer.train(
        input=str(text), model_prefix=str(prefix), vocab_size=1200, model_type="unigram", character_coverage=1.0,
        num_threads=1, minloglevel=2,
    )  # fmt: skip
    model = sentencepiece.SentencePieceProcessor(model_file=f"{prefix}.model")
    rows = [f"{model.id_to_piece(number)} 1\n" for number in range(3, model.get_piece_size())]
    (folder / "dict.txt").write_text("".join(rows), encoding="utf-8")
    return TinySpm(Path(f"{prefix}.model"), folder / "dict.txt", text)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    root = tmp_path_factory.mktemp("world")
    world = World(root, train_tokenizer(root / "spm"))
    assert world.trim() == 0
    return world


def texts_of(raw: Path) -> list[str]:
    files = sorted(path for path in raw.rglob("*.tsv"))
    return [field for path in files for line in path.read_text().splitlines() for field in line.split("\t")]


def cut(folder: Path, texts: list[str]) -> list[list[str]]:
    model = sentencepiece.SentencePieceProcessor(model_file=str(folder / SPM))
    return model.encode(texts, out_type=str)


def test_the_data_are_cut_into_the_same_pieces(world: World) -> None:
    texts = texts_of(world.raw)
    full = sentencepiece.SentencePieceProcessor(model_file=str(world.spm.model))
    pieces = full.encode(texts, out_type=str)
    assert cut(world.out, texts) == pieces
    kept = sentencepiece.SentencePieceProcessor(model_file=str(world.out / SPM))
    names = {kept.IdToPiece(number) for number in range(kept.GetPieceSize())}
    everything = {full.IdToPiece(number) for number in range(full.GetPieceSize())}
    used = {piece for text in pieces for piece in text} & everything  # unknown characters show as themselves
    assert used <= names and len(names) < full.GetPieceSize()
    single = {full.IdToPiece(n) for n in range(full.GetPieceSize()) if len(full.IdToPiece(n)) == 1}
    more = names - used - single - {"<unk>", "<s>", "</s>"}
    assert single <= names and len(more) <= 2  # the lowest and the highest score


def test_an_unknown_character_costs_what_it_cost(world: World) -> None:
    """Its score follows from the lowest of all scores."""
    models = [sentencepiece.SentencePieceProcessor(model_file=str(path)) for path in (world.spm.model, world.out / SPM)]
    one, other = (model.nbest_encode("\u6f22 ba", nbest_size=9, return_type="proto").nbests for model in models)
    best = [[piece.piece for piece in text.pieces] for text in (one[0], other[0])]
    assert best[0] == best[1] and "\u6f22" in best[0] and one[0].score == other[0].score


def test_dictionary_and_tables_keep_their_order(world: World) -> None:
    full, small = load_with_mask(world.spm.dict), load_with_mask(world.out / DICT)
    rows = torch.tensor([full.index(symbol) for symbol in small.symbols])
    assert len(small) < len(full) and rows.tolist() == sorted(rows.tolist()) and rows[-1] == len(full) - 1
    before, after = (torch.load(path, weights_only=False)["model"] for path in (world.model, world.out / MODEL))
    tables = {name for name in before if before[name].shape != after[name].shape}
    assert {name.split(".", 2)[-1] for name in tables} == {"embed_tokens.weight", "weight", "bias"}
    for name, tensor in before.items():
        assert torch.equal(tensor[rows] if name in tables else tensor, after[name])
    tied = [after[name].data_ptr() for name in tables if name.endswith("weight")]
    assert len(tied) == 2 and len(set(tied)) == 1


@torch.no_grad()
def test_hidden_states_are_equal_bit_for_bit(world: World) -> None:
    texts = texts_of(world.raw)[:60]
    states = []
    for model, spm, dictionary in (
        (world.model, world.spm.model, world.spm.dict),
        (world.out / MODEL, world.out / SPM, world.out / DICT),
    ):
        loaded = build_pretrained(str(model), read_pretrained(str(model)), load_with_mask(dictionary), True)
        ids, sizes = PieceEncoder(str(spm), str(dictionary)).encode(texts)
        rows = np.split(ids, np.cumsum(sizes)[:-1])
        states.append([loaded(torch.tensor([[0, *row]]), features_only=True)[0] for row in rows])
    assert all(torch.equal(one, other) for one, other in zip(*states))


def scores(model: Path, data: Path) -> Any:
    tuned = load_fine_tuned(str(model), str(data))
    found = predict_languages(tuned, "test", ["en", "de"], batch_size=4)
    return {language: np.asarray(values.probabilities) for language, values in found.items()}


def test_a_fine_tuned_model_predicts_the_same_and_comes_back_whole(world: World, tmp_path: Path) -> None:
    small = TinySpm(world.out / SPM, world.out / DICT, world.spm.text)
    data = prepare_raw(world.raw, tmp_path / "data", small)
    before, after = scores(world.model, world.data), scores(world.out / MODEL, data)
    assert all(np.array_equal(before[language], after[language]) for language in before)
    whole = tmp_path / "made" / "whole.pt"
    words = ["untrim", world.out / MODEL, "--dict", world.out / DICT, "--full", world.model, "--full-dict"]
    assert convert.main([str(word) for word in (*words, world.spm.dict, whole)]) == 0
    one, other = (torch.load(path, weights_only=False)["model"] for path in (world.model, whole))
    assert one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
    again = scores(whole, world.data)
    assert all(np.array_equal(before[language], again[language]) for language in before)


def test_rows_of_the_trained_model_win(world: World, tmp_path: Path) -> None:
    state = torch.load(world.out / MODEL, weights_only=False)
    name = next(name for name in state["model"] if name.endswith("embed_tokens.weight"))
    with torch.no_grad():
        state["model"][name].add_(1)
    torch.save(state, tmp_path / "trained.pt")
    small, whole = str(world.out / DICT), str(tmp_path / "whole.pt")
    sizes = untrim(str(tmp_path / "trained.pt"), small, str(world.model), str(world.spm.dict), whole)
    full, kept = load_with_mask(world.spm.dict), load_with_mask(world.out / DICT)
    assert sizes == (len(kept), len(full))
    before, after = (torch.load(path, weights_only=False)["model"][name] for path in (world.model, whole))
    moved = (after - before).mean(1).round()
    assert moved.tolist() == [float(symbol in kept) for symbol in full.symbols]


def test_a_prepared_folder_stands_for_its_raw_files(world: World, tmp_path: Path) -> None:
    raw, prepared = (find_pieces([str(path)], str(world.spm.model)) for path in (world.raw, world.data))
    assert raw.pieces - {"<unk>"} == prepared.pieces - {"</s>"} and (raw.texts > 0, prepared.texts) == (True, 0)


def test_sampling_keeps_the_lattice(world: World, tmp_path: Path) -> None:
    texts = made_up_text(3, seed=8)
    (tmp_path / "few.txt").write_text("\n".join(texts))
    world.trim("--sampling", data=tmp_path / "few.txt", out=tmp_path / "sampling")
    world.trim(data=tmp_path / "few.txt", out=tmp_path / "best")
    models = [
        sentencepiece.SentencePieceProcessor(model_file=str(path))
        for path in (world.spm.model, tmp_path / "sampling" / SPM, tmp_path / "best" / SPM)
    ]
    full, sampling, best = (
        [model.nbest_encode(text, nbest_size=50, out_type=str) for text in texts] for model in models
    )
    assert full == sampling != best


def files_of_all_kinds(folder: Path, text: str) -> dict[str, tuple[Path, Any]]:
    quoted = text.replace(" ", '"" ', 1)
    contents = {
        "lines.txt": f"{text}\n",
        "table.tsv": f"id\ttext\n1\t{text}\n",
        "quoted.tsv": f'id\ttext\n1\t"{quoted}"\n',
        "comma.csv": f'id,text\n1,"{quoted}"\n',
        "flat.jsonl": json.dumps({"id": 1, "tokens": text.split()}) + "\n" + json.dumps([text]) + "\n",
        "deep.json": json.dumps({"data": [{"paragraphs": [{"context": text}]}]}, ensure_ascii=True),
        "words.conll": "".join(f"{word} O\n" for word in text.split()),
    }
    folder.mkdir()
    for name, content in contents.items():
        (folder / name).write_text(content, encoding="utf-8")
    (folder / "marked.txt").write_text(text, encoding="utf-16")
    (folder / "packed.txt.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
    return contents


def test_every_kind_of_file_is_read(world: World, tmp_path: Path) -> None:
    text = made_up_text(1, seed=8)[0]
    model = sentencepiece.SentencePieceProcessor(model_file=str(world.spm.model))
    pieces = set(model.encode(text, out_type=str))
    files_of_all_kinds(tmp_path / "raw", text)
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(pyarrow.table({"tokens": [text.split()]}), tmp_path / "raw" / "hub.parquet")
    for path in sorted((tmp_path / "raw").iterdir()):
        found = find_pieces([str(path)], str(world.spm.model))
        assert pieces <= found.pieces, path.name
    alone = find_pieces([str(tmp_path / "raw" / "lines.txt")], str(world.spm.model))
    assert alone == (pieces, 1, [])


def test_what_is_no_text_is_named(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "a.txt").write_text("ba du\n")
    (tmp_path / "raw" / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0")
    (tmp_path / "raw" / "loop").symlink_to(tmp_path / "raw")
    assert world.trim(data=tmp_path / "raw", out=tmp_path / "small") == 0
    printed = capsys.readouterr()
    assert f"warning: left out, no text: {tmp_path}/raw/picture.png\n" in printed.err
    rows, full = len(load_with_mask(tmp_path / "small" / DICT)), len(load_with_mask(world.spm.dict))
    assert f"{tmp_path}/small: {rows} of {full:,} pieces" in printed.out
    with pytest.raises(UserError, match=r"picture\.png"):
        world.trim(data=tmp_path / "raw" / "picture.png", out=tmp_path / "other")


def other_dictionary(world: World, root: Path) -> Path:
    lines = world.spm.dict.read_text().splitlines()
    (root / "other.txt").write_text("\n".join(lines[:-3]) + "\n")
    return root / "other.txt"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data": "nowhere"}, "--data nowhere: no such file or folder"),
        ({"data": "empty"}, "holds no text; name raw files, or folders made by xl-prepare"),
        ({"dict": "other"}, "rows, .*other.txt and the five special symbols make .*; give the dict.txt of this model"),
        ({"spm": "dict"}, "not a SentencePiece model"),
        ({"spm": "bpe"}, r"--spm .*: not a unigram model \(XLM-R's kind\); others cannot be trimmed"),
        ({"model": "nowhere.pt"}, "MODEL nowhere.pt: no such file"),
    ],
)
def test_mistakes(world: World, tmp_path: Path, change: dict[str, str], message: str) -> None:
    (tmp_path / "empty").mkdir()
    places: dict[str, object] = {"empty": tmp_path / "empty", "dict": world.spm.dict}
    if change.get("dict") == "other":
        places["other"] = other_dictionary(world, tmp_path)
    if change.get("spm") == "bpe":
        sentencepiece.SentencePieceTrainer.train(
            input=str(world.spm.text), model_prefix=str(tmp_path / "bpe"), vocab_size=200, model_type="bpe",
            minloglevel=2,
        )  # fmt: skip
        model = sentencepiece.SentencePieceProcessor(model_file=str(tmp_path / "bpe.model"))
        pieces = [model.id_to_piece(number) for number in range(3, model.get_piece_size())]
        (tmp_path / "bpe.txt").write_text("".join(f"{piece} 1\n" for piece in pieces))
        torch.save({"model": {"encoder.embed_tokens.weight": torch.ones(len(pieces) + 5, 2)}}, tmp_path / "bpe.pt")
        change = {**change, "dict": "bpe.txt", "model": "bpe.pt"}
        places |= {"bpe": tmp_path / "bpe.model", "bpe.txt": tmp_path / "bpe.txt", "bpe.pt": tmp_path / "bpe.pt"}
    found = {"model": world.model, "data": world.raw, "spm": world.spm.model, "dict": world.spm.dict}
    found |= {name: places.get(value, value) for name, value in change.items()}
    before = tree(tmp_path)
    words = [found["model"], "--data", found["data"], "--spm", found["spm"], "--dict", found["dict"]]
    with pytest.raises(UserError, match=message):
        convert.main([str(word) for word in ("trim", *words, tmp_path / "out")])
    assert tree(tmp_path) == before


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ("dict", "CKPT .*|rows, .* and the five special symbols make"),
        ("full", "--full .*: another width of embed_tokens.weight; give the model that was trimmed"),
        ("full-dict", "is not in .*; give the dict.txt before trimming there"),
    ],
)
def test_mistakes_of_untrim(world: World, tmp_path: Path, changed: str, message: str) -> None:
    given = {"dict": world.out / DICT, "full": world.model, "full-dict": world.spm.dict}
    if changed == "dict":
        given["dict"] = world.spm.dict
    elif changed == "full-dict":
        lines = world.spm.dict.read_text().splitlines()
        used = Dictionary.load(str(world.out / DICT)).symbols[4:]
        (tmp_path / "d.txt").write_text("".join(f"{line}\n" for line in lines if line.split(" ")[0] != used[0]))
        given["full-dict"] = tmp_path / "d.txt"
    else:
        size = len(load_with_mask(world.spm.dict))
        torch.save({"model": {"decoder.embed_tokens.weight": torch.ones(size, 3)}}, tmp_path / "narrow.pt")
        given["full"] = tmp_path / "narrow.pt"
    options = [word for name, path in given.items() for word in (f"--{name}", str(path))]
    with pytest.raises(UserError, match=message):
        convert.main(["untrim", str(world.out / MODEL), *options, str(tmp_path / "out.pt")])
    assert not (tmp_path / "out.pt").exists()
