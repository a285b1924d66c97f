"""Criterions: glue between problem, method and fairseq's logging."""

from . import plain, xla, xmixup, xtune  # noqa: F401
