"""Settle what a run begins with: names of tasks, sizes of the encoder, defaults by either entry."""
