"""fairseq's configuration, composed once for each choice of parts: hydra takes longer for it than a small run takes.

What is not a choice of parts (``task=xl_qa``) but a value (``task.seed=1``) is set by hydra itself, in a copy.
"""

from __future__ import annotations

import copy
import functools
import re
from collections.abc import Iterator
from typing import Any

from fairseq.dataclass import utils
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override

_compose = utils.compose
_VALUE = re.compile(r"\w+(\.\w+)+=")
_made: dict[tuple, tuple[Any, list]] = {}


def install() -> None:
    """Have fairseq use it in this process; calling it again changes nothing."""
    utils.compose = compose


def remove() -> None:
    """Have fairseq use hydra's own function."""
    utils.compose = _compose


def compose(config_name: str, overrides: list[str], **options: Any) -> Any:
    """The same as ``hydra.experimental.compose``."""
    parts = [text for text in overrides if not _VALUE.match(text)]
    nodes = list(_nodes(ConfigStore.instance().repo))
    key = (config_name, *parts, *options.items(), *map(id, nodes))
    if key not in _made:
        _made[key] = _compose(config_name, overrides=parts, **options), nodes  # kept: a number of theirs is not reused
    made = copy.deepcopy(_made[key][0])
    values = [copy.copy(_parse(text)) for text in overrides if _VALUE.match(text)]
    ConfigLoaderImpl._apply_overrides_to_config(values, made)
    return made


def _nodes(store: Any) -> Iterator[Any]:
    """All that is registered: a test may register more."""
    for value in store.values():
        if isinstance(value, dict):
            yield from _nodes(value)
        else:
            yield value


@functools.cache
def _parse(text: str) -> Override:
    return OverridesParser.create().parse_overrides([text])[0]
