"""Cross-lingual transfer for fairseq: X-Mixup, xTune, XLA and SALT for XLM-R, from raw XTREME files to scores.

``fairseq-train DATA --user-dir xl_plugins --task xmixup_sentence_pair ...``. fairseq imports this package when it sees
``--user-dir``, or finds it imported already (an installed copy) and then registers nothing itself; so everything
registers here. Only a command that was asked for its help alone does without, and without torch and fairseq.
"""

from typing import Any

from . import errors
from .startup import asks_for_help
from .version import __version__

errors.install_hook()

if not asks_for_help():
    from . import registration  # noqa: F401

__all__ = ["__version__", "configure", "errors", "load"]


def __getattr__(name: str) -> Any:
    """``load`` and ``configure``, whose modules are imported when they are asked for."""
    if name == "load":
        from .api import load

        return load
    if name == "configure":
        from .starting.configuration import configure

        return configure
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
