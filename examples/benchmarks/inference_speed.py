"""Time of inference: target-only X-Mixup against plain on tagging, and length buckets against padding to the maximum.

    python examples/benchmarks/inference_speed.py mixup                     # 24 layers, mixup layer 4, random sentences
    python examples/benchmarks/inference_speed.py bucketing data-bin/xnli   # the test set of one language

Both run the code of ``xl-evaluate`` on models with random weights. Runs are interleaved, in turned order every other
round; printed are medians and their ratio. ``mixup`` also prints the ratio that counting multiplications predicts.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from fairseq.data import Dictionary
from omegaconf import OmegaConf

import xl_plugins  # noqa: F401  (registers tasks, models and criterions)
from xl_plugins.data.binary.writer import IndexedWriter
from xl_plugins.data.training.units import UnitDataset
from xl_plugins.methods.plain.tasks import (
    SentencePairConfig,
    SentencePairTask,
    TaggingConfig,
    TaggingTask,
)
from xl_plugins.methods.xmixup.model import XMixupConfig, XMixupModel
from xl_plugins.methods.xmixup.tasks import XMixupTaggingConfig, XMixupTaggingTask
from xl_plugins.models.config import XLMRConfig
from xl_plugins.models.plain import XLMRModel

TAGS = ("B-LOC", "B-ORG", "B-PER", "I-LOC", "I-ORG", "I-PER", "O")


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("mixup", "bucketing"))
    parser.add_argument("data", nargs="?", help="bucketing: binarised sentence pairs with a test set")
    parser.add_argument("--language", default="en", help="bucketing: language of the test set (default: en)")
    parser.add_argument("--max-length", type=int, default=128, help="bucketing: what the loop pads to (default: 128)")
    parser.add_argument("--repetitions", type=int, default=5, help="rounds after one to warm up (default: 5)")
    parser.add_argument("--batch", type=int, default=32, help="examples per batch (default: 32)")
    parser.add_argument("--sentences", type=int, default=128, help="mixup: sentences (default: 128)")
    parser.add_argument("--words", type=int, default=48, help="mixup: words per sentence, one piece each (default: 48)")
    parser.add_argument("--layers", type=int, default=24, help="layers N (default: 24, XLM-R large)")
    parser.add_argument("--mixup-layer", type=int, default=4, help="layer m (default: 4)")
    parser.add_argument("--width", type=int, default=256, help="width d, with 64 per head (XLM-R large: 1024)")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default: cpu)")
    return parser


def config(dataclass: type, **values: object) -> Any:
    """A component's configuration with defaults, without the parts that a full run interpolates."""
    filled = {"seed": 1, "update_freq": [1], "ddp_backend": "legacy_ddp", **values}
    node = OmegaConf.structured(dataclass)
    return OmegaConf.merge(node, {key: value for key, value in filled.items() if key in list(node.keys())})


def shape(args: argparse.Namespace) -> dict[str, int]:
    return {
        "encoder_layers": args.layers, "encoder_embed_dim": args.width, "encoder_ffn_embed_dim": 4 * args.width,
        "encoder_attention_heads": max(1, args.width // 64),
    }  # fmt: skip


def write(prefix: Path, rows: np.ndarray, dtype: type) -> None:
    prefix.parent.mkdir(parents=True, exist_ok=True)
    writer = IndexedWriter(str(prefix), 1)
    writer.dtype = dtype
    writer.append(rows.ravel(), np.full(len(rows), rows.shape[1]))
    writer.close()


def random_tagging(root: Path, args: argparse.Namespace, types: int = 1000) -> Path:
    """Test sentences of one-piece words in a target language, and translations as long."""
    (root / "dict.txt").write_text("".join(f"p{i} 1\n" for i in range(types)))
    (root / "label").mkdir()
    (root / "label" / "dict.txt").write_text("".join(f"{tag} 1\n" for tag in TAGS))
    draw = np.random.default_rng(1)
    words = np.ones((args.sentences, args.words), np.int64)
    end = np.full((args.sentences, 1), Dictionary().eos())
    for folder in (root / "de", root / "de" / "en-view"):
        pieces = draw.integers(4, types, (args.sentences, args.words))
        write(folder / "input0" / "test", np.concatenate([pieces, end], axis=1), np.uint16)
    write(root / "de" / "words" / "test", words, np.uint16)
    write(root / "de" / "label" / "test", np.concatenate([words + 3, end], axis=1), np.uint16)
    return root


def expected_ratio(args: argparse.Namespace) -> float:
    """Multiplications of target-only X-Mixup over plain: the source runs as far as the attention of layer m."""
    length, width = args.words + 2, args.width
    attention = 2 * length * 4 * width**2 + 4 * length**2 * width
    layer = attention + 2 * length * 8 * width**2
    cross = 4 * width**2 * 2 * length + 4 * length**2 * width
    return 1 + ((args.mixup_layer - 1) * layer + attention + cross) / (args.layers * layer)


def predictor(task: Any, model: Any, dataset: UnitDataset, args: argparse.Namespace) -> Callable[[], object]:
    from xl_plugins.evaluation.checkpoint import FineTuned, Selection
    from xl_plugins.problems.predicting import predict_dataset

    task.problem.register_head(model)
    model.to(args.device).eval()
    tuned = FineTuned("random", task, model, torch.device(args.device), Selection("", [], "", None, None), 0)
    return lambda: predict_dataset(tuned, dataset, args.batch)


def mixup_runs(root: Path, args: argparse.Namespace) -> dict[str, Callable[[], object]]:
    data = str(random_tagging(root, args))
    runs = {}
    for name, task_class, task_config, model_class, model_config in (
        ("plain", TaggingTask, TaggingConfig, XLMRModel, XLMRConfig),
        ("x-mixup", XMixupTaggingTask, XMixupTaggingConfig, XMixupModel, XMixupConfig),
    ):
        task = task_class(config(task_config, data=data, train_languages="all"))
        model = model_class.build_model(config(model_config, mixup_layer=args.mixup_layer, **shape(args)), task)
        dataset = task.problem.build_dataset([task.build_part("de", "test")], shuffle=False)
        runs[name] = predictor(task, model, dataset, args)
    return runs


def bucketing_runs(args: argparse.Namespace) -> dict[str, Callable[[], object]]:
    task = SentencePairTask(config(SentencePairConfig, data=args.data, max_length=args.max_length))
    model = XLMRModel.build_model(config(XLMRConfig, **shape(args)), task)
    dataset = task.problem.build_dataset([task.build_part(args.language, "test")], shuffle=False)
    pad = task.source_dictionary.pad()

    @torch.inference_mode()
    def padded() -> None:
        for start in range(0, len(dataset), args.batch):
            items = [dataset[i]["target"] for i in range(start, min(start + args.batch, len(dataset)))]
            tokens = torch.full((len(items), args.max_length), pad)
            for row, item in enumerate(items):
                tokens[row, : len(item)] = item
            model(tokens.to(args.device), classification_head_name=task.problem.head_name)

    return {"length buckets": predictor(task, model, dataset, args), "padded to the maximum": padded}


def main() -> None:
    parser = make_parser()
    args = parser.parse_args()
    if (args.what == "bucketing") != bool(args.data):
        parser.error("bucketing needs DATA, mixup takes none")
    torch.manual_seed(1)
    with tempfile.TemporaryDirectory() as folder:
        runs = mixup_runs(Path(folder), args) if args.what == "mixup" else bucketing_runs(args)
        seconds: dict[str, list[float]] = {name: [] for name in runs}
        for repetition in range(args.repetitions + 1):
            for name, run in list(runs.items())[:: -1 if repetition % 2 else 1]:  # nobody always comes first
                start = time.perf_counter()
                run()
                if repetition:  # the first round warms up
                    seconds[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    first, second = medians
    print(f"{args.layers} layers of {args.width}, batches of {args.batch}, {args.device}, {torch.get_num_threads()} "
          f"threads, medians of {args.repetitions} interleaved runs")  # fmt: skip
    for name, value in medians.items():
        print(f"{name:22} {value:8.2f} s")
    print(f"{second} / {first}: {medians[second] / medians[first]:.2f}")
    if args.what == "mixup":
        print(f"by counting multiplications: {expected_ratio(args):.2f}")


if __name__ == "__main__":
    main()
