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

LANGUAGES = ("en", "es", "sw", "zh")
FILES = {"news": "ntrex/newstest2019.{}.gz", "encyclopaedia": "flores200/devtest.{}.gz", "bible": "bible_nt/{}.tsv.gz"}
CUTS = {"train": (0, 700), "dev": (700, 800), "test": (800, 1000)}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, metavar="DATA", help="folder of the data sets")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to write, a new one")
    args = parser.parse_args(argv)
    texts = {(name, language): read(args.data / "parallel" / file.format(language))
             for name, file in FILES.items() for language in LANGUAGES}  # fmt: skip
    args.out.mkdir(parents=True)
    for split, (start, end) in CUTS.items():
        for language in LANGUAGES if split == "test" else LANGUAGES[:1]:
            rows = [f"{text}\t{name}\n" for name in FILES for text in texts[name, language][start:end]]
            (args.out / f"{split}-{language}.tsv").write_text("".join(rows), encoding="utf-8", newline="\n")
    return 0


def read(path: Path) -> list[str]:
    """Texts of a file with one per line, after a verse's number where there is one."""
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as file:
        return [" ".join(line.rpartition("\t")[2].split()) for line in file]


if __name__ == "__main__":
    raise SystemExit(main())
