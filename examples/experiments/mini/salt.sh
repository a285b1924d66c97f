#!/usr/bin/env bash
# SALT on the embedded benchmark: plain fine-tuning, English synonyms alone, no mixup, full SALT with counterparts in English, French,
# Spanish and German, and SALT's training on dictionary translations in their place, as if the language model knew them; trained on
# English alone, three seeds; how many counterparts are translations, and a table with means, standard deviations and p-values.
#   examples/experiments/mini/salt.sh [QUICKSTART] [OUT]      (default: outputs/quickstart, outputs/mini-salt)
# QUICKSTART is the folder of examples/quickstart.sh, whose data, word lists and encoder are used. Finished steps are kept.
# The runs differ in --salt-langs and --mix alone and are equally long (UPDATES). COUNTERPARTS holds further options of
# xl-augment counterparts, for example COUNTERPARTS="--threshold 1e-3"; with other ones take another OUT.
set -euo pipefail
work=${1:-outputs/quickstart} out=${2:-outputs/mini-salt}
here=$(cd "$(dirname "$0")/../../.." && pwd)
updates=${UPDATES:-1500}
mkdir -p "$out"
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}

# the copies belong to OUT: the benchmark's folder stays as it is
[ -d "$out/data-bin" ] || { cp -r "$work/data-bin" "$out/data-bin.part" && mv "$out/data-bin.part" "$out/data-bin"; }
# shellcheck disable=SC2086  # COUNTERPARTS holds several words
xl-augment counterparts "$out/data-bin" --path "$work/encoder/model.pt" --word-lists "$work/raw/wordlists" \
  --languages en,fr,es,de ${COUNTERPARTS:-}
if [ ! -f "$out/report.txt" ]; then
  # shellcheck disable=SC2086
  xl-augment counterparts "$out/data-bin" --path "$work/encoder/model.pt" --word-lists "$work/raw/wordlists" \
    --languages en,fr,es,de ${COUNTERPARTS:-} --report-only --dictionaries "$work/raw/dictionaries" > "$out/report.part"
  mv "$out/report.part" "$out/report.txt"
fi
cat "$out/report.txt"
[ -d "$out/dictionary-bin" ] || {
  rm -rf "$out/dictionary.part" && cp -r "$work/data-bin" "$out/dictionary.part"
  python "$here/examples/experiments/mini/dictionary_counterparts.py" "$out/dictionary.part" "$work/raw/wordlists" "$work/raw/dictionaries" \
    "$work/encoder/model.pt" fr,es,de
  mv "$out/dictionary.part" "$out/dictionary-bin"
}

train() { # NAME SEED OPTIONS...
  local name=$1-$2 seed=$2 bin=$out/data-bin
  [ "$1" = dictionary ] && bin=$out/dictionary-bin
  shift 2
  [ -f "$out/$name.done" ] && return
  fairseq-train "$bin" --user-dir "$here/xl_plugins" --task salt_augment_task --max-length 64 \
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
  train dictionary "$seed" --salt-langs fr,es,de
done
results=()
systems=(plain synonyms no-mixup salt dictionary)
for system in "${systems[@]}"; do
  xl-evaluate "$out/data-bin" --path "$out/$system"-[0-9]*/checkpoint_best.pt --json "$out/$system.json" --overwrite \
    > "$out/$system.txt"
  results+=("$out/$system.json")
done
xl-evaluate --compare "${results[@]}" --names "$(IFS=,; echo "${systems[*]}")" --significance
