"""Translations of sentences, found among others by their vectors; nothing is trained."""
