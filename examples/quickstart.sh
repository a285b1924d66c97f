#!/usr/bin/env bash
# The main job on the embedded benchmark, from raw files to a table: make data, pre-train a tiny XLM-R, fine-tune it in three
# ways, evaluate. No download; about 7 minutes on two cores.
#   examples/quickstart.sh [FOLDER]        (default: outputs/quickstart; finished steps are kept, so a second call goes on)
set -euo pipefail
work=${1:-outputs/quickstart}
here=$(cd "$(dirname "$0")/.." && pwd)
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-2}
start=$SECONDS
say() { printf '\n[%3d s] %s\n' $((SECONDS - start)) "$*"; }

say "raw data in seven languages (XTREME's formats)"
[ -d "$work/raw" ] || xl-mini make "$work/raw" --problem sentence_pair --languages en,de,es,fr,sw,tr,hi --train 3000 --dev 300 \
  --test 500 --seed 1 --noise 0.1

say "a tiny XLM-R: 3 layers, 128 wide, pre-trained on the benchmark's unlabelled text"
xl-mini pretrain "$work/raw" "$work/encoder" --updates 1500

say "binarised data with translations and back-translations"
[ -d "$work/data-bin" ] || xl-prepare xnli "$work/raw/xnli" "$work/data-bin" \
  --spm "$work/encoder/sentencepiece.bpe.model" --dict "$work/encoder/dict.txt"

train() { # NAME OPTIONS...
  local name=$1
  shift
  say "training: $name (log: $work/$name.log)"
  fairseq-train "$work/data-bin" --user-dir "$here/xl_plugins" --encoder-layers 3 --encoder-embed-dim 128 --encoder-ffn-embed-dim 512 \
    --encoder-attention-heads 4 --max-positions 256 --restore-file "$work/encoder/model.pt" --save-dir "$work/$name" \
    --lr 5e-4 --batch-size 32 --update-freq 1 --max-epoch 100 --max-update 1000 --warmup-ratio 0.1 --max-length 64 \
    --validate-interval-updates 250 --save-interval-updates 250 --keep-interval-updates 1 --no-epoch-checkpoints \
    --num-workers 0 --log-format simple --log-interval 50 "$@" > "$work/$name.log" 2>&1 || { tail -n 5 "$work/$name.log"; exit 1; }
  xl-evaluate "$work/data-bin" --path "$work/$name/checkpoint_best.pt" --json "$work/$name.json" --overwrite > "$work/$name.txt"
}
train zero-shot --task xl_sentence_pair --select source-dev
train translate-train --task xl_sentence_pair --train-languages all
train xmixup --task xmixup_sentence_pair --sampling-k 150

say "accuracy on the test sets"
xl-evaluate --compare "$work"/{zero-shot,translate-train,xmixup}.json --names zero-shot,translate-train,X-Mixup
say "done; see README.md for real data and real XLM-R weights"
