"""Files that scores are computed from: predictions, gold labels, raw examples."""
