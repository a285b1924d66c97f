#!/usr/bin/env bash
# XNLI: raw XTREME files -> data-bin/xnli.
#   examples/recipes/xnli/prepare.sh [RAW] [XLMR] [DEST]       (default: raw/xnli xlmr.base data-bin/xnli)
set -euo pipefail
raw=${1:-raw/xnli} xlmr=${2:-xlmr.base} dest=${3:-data-bin/xnli}
xl-prepare xnli "$raw" "$dest" --spm "$xlmr/sentencepiece.bpe.model" --dict "$xlmr/dict.txt"
