"""Randomness as a pure function of integers: hashes of counters, and streams of their own.

Draws that a method makes during training must not depend on the number of data workers, on ranks, on gradient
accumulation or on a resume, so they are computed from (seed, purpose, update or epoch, example id) instead of being
taken from a shared stream.

The hash is a chain of steps of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014), ``state = step(state ^ counter)`` from
0. A step is written once for Python's integers and for the arrays of numpy and torch: all have the same bits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:  # parsers know augmentations before torch is needed
    from torch import Tensor

_BITS = (1 << 64) - 1


def signed(value: int) -> int:
    """The lower 64 bits of an integer as a signed one."""
    value &= _BITS
    return value - (1 << 64) if value >> 63 else value


_NUMBERS = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB  # increment and multipliers
_UNSIGNED = tuple(map(np.uint64, _NUMBERS))
_SIGNED = tuple(map(signed, _NUMBERS))  # torch shifts and multiplies signed integers alone


def _step(state: Any, numbers: tuple[Any, ...], shift: Callable[[Any, int], Any]) -> Any:
    """A new state. ``shift`` is a logical shift to the right; additions and products wrap around."""
    increment, first, second = numbers
    state = state + increment
    state ^= shift(state, 30)
    state *= first
    state ^= shift(state, 27)
    state *= second
    state ^= shift(state, 31)
    return state


def _shift_integer(bits: int, by: int) -> int:
    return (bits & _BITS) >> by


def _shift_array(bits: np.ndarray, by: int) -> np.ndarray:
    return bits >> np.uint64(by)


def shift_tensor(bits: Tensor, by: int) -> Tensor:
    """Logical shift to the right: torch's own repeats the sign."""
    return (bits >> by).bitwise_and_((1 << (64 - by)) - 1)


def step_integer(state: int) -> int:
    """A step: 0 .. 2^64 - 1 -> the same."""
    return _step(state, _NUMBERS, _shift_integer) & _BITS


def step_array(state: np.ndarray) -> np.ndarray:
    """A step of each state: uint64 of any shape. Numpy warns where a single number wraps around."""
    return _step(state, _UNSIGNED, _shift_array)


def step_tensor(state: Tensor) -> Tensor:
    """A step of each state: int64 of any shape, see :func:`signed`."""
    return _step(state, _SIGNED, shift_tensor)


def hash_integers(*counters: int) -> int:
    """Hash of integers, of which the lower 64 bits count: 0 .. 2^64 - 1."""
    state = 0
    for counter in counters:
        state = step_integer(state ^ (counter & _BITS))
    return state


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
            state = step_array(state ^ word)
        return (step_array(state) >> np.uint64(11)).astype(np.float64) / float(1 << 53)


def stream(seed: int | Sequence[int]) -> np.random.RandomState:
    """A stream of its own, for permutations and choices, whose numbers numpy keeps the same in every version. An
    integer and a sequence of it alone are different seeds."""
    return np.random.RandomState(seed)
