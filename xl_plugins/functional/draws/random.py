"""Counter-based uniform numbers: a pure function of integers, independent of any generator's state.

Draws that a method makes during training must not depend on the number of data workers, on ranks, on gradient
accumulation or on a resume, so they are computed from (seed, purpose, update or epoch, example id) instead of being
taken from a stream.
"""

from __future__ import annotations

import numpy as np

# SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): increment and the two multipliers of its finaliser.
_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_MIX1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX2 = np.uint64(0x94D049BB133111EB)


def _mix(state: np.ndarray) -> np.ndarray:
    state = (state ^ (state >> np.uint64(30))) * _MIX1
    state = (state ^ (state >> np.uint64(27))) * _MIX2
    return state ^ (state >> np.uint64(31))


def uniform(*counters: int | np.ndarray) -> np.ndarray:
    """Uniform numbers in [0, 1) from integer counters.

    Args:
        counters: integers or integer arrays that broadcast together, as in ``uniform(seed, PURPOSE, update, ids)``.

    Returns:
        float64 array of the broadcast shape; the same counters always give the same number.
    """
    with np.errstate(over="ignore"):  # wrap-around is the arithmetic meant
        state: np.ndarray = np.asarray(np.uint64(0))
        for counter in counters:
            word = np.asarray(counter).astype(np.int64).astype(np.uint64)
            state = _mix((state ^ word) + _GAMMA)
        return (_mix(state + _GAMMA) >> np.uint64(11)).astype(np.float64) / float(1 << 53)
