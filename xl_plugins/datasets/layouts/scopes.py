"""Options of ``xl-prepare pairs`` that may be limited to some files: ``[SCOPE:]column=value``.

A scope names languages, roles or both: ``nl:``, ``nl,pt:``, ``test:``, ``nl,pt/test,translate-test:``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from xl_plugins.errors import UserError
from xl_plugins.formats.examples.table import Column
from xl_plugins.formats.languages import check_language, is_language

# role: (split, whether it is a source translation)
ROLES = {
    "train": ("train", False),
    "valid": ("valid", False),
    "test": ("test", False),
    "back-translation": ("train", True),
    "translate-dev": ("valid", True),
    "translate-test": ("test", True),
}
POOL = "unlabelled"  # training text of its own, of pairs and tagging alone
_NAME = re.compile(r"[a-z-]+")
_FIELDS = ("first", "second", "label", "id")
_EXAMPLE = "first=premise,second=hypothesis,label=label"


@dataclass(frozen=True)
class Scope:
    """Languages and roles an option is for; an empty tuple means all."""

    languages: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()

    def covers(self, language: str, role: str) -> bool:
        return (not self.languages or language in self.languages) and (not self.roles or role in self.roles)

    @property
    def rank(self) -> tuple[bool, bool]:
        """More specific scopes sort later: all, roles, languages, both."""
        return bool(self.languages), bool(self.roles)


def parse_scope(text: str, option: str) -> tuple[Scope, str]:
    """Split ``nl,pt/test:rest`` into scope and rest; text without a scope is for all files."""
    head, colon, rest = text.partition(":")
    if not colon or "=" in head or not all(map(_is_name, re.split("[/,]", head))):
        return Scope(), text
    parts = [part.split(",") for part in head.split("/")]
    if len(parts) > 2:
        raise UserError(f"{option}: '{head}:' has more than one '/'; write LANGUAGES/ROLES:, for example nl,pt/test:")
    languages: list[str] = []
    roles: list[str] = []
    if len(parts) == 2:
        languages, roles = parts
    elif parts[0][0] in (*ROLES, POOL):
        roles = parts[0]
    else:
        languages = parts[0]
    for role in roles:
        if role not in (*ROLES, POOL):
            raise UserError(f"{option}: '{role}' in '{head}:' is not one of {', '.join((*ROLES, POOL))}")
    return Scope(tuple(check_language(code, option) for code in languages), tuple(roles)), rest


def _is_name(text: str) -> bool:
    return bool(_NAME.fullmatch(text)) or is_language(text)


def parse_column(text: str, option: str = "--columns") -> Column:
    """The place, from 0, of a column given by its number, from 1, where a file has no header; a name as it is."""
    if not text.isdecimal():
        return text
    if int(text) == 0:
        raise UserError(f"{option}: there is no column 0, columns are counted from 1; give the number it has then")
    return int(text) - 1


@dataclass(frozen=True)
class ColumnMap:
    """``--columns``: which column holds what, per scope."""

    entries: tuple[tuple[Scope, dict[str, Column | None]], ...]

    @classmethod
    def parse(cls, texts: list[str], fields: tuple[str, ...] = _FIELDS, example: str = _EXAMPLE) -> ColumnMap:
        """Read ``[SCOPE:]first=premise,second=hypothesis,label=label,id=pair_ID``; ``label=none``: there is none.

        Args:
            fields: the keys there are; example: for the message about another.
        """
        entries = []
        for text in texts:
            scope, rest = parse_scope(text, "--columns")
            columns: dict[str, Column | None] = {}
            for item in rest.split(","):
                key, equal, value = item.partition("=")
                if key not in fields or not equal or not value:
                    raise UserError(
                        f"--columns: '{item}' in '{text}' is not KEY=COLUMN with a key of {', '.join(fields)}; "
                        f"write for example {example}"
                    )
                columns[key] = None if value == "none" else parse_column(value)
            entries.append((scope, columns))
        entries.sort(key=lambda entry: entry[0].rank)
        return cls(tuple(entries))

    def renamed(self, names: Mapping[str, str], **others: Column | None) -> ColumnMap:
        """The same columns under other keys, and in every entry ``others``."""
        entries = [
            (scope, {**{names.get(key, key): column for key, column in columns.items()}, **others})
            for scope, columns in self.entries
        ]
        return ColumnMap(tuple(entries))

    def get(self, language: str, role: str) -> dict[str, Column | None]:
        """Columns of one file; later and more specific entries win."""
        found: dict[str, Column | None] = {}
        for scope, columns in self.entries:
            if scope.covers(language, role):
                found.update(columns)
        return found


@dataclass(frozen=True)
class Filters:
    """``--filter``: conditions a row must meet, per scope; all that cover a file apply to it."""

    entries: tuple[tuple[Scope, tuple[Column, bool, str]], ...]

    @classmethod
    def parse(cls, texts: list[str]) -> Filters:
        entries = []
        for text in texts:
            scope, rest = parse_scope(text, "--filter")
            match = re.fullmatch(r"(.+?)(!?=)(.*)", rest, re.DOTALL)
            if not match:
                raise UserError(f"--filter: '{text}' is not column=value or column!=value")
            entries.append((scope, (parse_column(match.group(1), "--filter"), match.group(2) == "=", match.group(3))))
        return cls(tuple(entries))

    def get(self, language: str, role: str) -> tuple[tuple[Column, bool, str], ...]:
        return tuple(condition for scope, condition in self.entries if scope.covers(language, role))
