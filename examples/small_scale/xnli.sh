#!/usr/bin/env bash
# XNLI in 15 languages with a small encoder: zero-shot from MultiNLI pairs, then translate-train and X-Mixup on XNLI's dev set,
# which is row-parallel: 2,000 rows to train on, 490 for selection.
#   examples/small_scale/xnli.sh DATA ENCODER OUT
# DATA holds xnli/; ENCODER comes from encoder.sh. There are no back-translations, and translate-test text for sw and ur alone:
# X-Mixup trains without scheduled sampling and is selected and evaluated without mixup inference; a second table has it with mixup
# inference in the languages that have translations.
set -euo pipefail
data=$1 encoder=$2 out=$3
here=$(cd "$(dirname "$0")/../.." && pwd)
tokenizer=(--spm "$encoder/sentencepiece.bpe.model" --dict "$encoder/dict.txt")
languages=ar,bg,de,el,en,es,fr,hi,ru,sw,th,tr,ur,vi,zh
[ -d "$out/mnli" ] || xl-prepare xnli "$data/xnli" "$out/mnli" "${tokenizer[@]}" --languages $languages --translate-test none
[ -d "$out/dev" ] || xl-prepare pairs "$out/dev" "${tokenizer[@]}" --name xnli --languages $languages \
  --labels contradiction,entailment,neutral --columns first=0,second=1,label=2 \
  translate-test:first=sentence1_en,second=sentence2_en,label=label \
  --train "$data/xnli/dev-{lang}.tsv[0:2000]" --valid "$data/xnli/dev-{lang}.tsv[2000:2490]" --test "$data/xnli/test-{lang}.tsv" \
  --translate-test sw="$data/xnli/translate-test/sw.trans.test.tsv" ur="$data/xnli/translate-test/ur.trans.test.tsv"
shape=(--encoder-layers 3 --encoder-embed-dim 128 --encoder-ffn-embed-dim 512 --encoder-attention-heads 4 --max-positions 256)
common=(--user-dir "$here/xl_plugins" "${shape[@]}" --max-length 96 --batch-size 32 --update-freq 1 --warmup-ratio 0.1
  --validate-interval-updates 200 --save-interval-updates 200 --keep-interval-updates 1 --no-epoch-checkpoints
  --log-format simple --log-interval 100 --num-workers 0)
fairseq-train "$out/mnli" "${common[@]}" --task xl_sentence_pair --select source-dev --restore-file "$encoder/model.pt" --lr 3e-4 \
  --max-update "${UPDATES:-600}" --valid-languages source --save-dir "$out/zero-shot" > "$out/zero-shot.log" 2>&1
start=(--finetune-from-model "$out/zero-shot/checkpoint_best.pt" --lr 2e-4 --max-update "${UPDATES:-600}")
fairseq-train "$out/dev" "${common[@]}" "${start[@]}" --task xl_sentence_pair --train-languages all \
  --save-dir "$out/translate-train" > "$out/translate-train.log" 2>&1
fairseq-train "$out/dev" "${common[@]}" "${start[@]}" --task xmixup_sentence_pair --no-scheduled-sampling --no-mixup-inference \
  --save-dir "$out/xmixup" > "$out/xmixup.log" 2>&1
for system in zero-shot translate-train xmixup; do
  xl-evaluate "$out/dev" --path "$out/$system/checkpoint_best.pt" --json "$out/$system.json" --overwrite
done
xl-evaluate --compare "$out"/{zero-shot,translate-train,xmixup}.json --names zero-shot,translate-train,xmixup
xl-evaluate "$out/dev" --path "$out/xmixup/checkpoint_best.pt" --mixup-inference --languages en,sw,ur
