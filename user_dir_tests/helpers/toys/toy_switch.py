"""A toy world of code-switched copies: few sentences that can be read, a tokenizer that spells, dictionaries."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from user_dir_tests.conftest import TinySpm
from user_dir_tests.helpers.toys.toy import LABELS
from user_dir_tests.helpers.toys.toy_pieces import model_bytes, spellings
from user_dir_tests.helpers.toys.toy_views import begin, open_pieces, write_pairs, write_tagged
from xl_plugins.data.binary.layout import DataBin

DICTIONARIES = {
    "de": "dog Hund\ncat Katze\nred rot\n",
    "fr": "dog chien\ncat chat\ncat minou\nsees\tregarde bien\n",
}
ENGLISH = ("The dog sees the cat", "cat dog", "NATO ☃ dog.", "A red Dog", "cat", "no word listed")
GERMAN = ("Der Hund bellt", "Katze", "rot ist die Katze", "ein Hund", "Hund Hund", "das ist alles")
NAMES = {"pairs": "sentence_pair", "tagged": "tagging"}


class World(NamedTuple):
    """Files of the toy world."""

    pairs: Path
    tagged: Path
    dictionaries: Path

    def options(self, data: Path | None = None, **changed: object) -> list[str]:
        """Arguments of ``xl-augment``; ``changed``: options with underscores, True for a flag, None leaves one out."""
        words = ["code-switch", str(data or self.tagged)]
        for name, value in {"dictionaries": self.dictionaries, **changed}.items():
            if value is not None and value is not False:
                words += [f"--{name.replace('_', '-')}"] + ([] if value is True else [str(value)])
        return words


def make_world(root: Path, repeat: int = 1) -> World:
    """The world in a folder of its own; row i of the pairs are sentences i and i + 1. ``repeat``: times its texts."""
    root.mkdir(parents=True, exist_ok=True)
    spm = TinySpm(root / "toy.model", root / "dict.txt", root / "none.txt")
    scores = spellings()
    spm.model.write_bytes(model_bytes(scores))
    spm.dict.write_text("".join(f"{piece} 1\n" for piece in scores), encoding="utf-8")
    world = World(root / "pairs", root / "tagged", root / "dictionaries")
    for name, data in zip(NAMES, world):
        pieces = begin(data, spm, NAMES[name])
        for language, sentences in (("en", ENGLISH), ("de", GERMAN)):
            texts = [sentence.split() for sentence in sentences] * repeat
            labels = [row % len(LABELS) for row in range(len(texts))]
            for split in ("train", "valid"):
                if name == "pairs":
                    rows = list(zip(texts, [*texts[1:], texts[0]]))
                    write_pairs(data / language, split, pieces, rows, labels)
                else:
                    write_tagged(data / language, split, pieces, texts, gold=True)
    world.dictionaries.mkdir()
    for language, text in DICTIONARIES.items():
        (world.dictionaries / f"en-{language}.txt").write_text(text, encoding="utf-8")
    return world


def read(data: Path, folder: str = "en/code-switch", field: str = "input0") -> list[str]:
    """Texts of a folder as people write them."""
    pieces, opened = open_pieces(data), DataBin(data).open_text(folder, field, "train")
    rows = [opened[row].tolist() for row in range(len(opened))]
    assert all(row[-1] == 2 for row in rows)
    return [pieces.join(tuple(row[:-1])).replace("▁", " ").strip() for row in rows]


def read_words(data: Path, folder: str = "en/code-switch") -> list[list[str]]:
    """Words of tagged texts, as the counts beside them say."""
    pieces, texts = open_pieces(data), DataBin(data).open_text(folder, "input0", "train")
    counts, found = DataBin(data).open_text(folder, "words", "train"), []
    for row in range(len(texts)):
        ids, words = texts[row].tolist()[:-1], []
        for count in counts[row].tolist():
            words.append(pieces.join(tuple(ids[:count])).replace("▁", " ").strip())
            ids = ids[count:]
        assert not ids
        found.append(words)
    return found
