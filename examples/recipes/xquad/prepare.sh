#!/usr/bin/env bash
# XQuAD: raw XTREME files -> data-bin/xquad; trained on SQuAD, selected on MLQA's dev set (X-Mixup, Appendix C.1).
#   examples/recipes/xquad/prepare.sh [RAW] [XLMR] [DEST]       (default: raw xlmr.base data-bin/xquad)
# RAW has xquad/, squad/ and mlqa/.
set -euo pipefail
raw=${1:-raw} xlmr=${2:-xlmr.base} dest=${3:-data-bin/xquad}
xl-prepare xquad "$raw/xquad" "$dest" --spm "$xlmr/sentencepiece.bpe.model" --dict "$xlmr/dict.txt" \
  --train "$raw/squad/train-v1.1.json" --valid "$raw/mlqa/MLQA_V1/dev/dev-context-{lang}-question-{lang}.json"
