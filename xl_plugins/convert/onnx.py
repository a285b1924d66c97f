"""``xl-convert onnx``: a fine-tuned checkpoint for onnxruntime, checked there against the model it was made of."""

from __future__ import annotations

import logging
import shutil
import tempfile
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from ..errors import UserError
from ..huggingface.export import SPANS, WORDS
from ..output import Staging
from .to_hf import to_hf

COMMAND = "xl-convert onnx"
MODEL, SMALL, WEIGHTS = "model.onnx", "model_quantized.onnx", "_data"  # as optimum names them
_LARGEST = 2**31 - 1  # bytes of a file of protobuf
_SHAPES = ((2, 9), (1, 5), (3, 17))  # rows and positions of the texts that are compared; the first one is traced
_MOST = 1e-3  # difference of two logits that only the order of sums explains


class Exported(NamedTuple):
    """Architecture, what the folder cannot do (see ``to_hf``), and by file of the model the greatest difference of a
    logit from the checkpoint's, on texts of random pieces."""

    architecture: str
    lost: list[str]
    differences: dict[str, float]


def to_onnx(
    path: str, out: str, data: str | None = None, plain: bool = False, int8: bool = False, overwrite: bool = False
) -> Exported:
    """Write ``out``/model.onnx with configuration and tokenizer, to be read by onnxruntime; weights of more than 2 GiB
    stand in model.onnx_data beside it.

    Args:
        path, data, plain: as of :func:`~.to_hf.to_hf`.
        int8: write model_quantized.onnx as well, whose weights have 8 bits; activations are quantised as they come.

    Raises:
        UserError: as :func:`~.to_hf.to_hf`; packages of the extra ``[onnx]`` are missing; the result differs.
    """
    staging = Staging(out, COMMAND, "OUT", overwrite, [path, data])
    staging.check()
    transformers, runtime, quantise = _libraries()
    with tempfile.TemporaryDirectory() as folder:
        hub = Path(folder, "hub")
        made = to_hf(path, str(hub), data, plain)
        model = getattr(transformers, made.architecture).from_pretrained(hub, attn_implementation="eager").eval()
        with staging:
            for file in hub.iterdir():
                if file.suffix == ".json" and not file.name.startswith("."):
                    (staging.new / file.name).write_bytes(file.read_bytes())
            traced = Path(folder, "traced")
            traced.mkdir()
            _trace(model, traced / MODEL)
            _gather(traced, staging.new / MODEL)
            if int8:
                logging.getLogger().setLevel(logging.ERROR)  # it recommends steps for convolutions
                apart = model.num_parameters() > _LARGEST  # weights of a byte each are too much for a file
                quantise(staging.new / MODEL, staging.new / SMALL, use_external_data_format=apart)
            found = {
                name: _difference(model, runtime.InferenceSession(str(staging.new / name)))
                for name in (MODEL, SMALL)[: 1 + int8]
            }
            if not found[MODEL] <= _MOST:
                raise UserError(f"{path}: the exported model differs by {found[MODEL]:.1e} in onnxruntime; not written")
            staging.commit(architecture=made.architecture)
    return Exported(made.architecture, made.lost, found)


def _libraries() -> tuple[Any, Any, Any]:
    """transformers, onnxruntime, and its quantiser."""
    try:
        import onnx  # noqa: F401  the exporter's
        import onnxruntime
        import transformers
        from onnxruntime.quantization import quantize_dynamic
    except ImportError as error:
        raise UserError(f"onnx needs {error.name}: pip install 'xl-plugins[onnx]'") from None
    return transformers, onnxruntime, quantize_dynamic


def _inputs(model: Any, shape: tuple[int, int], seed: int) -> dict[str, torch.Tensor]:
    """Texts of random pieces; the last positions of the last one are padding, where there are several."""
    draw = torch.Generator().manual_seed(seed)
    ids = torch.randint(4, model.config.vocab_size, shape, generator=draw)
    mask = torch.ones_like(ids)
    if shape[0] > 1:
        mask[-1, -3:] = 0
        ids[-1, -3:] = model.config.pad_token_id
    given = {"input_ids": ids, "attention_mask": mask}
    if model.config.model_type == "bert":
        given["token_type_ids"] = (torch.arange(shape[1]) > shape[1] // 2).long().expand(shape).contiguous()
    return given


def _outputs(model: Any) -> list[str]:
    return ["start_logits", "end_logits"] if hasattr(model, "qa_outputs") else ["logits"]


def _trace(model: Any, path: Path) -> None:
    given, outputs = _inputs(model, _SHAPES[0], 0), _outputs(model)
    words = type(model).__name__.endswith((WORDS.architecture, SPANS.architecture))
    free = {0: "batch", 1: "sequence"}
    axes = {**dict.fromkeys(given, free), **dict.fromkeys(outputs, free if words else {0: "batch"})}
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of the tracer, about values that do not change here
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        torch.onnx.export(
            model, (given.pop("input_ids"),), str(path), kwargs=given, input_names=["input_ids", *given],
            output_names=outputs, dynamic_axes=axes, opset_version=18, dynamo=False,
        )  # fmt: skip


def _gather(traced: Path, path: Path) -> None:
    """Put a traced model in its place. A file of protobuf ends at 2 GiB; of a larger model the tracer writes every
    weight to a file of its own, and they become one, ``path`` with ``_data`` behind it."""
    if len(list(traced.iterdir())) == 1:
        shutil.move(traced / MODEL, path)
        return
    import onnx

    name = f"{path.name}{WEIGHTS}"
    onnx.save(onnx.load(traced / MODEL), path, save_as_external_data=True, location=name)


def _difference(model: Any, session: Any) -> float:
    """The greatest difference of a logit at positions that are no padding."""
    most = 0.0
    for seed, shape in enumerate(_SHAPES, 1):
        given = _inputs(model, shape, seed)
        with torch.no_grad():
            expected = model(**given)
        found = session.run(_outputs(model), {name: value.numpy() for name, value in given.items()})
        for name, array in zip(_outputs(model), found):
            distance = np.abs(array - expected[name].numpy())
            if distance.shape[:2] == shape:
                distance = distance[given["attention_mask"].numpy() == 1]
            most = float(np.maximum(most, distance.max()))  # not a number stays one
    return most
