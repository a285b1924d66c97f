"""fairseq's training loop: the module that runs it in this process."""

from __future__ import annotations

import sys
from types import ModuleType


def loop_module() -> ModuleType | None:
    """``fairseq_cli.train``, or the same code as ``__main__`` (``python -m fairseq_cli.train``)."""
    for name in ("__main__", "__mp_main__", "fairseq_cli.train"):
        module = sys.modules.get(name)
        if hasattr(module, "validate_and_save") and hasattr(module, "should_stop_early"):
            return module
    return None
