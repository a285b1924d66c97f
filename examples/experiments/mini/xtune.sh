#!/usr/bin/env bash
# xTune on the embedded benchmark, cross-lingual transfer: plain fine-tuning, data augmentation only, R1, R2 and full xTune with
# code-switch, trained on English alone, three seeds; tables with means, standard deviations and p-values.
#   examples/experiments/mini/xtune.sh [QUICKSTART] [OUT]      (default: outputs/quickstart, outputs/mini-xtune)
# QUICKSTART is the folder of examples/quickstart.sh, whose data, dictionaries and encoder are used. Finished steps are kept.
# UPDATES is the length of a run without augmented copies; runs with copies take twice as many, so all see the data equally often.
set -euo pipefail
work=${1:-outputs/quickstart} out=${2:-outputs/mini-xtune}
here=$(cd "$(dirname "$0")/../../.." && pwd)
once=${UPDATES:-750}
twice=$((2 * once))
mkdir -p "$out"
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}

train() { # NAME SEED OPTIONS...
  local name=$1-$2 seed=$2
  shift 2
  [ -f "$out/$name.done" ] && return
  fairseq-train "$work/data-bin" --user-dir "$here/xl_plugins" --task xl_sentence_pair --max-length 64 \
    --restore-file "$work/encoder/model.pt" --save-dir "$out/$name" --seed "$seed" --lr 6e-4 --warmup-ratio 0.1 --batch-size 32 \
    --update-freq 1 --validate-interval-updates 250 --save-interval-updates 250 --keep-interval-updates 1 \
    --no-epoch-checkpoints --num-workers 0 --log-format simple --log-interval 50 "$@" > "$out/$name.log" 2>&1
  touch "$out/$name.done"
}
code_switch=(--cs-dictionaries "$work/raw/dictionaries" --cs-ratio 0.3)
xtune=(--criterion xtune_criterion "${code_switch[@]}")
for seed in ${SEEDS:-1 2 3}; do
  train plain "$seed" --max-update "$once"
  train plain-twice "$seed" --max-update "$twice"
  train augmentation "$seed" --max-update "$twice" --augment cs "${code_switch[@]}"
  train r1 "$seed" --max-update "$once" "${xtune[@]}" --second-view cs --r1-weight 5
  train r2 "$seed" --max-update "$twice" "${xtune[@]}" --augment cs --r1-weight 0 --r2-weight 5 \
    --teacher "$out/plain-$seed/checkpoint_best.pt"
  train xtune "$seed" --max-update "$twice" "${xtune[@]}" --augment cs --second-view cs --r1-weight 5 --r2-weight 5 \
    --teacher "$out/r1-$seed/checkpoint_best.pt"
done
results=()
systems=(plain plain-twice augmentation r1 r2 xtune)
for system in "${systems[@]}"; do
  xl-evaluate "$work/data-bin" --path "$out/$system"-[0-9]*/checkpoint_best.pt --json "$out/$system.json" --overwrite > "$out/$system.txt"
  results+=("$out/$system.json")
done
xl-evaluate --compare "${results[@]}" --names "$(IFS=,; echo "${systems[*]}")" --significance
