"""Binarised folders as fairseq data sets."""
