"""Whether a run may go on from a checkpoint: what it was trained on, and with which options."""
