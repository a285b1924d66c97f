"""A label for two sentences: entailment (XNLI), paraphrase (PAWS-X)."""
