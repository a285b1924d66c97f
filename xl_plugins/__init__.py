"""Cross-lingual transfer for fairseq: X-Mixup, xTune, XLA and SALT for XLM-R, from raw XTREME files to scores.

``fairseq-train DATA --user-dir xl_plugins --task xmixup_sentence_pair ...``. fairseq imports this package when it sees
``--user-dir``, or finds it imported already (an installed copy) and then registers nothing itself; so everything
registers here.
"""

import logging

from . import errors
from .version import __version__

errors.install_hook()

from . import compat  # noqa: E402

# fairseq's speech tasks set up logging when imported, only to tell that tensorboardX is missing
logging.getLogger("fairseq.tasks.text_to_speech").setLevel(logging.WARNING)
compat.apply()

from . import checkpoints, criterions, hooks, models, optim, preflight, shutdown, tasks  # noqa: E402

hooks.install()
checkpoints.install()
preflight.install()
shutdown.install()

__all__ = [
    "__version__", "checkpoints", "compat", "criterions", "errors", "hooks", "models", "optim", "preflight", "shutdown",
    "tasks",
]  # fmt: skip
