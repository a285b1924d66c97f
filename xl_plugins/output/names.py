"""Names that come from a file: components of a path only after a check."""

from __future__ import annotations

from ..errors import UserError
from ..terminal import printable

PACKAGE = "xl_plugins"  # in marks and locks
LONGEST = 200  # bytes of a component: file systems allow 255, and suffixes are added


def check_component(name: object, where: str) -> str:
    """``name`` if it can be one component of a path; ``where`` says in the error's line what named it.

    Raises:
        UserError: it is no text, empty, ``.`` or ``..``, too long, begins with a hyphen, or holds a separator, a
            control character or half of a surrogate pair.
    """
    if not isinstance(name, str) or not name:
        raise UserError(f"{where}: {printable(repr(name))[:80]} is no name; expected letters, digits and hyphens")
    bad = name in (".", "..") or name.startswith("-") or any(char in "/\\\0" or not char.isprintable() for char in name)
    if bad or len(name.encode("utf-8", "surrogatepass")) > LONGEST:
        shown = printable(name)
        shown = shown if len(shown) <= 80 else shown[:80] + "..."
        raise UserError(
            f"{where}: '{shown}' cannot be the name of a file or folder; expected letters, digits, '_', '-' and '.'"
            f" (no '/', no '..', at most {LONGEST} bytes)"
        )
    return name
