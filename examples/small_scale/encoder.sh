#!/usr/bin/env bash
# Pre-train a small encoder (3 layers, 128 wide) on real parallel text, for machines without XLM-R weights.
#   examples/small_scale/encoder.sh DATA OUT
# DATA holds parallel/ntrex/newstest2019.LANG.gz and parallel/flores200/devtest.LANG.gz; OUT receives model.pt, dict.txt and
# sentencepiece.bpe.model. LANGUAGES, UPDATES, VOCAB and POSITIONS in the environment change the defaults.
set -euo pipefail
data=$1 out=$2
languages=${LANGUAGES:-ar bg de el en es fr hi nl pt ru sw th tr ur vi zh}
mkdir -p "$out.text"
for language in $languages; do # row i of every file is the same sentence
  gzip -dc "$data/parallel/ntrex/newstest2019.$language.gz" "$data/parallel/flores200/devtest.$language.gz" \
    > "$out.text/$language.txt"
done
xl-mini pretrain "$out" --text "$out".text/*.txt --parallel "$out".text/*.txt --parallel-share 0.5 \
  --vocab "${VOCAB:-8000}" --max-positions "${POSITIONS:-256}" --layers 3 --dim 128 --heads 4 --ffn 512 \
  --updates "${UPDATES:-3000}" --batch-size 32
