#!/usr/bin/env bash
# SALT on real text with a small encoder: counterparts by its own masked language model, then plain fine-tuning and SALT, equally
# long, on
#   xnli     19,691 English MultiNLI pairs, tested in 15 languages
#   pawsx    the English dev set of PAWS-X, 1,700 pairs to train on and 300 for selection, tested in 6 languages
# and for each a table of both by language, with p-values, and each one's table of all pairs of languages (generalised setting).
#   examples/small_scale/salt.sh DATA ENCODER OUT [NAME ...]
# DATA holds xnli/, pawsx/ and wordfreq/{en,fr,es,de}_10k.txt (or .gz); ENCODER comes from encoder.sh with the languages of both.
# GENERALISED: languages of the last tables (default: XNLI five of 15, PAWS-X all). COUNTERPARTS holds further options of
# xl-augment counterparts.
set -euo pipefail
data=$1 encoder=$2 out=$3
shift 3
names=("$@")
[ $# -gt 0 ] || names=(xnli pawsx)
here=$(cd "$(dirname "$0")/../.." && pwd)
tokenizer=(--spm "$encoder/sentencepiece.bpe.model" --dict "$encoder/dict.txt")
updates=${UPDATES:-600}
shape=(--encoder-layers 3 --encoder-embed-dim 128 --encoder-ffn-embed-dim 512 --encoder-attention-heads 4
  --max-positions "${POSITIONS:-256}")
common=(--user-dir "$here/xl_plugins" --task salt_augment_task "${shape[@]}" --restore-file "$encoder/model.pt" --batch-size 32
  --update-freq 1 --warmup-ratio 0.1 --max-update "$updates" --max-length 96 --valid-languages source
  --validate-interval-updates 200 --save-interval-updates 200 --keep-interval-updates 1 --no-epoch-checkpoints
  --log-format simple --log-interval 50 --num-workers 0)
mkdir -p "$out"

prepare() { # NAME: data folder $out/bin/NAME
  local bin=$out/bin/$1
  [ -d "$bin" ] && return
  case $1 in
    xnli) xl-prepare xnli "$data/xnli" "$bin" "${tokenizer[@]}" --translate-test none \
      --languages ar,bg,de,el,en,es,fr,hi,ru,sw,th,tr,ur,vi,zh ;;
    pawsx) xl-prepare pairs "$bin" "${tokenizer[@]}" --name pawsx --labels 0,1 --columns first=0,second=1,label=2 \
      --languages de,en,es,fr,ja,zh --train en="$data/pawsx/dev-en.tsv[0:1700]" \
      --valid en="$data/pawsx/dev-en.tsv[1700:2000]" --test "$data/pawsx/test-{lang}.tsv" ;;
  esac
}

run() { # NAME LANGUAGES OPTIONS...: LANGUAGES of the table of pairs of languages, OPTIONS of both trainings
  local name=$1 pairs=${GENERALISED:-$2} bin=$out/bin/$1 save=$out/$1
  shift 2
  prepare "$name"
  # shellcheck disable=SC2086  # COUNTERPARTS holds several words
  xl-augment counterparts "$bin" --path "$encoder/model.pt" --word-lists "$data/wordfreq/{lang}_10k.txt" \
    --languages en,fr,es,de ${COUNTERPARTS:-}
  for system in plain salt; do
    languages=en,fr,es,de
    [ $system = salt ] || languages=none
    [ -f "$save/$system/done" ] || fairseq-train "$bin" "${common[@]}" --salt-langs $languages --save-dir "$save/$system" "$@" \
      > "$save.$system.log" 2>&1
    touch "$save/$system/done"
    xl-evaluate "$bin" --path "$save/$system/checkpoint_best.pt" --json "$save.$system.json" --overwrite > "$save.$system.txt"
    xl-evaluate "$bin" --path "$save/$system/checkpoint_best.pt" --generalised --skip-unequal --languages "$pairs" \
      --json "$save.$system.generalised.json" --overwrite
  done
  xl-evaluate --compare "$save".{plain,salt}.json --names plain,salt --significance
}
for name in "${names[@]}"; do
  case $name in
    xnli) run xnli en,es,fr,de,tr --lr 3e-4 ;;
    pawsx) run pawsx en,de,es,fr,ja,zh --lr 5e-4 ;;
    *) echo "unknown experiment $name" >&2; exit 2 ;;
  esac
done
