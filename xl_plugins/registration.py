"""Everything of this package that fairseq has to know, registered by importing this module once."""

import logging
from importlib import import_module

from . import compat

# fairseq's speech tasks set up logging when imported, only to tell that tensorboardX is missing
logging.getLogger("fairseq.tasks.text_to_speech").setLevel(logging.WARNING)
compat.apply()

from . import checkpoints, criterions, hooks, models, optim, preflight, tasks  # noqa: E402
from .methods import METHODS  # noqa: E402
from .starting import hydra_defaults  # noqa: E402

for method in METHODS.values():
    for module in method.modules:
        import_module(f"{__package__}.methods.{method.name}.{module}")

hooks.install()
hydra_defaults.install()
checkpoints.install()
preflight.install()

__all__ = [
    "checkpoints", "compat", "criterions", "hooks", "hydra_defaults", "models", "optim", "preflight", "tasks",
]  # fmt: skip
