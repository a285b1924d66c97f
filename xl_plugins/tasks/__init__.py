"""Tasks: glue between data, method and fairseq's loop."""

from . import plain, salt, xla, xmixup  # noqa: F401
