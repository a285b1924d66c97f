#!/usr/bin/env bash
# Parts of speech (UDPOS, 28 languages) and named entities (PAN-X, 37 languages) with a small encoder: zero-shot from English; then
# translate-train and X-Mixup on parallel text whose target side has soft labels of the zero-shot model: PUD (18 languages) for
# parts of speech, Universal NER on PUD (5 languages) for entities.
#   examples/small_scale/tagging.sh DATA ENCODER OUT
# DATA holds udpos/, panx/, pud/ and uner_pud/; ENCODER comes from encoder.sh with their languages. The English sentences, which are
# originals and not translations, serve as back-translation and as translate-test.
set -euo pipefail
data=$1 encoder=$2 out=$3
here=$(cd "$(dirname "$0")/../.." && pwd)
tokenizer=(--spm "$encoder/sentencepiece.bpe.model" --dict "$encoder/dict.txt")
mkdir -p "$out"
[ -d "$out/udpos" ] || xl-prepare udpos "$data/udpos" "$out/udpos" "${tokenizer[@]}"
[ -d "$out/panx" ] || xl-prepare panx "$data/panx" "$out/panx" "${tokenizer[@]}"

parallel() { # command, folder, {lang} pattern, number of rows for training and for selection, languages but English, options
  local command=$1 folder=$2 files=$3 train=$4 valid=$5 targets=$6
  local english=${files//\{lang\}/en} test=$(($4 + $5))
  shift 6
  [ -d "$folder" ] || xl-prepare "$command" "$folder" "${tokenizer[@]}" "$@" --languages "en,$targets" \
    --train "${files}[0:$train]" --valid "${files}[$train:$test]" --test "${files}[$test:800]" \
    --back-translation "$targets=${english}[0:$train]" --translate-dev "$targets=${english}[$train:$test]" \
    --translate-test "$targets=${english}[$test:800]"
}
parallel conllu "$out/pud" "$data/pud/{lang}_pud-ud-test.conllu" 600 100 \
  ar,cs,de,es,fi,fr,hi,id,it,ja,pl,pt,ru,sv,th,tr,zh --name udpos
parallel conll "$out/uner" "$data/uner_pud/{lang}_pud-ud-test.iob2" 500 100 de,pt,ru,zh --name panx --word-column 1 \
  --tag-column 2 --labels B-LOC,B-ORG,B-PER,I-LOC,I-ORG,I-PER,O

shape=(--encoder-layers 3 --encoder-embed-dim 128 --encoder-ffn-embed-dim 512 --encoder-attention-heads 4)
common=(--user-dir "$here/xl_plugins" "${shape[@]}" --max-positions "${POSITIONS:-256}" --batch-size 32 --update-freq 1
  --warmup-ratio 0.1 --save-interval-updates 200 --validate-interval-updates 200 --keep-interval-updates 1 --no-epoch-checkpoints
  --log-format simple --log-interval 100 --num-workers 0)
train() { # name, folder, task, options
  local name=$1 folder=$2 task=$3
  shift 3
  fairseq-train "$folder" "${common[@]}" --task "$task" --save-dir "$out/$name" "$@" > "$out/$name.log" 2>&1
}
evaluate() { # folder, system, name of the result, options
  xl-evaluate "$1" --path "$out/$2/checkpoint_best.pt" --json "$out/$3.json" --overwrite "${@:4}"
}

for pair in udpos:pud panx:uner; do
  set=${pair%:*} parallel=${pair#*:}
  train "$set-zero-shot" "$out/$set" xl_tagging --restore-file "$encoder/model.pt" --lr 5e-4 \
    --max-update "${UPDATES:-1200}" --valid-languages source --select source-dev
  xl-augment soft-labels "$out/$parallel" --path "$out/$set-zero-shot/checkpoint_best.pt" --overwrite
  start=(--finetune-from-model "$out/$set-zero-shot/checkpoint_best.pt" --lr 3e-4 --max-update "${UPDATES:-1200}")
  train "$set-translate-train" "$out/$parallel" xl_tagging "${start[@]}" --train-languages all --target-labels soft
  train "$set-xmixup" "$out/$parallel" xmixup_tagging "${start[@]}" --mixup-layer 1 --sampling-k 150
  for system in zero-shot translate-train xmixup; do
    evaluate "$out/$parallel" "$set-$system" "$parallel-$system"
  done
  evaluate "$out/$set" "$set-zero-shot" "$set-zero-shot"
  evaluate "$out/$set" "$set-translate-train" "$set-translate-train"
  evaluate "$out/$set" "$set-xmixup" "$set-xmixup" --no-mixup-inference
  for table in $parallel $set; do
    xl-evaluate --compare "$out/$table"-{zero-shot,translate-train,xmixup}.json --names zero-shot,translate-train,xmixup
  done
done
