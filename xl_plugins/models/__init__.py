"""Models: an XLM-R encoder with the heads of the problems."""

from . import plain  # noqa: F401
