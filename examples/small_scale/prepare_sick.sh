#!/usr/bin/env bash
# SICK, SICK-NL and SICK-BR, joined by pair_ID; the English originals are the translations of Dutch and Portuguese.
#   examples/small_scale/prepare_sick.sh DATA ENCODER DEST
set -euo pipefail
data=$1 encoder=$2 dest=$3
xl-prepare pairs "$dest" \
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
