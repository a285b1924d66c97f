#!/usr/bin/env bash
# XLA on the embedded benchmark, entities and natural language inference, from English to three languages each: zero-shot, with the
# confidence penalty, three models as an ensemble, and XLA after each of its three epochs, mean of its members and ensemble; tables
# with p-values.
#   examples/experiments/mini/xla.sh [QUICKSTART] [OUT] [PROBLEM ...]      (default: outputs/quickstart, outputs/mini-xla, tagging sentence_pair)
# QUICKSTART is the folder of examples/quickstart.sh, whose encoder is used, as the language model as well. Finished steps are kept.
# The data are made anew: TRAIN labelled English rows, the benchmark's own; POOL rows of each target language that translate none of
# them and have no labels. TARGETS, UPDATES (of the warm-up) and LR (of the adaptation) in the environment change the defaults; with
# other ones take another OUT.
set -euo pipefail
work=${1:-outputs/quickstart} root=${2:-outputs/mini-xla}
shift $(($# < 2 ? $# : 2))
problems=("$@")
[ $# -gt 0 ] || problems=(tagging sentence_pair)
here=$(cd "$(dirname "$0")/../../.." && pwd)
encoder=$work/encoder
targets=${TARGETS:-de,es,tr}
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
# shellcheck source=examples/experiments/mini/xla_steps.sh
. "$here/examples/experiments/mini/xla_steps.sh"

make_data() { # PROBLEM
  local of=(--problem "$1" --languages "en,$targets" --unlabelled 10) set=xnli
  [ "$1" = sentence_pair ] || set=panx
  [ -d "$root/raw/$1" ] || xl-mini make "$root/raw/$1" "${of[@]}" --train "${TRAIN:-4000}" --dev 300 --test 500 --seed 1
  [ -d "$root/pool/$1" ] || xl-mini make "$root/pool/$1" "${of[@]}" --train "${POOL:-2000}" --dev 1 --test 1 --seed 2 --noise 0
  [ -d "$bin" ] || xl-prepare $set "$root/raw/$1/$set" "$bin" --model "$encoder" \
    --translate-train none --back-translation none --translate-dev none --translate-test none \
    --unlabelled "$root/pool/$1/$set/translate-train/en-{lang}.tsv"
}

for problem in "${problems[@]}"; do
  bin=$root/$problem/data-bin out=$root/$problem
  mkdir -p "$out"
  make_data "$problem"
  sizes=(--max-length 128 --batch-size 32 --update-freq 1 --num-workers 0)
  vicinity=() # 30 %; 3 samples of a sentence, 2 x 2 of a pair
  case $problem in
    tagging) sizes+=(--word-pooling first) updates=600 eta=80,100,100 ;;
    sentence_pair) updates=1000 eta=50,80,100 ;;
    *) echo "unknown problem $problem" >&2; exit 2 ;;
  esac
  warm=(--lr 6e-4 --warmup-ratio 0.1 --max-update "${UPDATES:-$updates}" --validate-interval-updates 200
    --save-interval-updates 200)
  adapt=(--lr "${LR:-1e-4}" --validate-interval-updates 100 --distill-eta $eta) # a sixth of the rate, as for the article's entities
  warm_up
  generate en ${targets//,/ }
  score_warm_up "en,$targets"
  for target in ${targets//,/ }; do
    adapt_to "$target"
    show "$target"
  done
done
