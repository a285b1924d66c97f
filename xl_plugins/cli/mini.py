"""xl-mini: make the embedded benchmark, and pre-train a tiny XLM-R on its text."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from xl_plugins.arguments import Parser, number, seed, whole
from xl_plugins.errors import UserError, run_cli
from xl_plugins.interrupts import clean_up_on_signals
from xl_plugins.mini import write
from xl_plugins.mini.corpora import Text
from xl_plugins.mini.lexicon import LANGUAGES, SOURCE
from xl_plugins.mini.sizes import KINDS, Schedule, Sizes
from xl_plugins.problems import SENTENCE_PAIR

_EPILOG = """complete example:
  xl-mini make mini --problem all --languages en,de,es,fr,sw,tr,hi \\
      --train 4000 --dev 300 --test 500 --seed 1 --noise 0.1
  xl-mini pretrain mini mini-xlmr --updates 2000
writes mini/{xnli,pawsx,udpos,panx,squad,topics}/..., mini/dictionaries, mini/wordlists, mini/unlabelled, and
mini-xlmr/{sentencepiece.bpe.model,dict.txt,model.pt} for xl-train --restore-file mini-xlmr/model.pt"""

_MAKE_EPILOG = """complete example:
  xl-mini make mini --problem tagging --languages en,de,es,fr,sw,tr,hi \\
      --train 4000 --dev 300 --test 500 --seed 1 --noise 0.1 --unlabelled 20000
sentence_pair writes xnli and pawsx; tagging writes udpos and panx; qa writes squad; text writes topics;
all writes all of them. The labelled files of a problem are the same alone and with all. The same
options give the same bytes, and a language's files do not depend on the other languages"""

_PRETRAIN = """\
Train a tokenizer and a tiny XLM-R, or BERT, with fairseq's own masked language model task.

OUT receives sentencepiece.bpe.model (tokenizer.json of a BERT), dict.txt (without <mask>, as the XLM-R archives have
it), model.pt (fairseq checkpoint without optimizer state) and pretrain.log. OUT/pretraining holds the binarised text
and the checkpoints. OUT appears when all is there; until then it is made in a folder beside it, in which a killed or
interrupted run continues.
"""
_PRETRAIN_EPILOG = """complete example:
  xl-mini pretrain mini mini-xlmr --vocab 4000 --layers 3 --dim 128 --heads 4 --ffn 512 --updates 2000
or on text of your own (one sentence per line, .gz allowed; the files after --parallel are line-aligned translations):
  xl-mini pretrain my-xlmr --text en.txt.gz de.txt.gz --parallel flores/en.txt flores/de.txt
killed and started again with the same command it continues from its last checkpoint"""


def _languages(text: str) -> tuple[str, ...]:
    codes = tuple(code.strip() for code in text.split(",") if code.strip())
    unknown = [code for code in codes if code not in LANGUAGES]
    known = ", ".join(f"{code} ({name})" for code, name in LANGUAGES.items())
    if unknown:
        raise argparse.ArgumentTypeError(f"unknown language {unknown[0]!r}; known are {known}")
    if SOURCE not in codes or len(codes) < 2 or len(set(codes)) < len(codes):
        raise argparse.ArgumentTypeError(
            f"{text!r}: give {SOURCE} and at least one other language, each once; known are {known}"
        )
    return codes


def make_parser() -> argparse.ArgumentParser:
    shape = argparse.RawDescriptionHelpFormatter
    parser = Parser(prog="xl-mini", description=__doc__, epilog=_EPILOG, formatter_class=shape)
    commands = parser.add_subparsers(dest="command", required=True, metavar="{make,pretrain}")

    make = commands.add_parser(
        "make",
        help="write the benchmark",
        description="Write the benchmark.",
        epilog=_MAKE_EPILOG,
        formatter_class=shape,
    )
    make.add_argument("folder", type=Path, metavar="DIR", help="folder to write")
    make.add_argument("--problem", choices=list(write.PROBLEMS), default=SENTENCE_PAIR.name, help="what is labelled")
    make.add_argument(
        "--languages",
        type=_languages,
        default="en,de,es,fr,sw,tr,hi",
        help="comma-separated, en included (default: %(default)s)",
    )
    make.add_argument("--train", type=whole(1), default=4000, metavar="N", help="training rows (default: %(default)s)")
    make.add_argument("--dev", type=whole(1), default=300, metavar="N", help="rows per language (default: %(default)s)")
    make.add_argument(
        "--test", type=whole(1), default=500, metavar="N", help="rows per language (default: %(default)s)"
    )
    make.add_argument(
        "--unlabelled", type=whole(1), default=20000, metavar="N", help="sentences per language (default: %(default)s)"
    )
    make.add_argument("--seed", type=seed, default=1, help="default: %(default)s")
    make.add_argument(
        "--noise", type=number(0, 1), default=0.1, metavar="P",
        help="probability that machine translation drops, replaces or moves a word (default: %(default)s)",
    )  # fmt: skip
    make.add_argument("--overwrite", action="store_true", help="replace DIR if this command made it")

    train = commands.add_parser(
        "pretrain", help="train a tokenizer and a tiny XLM-R", description=_PRETRAIN, epilog=_PRETRAIN_EPILOG,
        formatter_class=shape,
    )  # fmt: skip
    train.add_argument(
        "folders", type=Path, nargs="+", metavar="[DIR] OUT", help="benchmark folder, and folder to write"
    )
    train.add_argument("--text", type=Path, nargs="+", metavar="FILE", help="train on these files instead of DIR")
    train.add_argument(
        "--parallel",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="with --text: line-aligned translations, one file per language",
    )
    sizes = (("vocab", 4000, "pieces"), ("layers", 3, "layers"), ("dim", 128, "width"), ("heads", 4, "attention heads"),
             ("ffn", 512, "feed-forward width"), ("max-positions", 256, "longest input in pieces"),
             ("updates", 2000, "parameter updates"), ("batch-size", 64, "lines per update"))  # fmt: skip
    train.add_argument(
        "--tokenizer", choices=KINDS, default=KINDS[0],
        help="XLM-R's kind, or BERT's with its token types and one </s> between texts (default: %(default)s)",
    )  # fmt: skip
    for name, default, text in sizes:
        train.add_argument(
            f"--{name}", type=whole(1), default=default, metavar="N", help=f"{text} (default: %(default)s)"
        )
    train.add_argument(
        "--lr",
        type=number(0, math.inf, open_below=True),
        default=2e-3,
        help="peak learning rate (default: %(default)s)",
    )
    train.add_argument("--seed", type=seed, default=1, help="default: %(default)s")
    train.add_argument(
        "--parallel-share", type=number(0, 1), default=0.1, metavar="P",
        help="share of lines that are a sentence and its translation, as in TLM (default: %(default)s)",
    )  # fmt: skip
    train.add_argument(
        "--overwrite", action="store_true", help="replace OUT, if this command made it, once the new model is complete"
    )
    return parser


def main(argv: list[str] | None = None) -> int:
    args = make_parser().parse_args(argv)
    if args.command == "make":
        options = write.Options(
            languages=args.languages, train=args.train, dev=args.dev, test=args.test,
            unlabelled=args.unlabelled, seed=args.seed, noise=args.noise,
        )  # fmt: skip
        write.make(args.folder, args.problem, options, overwrite=args.overwrite)
        return 0
    if len(args.folders) != (1 if args.text else 2):
        raise UserError("pretrain: give DIR and OUT, or with --text only OUT")
    if args.parallel and not args.text:
        raise UserError("--parallel: only together with --text; a benchmark folder brings its own")
    if args.dim % args.heads:
        raise UserError(f"--dim {args.dim}: must be a multiple of --heads {args.heads}")
    sizes = Sizes(
        vocab=args.vocab,
        layers=args.layers,
        dim=args.dim,
        heads=args.heads,
        ffn=args.ffn,
        max_positions=args.max_positions,
        tokenizer=args.tokenizer,
    )
    schedule = Schedule(
        updates=args.updates, batch_size=args.batch_size, lr=args.lr, seed=args.seed, parallel_share=args.parallel_share
    )
    text = Text.of_files(args.text, args.parallel or ()) if args.text else Text.of_folder(args.folders[0])
    from xl_plugins.mini.pretrain import pretrain

    pretrain(text, args.folders[-1], sizes, schedule, overwrite=args.overwrite)
    return 0


def cli_main() -> None:
    clean_up_on_signals()
    run_cli(main)


if __name__ == "__main__":
    cli_main()
