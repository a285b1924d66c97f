#!/usr/bin/env bash
# XLA on real text with a small encoder, which also generates the virtual sentences, from English to each target language:
#   panx   entities: 5,000 English sentences of WikiANN, 2,000 sentences of the target's training set without tags
#   sick   SICK: 4,500 English pairs, 4,439 Dutch and Portuguese ones without labels (they translate the English ones)
#   xnli   5,000 MultiNLI pairs, 1,500 rows of the target's XNLI dev set without labels, selected on the other 990
# zero-shot, with the confidence penalty, three models as an ensemble, and XLA after each of its three epochs, mean of its members
# and ensemble; tables with p-values.
#   examples/small_scale/xla.sh DATA ENCODER OUT [NAME ...]
# DATA holds panx/, sick/, xnli/; ENCODER comes from encoder.sh with their languages and POSITIONS=512. TARGETS, TRAIN (English
# sentences), POOL (target sentences), UPDATES (of the warm-up) and LR (of the adaptation) in the environment change the defaults; with
# other ones take another OUT.
set -euo pipefail
data=$1 encoder=$2 root=$3
shift 3
names=("$@")
[ $# -gt 0 ] || names=(panx sick xnli)
here=$(cd "$(dirname "$0")/../.." && pwd)
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
tokenizer=(--spm "$encoder/sentencepiece.bpe.model" --dict "$encoder/dict.txt")
# shellcheck source=examples/xla_steps.sh
. "$here/examples/xla_steps.sh"

prepare() { # NAME TARGETS
  [ -d "$bin" ] && return
  local files=()
  [[ ,$2, == *,nl,* ]] && files+=(nl="$data/sick/nl/SICK_NL.txt")
  [[ ,$2, == *,pt,* ]] && files+=(pt="$data/sick/pt/SICK_BR.txt")
  case $1 in
    panx) xl-prepare conll "$bin" "${tokenizer[@]}" --name panx --comment '' --languages "en,$2" \
      --labels B-LOC,B-ORG,B-PER,I-LOC,I-ORG,I-PER,O --train en="$data/panx/train-en.tsv[0:${TRAIN:-5000}]" \
      --unlabelled "$2=$data/panx/train-{lang}.tsv[0:${POOL:-2000}]" --valid "$data/panx/dev-{lang}.tsv" \
      --test "$data/panx/test-{lang}.tsv" ;;
    sick) xl-prepare pairs "$bin" "${tokenizer[@]}" --name sick --labels contradiction,entailment,neutral \
      --label-map CONTRADICTION=contradiction,ENTAILMENT=entailment,NEUTRAL=neutral \
      --columns first=sentence_A,second=sentence_B,label=entailment_label en:label=entailment_judgment \
      --train en="$data/sick/en/SICK_train.txt" --valid en="$data/sick/en/SICK_trial.txt" "${files[@]}" \
      --test en="$data/sick/en/SICK_test_annotated.txt" "${files[@]}" --unlabelled "${files[@]}" \
      --filter "$2/unlabelled:SemEval_set=TRAIN" "$2/valid:SemEval_set=TRIAL" "$2/test:SemEval_set=TEST" ;;
    xnli) xl-prepare pairs "$bin" "${tokenizer[@]}" --name xnli --labels contradiction,entailment,neutral --languages "en,$2" \
      --columns first=0,second=1,label=2 --train en="$data/xnli/train-en.tsv[0:${TRAIN:-5000}]" \
      --unlabelled "$2=$data/xnli/dev-{lang}.tsv[0:${POOL:-1500}]" --valid "$data/xnli/dev-{lang}.tsv[1500:2490]" \
      --test "$data/xnli/test-{lang}.tsv" ;;
  esac
}

shape=(--encoder-layers 3 --encoder-embed-dim 128 --encoder-ffn-embed-dim 512 --encoder-attention-heads 4
  --max-positions "${POSITIONS:-512}")
for name in "${names[@]}"; do
  bin=$root/$name/data-bin out=$root/$name problem=sentence_pair
  mkdir -p "$out"
  sizes=(--max-length 128 --batch-size 32 --update-freq 1 --num-workers 0)
  vicinity=(--genlm-word-start-only) # most of this model's predictions would glue to the word before
  case $name in # ten passes over the English data at most
    panx) problem=tagging targets=${TARGETS:-de,nl} sizes+=(--word-pooling first) rate=6e-4 updates=800 eta=80,100,100 ;;
    sick) targets=${TARGETS:-nl,pt} rate=5e-4 updates=600 eta=50,80,100 ;;
    xnli) targets=${TARGETS:-de,es} rate=3e-4 updates=600 eta=50,80,100 ;;
    *) echo "unknown experiment $name" >&2; exit 2 ;;
  esac
  prepare "$name" "$targets"
  warm=(--lr $rate --warmup-ratio 0.1 --max-update "${UPDATES:-$updates}" --validate-interval-updates 200
    --save-interval-updates 200)
  adapt=(--lr "${LR:-1e-4}" --validate-interval-updates 100 --distill-eta $eta)
  warm_up
  generate en ${targets//,/ }
  score_warm_up "en,$targets"
  for target in ${targets//,/ }; do
    adapt_to "$target"
    show "$target"
  done
done
