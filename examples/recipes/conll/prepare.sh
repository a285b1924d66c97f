#!/usr/bin/env bash
# CoNLL-2002 and CoNLL-2003: raw files of the shared tasks -> data-bin/conll, labelled English and German, Spanish and Dutch text
# without tags for XLA.
#   examples/recipes/conll/prepare.sh [RAW] [XLMR] [DEST]       (default: raw/conll xlmr.base data-bin/conll)
# The files are ISO 8859-1; ENCODING=utf-8 if yours were converted. Tags become IOB2: in those of 2003, I- begins an entity unless one
# of its type ends right before.
set -euo pipefail
raw=${1:-raw/conll} xlmr=${2:-xlmr.base} dest=${3:-data-bin/conll}
mkdir -p "$raw/iob2"
for language in eng deu esp ned; do
  for part in train testa testb; do
    iconv -f "${ENCODING:-iso-8859-1}" -t utf-8 "$raw/$language.$part" | tr -d '\r' | awk '
      !NF { last = "O" }
      NF { tag = $NF; if (tag ~ /^I-/ && (last == "O" || substr(last, 3) != substr(tag, 3))) $NF = "B-" substr(tag, 3); last = tag }
      { print }' > "$raw/iob2/$language.$part"
  done
done
files() { for pair in "${@:2}"; do printf '%s=%s\n' "${pair%:*}" "$raw/iob2/${pair#*:}.$1"; done; } # PART LANGUAGE:NAME...
every=(en:eng de:deu es:esp nl:ned)
mapfile -t pools < <(files train "${every[@]:1}")
mapfile -t valid < <(files testa "${every[@]}")
mapfile -t tests < <(files testb "${every[@]}")
xl-prepare conll "$dest" --spm "$xlmr/sentencepiece.bpe.model" --dict "$xlmr/dict.txt" --separator space \
  --comment "" --labels B-LOC,B-MISC,B-ORG,B-PER,I-LOC,I-MISC,I-ORG,I-PER,O --train en="$raw/iob2/eng.train" --unlabelled "${pools[@]}" \
  --valid "${valid[@]}" --test "${tests[@]}"
