#!/usr/bin/env bash
# xTune on real text with a small encoder: plain fine-tuning, stage 1 and stage 2 of
#   xnli     MultiNLI pairs, code-switch with MUSE dictionaries          xnli-mt  XNLI's parallel dev rows as translations
#   udpos    English EWT, subword sampling                                panx     English WikiANN, subword sampling
#   sick     English SICK pairs, code-switch with Wiktionary's Dutch and Portuguese      sick-mt  SICK-NL, SICK-BR as translations
#   xquad    SQuAD, code-switch in stage 1, subword sampling in stage 2
# and a table of the three in every language for each.
#   examples/small_scale/xtune.sh DATA ENCODER OUT [NAME ...]
# DATA holds xnli/, sick/, dictionaries/{muse,wiktionary}/, udpos/, panx/, squad/ and xquad/; ENCODER comes from encoder.sh with their languages and
# POSITIONS of at least 384. Stage 2 has two rows per example, so it takes twice the updates of the others.
set -euo pipefail
data=$1 encoder=$2 out=$3
shift 3
names=("$@")
[ $# -gt 0 ] || names=(sick sick-mt xnli xnli-mt udpos panx xquad)
here=$(cd "$(dirname "$0")/../.." && pwd)
tokenizer=(--spm "$encoder/sentencepiece.bpe.model" --dict "$encoder/dict.txt")
updates=${UPDATES:-600}
shape=(--encoder-layers 3 --encoder-embed-dim 128 --encoder-ffn-embed-dim 512 --encoder-attention-heads 4
  --max-positions "${POSITIONS:-512}")
common=("${shape[@]}" --update-freq 1 --warmup-ratio 0.1 --validate-interval-updates "$updates" --save-interval-updates "$updates"
  --keep-interval-updates 1 --no-epoch-checkpoints --log-format simple --log-interval 50 --num-workers 0)
mkdir -p "$out"

prepare() { # name: data folder "$out/bin/<name>"
  local bin=$out/bin/$1
  [ -d "$bin" ] && return
  case $1 in
    xnli) xl-prepare xnli "$data/xnli" "$bin" "${tokenizer[@]}" --translate-test none --languages $xnli ;;
    xnli-mt) xl-prepare pairs "$bin" "${tokenizer[@]}" --name xnli --languages $xnli --columns first=0,second=1,label=2 \
      --labels contradiction,entailment,neutral --train "$data/xnli/dev-{lang}.tsv[0:2000]" \
      --valid "$data/xnli/dev-{lang}.tsv[2000:2490]" --test "$data/xnli/test-{lang}.tsv" ;;
    sick | sick-mt) "$here/examples/small_scale/prepare_sick.sh" "$data" "$encoder" "$bin" ;;
    udpos | panx) xl-prepare "$1" "$data/$1" "$bin" "${tokenizer[@]}" ;;
    xquad) xl-prepare xquad "$data/xquad" "$bin" "${tokenizer[@]}" --train "$data/squad/train-v1.1.json" \
      --valid "$data/squad/dev-v1.1.json" ;;
  esac
}
xnli=ar,bg,de,el,en,es,fr,hi,ru,sw,th,tr,ur,vi,zh

dictionaries=muse
run() { # name, data set, task, setting, options of all three trainings
  local name=$1 set=$2 task=$3 setting=$4
  shift 4
  prepare "$name"
  local bin=$out/bin/$name save=$out/$name
  [ -f "$save/plain/done" ] || fairseq-train "$bin" --user-dir "$here/xl_plugins" --task "$task" --criterion xtune_criterion \
    --r1-weight 0 --restore-file "$encoder/model.pt" --save-dir "$save/plain" --max-update "$updates" "${common[@]}" "$@" \
    > "$save.plain.log" 2>&1
  mkdir -p "$save/plain" && touch "$save/plain/done"
  xl-xtune "$set" "$bin" --setting "$setting" --restore-file "$encoder/model.pt" --save-dir "$save" \
    --dictionaries "$data/dictionaries/$dictionaries" --stage1 "--max-update $updates" --stage2 "--max-update $((2 * updates))" \
    -- "${common[@]}" "$@" > "$save.log" 2>&1
  for system in plain stage1 stage2; do
    xl-evaluate "$bin" --path "$save/$system/checkpoint_best.pt" --json "$save.$system.json" --overwrite > "$save.$system.txt"
  done
  echo "$name"
  xl-evaluate --compare "$save".{plain,stage1,stage2}.json --names plain,stage1,stage2 --significance
}
for name in "${names[@]}"; do
  case $name in
    xnli) run xnli xnli xl_sentence_pair cross-lingual-transfer --lr 3e-4 --batch-size 32 --max-length 96 ;;
    xnli-mt) run xnli-mt xnli xl_sentence_pair translate-train-all --lr 3e-4 --batch-size 32 --max-length 96 ;;
    sick) dictionaries=wiktionary run sick xnli xl_sentence_pair cross-lingual-transfer --lr 5e-4 --batch-size 32 --max-length 96 \
      --cs-languages nl,pt ;;
    sick-mt) run sick-mt xnli xl_sentence_pair translate-train-all --lr 5e-4 --batch-size 32 --max-length 96 ;;
    udpos | panx) run "$name" "$name" xl_tagging cross-lingual-transfer --lr 5e-4 --batch-size 32 ;;
    xquad) run xquad xquad xl_qa cross-lingual-transfer --lr 5e-4 --batch-size 16 ;;
    *) echo "unknown experiment $name" >&2; exit 2 ;;
  esac
done
