#!/usr/bin/env bash
# PAWS-X: raw XTREME files -> data-bin/pawsx.
#   examples/recipes/pawsx/prepare.sh [RAW] [XLMR] [DEST]       (default: raw/pawsx xlmr.base data-bin/pawsx)
set -euo pipefail
raw=${1:-raw/pawsx} xlmr=${2:-xlmr.base} dest=${3:-data-bin/pawsx}
xl-prepare pawsx "$raw" "$dest" --spm "$xlmr/sentencepiece.bpe.model" --dict "$xlmr/dict.txt"
