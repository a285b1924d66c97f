"""Virtual sentences near those of a text, by a masked language model (GEN-LM of XLA)."""
