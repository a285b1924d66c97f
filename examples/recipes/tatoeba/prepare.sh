#!/usr/bin/env bash
# Tatoeba: raw XTREME or LASER files -> data-bin/tatoeba. There is nothing to train.
#   examples/recipes/tatoeba/prepare.sh [RAW] [XLMR] [DEST]       (default: raw/tatoeba xlmr.base data-bin/tatoeba)
set -euo pipefail
raw=${1:-raw/tatoeba} xlmr=${2:-xlmr.base} dest=${3:-data-bin/tatoeba}
xl-prepare tatoeba "$raw" "$dest" --spm "$xlmr/sentencepiece.bpe.model" --dict "$xlmr/dict.txt"
