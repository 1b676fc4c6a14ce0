"""`SELECT count(*)` where SEARCH alone decides: the server counts, and no row is made.

Whether it does is read from SQLite's own program: one scan of one table of ours, of which no column is read.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from imapdb.sql.lexer import is_worth_reading

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Counted", "is_count", "is_decided"]

_COUNT: Final = re.compile(r'\s*SELECT\s+count\(\*\)(?:\s+(?:AS\s+)?(?:\w+|"[^"]+"))?\s+FROM\s', re.IGNORECASE)
_MORE: Final = re.compile(r"\b(?:GROUP|HAVING|LIMIT|OFFSET|UNION|EXCEPT|INTERSECT)\b", re.IGNORECASE)
# What such a program does besides: constants, parameters, and the set of an IN.
_READS: Final = frozenset({"VColumn", "Rowid", "Column", "OpenRead", "Program", "Function", "PureFunc"})
_ONCE: Final = ("VOpen", "VFilter", "VNext", "AggStep")


class Counted(Exception):
    """How many rows a scan would have."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def is_count(text: str) -> bool:
    """Say whether a statement may be a plain count(*), by its looks."""
    return _COUNT.match(text) is not None and _MORE.search(text) is None and not is_worth_reading(text)


def is_decided(program: Iterable[Sequence[Any]]) -> bool:
    """Say whether the rows of EXPLAIN are a program that counts the rows of one scan and looks at none."""
    done = Counter(step[1] for step in program)
    return not _READS & done.keys() and all(done[step] == 1 for step in _ONCE)
