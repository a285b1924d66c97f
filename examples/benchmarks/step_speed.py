"""Time of one training step: X-Mixup and Hugging Face's XLM-R against plain fine-tuning, on the same batch.

    python examples/benchmarks/step_speed.py                          # XLM-R base shape, all cores
    python examples/benchmarks/step_speed.py --device cuda --half --batch 16 --length 128

    python examples/benchmarks/step_speed.py --parts --rows 15000     # what of a step is the optimiser's

Steps are interleaved, in turned order every other round, so a machine that slows down slows all of them.
Printed are medians and their ratios, for the whole step and for forward and backward alone. A step is forward,
backward, clipping at norm 1 and an Adam update; the batch has no padding, and both texts of a pair are equally wide.

With ``--parts`` the processor time of each part of a plain step under fairseq's optimiser: ``before`` trains the whole
table by fairseq's Adam, ``fused`` the same by the fused update, ``rows`` those that a run's data can touch, as runs do;
with the bytes of gradients, which processes exchange, and of the optimiser's state.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import torch
from fairseq.data import Dictionary
from fairseq.optim.adam import FairseqAdam
from omegaconf import OmegaConf
from torch import nn

import xl_plugins  # noqa: F401  (registers tasks, models and criterions)
from xl_plugins.criterions.plain import PlainCriterion
from xl_plugins.methods.plain.tasks import SentencePairConfig, SentencePairTask
from xl_plugins.methods.xmixup.criterion import XMixupCriterion, XMixupCriterionConfig
from xl_plugins.methods.xmixup.model import XMixupConfig, XMixupModel
from xl_plugins.methods.xmixup.tasks import XMixupSentencePairTask, XMixupTaskConfig
from xl_plugins.models.active import train_rows
from xl_plugins.models.config import XLMRConfig
from xl_plugins.models.plain import XLMRModel
from xl_plugins.optim.fused import fuse

LABELS = ("contradiction", "entailment", "neutral")
PARTS = ("forward + backward", "whole step")
OF_A_STEP = ("zero", "forward + backward", "clip", "update")
KINDS = ("before", "fused", "rows")


def shape_parser(description: str | None) -> argparse.ArgumentParser:
    """Options of a batch and a model of one shape."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=8, help="rounds after one to warm up (default: 8)")
    parser.add_argument("--batch", type=int, default=8, help="rows per batch (default: 8)")
    parser.add_argument("--length", type=int, default=64, help="pieces per row (default: 64)")
    parser.add_argument("--layers", type=int, default=12, help="layers of the encoder (default: 12, XLM-R base)")
    parser.add_argument("--types", type=int, default=250002, help="vocabulary with special tokens (XLM-R: 250002)")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default: cpu)")
    parser.add_argument("--half", action="store_true", help="autocast: float16 on cuda, bfloat16 on cpu")
    return parser


def empty_data(root: Path, types: int) -> Path:
    """A data folder with a dictionary of ``types`` and labels, but no texts."""
    dictionary = Dictionary()
    for i in range(types - dictionary.nspecial - 1):  # <mask> is added when it is read
        dictionary.add_symbol(f"p{i}")
    dictionary.save(str(root / "dict.txt"))
    (root / "label").mkdir()
    (root / "label" / "dict.txt").write_text("".join(f"{name} 1\n" for name in LABELS))
    return root


def config(dataclass: type, **values: object) -> object:
    """A component's configuration with defaults, without the parts that a full run interpolates."""
    filled = {"seed": 1, "update_freq": [1], "ddp_backend": "legacy_ddp"}
    node = OmegaConf.structured(dataclass)
    return OmegaConf.merge(node, {k: v for k, v in {**filled, **values}.items() if k in list(node.keys())})


def fairseq_step(kind: str, data: Path, batch: dict, layers: int) -> tuple[nn.Module, Callable[[], torch.Tensor]]:
    """Model and a function that gives the loss of the batch, through the real task and criterion."""
    if kind == "plain":
        task = SentencePairTask(config(SentencePairConfig, data=str(data), train_languages="all"))
        model = XLMRModel.build_model(config(XLMRConfig, encoder_layers=layers), task)
        criterion = PlainCriterion(task)
    else:
        task = XMixupSentencePairTask(config(XMixupTaskConfig, data=str(data), train_languages="all"))
        model = XMixupModel.build_model(config(XMixupConfig, encoder_layers=layers), task)
        criterion = XMixupCriterion(config(XMixupCriterionConfig), task)
    task.problem.register_head(model)
    size = batch["nsentences"]

    def loss() -> torch.Tensor:
        return criterion(model, batch)[0] / size

    return model, loss


def hugging_face_step(batch: dict, layers: int, types: int) -> tuple[nn.Module, Callable[[], torch.Tensor]]:
    from transformers import XLMRobertaConfig, XLMRobertaForSequenceClassification

    settings = XLMRobertaConfig(
        vocab_size=types, num_hidden_layers=layers, max_position_embeddings=514, type_vocab_size=1, layer_norm_eps=1e-5,
        num_labels=len(LABELS), pad_token_id=1, bos_token_id=0, eos_token_id=2,
    )  # fmt: skip
    model = XLMRobertaForSequenceClassification(settings)
    tokens = batch["net_input"]["src_tokens"]
    mask = tokens.ne(1).long()
    return model, lambda: model(input_ids=tokens, attention_mask=mask, labels=batch["target"]).loss


def timed(model: nn.Module, loss: Callable, optimizer: torch.optim.Optimizer, args: argparse.Namespace) -> list[float]:
    """Seconds of forward and backward, and of the whole step."""

    def now() -> float:
        if args.device != "cpu":
            torch.cuda.synchronize()
        return time.perf_counter()

    optimizer.zero_grad()
    dtype = torch.float16 if args.device != "cpu" else torch.bfloat16
    start = now()
    with torch.autocast(args.device, dtype=dtype, enabled=args.half):
        value = loss()
    value.backward()
    middle = now()
    nn.utils.clip_grad_norm_([p for p in model.parameters() if p.grad is not None], 1.0)
    optimizer.step()
    return [middle - start, now() - start]


def with_optimizer(step: tuple[nn.Module, Callable], args: argparse.Namespace) -> tuple:
    """A model, its loss and an optimizer, ready to be timed."""
    model, loss = step
    model.to(args.device).train()
    return model, loss, torch.optim.Adam((p for p in model.parameters() if p.requires_grad), lr=1e-5)


def compare(steps: dict[str, tuple[nn.Module, Callable]], args: argparse.Namespace) -> dict[str, list[float]]:
    """Time interleaved steps of each kind and print the medians against those of ``plain``, which are returned."""
    runs = {name: with_optimizer(step, args) for name, step in steps.items()}
    seconds: dict[str, list] = {name: [] for name in runs}
    for repetition in range(args.repetitions + 1):
        for name, run in list(runs.items())[:: -1 if repetition % 2 else 1]:  # nobody always comes first
            measured = timed(*run, args)
            if repetition:  # the first round warms up
                seconds[name].append(measured)
    print(f"{args.batch} rows x {args.length} pieces, {args.layers} layers, {args.types} types, {args.device}, "
          f"{torch.get_num_threads()} threads, medians of {args.repetitions} interleaved steps")  # fmt: skip
    medians = {name: [statistics.median(column) for column in zip(*rows)] for name, rows in seconds.items()}
    for part, title in enumerate(PARTS):
        for name, values in medians.items():
            print(f"{title:20s} {name:13s} {values[part]:8.3f} s   {values[part] / medians['plain'][part]:.3f} x plain")
    return medians


def prepare(kind: str, data: Path, batch: dict, args: argparse.Namespace) -> SimpleNamespace:
    """A model with its loss and fairseq's optimiser."""
    torch.manual_seed(1)
    model, loss = fairseq_step("plain", data, batch, args.layers)
    model.to(args.device).train()
    if kind == "rows":
        train_rows(model, torch.arange(args.rows))
    settings = {"lr": [1e-5], "adam_betas": "(0.9, 0.999)", "adam_eps": 1e-8, "weight_decay": 0.0,
                "use_old_adam": True, "fp16_adam_stats": False, "tpu": False}  # fmt: skip
    optimizer = FairseqAdam(OmegaConf.create(settings), [p for p in model.parameters() if p.requires_grad])
    if kind != "before":
        fuse(optimizer)
    return SimpleNamespace(model=model, loss=loss, optimizer=optimizer)


def timed_parts(run: SimpleNamespace, args: argparse.Namespace) -> list[float]:
    """Seconds of each part: processor time, on a GPU time of the clock."""

    def now() -> float:
        if args.device == "cpu":
            return time.process_time()
        torch.cuda.synchronize()
        return time.perf_counter()

    def backward() -> None:
        with torch.autocast(args.device, torch.float16 if args.device != "cpu" else torch.bfloat16, enabled=args.half):
            loss = run.loss()
        run.optimizer.backward(loss)

    moments = [now()]
    for part in (run.optimizer.zero_grad, backward, lambda: run.optimizer.clip_grad_norm(1.0), run.optimizer.step):
        part()
        moments.append(now())
    return [after - before for before, after in itertools.pairwise(moments)]


def compare_parts(data: Path, batch: dict, args: argparse.Namespace) -> None:
    """Time interleaved steps of each kind and print their parts."""
    runs = {kind: prepare(kind, data, batch, args) for kind in args.kinds.split(",")}
    seconds: dict[str, list] = {kind: [] for kind in runs}
    for repetition in range(args.repetitions + 1):
        for kind in list(runs)[:: -1 if repetition % 2 else 1]:
            measured = timed_parts(runs[kind], args)
            if repetition:  # the first round makes the optimiser's state
                seconds[kind].append(measured)
    print(f"{args.batch} rows x {args.length} pieces, {args.layers} layers, {args.types} types, {args.rows} trained, "
          f"{args.device}, {torch.get_num_threads()} threads, medians of {args.repetitions} steps")  # fmt: skip
    report_parts(runs, seconds)


def report_parts(runs: dict[str, SimpleNamespace], seconds: dict[str, list]) -> None:
    whole = {kind: [sum(row) for row in rows] for kind, rows in seconds.items()}
    first = next(iter(runs))
    for kind, run in runs.items():
        total = statistics.median(whole[kind])
        for title, column in zip(OF_A_STEP, zip(*seconds[kind])):
            part = statistics.median(column)
            print(f"{kind:8s} {title:20s} {part:8.3f} s {100 * part / total:6.1f} %")
        ratios = sorted(one / other for one, other in zip(whole[kind], whole[first]))
        low, middle, high = statistics.quantiles(ratios) if len(ratios) > 1 else ratios * 3
        trained = sum(p.numel() for p in run.model.parameters() if p.requires_grad and p.grad is not None)
        print(f"{kind:8s} {'whole step':20s} {total:8.3f} s   {middle:.3f} x {first} (quartiles {low:.3f}, {high:.3f});"
              f" gradients {4 * trained / 1e6:.0f} MB, state {8 * trained / 1e6:.0f} MB")  # fmt: skip


def main() -> None:
    parser = shape_parser(__doc__)
    parser.add_argument("--parts", action="store_true", help="time the parts of a plain step")
    parser.add_argument("--rows", type=int, default=15000, help="of the table that the data can touch (default: 15000)")
    parser.add_argument("--kinds", default=",".join(KINDS), help="which to compare with --parts; the first is 1")
    parser.add_argument("--no-hugging-face", action="store_true", help="leave out the comparison with transformers")
    args = parser.parse_args()
    torch.manual_seed(1)
    last = args.rows if args.parts else args.types - 1
    draw = lambda: torch.randint(4, last, (args.batch, args.length), device=args.device)  # noqa: E731
    batch = {
        "id": torch.arange(args.batch), "language": torch.zeros(args.batch, dtype=torch.long, device=args.device),
        "target": torch.randint(0, len(LABELS), (args.batch,), device=args.device),
        "net_input": {"src_tokens": draw()}, "source": draw(),
        "nsentences": args.batch, "ntokens": args.batch * args.length,
    }  # fmt: skip
    steps = {}
    with tempfile.TemporaryDirectory() as folder:
        data = empty_data(Path(folder), args.types)
        if args.parts:
            return compare_parts(data, batch, args)
        for kind in ("plain", "x-mixup"):
            steps[kind] = fairseq_step(kind, data, batch, args.layers)
    if not args.no_hugging_face:
        steps["hugging face"] = hugging_face_step(batch, args.layers, args.types)
    medians = compare(steps, args)
    if "hugging face" in medians:
        for part, title in enumerate(PARTS):
            print(f"{title:20s} plain / hugging face: {medians['plain'][part] / medians['hugging face'][part]:.3f}")


if __name__ == "__main__":
    main()
