"""Data sets whose examples carry further views, made anew every epoch."""
