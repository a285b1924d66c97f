"""Folders of Hugging Face as encoders of this package; nothing in them is ever run, and no network is used."""
