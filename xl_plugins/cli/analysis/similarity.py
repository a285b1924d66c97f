"""``xl-analyze similarity``: its options."""

from __future__ import annotations

import argparse

from xl_plugins.arguments import seed, whole
from xl_plugins.cli.analysis.shared import add_output, add_scores
from xl_plugins.evaluation.retrieval.options import POOLINGS

SUMMARY = "how alike languages are to an encoder: CKA, centroids, retrieval, projections of parallel text"
EPILOG = """\
The texts are parallel: row i of every language means the same. Either files with a sentence per line (--text), cut into
pieces by the tokenizer in DATA, or, without DATA, by the one that lies beside CKPT; or a data folder of xl-prepare: its
training texts, which are translations of the source language's, or test sets that translate one set (XNLI, PAWS-X).
One pass over the texts takes the sums of all layers; memory does not grow with the texts, but for the vectors of
--sample rows. CKA depends on the number of rows where these are few against the numbers of a vector.

examples:
  xl-analyze similarity --path xlmr.base/model.pt --text en=test.en de=test.de sw=test.sw --out analysis/xlmr
  xl-analyze similarity data-bin/xnli --path runs/xmixup/checkpoint_best.pt --layers all --scores xmixup.json \\
      --out analysis/xmixup
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "data", nargs="?", metavar="DATA", help="data folder with row-parallel texts; with --text its tokenizer alone"
    )
    parser.add_argument(
        "--path", required=True, metavar="CKPT", help="pre-trained or fine-tuned checkpoint, or folder of Hugging Face"
    )
    parser.add_argument(
        "--text", nargs="+", metavar="LANG=FILE", help="parallel files, plain or .gz, a sentence per line"
    )
    add_output(parser, "xl-analyze similarity")
    parser.add_argument("--split", choices=("train", "valid", "test"), help="of DATA (default: test)")
    parser.add_argument("--field", choices=("input0", "input1"), help="text of an example of DATA (default: input0)")
    parser.add_argument("--languages", metavar="en,de,...", help="of DATA, beside the source language (default: all)")
    parser.add_argument("--source-language", metavar="XX", help="others are compared to it (default: DATA's, else en)")
    parser.add_argument(
        "--layer", type=whole(0), metavar="N",
        help="layer of pictures and printed numbers, 0 = embeddings (default: 8 of 12, 14 of 24 as XTREME's retrieval,"
        " else two thirds)",
    )  # fmt: skip
    parser.add_argument("--layers", metavar="all|0,4,8", help="further layers, of the same pass (default: none)")
    parser.add_argument(
        "--pooling", choices=POOLINGS, default=POOLINGS[0],
        help="mean over all positions (default, as XTREME), over those inside <s> and </s> (inner), or the state of <s>"
        " (first)",
    )  # fmt: skip
    parser.add_argument(
        "--matrix", action="store_true",
        help="CKA of every pair of languages, not with the source alone; takes L^2 d^2 4 bytes: 0.5 GB for 15"
        " languages and 768 numbers",
    )  # fmt: skip
    add_scores(parser, "CKA and the scores of languages (X-Mixup, Table 2)")
    parser.add_argument(
        "--sample", type=whole(2), default=1000, metavar="N",
        help="rows among which translations are looked for, equally spaced (default: 1000, as Tatoeba)",
    )  # fmt: skip
    parser.add_argument(
        "--points", type=whole(2), default=100, metavar="N",
        help="of them, sentences per language in pictures of clouds (default: 100, so that 15 languages stay readable)",
    )  # fmt: skip
    parser.add_argument("--no-tsne", action="store_true", help="leave out t-SNE, which takes seconds")
    parser.add_argument("--seed", type=seed, default=1, metavar="N", help="of t-SNE (default: 1)")
    parser.add_argument("--batch-size", type=whole(1), metavar="N", help="most sentences in a batch (default: 256)")
    parser.add_argument("--max-tokens", type=whole(1), metavar="N", help="most positions of a batch (default: 4096)")
    parser.add_argument("--device", metavar="DEVICE", help="cpu, cuda, cuda:1 (default: cuda when there is one)")
    precision = parser.add_mutually_exclusive_group()
    precision.add_argument("--fp16", action="store_true", help="compute in float16 (CUDA only)")
    precision.add_argument("--bf16", action="store_true", help="compute in bfloat16")


def run(args: argparse.Namespace, command: str) -> int:
    from xl_plugins.analysis.similarity.run import run as work

    return work(args, command)
