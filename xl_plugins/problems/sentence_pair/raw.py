"""Reads raw sentence pairs."""

from ..labelled_texts.raw import records

RAW = records
