#!/usr/bin/env bash
# SICK in English, Dutch and Portuguese with a small encoder: zero-shot, translate-train and X-Mixup, three seeds each.
#   examples/small_scale/sick.sh DATA ENCODER OUT
# DATA holds sick/; ENCODER comes from encoder.sh. The English originals of the Dutch and Portuguese pairs are human
# translations: they serve as back-translation and as translate-test.
set -euo pipefail
data=$1 encoder=$2 out=$3
here=$(cd "$(dirname "$0")/../.." && pwd)
[ -d "$out/data-bin" ] || xl-prepare pairs "$out/data-bin" \
  --spm "$encoder/sentencepiece.bpe.model" --dict "$encoder/dict.txt" --name sick \
  --labels contradiction,entailment,neutral --align-on pair_ID \
  --label-map CONTRADICTION=contradiction,ENTAILMENT=entailment,NEUTRAL=neutral \
  --columns first=sentence_A,second=sentence_B,label=entailment_label en:label=entailment_judgment \
  back-translation,translate-dev,translate-test:first=sentence_A_original,second=sentence_B_original \
  --train en="$data/sick/en/SICK_train.txt" nl="$data/sick/nl/SICK_NL.txt" pt="$data/sick/pt/SICK_BR.txt" \
  --valid en="$data/sick/en/SICK_trial.txt" nl="$data/sick/nl/SICK_NL.txt" pt="$data/sick/pt/SICK_BR.txt" \
  --test en="$data/sick/en/SICK_test_annotated.txt" nl="$data/sick/nl/SICK_NL.txt" pt="$data/sick/pt/SICK_BR.txt" \
  --back-translation nl="$data/sick/nl/SICK_NL.txt" pt="$data/sick/pt/SICK_BR.txt" \
  --translate-dev nl="$data/sick/nl/SICK_NL.txt" pt="$data/sick/pt/SICK_BR.txt" \
  --translate-test nl="$data/sick/nl/SICK_NL.txt" pt="$data/sick/pt/SICK_BR.txt" \
  --filter nl,pt/train,back-translation:SemEval_set=TRAIN nl,pt/valid,translate-dev:SemEval_set=TRIAL \
  nl,pt/test,translate-test:SemEval_set=TEST
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
