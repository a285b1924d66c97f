"""Code-switched copies of a training text as files (xTune's augmentation as a pool of XLA)."""
