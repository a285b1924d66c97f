"""Tensors of a folder, each read when it is asked for: safetensors in one file or in shards, or a restricted pickle."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..checkpoints.checksums import is_zip
from ..checkpoints.safe_load import load_restricted
from ..errors import UserError
from ..terminal import printable
from .folder import Folder, read_json

FILES = ("model.safetensors", "pytorch_model.bin")
_PREFIXES = ("roberta.", "bert.", "xlm_roberta.", "model.")  # of a model with a head, before the encoder's names
_OLD_NAMES = {".LayerNorm.gamma": ".LayerNorm.weight", ".LayerNorm.beta": ".LayerNorm.bias"}  # of BERT's first release
_COUNTERS = (".position_ids", ".token_type_ids")  # saved by older versions of transformers, no weights
_LARGEST_INDEX = 1 << 25
_TYPES = (torch.float32, torch.float16, torch.bfloat16, torch.float64)


class Weights(Mapping[str, Tensor]):
    """The tensors of a folder by name, without the prefix that a model with a head puts before its encoder's; in
    float32. Use it in a ``with`` block.

    A file of safetensors is opened for every tensor anew: one that stays open stays in memory, as far as it was read.
    """

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        self.places: dict[str, tuple[Any, str]] = {}  # path of a file or content of a pickle, name in it

    def __enter__(self) -> Weights:
        for path in find_files(self.folder):
            for name, file in self._read(path):
                short = _today(next((name.removeprefix(p) for p in _PREFIXES if name.startswith(p)), name))
                if short in self.places:
                    raise UserError(f"{path}: {printable(name)} is there twice; download it again")
                self.places[short] = (file, name)
        return self

    def __exit__(self, *error: object) -> None:
        self.places.clear()

    def _read(self, path: Path) -> Iterator[tuple[str, Any]]:
        """Names in a file, each with what gives its tensor."""
        if path.suffix == ".safetensors":
            with _open_safetensors(path) as file:
                yield from ((name, path) for name in file.keys())  # noqa: SIM118  no mapping
            return
        content = load_restricted(path, mmap=is_zip(path))
        if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
            raise UserError(f"{path}: holds more than tensors; give pytorch_model.bin as the hub has it")
        yield from ((str(name), content) for name in content)

    def _raw(self, name: str) -> Tensor:
        """A tensor in its own type, in the file's memory."""
        tensor = self._open(name)
        if tensor.dtype not in _TYPES:
            raise UserError(
                f"{self.folder.path}: {printable(name)} holds {tensor.dtype}; quantised models are not read"
            )
        return tensor

    def _open(self, name: str) -> Tensor:
        place, inside = self.places[name]
        if isinstance(place, dict):
            return place[inside]
        try:
            with _open_safetensors(place) as file:
                return file.get_tensor(inside)
        except UserError:
            raise
        except Exception as error:  # safetensors has one exception for all that is wrong
            raise UserError(f"{self.folder.path}: {printable(name)} cannot be read ({error})") from None

    def __getitem__(self, name: str) -> Tensor:
        return self._raw(name).to(torch.float32)

    def __iter__(self) -> Iterator[str]:
        return iter(self.places)

    def __len__(self) -> int:
        return len(self.places)

    def shape(self, name: str) -> tuple[int, ...]:
        """Sizes of a tensor, which is not read and may be of any type."""
        place, inside = self.places[name]
        if isinstance(place, dict):
            return tuple(place[inside].shape)
        with _open_safetensors(place) as file:
            return tuple(file.get_slice(inside).get_shape())

    @property
    def size(self) -> int:
        """Numbers in all weights."""
        return sum(math.prod(self.shape(name)) for name in self if not f".{name}".endswith(_COUNTERS))

    def take(self, name: str, *shape: int) -> Tensor:
        """A tensor of this shape, in memory of its own, so that it can be changed and saved alone.

        Raises:
            UserError: it is not there, or has another shape.
        """
        tensor, raw = self._find(name, shape)
        return tensor.clone() if tensor is raw else tensor

    def look(self, name: str, *shape: int) -> Tensor:
        """A tensor of this shape to read, not to change: its memory may be the file's.

        Raises:
            UserError: as :meth:`take`.
        """
        return self._find(name, shape)[0]

    def _find(self, name: str, shape: tuple[int, ...]) -> tuple[Tensor, Tensor]:
        """A tensor of this shape in float32, and as the file has it."""
        if name not in self.places:
            raise UserError(f"{self.folder.path}: has no weight {name}; is the download whole?")
        raw = self._raw(name)
        if tuple(raw.shape) != shape:
            raise UserError(
                f"{self.folder.path}: {name} is {_shown(raw.shape)}, its config.json makes it {_shown(shape)}"
            )
        return raw.to(torch.float32), raw


def _today(name: str) -> str:
    """The name that a weight has in today's files; transformers itself reads both."""
    return next((name.removesuffix(old) + new for old, new in _OLD_NAMES.items() if name.endswith(old)), name)


def find_files(folder: Folder) -> list[Path]:
    """The files with the weights: one, or the shards that an index names.

    Raises:
        UserError: there is none, or an index that names what is not there.
    """
    for name in FILES:
        if path := folder.file(name):
            return [path]
        if index := folder.file(f"{name}.index.json"):
            return _shards(folder, index, Path(name).suffix)
    other = [name for name in ("tf_model.h5", "flax_model.msgpack", "model.onnx") if folder.file(name)]
    found = f", only {other[0]}" if other else ""
    raise UserError(f"{folder.path}: holds no {' and no '.join(FILES)}{found}; download one of them")


def _shards(folder: Folder, index: Path, suffix: str) -> list[Path]:
    names = read_json(index, _LARGEST_INDEX).get("weight_map")
    if not isinstance(names, dict) or not names or not all(isinstance(name, str) for name in names.values()):
        raise UserError(f"{index}: has no weight_map; download it again")
    found = []
    for name in sorted(set(names.values())):
        if Path(name).name != name or Path(name).suffix != suffix:
            raise UserError(f"{index}: names {printable(name)}, which is no file of the folder; download it again")
        path = folder.file(name)
        if path is None:
            raise UserError(f"{folder.path}: lacks {printable(name)}, which {index.name} names; download it")
        found.append(path)
    return found


def _open_safetensors(path: Path) -> Any:
    from safetensors import SafetensorError, safe_open

    try:
        return safe_open(str(path), framework="pt")
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path}: truncated, damaged or no safetensors file ({error}); download it again") from None


def _shown(shape: Any) -> str:
    return " x ".join(map(str, shape))
