"""Measures of what a model has learnt: similarity of representations, calibration, correlation, confusion."""
