#!/usr/bin/env python3
"""A classification of single texts in four languages: is a sentence from the news, an encyclopaedia or the Bible?

    python examples/experiments/bert/origins.py DATA OUT

DATA has parallel/ntrex, parallel/flores200 and parallel/bible_nt; OUT receives train-en.tsv, dev-en.tsv and
test-LANG.tsv (text, tab, label). Sentence n is the same in all languages of a source, and no test sentence is a
translation of one of the training.
"""

from __future__ import annotations

import argparse
import gzip
from pathlib import Path

from xl_plugins.errors import UserError, run_cli
from xl_plugins.output import Staging

COMMAND = "origins.py"
LANGUAGES = ("en", "es", "sw", "zh")
FILES = {"news": "ntrex/newstest2019.{}.gz", "encyclopaedia": "flores200/devtest.{}.gz", "bible": "bible_nt/{}.tsv.gz"}
CUTS = {"train": (0, 700), "dev": (700, 800), "test": (800, 1000)}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, metavar="DATA", help="folder of the data sets")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to write")
    parser.add_argument("--overwrite", action="store_true", help="replace OUT if this script made it")
    args = parser.parse_args(argv)
    texts = {(name, language): read(args.data / "parallel" / file.format(language))
             for name, file in FILES.items() for language in LANGUAGES}  # fmt: skip
    with Staging(args.out, COMMAND, "OUT", args.overwrite, [args.data]) as staging:
        for split, (start, end) in CUTS.items():
            for language in LANGUAGES if split == "test" else LANGUAGES[:1]:
                rows = [f"{text}\t{name}\n" for name in FILES for text in texts[name, language][start:end]]
                path = staging.new / f"{split}-{language}.tsv"
                path.write_text("".join(rows), encoding="utf-8", newline="\n")
        staging.commit()
    return 0


def read(path: Path) -> list[str]:
    """Texts of a file with one per line, after a verse's number where there is one."""
    if not path.is_file():
        raise UserError(f"DATA: has no {path}; give the folder with parallel/ in it")
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as file:
        return [" ".join(line.rpartition("\t")[2].split()) for line in file]


if __name__ == "__main__":
    run_cli(main)
