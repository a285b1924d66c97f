"""Randomness as a pure function of where it goes: seed, epoch or update, example, purpose."""
