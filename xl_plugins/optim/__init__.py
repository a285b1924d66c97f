"""Learning-rate schedules in units of the whole run."""

from . import linear  # noqa: F401
