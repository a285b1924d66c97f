"""Checkpoints and tokenizers in other forms."""
