"""SQLite's comparisons, done in Python: what a value is worth beside an INTEGER or BOOLEAN column.

SQLite hands a constraint's value over as the statement holds it (`'5'`, 5.5, NULL, a BLOB), before any affinity was
applied (sqlite.org, datatype3, section 4.2).
"""

from __future__ import annotations

import math
import operator
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SQLValue", "compare", "integer_bounds", "numeric"]

SQLValue = None | int | float | str | bytes

_NUMBER: Final = re.compile(r"[ \t\n\v\f\r]*([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)[ \t\n\v\f\r]*\Z", re.ASCII)
_INTEGER: Final = re.compile(r"[+-]?\d+\Z", re.ASCII)

# Texts and BLOBs sort behind all numbers; one stand-in does for every text or BLOB that is no number.
BEHIND: Final = math.inf
LONGEST_INTEGER: Final = 18  # digits that surely fit 64 bits; SQLite reads longer ones as REAL too


def numeric(value: SQLValue) -> int | float | None:
    """Apply NUMERIC affinity; None is NULL, and infinity stands for any text or BLOB that is not a number."""
    if isinstance(value, str):
        match = _NUMBER.match(value)
        if match is None:
            return BEHIND
        text = match[1]
        return int(text) if _INTEGER.match(text) and len(text) <= LONGEST_INTEGER else float(text)
    if isinstance(value, bytes):
        return BEHIND
    return value


def compare(left: int, comparison: str, value: SQLValue) -> bool:
    """Say whether `left comparison value` is true, `left` being what an INTEGER column holds."""
    right = numeric(value)
    if right is None or comparison in ("IS NULL", "IS NOT NULL"):
        # `left` is never NULL.
        return comparison in ("IS NOT", "IS NOT NULL")
    return _COMPARISONS[comparison](left, right)


_COMPARISONS: Final[dict[str, Callable[[float, float], bool]]] = {
    "=": operator.eq,
    "IS": operator.eq,
    "!=": operator.ne,
    "IS NOT": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def integer_bounds(comparison: str, value: SQLValue, lowest: int, highest: int) -> tuple[int, int] | None:
    """Say which integers of `lowest … highest` satisfy `= IS < <= > >=` with the value, as a range; None for none."""
    right = numeric(value)
    if right is None:
        return None
    low, high = lowest, highest
    if comparison in ("=", "IS"):
        if not math.isfinite(right) or right != int(right):
            return None
        low = max(low, int(right))
        high = min(high, int(right))
    elif comparison in (">", ">="):
        if right == math.inf:
            return None
        if right != -math.inf:
            low = max(low, math.floor(right) + 1 if comparison == ">" else math.ceil(right))
    elif right == -math.inf:
        return None
    elif right != math.inf:
        high = min(high, math.ceil(right) - 1 if comparison == "<" else math.floor(right))
    return (low, high) if low <= high else None
