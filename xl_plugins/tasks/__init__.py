"""Tasks: glue between data, method and fairseq's loop."""

from . import plain, xmixup  # noqa: F401
