"""Random changes to the words of one text, and the dictionaries and word lists they need."""
