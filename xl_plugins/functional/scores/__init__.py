"""Scores of predictions, from counters; and the comparison of two systems."""
