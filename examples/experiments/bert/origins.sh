#!/usr/bin/env bash
# Single texts by plain fine-tuning on English: examples/experiments/bert/origins.sh ENCODER DATA OUT
# ENCODER: folder of xl-convert from-hf; DATA: folder of the data sets; OUT: folder to write.
set -euo pipefail
encoder=$1 data=$2 out=$3
here=$(cd "$(dirname "$0")" && pwd)
tokenizer=tokenizer.json
[ -e "$encoder/sentencepiece.bpe.model" ] && tokenizer=sentencepiece.bpe.model
python "$here/origins.py" "$data" "$out/raw"
xl-convert trim "$encoder/model.pt" --data "$out/raw" --spm "$encoder/$tokenizer" --dict "$encoder/dict.txt" "$out/encoder"
xl-prepare texts "$out/data" --columns text=1,label=2 --labels news,encyclopaedia,bible --languages en,es,sw,zh --folder "$out/raw" \
    --model "$out/encoder"
xl-train "$out/data" --task xl_text --restore-file "$out/encoder/model.pt" --save-dir "$out/run" --seed 1 --lr 5e-5 --batch-size 32 \
    --update-freq 1 --warmup-ratio 0.1 --max-length 128 --max-update 200 --validate-interval-updates 50 --save-interval-updates 50 --no-epoch-checkpoints \
    --valid-languages source --select source-dev --num-workers 0 --log-format simple ${TRAIN_OPTIONS:-}
xl-evaluate "$out/data" --path "$out/run/checkpoint_best.pt" --json "$out/scores.json" --overwrite
