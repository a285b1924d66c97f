#!/usr/bin/env bash
# SIB-200: a folder per language -> data-bin/sib200.
#   examples/recipes/sib200/prepare.sh [RAW] [XLMR] [DEST] [LANGUAGES]
#   (default: raw/sib200/data/annotated xlmr.base data-bin/sib200, the languages of XNLI)
set -euo pipefail
raw=${1:-raw/sib200/data/annotated} xlmr=${2:-xlmr.base} dest=${3:-data-bin/sib200}
xnli=eng_Latn,arb_Arab,bul_Cyrl,deu_Latn,ell_Grek,fra_Latn,hin_Deva,rus_Cyrl,spa_Latn,swh_Latn,tha_Thai,tur_Latn,urd_Arab
languages=${4:-$xnli,vie_Latn,zho_Hans}
labels=science/technology,travel,politics,sports,health,entertainment,geography
english() { # the English file of a split, which is the translation of all others into English
  for language in ${languages//,/ }; do
    [ "$language" = eng_Latn ] || printf '%s=%s\n' "$language" "$raw/eng_Latn/$1.tsv"
  done
}
mapfile -t train < <(english train)
mapfile -t dev < <(english dev)
mapfile -t test < <(english test)
xl-prepare texts "$dest" --spm "$xlmr/sentencepiece.bpe.model" --dict "$xlmr/dict.txt" --name sib200 \
  --folder "$raw" --languages "$languages" --source-language eng_Latn --align-on index_id \
  --columns text=text,label=category --labels "$labels" \
  --back-translation "${train[@]}" --translate-dev "${dev[@]}" --translate-test "${test[@]}"
