"""Language codes: the 40 of XTREME (Hu et al. 2020, table 1) and any other code of two or three small letters."""

from __future__ import annotations

import re

from xl_plugins.errors import UserError

XTREME_LANGUAGES = tuple(
    "af ar bg bn de el en es et eu fa fi fr he hi hu id it ja jv ka kk ko ml mr ms my nl pt ru sw ta te th tl tr "
    "ur vi yo zh".split()
)
_CODE = re.compile(r"[a-z]{2,3}")


def check_language(code: str, where: str) -> str:
    """Return ``code``; UserError naming ``where`` (option or file) when it is no ISO 639-1 or 639-3 style code."""
    if not _CODE.fullmatch(code):
        raise UserError(
            f"{where}: '{code}' is not a language code; write two or three small letters, for example de or quy"
        )
    return code


def parse_languages(text: str, where: str) -> tuple[str, ...]:
    """Split ``en,de,...`` into codes; repeated or malformed codes raise UserError."""
    codes = [check_language(code.strip(), where) for code in text.split(",") if code.strip()]
    if not codes:
        raise UserError(f"{where}: no language given; write for example en,de")
    for code in codes:
        if codes.count(code) > 1:
            raise UserError(f"{where}: language {code} is given twice; name each language once")
    return tuple(codes)
