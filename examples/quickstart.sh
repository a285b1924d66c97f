#!/usr/bin/env bash
# The main job on the embedded benchmark, from raw files to a table: make data, pre-train a tiny XLM-R, fine-tune it in three
# ways, evaluate. No download; about 6 minutes on two cores.
#   examples/quickstart.sh [FOLDER]        (default: outputs/quickstart; finished steps are kept, so a second call goes on)
# TOKENIZER=wordpiece-uncased makes a tiny BERT in its place; give another FOLDER then.
set -euo pipefail
work=${1:-outputs/quickstart}
here=$(cd "$(dirname "$0")/.." && pwd)
begin=$SECONDS
say() { printf '[%3d s] %s\n' $((SECONDS - begin)) "$*"; }
quietly() { # LOG COMMAND...: all output to LOG; its end is shown when the command fails
  local log=$1
  shift
  "$@" > "$log" 2>&1 || { tail -n 15 "$log"; echo "failed: see $log" >&2; return 1; }
}
mkdir -p "$work"

say "raw data in seven languages, in XTREME's formats"
[ -d "$work/raw" ] || quietly "$work/make.log" xl-mini make "$work/raw" --problem sentence_pair \
  --languages en,de,es,fr,sw,tr,hi --train 8000 --dev 300 --test 500 --unlabelled 20000 --seed 1 --noise 0.1

say "a tiny encoder (3 layers, 128 wide), pre-trained on the benchmark's unlabelled text"
OMP_NUM_THREADS=2 quietly "$work/pretrain.log" xl-mini pretrain "$work/raw" "$work/encoder" --updates 2000 --batch-size 32 \
  --parallel-share 0.4 --lr 2e-3 --tokenizer "${TOKENIZER:-sentencepiece}"

say "binarised data with translations, back-translations and translate-test"
[ -d "$work/data-bin" ] || quietly "$work/prepare.log" xl-prepare xnli "$work/raw/xnli" "$work/data-bin" \
  --model "$work/encoder"

train() { # NAME OPTIONS...: fine-tune and evaluate one system
  local name=$1
  shift
  say "training $name (log: $work/$name.log)"
  quietly "$work/$name.log" fairseq-train "$work/data-bin" --user-dir "$here/xl_plugins" --max-length 64 \
    --restore-file "$work/encoder/model.pt" --save-dir "$work/$name" --lr 6e-4 --warmup-ratio 0.06 --batch-size 32 \
    --update-freq 1 --max-update "$updates" --validate-interval-updates 350 --save-interval-updates 350 \
    --keep-interval-updates 1 --no-epoch-checkpoints --num-workers 0 --log-format simple --log-interval 50 "$@"
  quietly "$work/$name.txt" xl-evaluate "$work/data-bin" --path "$work/$name/checkpoint_best.pt" \
    --json "$work/$name.json" --overwrite
}
# one system per core: at this size two processes get more done than two threads
updates=700
export OMP_NUM_THREADS=1
{ train zero-shot --task xl_sentence_pair --select source-dev && train translate-train --task xl_sentence_pair --train-languages all; } &
train xmixup --task xmixup_sentence_pair --sampling-k 120
wait $!

say "accuracy on the test sets"
xl-evaluate --compare "$work"/{zero-shot,translate-train,xmixup}.json --names zero-shot,translate-train,X-Mixup
say "done; README.md goes on with real data and real XLM-R weights"
