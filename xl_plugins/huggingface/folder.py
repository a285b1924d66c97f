"""A model's folder as the hub delivers it: its configuration, and the files that belong to it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..terminal import printable

CONFIG = "config.json"
_LARGEST = 1 << 20  # bytes of a configuration
_KINDS = ("bert", "roberta", "xlm-roberta", "xlm-roberta-xl")  # model_type


@dataclass(frozen=True)
class Folder:
    """A folder with a configuration of a known kind.

    config: as in its file.
    """

    path: Path
    config: dict[str, Any]

    @property
    def kind(self) -> str:
        """``bert``, ``roberta``, ``xlm-roberta`` or ``xlm-roberta-xl``."""
        return str(self.config["model_type"])

    def file(self, name: str) -> Path | None:
        """A file of the folder by its name, None where there is none.

        Raises:
            UserError: a link that leads out of the folder, or what is no file.
        """
        path = self.path / name
        if not os.path.lexists(path):
            return None
        if not path.is_file():
            raise UserError(f"{path}: is no file, or a link to none; download it again")
        real = path.resolve()
        if not any(real.is_relative_to(home) for home in self._homes()):
            raise UserError(f"{path}: is a link to {real}, outside the folder; copy the file here")
        return path

    def _homes(self) -> list[Path]:
        """The folder itself and, in a cache of the hub, the one that holds the content of all its snapshots."""
        home = self.path.resolve()
        cached = home.parent.name == "snapshots"
        return [home, *([home.parents[1] / "blobs"] if cached else [])]

    def whole(self, key: str, least: int = 1) -> int:
        """A size in the configuration; UserError unless it is a whole number from ``least`` on."""
        value = self.config.get(key)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise self.wrong(key, f"expected a whole number, {least} or more")
        return value

    def wrong(self, key: str, expected: str) -> UserError:
        found = printable(json.dumps(self.config[key]))[:60] if key in self.config else "nothing"
        return UserError(f"{self.path / CONFIG}: {key} is {found}; {expected}")


def looks_like_one(path: str | os.PathLike[str]) -> bool:
    """Whether a path is a folder with a configuration of Hugging Face."""
    return os.path.isfile(os.path.join(path, CONFIG))


def open_folder(path: str | os.PathLike[str], option: str = "DIR") -> Folder:
    """The folder ``path``.

    Args:
        option: how the user named it, for messages.

    Raises:
        UserError: no folder, no configuration, one of another architecture, or one that asks for code of its own.
    """
    folder = Folder(Path(path), {})
    if not folder.path.is_dir():
        raise UserError(f"{option} {path}: no such folder; give the folder of a model with its {CONFIG}")
    file = folder.file(CONFIG)
    if file is None:
        raise UserError(f"{option} {path}: holds no {CONFIG}; give the folder of a model as the hub delivers it")
    config = read_json(file, _LARGEST)
    folder = Folder(Path(path), config)
    if "auto_map" in config:
        raise UserError(f"{file}: asks for code of its own (auto_map), which is never run; give another model")
    if not isinstance(config.get("model_type"), str) or config["model_type"] not in _KINDS:
        raise folder.wrong("model_type", f"known are {', '.join(_KINDS)}")
    if config.get("position_embedding_type") not in (None, "absolute"):
        raise folder.wrong("position_embedding_type", "only absolute positions are known")
    if config.get("quantization_config"):
        raise folder.wrong("quantization_config", "give the model before it was quantised")
    for key in ("is_decoder", "add_cross_attention"):
        if config.get(key):
            raise folder.wrong(key, "only encoders are known")
    return folder


def read_json(path: Path, largest: int) -> dict[str, Any]:
    """A file with one JSON object.

    Args:
        largest: bytes.

    Raises:
        UserError: it is none, or larger.
    """
    if path.stat().st_size > largest:
        raise UserError(f"{path}: larger than {largest >> 20} MiB; download it again")
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: not JSON ({printable(str(error))[:80]}); download it again") from None
    if not isinstance(content, dict):
        raise UserError(f"{path}: expected an object, found a {type(content).__name__}; download it again")
    return content
