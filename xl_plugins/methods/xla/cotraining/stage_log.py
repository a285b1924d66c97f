"""The record of every stage, in the log and as JSON lines."""

from __future__ import annotations

import json
import logging
import os
from typing import Any

from ....output import atomic_file
from .plan import Stage
from .ranks import rank_and_size

logger = logging.getLogger(__name__)
FILE = "xla_stages.jsonl"


class StageLog:
    """Writes a line per finished stage to ``<folder>/xla_stages.jsonl``; a stage that is trained again replaces its
    line and those after it. Only the first rank writes."""

    def __init__(self, folder: str) -> None:
        self.path = os.path.join(folder, FILE)

    def begin(self, stage: Stage, entry: dict[str, Any]) -> None:
        for name, pool in entry["pools"].items():
            kept = f", kept {' and '.join(map(str, pool['kept']))}, agreed on" if pool["kept"] else ", takes"
            right = "" if pool["accuracy"] is None else f" ({pool['accuracy']:.1f} % of the labels right)"
            logger.info("%s: %s of %d texts%s %d%s", stage.describe(), name, pool["size"], kept, pool["agreed"], right)
        logger.info(
            "%s: %d updates; labelled in %d passes, %.1f s", stage.describe(), entry["updates"],
            entry["labelling_passes"], entry["labelling_seconds"],
        )  # fmt: skip

    def end(self, stage: Stage, entry: dict[str, Any]) -> None:
        before = entry["start_score"]
        was = "" if before is None else f", was {before:.2f}"
        logger.info("%s: dev score %.2f%s", stage.describe(), entry["score"], was)
        for name in ("members", "ensemble"):
            if name in entry:
                logger.info("end of XLA epoch %d: %s %s", stage.epoch, name, entry[name])
        if rank_and_size()[0]:
            return
        lines = [line for line in self.read() if line["stage"] < stage.number]
        text = "".join(json.dumps(line) + "\n" for line in [*lines, entry])
        os.makedirs(os.path.dirname(self.path) or ".", exist_ok=True)
        with atomic_file(self.path) as file:
            file.write(text)

    def read(self) -> list[dict[str, Any]]:
        """The lines so far."""
        if not os.path.isfile(self.path):
            return []
        with open(self.path, encoding="utf-8") as file:
            return [json.loads(line) for line in file if line.strip()]
