"""Binarised data: layout on disk, reading, collating and writing."""
