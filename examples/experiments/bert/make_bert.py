#!/usr/bin/env python3
"""A real multilingual BERT with a WordPiece vocabulary, for machines that cannot reach mBERT.

    python examples/experiments/bert/make_bert.py models/multilingual-e5-small models/e5-wordpiece

IN is a BERT with XLM-R's SentencePiece vocabulary as the hub delivers it (config.json, model.safetensors and
tokenizer.json of multilingual-e5-small or Multilingual-MiniLM); OUT receives the same layers with a cased WordPiece
vocabulary (vocab.txt) of the same pieces: ``▁house`` begins a word and becomes ``house``, ``ing`` goes on in one and
becomes ``##ing``, each with its own row of the table. Only the cutting differs: the longest piece first instead of the
most probable ones.
"""

from __future__ import annotations

import argparse
import json
import unicodedata
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from xl_plugins.errors import UserError, run_cli
from xl_plugins.output import Staging

COMMAND = "make_bert.py"
CONFIG, TOKENIZER, WEIGHTS = "config.json", "tokenizer.json", "model.safetensors"
SPECIAL = {"[PAD]": "<pad>", "[UNK]": "<unk>", "[CLS]": "<s>", "[SEP]": "</s>", "[MASK]": "<mask>"}
START, CONTINUES, LAST = "▁", "##", 0xFFFF


def wordpiece_rows(pieces: dict[str, int]) -> dict[str, int]:
    """Entries of the WordPiece vocabulary, in its order, and the row of the table that each has.

    Args:
        pieces: rows of SentencePiece's pieces, special ones included.
    """
    rows = {name: pieces[piece] for name, piece in SPECIAL.items()}
    words = {piece: row for piece, row in pieces.items() if piece not in SPECIAL.values()}
    for piece, row in words.items():
        if piece.startswith(START) and START not in piece[1:] and piece != START:
            rows[piece[1:]] = row
    for piece, row in words.items():
        if START not in piece:
            rows[CONTINUES + piece] = row
            rows.setdefault(piece, row)  # punctuation and Chinese characters are words of their own here
    for char in map(chr, range(LAST)):  # SentencePiece reads the compatible form of a character, WordPiece none
        plain = unicodedata.normalize("NFKC", char)
        for mark in ("", CONTINUES):
            if mark + plain in rows:
                rows.setdefault(mark + char, rows[mark + plain])
    return rows


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, metavar="IN", help="folder of the encoder")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to write")
    parser.add_argument("--overwrite", action="store_true", help="replace OUT if this script made it")
    args = parser.parse_args(argv)
    source = args.source
    for name in (CONFIG, TOKENIZER, WEIGHTS):
        if not (source / name).is_file():
            raise UserError(f"IN {source}: has no {name}; give the folder of multilingual-e5-small as the hub has it")
    tokenizer = json.loads((source / TOKENIZER).read_text(encoding="utf-8"))
    pieces = {piece: row for row, (piece, _) in enumerate(tokenizer["model"]["vocab"])}
    pieces |= {token["content"]: token["id"] for token in tokenizer["added_tokens"]}
    rows = wordpiece_rows(pieces)
    weights = load_file(source / WEIGHTS)
    (table,) = (name for name in weights if name.endswith("word_embeddings.weight"))
    weights[table] = weights[table][torch.tensor(list(rows.values()))]
    config = json.loads((source / CONFIG).read_text(encoding="utf-8"))
    config |= {"vocab_size": len(rows), "tokenizer_class": "BertTokenizer", "pad_token_id": 0}
    settings = {"tokenizer_class": "BertTokenizer", "do_lower_case": False, "strip_accents": False}
    with Staging(args.out, COMMAND, "OUT", args.overwrite, [source]) as staging:
        save_file(weights, staging.new / WEIGHTS, metadata={"format": "pt"})
        (staging.new / "vocab.txt").write_text("".join(f"{entry}\n" for entry in rows), encoding="utf-8", newline="\n")
        for name, content in ((CONFIG, config), ("tokenizer_config.json", settings)):
            (staging.new / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        staging.commit()
    print(f"{args.out}: {len(rows):,} entries from {len(pieces):,} pieces")
    return 0


if __name__ == "__main__":
    run_cli(main)
