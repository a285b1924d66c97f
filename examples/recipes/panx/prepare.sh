#!/usr/bin/env bash
# PAN-X: raw XTREME files -> data-bin/panx.
#   examples/recipes/panx/prepare.sh [RAW] [XLMR] [DEST]       (default: raw/panx xlmr.base data-bin/panx)
set -euo pipefail
raw=${1:-raw/panx} xlmr=${2:-xlmr.base} dest=${3:-data-bin/panx}
xl-prepare panx "$raw" "$dest" --spm "$xlmr/sentencepiece.bpe.model" --dict "$xlmr/dict.txt"
