"""Tasks: glue between data, method and fairseq's loop."""

from . import plain, salt, xmixup  # noqa: F401
