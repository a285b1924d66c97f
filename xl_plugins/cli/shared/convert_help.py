"""Descriptions of the commands of xl-convert, for their --help."""

MEMBERS = "the three models of an XLA run, each as a checkpoint of its own"
MEMBERS_EPILOG = """\
PATH is a checkpoint of a run with --task xla_cotrain_task; DIR receives member-1.pt, member-2.pt and member-3.pt,
checkpoints of xl_tagging or xl_sentence_pair. In the middle of a training, the member that trains is written with the
best weights of it so far.

example:
  xl-convert members runs/xla-de/checkpoint_best.pt
  xl-evaluate data-bin/panx --languages en,de --path runs/xla-de/members/member-*.pt
  xl-evaluate data-bin/panx --languages en,de --path runs/xla-de/members/member-*.pt --ensemble
"""
FROM_HF = "a folder of Hugging Face as an encoder for fairseq, with its dictionary and tokenizer"
FROM_HF_EPILOG = """\
OUT receives model.pt, dict.txt and sentencepiece.bpe.model (tokenizer.json where that is WordPiece); give OUT to
xl-prepare as --model, and OUT/model.pt to training as --restore-file. DIR is a folder as the hub has it: config.json;
model.safetensors or pytorch_model.bin, in one file or in shards; sentencepiece.bpe.model, tokenizer.json or vocab.txt.
Read are XLM-R of any size, XLM-R XL, RoBERTa and BERT with XLM-R's kind of tokenizer (Multilingual-MiniLM,
multilingual-e5), mBERT and other BERTs with WordPiece. Hidden states are the same as there; no code of it is run.

example:
  xl-convert from-hf models/multilingual-e5-small e5
  xl-prepare xnli raw/xnli data-bin/xnli --model e5
  xl-train data-bin/xnli --task xl_sentence_pair --restore-file e5/model.pt --save-dir runs/e5
"""
TO_HF = "a fine-tuned checkpoint as a folder of Hugging Face"
TO_HF_EPILOG = """\
OUT receives config.json, model.safetensors, the tokenizer and a model card; AutoModelForSequenceClassification,
AutoModelForTokenClassification or AutoModelForQuestionAnswering reads it, and the pipelines. Logits are the same. The
data folder gives the tokenizer and the names of the labels.

example:
  xl-convert to-hf runs/panx/checkpoint_best.pt models/panx --scores panx.json
  python -c 'from transformers import pipeline; print(pipeline("token-classification", "models/panx")("Ana in Rio"))'
"""
TRIM = "an encoder with the pieces that given data need: smaller, faster on a CPU, the same numbers"
TRIM_EPILOG = """\
OUT receives model.pt, dict.txt and the tokenizer, to be used in the place of the originals from xl-prepare
on. All texts of the data are cut into the same pieces as before and have the same hidden states, bit for bit; other
texts may be cut into smaller pieces. --data takes raw files (text, tsv, csv, json, jsonl, CoNLL, Parquet, packed or
not), folders of them, and folders made by xl-prepare; name all that the experiments will read, dictionaries and word
lists as well. A fine-tuned checkpoint stays one.

example:
  xl-convert trim xlmr.base/model.pt --data raw/xnli raw/dictionaries --spm xlmr.base/sentencepiece.bpe.model \\
      --dict xlmr.base/dict.txt xlmr.xnli
  xl-prepare xnli raw/xnli data-bin/xnli --spm xlmr.xnli/sentencepiece.bpe.model --dict xlmr.xnli/dict.txt
"""
AVERAGE = "one checkpoint with the mean of the weights of several"
AVERAGE_EPILOG = """\
The checkpoints are of one run, or of runs that differ by their seeds. OUT has the options of the first, and no score.

example:
  xl-convert average runs/xnli/checkpoint_2_2000.pt runs/xnli/checkpoint_3_3000.pt runs/xnli/mean.pt
"""
INFO = "a checkpoint or a folder of Hugging Face"
INFO_EPILOG = """\
Sizes, task, labels, languages, how it was chosen, scores, updates, parameters; nothing in the file is run.

example:
  xl-convert info runs/xnli/checkpoint_best.pt
"""
UNTRIM = "a model with a trimmed vocabulary with the whole vocabulary again"
UNTRIM_EPILOG = """\
The rows of the pieces that were left out come from the model that was trimmed (--full); all else is CKPT's.

example:
  xl-convert untrim runs/zero-shot/checkpoint_best.pt --dict xlmr.xnli/dict.txt --full xlmr.base/model.pt \\
      --full-dict xlmr.base/dict.txt runs/zero-shot/whole.pt
"""
ONNX = "a fine-tuned checkpoint for onnxruntime"
ONNX_EPILOG = """\
OUT receives model.onnx, config.json and the tokenizer; batch and length of its inputs are free.
The model is run in onnxruntime before it is written, and must give the checkpoint's logits. --int8 writes
model_quantized.onnx as well, a quarter in size, which gives other numbers; how far they are off is printed. Needs
pip install 'xl-plugins[onnx]'.

example:
  xl-convert onnx runs/xnli/checkpoint_best.pt models/xnli-onnx --int8
"""
