"""xl-convert onnx: onnxruntime reads what was written and computes the same for texts of any length."""

from __future__ import annotations

import builtins
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("transformers")
pytest.importorskip("onnxruntime")

import onnxruntime
import transformers

from user_dir_tests.conftest import TinySpm, made_up_text
from user_dir_tests.convert.test_to_hf import AUTO, Made, make, ours, prepare_all
from user_dir_tests.helpers.wordpiece import make_tiny
from xl_plugins.cli import convert
from xl_plugins.convert import onnx
from xl_plugins.errors import UserError
from xl_plugins.models.token_types import second_text

OUTPUTS = {"qa": ["start_logits", "end_logits"]}


@pytest.fixture(scope="module", params=["sentencepiece", "wordpiece"])
def data(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, tiny_spm: TinySpm) -> dict:
    root = tmp_path_factory.mktemp("data")
    bert = request.param == "wordpiece"
    return {**prepare_all(root, make_tiny(root / "tiny") if bert else tiny_spm), "bert": bert}


def build(data: dict, folder: Path, problem: str, **options: Any) -> Made:
    return make(data, folder, problem, token_types=2 if data["bert"] else 0, **options)


@pytest.mark.parametrize("problem", AUTO)
def test_logits(data: dict, tmp_path: Path, problem: str) -> None:
    made = (
        build(data, tmp_path, problem, word_pooling="first") if problem == "tagging" else build(data, tmp_path, problem)
    )
    done = onnx.to_onnx(str(made.path), str(tmp_path / "out"))
    assert done.differences["model.onnx"] < 1e-5
    sample, expected = ours(made.setup)
    tokens = sample["net_input"]["src_tokens"]
    given = {"input_ids": tokens, "attention_mask": tokens.ne(1).long()}
    if data["bert"]:
        given["token_type_ids"] = second_text(tokens, 2)
    session = onnxruntime.InferenceSession(str(tmp_path / "out" / "model.onnx"))
    assert [each.name for each in session.get_inputs()] == list(given)
    found = session.run(OUTPUTS.get(problem, ["logits"]), {name: value.numpy() for name, value in given.items()})
    real = tokens.ne(1).numpy()
    if problem == "qa":
        both = np.stack(found, axis=-1)[real]
        np.testing.assert_allclose(both, expected.numpy()[real], atol=1e-5)
    elif problem == "tagging":  # the first piece of the first word speaks for it
        first = found[0][:, 1]
        np.testing.assert_allclose(first, expected[:, 0].numpy(), atol=1e-5)
    else:
        np.testing.assert_allclose(found[0], expected.numpy(), atol=1e-5)


def test_eight_bits_and_the_command(data: dict, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A smaller file whose numbers are said to be others; the folder has tokenizer and labels."""
    made = build(data, tmp_path, "sentence_pair", encoder_embed_dim=32, encoder_ffn_embed_dim=64)
    out = tmp_path / "out"
    capsys.readouterr()
    assert convert.main(["onnx", str(made.path), str(out), "--int8"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(": ")[0] for line in lines] == [str(out / onnx.MODEL), str(out / onnx.SMALL)]
    assert all("ForSequenceClassification; logits within " in line for line in lines)
    assert (out / onnx.SMALL).stat().st_size < (out / onnx.MODEL).stat().st_size
    config = json.loads((out / "config.json").read_text())
    assert sorted(config["id2label"].values()) == sorted(made.setup.task.problem.labels)
    tokenizer = transformers.AutoTokenizer.from_pretrained(out)
    session = onnxruntime.InferenceSession(str(out / onnx.SMALL))
    given = tokenizer(made_up_text(3, 1), made_up_text(3, 2), return_tensors="np", padding=True)
    names = [each.name for each in session.get_inputs()]
    (logits,) = session.run(["logits"], {name: given[name].astype(np.int64) for name in names})
    assert logits.shape == (3, 3) and np.isfinite(logits).all()


@pytest.mark.parametrize(("change", "said"), [(1.0, r"1.0e\+00"), (float("nan"), "nan")])
def test_what_does_not_come_out_alike_is_not_written(
    data: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: float, said: str
) -> None:
    made = build(data, tmp_path, "text")
    trace = onnx._trace

    def spoilt(model: Any, path: Path) -> None:
        kept = model.classifier.bias if hasattr(model.classifier, "bias") else model.classifier.out_proj.bias
        before = kept.detach().clone()
        with torch.no_grad():
            kept.add_(change)
            trace(model, path)
            kept.copy_(before)

    monkeypatch.setattr(onnx, "_trace", spoilt)
    with pytest.raises(UserError, match=f"the exported model differs by {said} in onnxruntime; not written"):
        onnx.to_onnx(str(made.path), str(tmp_path / "out"))
    assert not (tmp_path / "out").exists() and not list(tmp_path.glob(".out*"))


def test_packages_that_are_missing(data: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = build(data, tmp_path, "text")
    load = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "onnxruntime":
            raise ModuleNotFoundError("no", name=name)
        return load(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UserError, match=r"^onnx needs onnxruntime: pip install 'xl-plugins\[onnx\]'$"):
        onnx.to_onnx(str(made.path), str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_weights_that_no_file_of_protobuf_holds(data: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tracer leaves a file per weight of a large model; the folder has one of all, and is read as any."""
    import onnx as format

    def trace(model: Any, path: Path) -> None:
        small(model, path)
        format.save(
            format.load(path), path, save_as_external_data=True, all_tensors_to_one_file=False, size_threshold=0
        )
        assert len(list(path.parent.iterdir())) > 20

    small = onnx._trace
    monkeypatch.setattr(onnx, "_trace", trace)
    made = build(data, tmp_path, "sentence_pair")
    done = onnx.to_onnx(str(made.path), str(tmp_path / "out"), int8=True)
    assert done.differences["model.onnx"] < 1e-5 and done.differences["model_quantized.onnx"] < 0.5
    weights = {path.name for path in (tmp_path / "out").glob("*onnx*")}
    assert weights == {"model.onnx", "model.onnx_data", "model_quantized.onnx"}
    shutil.move(tmp_path / "out", tmp_path / "moved")
    session = onnxruntime.InferenceSession(str(tmp_path / "moved" / "model.onnx"))
    assert [each.name for each in session.get_outputs()] == ["logits"]


@pytest.mark.slow
def test_more_than_two_gib(tmp_path: Path) -> None:
    """A table of 2.1 GiB: the tracer really does so, and onnxruntime's logits are the model's."""
    config = transformers.XLMRobertaConfig(
        vocab_size=550_000, hidden_size=1024, num_hidden_layers=1, num_attention_heads=16, intermediate_size=64,
        max_position_embeddings=40, type_vocab_size=1, pad_token_id=1, num_labels=3, attn_implementation="eager",
    )  # fmt: skip
    torch.manual_seed(1)
    model = transformers.XLMRobertaForSequenceClassification(config).eval()
    (tmp_path / "traced").mkdir()
    onnx._trace(model, tmp_path / "traced" / "model.onnx")
    onnx._gather(tmp_path / "traced", tmp_path / "model.onnx")
    assert (tmp_path / "model.onnx_data").stat().st_size > 2**31 > 2**24 > (tmp_path / "model.onnx").stat().st_size
    assert onnx._difference(model, onnxruntime.InferenceSession(str(tmp_path / "model.onnx"))) < 1e-5
