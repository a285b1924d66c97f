"""Plain fine-tuning: zero-shot, translate-train, translate-train-all."""
