#!/usr/bin/env bash
# SICK in English, Dutch and Portuguese with a small encoder: zero-shot, translate-train and X-Mixup, three seeds each.
#   examples/small_scale/sick.sh DATA ENCODER OUT
# DATA holds sick/; ENCODER comes from encoder.sh. The English originals of the Dutch and Portuguese pairs are human
# translations: they serve as back-translation and as translate-test.
set -euo pipefail
data=$1 encoder=$2 out=$3
here=$(cd "$(dirname "$0")/../.." && pwd)
[ -d "$out/data-bin" ] || "$here/examples/small_scale/prepare_sick.sh" "$data" "$encoder" "$out/data-bin"
shape=(--encoder-layers 3 --encoder-embed-dim 128 --encoder-ffn-embed-dim 512 --encoder-attention-heads 4 --max-positions 256)
common=("$out/data-bin" --user-dir "$here/xl_plugins" "${shape[@]}" --restore-file "$encoder/model.pt" --max-length 96
  --lr 5e-4 --batch-size 32 --update-freq 1 --max-update "${UPDATES:-600}" --warmup-ratio 0.1 --validate-interval-updates 200
  --save-interval-updates 200 --keep-interval-updates 1 --no-epoch-checkpoints --log-format simple --log-interval 100 --num-workers 0)
run() { # NAME OPTIONS...: three seeds of one system, and its table
  local name=$1 seed
  shift
  for seed in 1 2 3; do
    fairseq-train "${common[@]}" --seed $seed --save-dir "$out/$name-$seed" "$@" > "$out/$name-$seed.log" 2>&1
  done
  xl-evaluate "$out/data-bin" --path "$out/$name"-{1,2,3}/checkpoint_best.pt --json "$out/$name.json" --overwrite
}
run zero-shot --task xl_sentence_pair --select source-dev
run translate-train --task xl_sentence_pair --train-languages all
run xmixup --task xmixup_sentence_pair --sampling-k "${SAMPLING_K:-150}"
xl-evaluate --compare "$out"/{zero-shot,translate-train,xmixup}.json --names zero-shot,translate-train,xmixup
