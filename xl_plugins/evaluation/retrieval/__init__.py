"""Sentence retrieval with the encoder alone."""
