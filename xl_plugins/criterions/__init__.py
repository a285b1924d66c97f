"""Criterions: glue between problem, method and fairseq's logging."""

from . import plain, xmixup, xtune  # noqa: F401
