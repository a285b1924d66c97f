"""Everything of this package that fairseq has to know, registered by importing this module once."""

import logging

from . import compat

# fairseq's speech tasks set up logging when imported, only to tell that tensorboardX is missing
logging.getLogger("fairseq.tasks.text_to_speech").setLevel(logging.WARNING)
compat.apply()

from . import checkpoints, criterions, hooks, hydra_defaults, models, optim, preflight, shutdown, tasks  # noqa: E402

hooks.install()
hydra_defaults.install()
checkpoints.install()
preflight.install()
shutdown.install()

__all__ = [
    "checkpoints", "compat", "criterions", "hooks", "hydra_defaults", "models", "optim", "preflight", "shutdown",
    "tasks",
]  # fmt: skip
