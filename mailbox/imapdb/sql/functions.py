"""The SQL functions imapdb adds: substrings and patterns as a person means them, and flags.

All compare by Unicode case folding, while SQLite's own LIKE folds ASCII letters only. NULL gives NULL.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    import apsw

    from imapdb.sql.values import SQLValue

__all__ = ["SCALARS", "escaped", "has_flag", "register", "unescaped"]


def _text(value: SQLValue) -> str | None:
    """Make a text of a value as SQLite's LIKE does."""
    if value is None or isinstance(value, str):
        return value
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _folded(test: Callable[[str, str], bool]) -> Callable[[SQLValue, SQLValue], SQLValue]:
    def function(value: SQLValue, other: SQLValue) -> SQLValue:
        left, right = _text(value), _text(other)
        if left is None or right is None:
            return None
        return int(test(left.casefold(), right.casefold()))

    return function


def _ilike(value: SQLValue, pattern: SQLValue) -> SQLValue:
    left, right = _text(value), _text(pattern)
    if left is None or right is None:
        return None
    return int(_pattern(right).matches(left.casefold()))


class _Pattern:
    """A LIKE pattern: `%` any text, `_` any one character.

    Each stretch between `%` is sought where the one before it ended, the last one at the end: never tried again, so a
    pattern of many `%` costs no more than one of few.
    """

    def __init__(self, stretches: list[list[str]]) -> None:
        self._first, *rest = [re.compile("".join(stretch), re.DOTALL) for stretch in stretches]
        self._middle, self._last = rest[:-1], rest[-1] if rest else None
        # Every member stands for one character.
        self._width = len(stretches[-1])

    def matches(self, text: str) -> bool:
        """Say whether the pattern matches all of a case-folded text."""
        if self._last is None:
            return self._first.fullmatch(text) is not None
        start = self._first.match(text)
        if start is None:
            return False
        position = start.end()
        for stretch in self._middle:
            found = stretch.search(text, position)
            if found is None:
                return False
            position = found.end()
        at = len(text) - self._width
        return at >= position and self._last.fullmatch(text, at) is not None


@lru_cache(maxsize=128)
def _pattern(pattern: str) -> _Pattern:
    """Read a LIKE pattern, written by `escaped` where it begins with ESCAPED."""
    is_escaped = pattern.startswith(ESCAPED)
    stretches: list[list[str]] = [[]]
    characters = iter(pattern[1:] if is_escaped else pattern)
    for char in characters:
        if is_escaped and char == ESCAPED:
            stretches[-1] += map(re.escape, next(characters, "").casefold())
        elif char == "%":
            stretches.append([])
        else:
            stretches[-1] += "." if char == "_" else map(re.escape, char.casefold())
    return _Pattern(stretches)


# Put before a pattern by escaped(): the same character then escapes what follows it.
ESCAPED: Final = "\x1b"


def escaped(pattern: SQLValue, escape: SQLValue) -> SQLValue:
    """Rewrite a pattern with an ESCAPE character for ilike, which takes two arguments to arrive as a constraint."""
    if not isinstance(pattern, str) or not isinstance(escape, str) or len(escape) != 1:
        return pattern
    out = [ESCAPED]
    characters = iter(pattern)
    for char in characters:
        if char == escape:
            out.append(ESCAPED + next(characters, ""))
        else:
            out.append(ESCAPED + char if char == ESCAPED else char)
    return "".join(out)


def unescaped(value: SQLValue, escape: SQLValue) -> SQLValue:
    """Take the escape characters out that SQLAlchemy's autoescape put in."""
    if not isinstance(value, str) or not isinstance(escape, str) or len(escape) != 1:
        return value
    return re.sub(re.escape(escape) + "(.)", r"\1", value, flags=re.DOTALL)


def has_flag(flags: SQLValue, name: SQLValue) -> SQLValue:
    """Say whether a JSON list of flags holds one of that name, in whatever case; None where either is no text."""
    if not isinstance(flags, str) or not isinstance(name, str):
        return None
    return int(name.lower() in _flag_set(flags))


@lru_cache(maxsize=1024)
def _flag_set(flags: str) -> frozenset[str]:
    try:
        listed = json.loads(flags)
    except ValueError:
        return frozenset()
    return frozenset(str(flag).lower() for flag in listed) if isinstance(listed, list) else frozenset()


SCALARS: Final[dict[str, Callable[..., SQLValue]]] = {
    "contains": _folded(lambda text, part: part in text),
    "icontains": _folded(lambda text, part: part in text),
    "startswith": _folded(str.startswith),
    "istartswith": _folded(str.startswith),
    "endswith": _folded(str.endswith),
    "iendswith": _folded(str.endswith),
    "ilike": _ilike,
    "has_flag": has_flag,
    "escaped": escaped,
    "unescaped": unescaped,
}


def register(database: apsw.Connection) -> None:
    """Add the functions to a SQLite connection."""
    for name, function in SCALARS.items():
        database.create_scalar_function(name, function, 2, deterministic=True)
