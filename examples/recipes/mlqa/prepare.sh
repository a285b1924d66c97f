#!/usr/bin/env bash
# MLQA: raw XTREME files -> data-bin/mlqa; trained on SQuAD.
#   examples/recipes/mlqa/prepare.sh [RAW] [XLMR] [DEST]       (default: raw xlmr.base data-bin/mlqa)
# RAW has mlqa/ and squad/.
set -euo pipefail
raw=${1:-raw} xlmr=${2:-xlmr.base} dest=${3:-data-bin/mlqa}
xl-prepare mlqa "$raw/mlqa" "$dest" --spm "$xlmr/sentencepiece.bpe.model" --dict "$xlmr/dict.txt" \
  --train "$raw/squad/train-v1.1.json"
