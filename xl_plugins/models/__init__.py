"""Models: an XLM-R encoder with the heads of the problems."""

from . import cotrain, plain, xmixup  # noqa: F401
