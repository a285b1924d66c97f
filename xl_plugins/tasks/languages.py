"""Which languages a run trains on, validates on, and selects its checkpoint by."""

from __future__ import annotations

from typing import Any

from ..data.binary.layout import DataBin
from ..errors import UserError


def choose_languages(cfg: Any, data: DataBin, split: str) -> list[str]:
    """The languages of ``--train-languages`` or ``--valid-languages``."""
    option = f"--{split}-languages"
    value = getattr(cfg, f"{split}_languages")
    available = data.languages_with(split)
    if value == "all":
        return available
    wanted = [data.source_language] if value == "source" else [w.strip() for w in value.split(",") if w.strip()]
    if len(set(wanted)) != len(wanted) or not wanted:
        raise UserError(f"{option} {value!r}: expected 'all', 'source' or a list of different languages such as en,de")
    if split == "valid" and value == "source" and not available:
        return []
    missing = [lang for lang in wanted if lang not in available]
    if missing:
        raise UserError(
            f"{option} {value}: {data.root} has no {split} data for {', '.join(missing)}; it has "
            f"{', '.join(available) or 'none'}"
        )
    return wanted


def selected_languages(cfg: Any, source: str, valid: list[str]) -> list[str]:
    """Languages whose dev sets select the checkpoint, by the protocol."""
    select, listed = str(cfg.select), [w.strip() for w in cfg.select_languages.split(",") if w.strip()]
    if listed and select != "target-dev":
        raise UserError("--select-languages is read with --select target-dev only; add it or drop the list")
    if not valid:
        return []
    if select == "mean-dev":
        return valid
    if select == "source-dev":
        wanted = [source]
    else:
        wanted = listed or [lang for lang in valid if lang != source]
        if not listed and len(wanted) != 1:
            raise UserError(
                "--select target-dev: name the target with --select-languages, dev data exists for"
                f" {', '.join(wanted) or 'none'}"
            )
    missing = [lang for lang in wanted if lang not in valid]
    if missing:
        raise UserError(
            f"--select {select} needs dev data of {', '.join(missing)}, but validation runs on"
            f" {', '.join(valid)}; extend --valid-languages or choose another protocol"
        )
    return wanted
