#!/usr/bin/env bash
# Question answering with a small encoder: zero-shot from 2,019 SQuAD questions to XQuAD (11 languages) and MLQA (7); translate-train and
# X-Mixup on XQuAD's parallel articles (30 to train on, 4 for selection, 6 for the test), also scored on MLQA; TyDiQA from English.
#   examples/small_scale/qa.sh DATA ENCODER OUT
# DATA holds squad/, xquad/, mlqa/ and tydiqa/; ENCODER comes from encoder.sh with their languages and --max-positions of at least 384.
# The English originals serve as back-translation and as translate-test. MLQA's dev files are the test set; TyDiQA's dev files may carry
# no answers, so part of its training files is held out for scores in English and Swahili, and the others are predicted only.
set -euo pipefail
data=$1 encoder=$2 out=$3
here=$(cd "$(dirname "$0")/../.." && pwd)
tokenizer=(--spm "$encoder/sentencepiece.bpe.model" --dict "$encoder/dict.txt")
mkdir -p "$out"
squad=$data/squad/train-v1.1.json
xquad="$data/xquad/xquad.{lang}.json" english="$data/xquad/xquad.en.json"
tydiqa=$data/tydiqa/tydiqa-goldp-v1.1-train
targets=ar,de,el,es,hi,ru,th,tr,vi,zh
[ -d "$out/xquad" ] || xl-prepare xquad "$data/xquad" "$out/xquad" "${tokenizer[@]}" --train "$squad" \
  --valid "$data/squad/dev-v1.1.json"
[ -d "$out/mlqa" ] || xl-prepare mlqa "$data/mlqa" "$out/mlqa" "${tokenizer[@]}" --train "$squad" --dev-as-test
[ -d "$out/parallel" ] || xl-prepare squad "$out/parallel" "${tokenizer[@]}" --name xquad --languages "en,$targets" \
  --train "${xquad}[0:30]" --valid "${xquad}[30:34]" --test "${xquad}[34:40]" --back-translation "$targets=${english}[0:30]" \
  --translate-dev "$targets=${english}[30:34]" --translate-test "$targets=${english}[34:40]"
[ -d "$out/tydiqa" ] || xl-prepare tydiqa "$data/tydiqa" "$out/tydiqa" "${tokenizer[@]}"
[ -d "$out/tydiqa-held-out" ] || xl-prepare squad "$out/tydiqa-held-out" "${tokenizer[@]}" --name tydiqa \
  --train "en=$tydiqa/tydiqa.goldp.en.train.json[0:3000]" --valid "en=$tydiqa/tydiqa.goldp.en.train.json[3000:3300]" \
  --test "en=$tydiqa/tydiqa.goldp.en.train.json[3300:]" "sw=$tydiqa/tydiqa.goldp.sw.train.json"

shape=(--encoder-layers 3 --encoder-embed-dim 128 --encoder-ffn-embed-dim 512 --encoder-attention-heads 4)
common=(--user-dir "$here/xl_plugins" "${shape[@]}" --max-positions "${POSITIONS:-512}" --batch-size 16 --update-freq 1
  --no-epoch-checkpoints --log-format simple --log-interval 50 --num-workers 0)
train() { # name, folder, task, options
  local name=$1 folder=$2 task=$3
  shift 3
  fairseq-train "$folder" "${common[@]}" --task "$task" --save-dir "$out/$name" "$@" > "$out/$name.log" 2>&1
}
evaluate() { # folder, system, name of the result, options
  xl-evaluate "$1" --path "$out/$2/checkpoint_best.pt" --json "$out/$3.json" --overwrite "${@:4}"
}

updates=${UPDATES:-600}
train zero-shot "$out/xquad" xl_qa --restore-file "$encoder/model.pt" --lr 5e-4 --max-update "$updates" \
  --valid-languages source --select source-dev
start=(--finetune-from-model "$out/zero-shot/checkpoint_best.pt" --lr 3e-4 --max-update "$updates")
train translate-train "$out/parallel" xl_qa "${start[@]}" --train-languages all
train xmixup "$out/parallel" xmixup_qa "${start[@]}" --mixup-layer 2 --sampling-k 100
for system in zero-shot translate-train xmixup; do
  evaluate "$out/parallel" $system parallel-$system
done
evaluate "$out/xquad" zero-shot xquad-zero-shot
for system in zero-shot translate-train; do
  evaluate "$out/mlqa" $system mlqa-$system
done
evaluate "$out/mlqa" xmixup mlqa-xmixup --no-mixup-inference
for table in parallel mlqa; do
  xl-evaluate --compare "$out/$table"-{zero-shot,translate-train,xmixup}.json --names zero-shot,translate-train,xmixup
done
train tydiqa-system "$out/tydiqa-held-out" xl_qa --restore-file "$encoder/model.pt" --lr 5e-4 --max-update "$updates"
evaluate "$out/tydiqa-held-out" tydiqa-system tydiqa
xl-evaluate "$out/tydiqa" --path "$out/tydiqa-system/checkpoint_best.pt" --output "$out/predictions" --overwrite
