#!/usr/bin/env bash
# SALT on the embedded benchmark: plain fine-tuning, English synonyms alone, no mixup, and full SALT with counterparts in English,
# French, Spanish and German; trained on English alone, three seeds; table with means, standard deviations and p-values.
#   examples/mini/salt.sh [QUICKSTART] [OUT]      (default: outputs/quickstart, outputs/mini-salt)
# QUICKSTART is the folder of examples/quickstart.sh, whose data, word lists and encoder are used. Finished steps are kept.
# The runs differ in --salt-langs and --mix alone and are equally long (UPDATES). COUNTERPARTS holds further options of
# xl-augment counterparts, for example COUNTERPARTS="--threshold 1e-3"; with other ones take another OUT.
set -euo pipefail
work=${1:-outputs/quickstart} out=${2:-outputs/mini-salt}
here=$(cd "$(dirname "$0")/../.." && pwd)
updates=${UPDATES:-1500}
mkdir -p "$out"
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}

# the copies belong to OUT: the benchmark's folder stays as it is
[ -d "$out/data-bin" ] || { cp -r "$work/data-bin" "$out/data-bin.part" && mv "$out/data-bin.part" "$out/data-bin"; }
# shellcheck disable=SC2086  # COUNTERPARTS holds several words
xl-augment counterparts "$out/data-bin" --path "$work/encoder/model.pt" --word-lists "$work/raw/wordlists" \
  --languages en,fr,es,de ${COUNTERPARTS:-}

train() { # NAME SEED OPTIONS...
  local name=$1-$2 seed=$2
  shift 2
  [ -f "$out/$name.done" ] && return
  fairseq-train "$out/data-bin" --user-dir "$here/xl_plugins" --task salt_augment_task --encoder-layers 3 --encoder-embed-dim 128 \
    --encoder-ffn-embed-dim 512 --encoder-attention-heads 4 --max-positions 256 --max-length 64 \
    --restore-file "$work/encoder/model.pt" --save-dir "$out/$name" --seed "$seed" --lr 6e-4 --warmup-ratio 0.1 --batch-size 32 \
    --update-freq 1 --max-update "$updates" --validate-interval-updates 250 --save-interval-updates 250 --keep-interval-updates 1 \
    --no-epoch-checkpoints --num-workers 0 --log-format simple --log-interval 50 "$@" > "$out/$name.log" 2>&1
  touch "$out/$name.done"
}
for seed in ${SEEDS:-1 2 3}; do
  train plain "$seed" --salt-langs none
  train synonyms "$seed" --salt-langs en
  train no-mixup "$seed" --mix none
  train salt "$seed"
done
results=()
systems=(plain synonyms no-mixup salt)
for system in "${systems[@]}"; do
  xl-evaluate "$out/data-bin" --path "$out/$system"-[0-9]*/checkpoint_best.pt --json "$out/$system.json" --overwrite \
    > "$out/$system.txt"
  results+=("$out/$system.json")
done
xl-evaluate --compare "${results[@]}" --names "$(IFS=,; echo "${systems[*]}")" --significance
