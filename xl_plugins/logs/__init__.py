"""Tell how a training stands: a line per validation for people, ``SAVE_DIR/log.jsonl`` for programs, and no more of
fairseq's and hydra's own lines than a reader wants."""
