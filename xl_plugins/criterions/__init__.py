"""Criterions: glue between problem, method and fairseq's logging."""

from . import plain, xmixup  # noqa: F401
