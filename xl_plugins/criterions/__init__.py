"""The base of all criterions, the terms that several share, and plain fine-tuning; the others are in methods/."""

from . import plain  # noqa: F401
