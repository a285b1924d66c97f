"""Learning-rate schedules in units of the whole run, or of a stage."""

from . import linear, stage_linear  # noqa: F401
