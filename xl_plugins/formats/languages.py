"""Language codes: the 40 of XTREME (Hu et al. 2020, table 1), any other code of two or three small letters, and these
with script, region or variant behind it: ``zh-CN``, ``zh_TW``, ``sr-Latn``, ``pt_br``, ``es-419``, ``zh-Hant-HK``.

A code is kept as the user spells it, in names of folders and files, columns and metrics.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from xl_plugins.errors import UserError
from xl_plugins.output import printable

XTREME_LANGUAGES = tuple(
    "af ar bg bn de el en es et eu fa fi fr he hi hu id it ja jv ka kk ko ml mr ms my nl pt ru sw ta te th tl tr "
    "ur vi yo zh".split()
)
# released code of xTune (Zheng et al., ACL 2021): translations that cannot be split into words at blanks
NO_BLANKS = "zh,ja,ko,th,my,ml,ta"
# No script is called "view": en-view is the folder of translations into en.
CODE = r"[a-z]{2,3}(?:[-_](?![vV][iI][eE][wW])[A-Za-z]{4})?(?:[-_](?:[A-Za-z]{2}|[0-9]{3}))?(?:[-_][A-Za-z0-9]{5,8})*"
_CODE = re.compile(CODE)


def is_language(code: str) -> bool:
    """Whether ``code`` is a language code, perhaps with script, region or variant."""
    return _CODE.fullmatch(code) is not None


def check_language(code: str, where: str) -> str:
    """Return ``code``; UserError naming ``where`` (option or file) when it is no language code."""
    if not is_language(code):
        raise UserError(
            f"{where}: '{printable(code)}' is not a language code; write two or three small letters, for example de or"
            " quy, perhaps with script or region: zh-CN, sr_Latn"
        )
    return code


def check_distinct(codes: Iterable[str], where: str) -> None:
    """UserError for two spellings of one code, such as ``zh-TW`` and ``zh_tw``."""
    seen: dict[str, str] = {}
    for code in codes:
        other = seen.setdefault(code.replace("_", "-").casefold(), code)
        if other != code:
            raise UserError(f"{where}: {other} and {code} are one code in two spellings; write it in one way")


def parse_languages(text: str, where: str) -> tuple[str, ...]:
    """Split ``en,de,...`` into codes; repeated or malformed codes raise UserError."""
    codes = [check_language(code.strip(), where) for code in text.split(",") if code.strip()]
    if not codes:
        raise UserError(f"{where}: no language given; write for example en,de")
    for code in codes:
        if codes.count(code) > 1:
            raise UserError(f"{where}: language {code} is given twice; name each language once")
    check_distinct(codes, where)
    return tuple(codes)
