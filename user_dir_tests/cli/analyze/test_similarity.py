"""``xl-analyze similarity``: numbers against the encoder's own vectors, pictures, mistakes."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from user_dir_tests.conftest import TinySpm, made_up_text
from user_dir_tests.helpers.evaluation.checkpoints import save_checkpoint
from user_dir_tests.helpers.pictures import check_folder
from user_dir_tests.helpers.running.training import save_archive
from user_dir_tests.helpers.toys.toy import make_data, write_rows
from xl_plugins.analysis.similarity import measure
from xl_plugins.cli import analyze, evaluate
from xl_plugins.data.binary.layout import DataBin
from xl_plugins.data.sentences import Sentences
from xl_plugins.errors import UserError
from xl_plugins.evaluation.retrieval.encode import SentenceEncoder, load_sentence_encoder
from xl_plugins.functional.analysis.similarity import linear_cka

ALWAYS = {"cka", "centroids", "clouds-pca"}
LANGUAGES = ("en", "de", "fr", "sw", "tr")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("world")
    make_data(root / "data", languages=LANGUAGES, train=5, test=70)
    save_checkpoint(root / "plain.pt", root / "data", "xl_sentence_pair")
    words = [str(root / "data"), "--path", str(root / "plain.pt"), "--json", str(root / "scores.json")]
    assert evaluate.main(words) == 0
    return root


def run(world: Path, out: Path, *more: object) -> None:
    words = ["similarity", world / "data", "--path", world / "plain.pt", "--out", out, *more]
    assert analyze.main([str(word) for word in words]) == 0


def vectors(world: Path, layer: int, language: str) -> torch.Tensor:
    data = DataBin(world / "data")
    encoder = load_sentence_encoder(str(world / "plain.pt"), data.dictionary, layer, device="cpu")
    return encoder.encode(Sentences.of(data.open_text(language, "input0", "test")))


def test_numbers_are_those_of_the_vectors(world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of 16 rows, several layers in one pass, against vectors of one layer at a time all at once."""
    monkeypatch.setattr(measure, "BLOCK", 16)
    monkeypatch.setattr(measure, "_LEAST", 16)
    run(world, tmp_path / "out", "--layers", "0,3", "--no-tsne", "--sample", 20, "--scores", world / "scores.json")
    made = ALWAYS | {"cka-layers", "retrieval-layers", "cka-scores"}
    content = check_folder(tmp_path / "out", "similarity", made)
    assert content["layers"] == [0, 2, 3] and content["layer"] == 2 and content["rows"] == 70
    kept = np.unique(np.linspace(0, 69, 20).astype(int))
    for layer in (0, 2, 3):
        source = vectors(world, layer, "en")
        for language, found in content["numbers"][str(layer)]["languages"].items():
            other = vectors(world, layer, language)
            assert found["cka"] == pytest.approx(linear_cka(source, other), abs=1e-6)
            distance = (source.double().mean(0) - other.double().mean(0)).norm()
            assert found["centroid_distance"]["euclidean"] == pytest.approx(float(distance), abs=1e-5)
            one, two = (torch.nn.functional.normalize(side[kept], dim=1) for side in (other, source))
            hits = (one @ two.T).argmax(dim=1).eq(torch.arange(20)).double().mean()
            assert found["retrieval_into_source"] == pytest.approx(100 * float(hits))
    scores = json.loads((world / "scores.json").read_text())["languages"]
    about = content["numbers"]["2"]["cka_and_score"]
    assert about["count"] == 4 and set(about["languages"]) == set(LANGUAGES) - {"en"}
    ranks = [
        np.argsort(np.argsort([values[lang] for lang in about["languages"]]))
        for values in (
            {lang: entry["cka"] for lang, entry in content["numbers"]["2"]["languages"].items()},
            {lang: entry["accuracy"] for lang, entry in scores.items()},
        )
    ]
    if len({entry["accuracy"] for lang, entry in scores.items() if lang != "en"}) == 4:
        assert about["rho"] == pytest.approx(1 - 6 * ((ranks[0] - ranks[1]) ** 2).sum() / (4 * 15))
    rows = list(csv.DictReader((tmp_path / "out" / "similarity.csv").open()))
    assert len(rows) == 12 and rows[0]["layer"] == "0" and rows[0]["language"] == "de"


def test_every_sentence_is_encoded_once(world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the number of layers; so all beyond encoding are the sums, whose time is written."""
    seen: list[tuple[int, int]] = []
    real = SentenceEncoder.layer_vectors

    def counted(self: SentenceEncoder, tokens: torch.Tensor, layers: list[int]) -> torch.Tensor:
        seen.append((len(tokens), len(layers)))
        return real(self, tokens, layers)

    monkeypatch.setattr(SentenceEncoder, "layer_vectors", counted)
    run(world, tmp_path / "out", "--layers", "all", "--no-tsne")
    assert sum(rows for rows, _ in seen) == 5 * 70 and {layers for _, layers in seen} == {4}
    content = json.loads((tmp_path / "out" / "analysis.json").read_text())
    assert content["seconds"]["encoding"] > 0 and content["seconds"]["sums"] > 0


def test_matrix_and_projections(world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    run(world, tmp_path / "out", "--matrix", "--points", 15, "--languages", "en,de,sw")
    content = check_folder(tmp_path / "out", "similarity", ALWAYS | {"cka-matrix", "clouds-tsne"})
    matrix = np.array(content["numbers"]["2"]["matrix"])
    assert matrix.shape == (3, 3) and np.allclose(matrix, matrix.T) and np.diag(matrix).tolist() == [1, 1, 1]
    assert matrix[1, 2] == pytest.approx(linear_cka(vectors(world, 2, "de"), vectors(world, 2, "sw")), abs=1e-6)
    assert "  de  CKA" in capsys.readouterr().out


def test_files_with_the_tokenizer_beside_the_model(tmp_path: Path, tiny_spm: TinySpm) -> None:
    """A copy of the source is alike in every respect."""
    save_archive(tmp_path / "model.pt", tiny_spm.dict)
    for name, file in (("sentencepiece.bpe.model", tiny_spm.model), ("dict.txt", tiny_spm.dict)):
        (tmp_path / name).write_bytes(file.read_bytes())
    lines = list(dict.fromkeys(made_up_text(60, 4)))
    for language, texts in (("en", lines), ("de", lines), ("sw", made_up_text(len(lines), 9))):
        (tmp_path / f"t.{language}").write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    words = ["similarity", "--path", tmp_path / "model.pt", "--out", tmp_path / "out", "--no-tsne", "--text"]
    words += [f"{language}={tmp_path}/t.{language}" for language in ("sw", "de", "en")]
    assert analyze.main([str(word) for word in words]) == 0
    content = check_folder(tmp_path / "out", "similarity", ALWAYS)
    found = content["numbers"]["2"]["languages"]
    assert content["source_language"] == "en" and list(found) == ["de", "sw"]
    assert found["de"]["cka"] == pytest.approx(1, abs=1e-9) and found["de"]["retrieval_into_source"] == 100
    assert found["de"]["centroid_distance"]["euclidean"] == pytest.approx(0, abs=1e-6)
    assert found["sw"]["cka"] < 0.9 and found["sw"]["retrieval_into_source"] < 50
    (tmp_path / "t.de").write_text("one\n\ntwo\n")
    with pytest.raises(UserError, match=r"t.de:2: an empty line"):
        analyze.main([str(word) for word in [*words, "--overwrite"]])
    assert json.loads((tmp_path / "out" / "analysis.json").read_text()) == content


def test_mistakes_write_nothing(world: Path, tmp_path: Path) -> None:
    data = make_data(tmp_path / "data", test=6)
    write_rows(data / "de" / "input0" / "test", [[5, 6]] * 5, 64)

    def error(*words: object) -> str:
        with pytest.raises(UserError) as caught:
            analyze.main(
                ["similarity", *map(str, words), "--path", str(world / "plain.pt"), "--out", str(tmp_path / "o")]
            )
        assert not (tmp_path / "o").exists()
        return str(caught.value)

    assert "5 rows of de, but 6 of en, so row i does not translate row i; give --text" in error(data)
    other = make_data(tmp_path / "other", test=20)
    write_rows(other / "de" / "label" / "test", [[4 + row % 3] for row in range(20)], 7)
    assert "of the rows of de have another label than those of en" in error(other)
    assert error().startswith("DATA or --text is needed")
    assert "--layers 0,9: no layer 9; the encoder has layers 1 to 3" in error(world / "data", "--layers", "0,9")
    assert "--languages: " in error(world / "data", "--languages", "en,hi")
    assert "--text de: expected LANGUAGE=FILE" in error("--text", "de")
    assert "--text en=none: no such file" in error("--text", "en=none")
    assert "--split is not read with --text" in error(
        world / "data", "--split", "test", "--text", f"en={__file__}", f"de={__file__}"
    )
