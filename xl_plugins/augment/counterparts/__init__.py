"""Counterparts of a training set in other languages, by a masked language model (SALT)."""
