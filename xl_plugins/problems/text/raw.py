"""Reads raw single texts."""

from ..labelled_texts.raw import records

RAW = records
