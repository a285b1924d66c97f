#!/usr/bin/env bash
# UDPOS: raw XTREME files -> data-bin/udpos.
#   examples/recipes/udpos/prepare.sh [RAW] [XLMR] [DEST]       (default: raw/udpos xlmr.base data-bin/udpos)
set -euo pipefail
raw=${1:-raw/udpos} xlmr=${2:-xlmr.base} dest=${3:-data-bin/udpos}
xl-prepare udpos "$raw" "$dest" --spm "$xlmr/sentencepiece.bpe.model" --dict "$xlmr/dict.txt"
