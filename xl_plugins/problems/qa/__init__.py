"""Answers to questions about a text, which are parts of it."""
