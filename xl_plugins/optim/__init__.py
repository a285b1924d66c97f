"""Learning-rate schedules over the whole run, or over a stage."""

from . import linear, stage_linear  # noqa: F401
