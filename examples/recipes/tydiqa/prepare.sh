#!/usr/bin/env bash
# TyDiQA-GoldP: raw XTREME files -> data-bin/tydiqa. XTREME's dev files are the test set, so the first 300 English
# training articles select the checkpoint and the others train.
#   examples/recipes/tydiqa/prepare.sh [RAW] [XLMR] [DEST]       (default: raw/tydiqa xlmr.base data-bin/tydiqa)
set -euo pipefail
raw=${1:-raw/tydiqa} xlmr=${2:-xlmr.base} dest=${3:-data-bin/tydiqa}
train=$raw/tydiqa-goldp-v1.1-train/tydiqa.goldp.en.train.json
xl-prepare tydiqa "$raw" "$dest" --spm "$xlmr/sentencepiece.bpe.model" --dict "$xlmr/dict.txt" \
  --train "${train}[300:]" --valid "${train}[0:300]"
