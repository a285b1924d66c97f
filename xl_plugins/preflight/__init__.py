"""Options of a training run checked before any data is read; for the package's own tasks alone."""

from .options import install

__all__ = ["install"]
