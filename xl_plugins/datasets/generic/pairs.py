"""Any sentence pairs in tables with named (or numbered) columns: tsv, csv or jsonl files of the user."""

from __future__ import annotations

import argparse

from xl_plugins.datasets.layouts import given_tables
from xl_plugins.datasets.layouts.scopes import ColumnMap
from xl_plugins.formats.examples.table import PairPlan

BENCHMARK = None
HELP = "sentence pairs from any tsv, csv, jsonl, json or Parquet files with named columns"
EPILOG = (
    given_tables.FILES_HELP
    + """
examples (M stands for: --spm xlmr.base/sentencepiece.bpe.model --dict xlmr.base/dict.txt):

  SICK in English, Dutch and Portuguese; the English originals serve as the translations of nl and pt
  xl-prepare pairs data-bin/sick M --labels contradiction,entailment,neutral \\
      --label-map CONTRADICTION=contradiction,ENTAILMENT=entailment,NEUTRAL=neutral --align-on pair_ID \\
      --columns first=sentence_A,second=sentence_B,label=entailment_label en:label=entailment_judgment \\
          back-translation,translate-dev,translate-test:first=sentence_A_original,second=sentence_B_original \\
      --train en=sick/en/SICK_train.txt nl=sick/nl/SICK_NL.txt pt=sick/pt/SICK_BR.txt \\
      --valid en=sick/en/SICK_trial.txt nl=sick/nl/SICK_NL.txt pt=sick/pt/SICK_BR.txt \\
      --test en=sick/en/SICK_test_annotated.txt nl=sick/nl/SICK_NL.txt pt=sick/pt/SICK_BR.txt \\
      --back-translation nl=sick/nl/SICK_NL.txt pt=sick/pt/SICK_BR.txt \\
      --translate-dev nl=sick/nl/SICK_NL.txt pt=sick/pt/SICK_BR.txt \\
      --translate-test nl=sick/nl/SICK_NL.txt pt=sick/pt/SICK_BR.txt \\
      --filter nl,pt/train,back-translation:SemEval_set=TRAIN nl,pt/valid,translate-dev:SemEval_set=TRIAL \\
          nl,pt/test,translate-test:SemEval_set=TEST

  XNLI's dev set, which is parallel, as 2,000 translated training pairs and 490 for selection
  xl-prepare pairs data-bin/xnli-dev M --labels contradiction,entailment,neutral --columns first=1,second=2,label=3 \\
          translate-test:first=sentence1_en,second=sentence2_en,label=label \\
      --languages ar,bg,de,el,en,es,fr,hi,ru,sw,th,tr,ur,vi,zh --train 'xnli/dev-{lang}.tsv[0:2000]' \\
      --valid 'xnli/dev-{lang}.tsv[2000:2490]' --test 'xnli/test-{lang}.tsv' \\
      --translate-test sw=xnli/translate-test/sw.trans.test.tsv ur=xnli/translate-test/ur.trans.test.tsv

  PAWS-X's dev set in the same way; NS marks a missing translation
  xl-prepare pairs data-bin/pawsx-dev M --labels 0,1 --columns first=1,second=2,label=3 --no-translation NS \\
      --languages de,en,es,fr,ja,zh --train 'pawsx/dev-{lang}.tsv[0:1600]' --valid 'pawsx/dev-{lang}.tsv[1600:2000]' \\
      --test 'pawsx/test-{lang}.tsv'

  IndoNLI, trained on MultiNLI translated into Indonesian
  xl-prepare pairs data-bin/indonli M --source-language id --labels contradiction,entailment,neutral \\
      --label-map c=contradiction,e=entailment,n=neutral --columns first=premise,second=hypothesis,label=label \\
          train:first=sentence1,second=sentence2,label=gold_label \\
      --train id=indonli/translate_train_small/train.jsonl --valid id=indonli/val.jsonl --test id=indonli/test_lay.jsonl

  English MultiNLI pairs, German pairs without labels for XLA, which translate none of them
  xl-prepare pairs data-bin/xnli-xla M --labels contradiction,entailment,neutral --columns first=1,second=2,label=3 \\
      --train en=xnli/train-en.tsv --unlabelled 'de=xnli/dev-de.tsv[0:1500]' \\
      --valid en=xnli/dev-en.tsv 'de=xnli/dev-de.tsv[1500:2490]' --test en=xnli/test-en.tsv de=xnli/test-de.tsv

  AmericasNLI, zero-shot from English
  xl-prepare pairs data-bin/americasnli M --labels contradiction,entailment,neutral \\
      --columns first=premise,second=hypothesis,label=label en:first=1,second=2,label=3 \\
      --languages aym,bzd,cni,gn,hch,nah,oto,quy --train en=xnli/train-en.tsv --valid en=xnli/dev-en.tsv \\
          'americasnli/dev/{lang}.tsv' --test en=xnli/test-en.tsv 'americasnli/test/{lang}.tsv' \\
      --filter 'nah/test:premise!='
"""
)

_DEFAULT_COLUMNS = "first=first,second=second,label=label"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    given_tables.add_arguments(
        parser, "pairs", "[SCOPE:]first=COLUMN,...",
        "columns of first, second, label and id, by header or by number from 1 where there is no header; label=none for"
        f" files without labels, second=none for single texts (default: {_DEFAULT_COLUMNS})",
    )  # fmt: skip


def make_plan(args: argparse.Namespace) -> PairPlan:
    return given_tables.make_plan(args, PairPlan, ColumnMap.parse([_DEFAULT_COLUMNS, *args.columns]), {})
