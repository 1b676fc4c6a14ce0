"""`SELECT count(*)` where the server can count: no row is made.

That is so where SEARCH alone decides, which is read from SQLite's own program: one scan of one table of ours, of which
no column is read. Or where the statement is so plain that its terms are known to be those handed to the scan.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from imapdb.sql.lexer import is_worth_reading

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Counted", "Counting", "counting", "is_count"]

_COUNT: Final = re.compile(r'\s*SELECT\s+count\(\*\)(?:\s+(?:AS\s+)?(?:\w+|"[^"]+"))?\s+FROM\s', re.IGNORECASE)
_MORE: Final = re.compile(r"\b(?:GROUP|HAVING|LIMIT|OFFSET|UNION|EXCEPT|INTERSECT)\b", re.IGNORECASE)
# What such a program does besides: constants, parameters, and the set of an IN.
_READS: Final = frozenset({"VColumn", "Rowid", "Column", "OpenRead", "Program", "Function", "PureFunc"})
# Other loops around the scan, behind it or in its place: VALUES, DISTINCT, LIMIT, an outer join.
_LOOPS: Final = frozenset(
    {
        "InitCoroutine", "Rewind", "DecrJumpZero", "NullRow", "Found", "NotFound", "Last", "Prev", "Next", "Sort",
        "SorterOpen", "OffsetLimit", "IfNotZero", "IfPos", "Yield", "Count",
    }
)  # fmt: skip
_ONCE: Final = ("VOpen", "VFilter", "VNext", "AggStep")


# `column = ?` and its like, AND between them: nothing else that SQLite would look at a row for.
_NAME: Final = r'(?:"(?:[^"]|"")+"|[^\W\d]\w*)'
_TERM: Final = rf"(?:{_NAME}\.)?{_NAME}\s*(?:==?|<=?|>=?|\bIS\b)\s*(?:\?|:\w+|-?\d+|'(?:[^']|'')*')"
_PLAIN: Final = re.compile(rf"{_COUNT.pattern}{_NAME}\s+WHERE\s+({_TERM}(?:\s+AND\s+{_TERM})*)\s*;?\s*", re.IGNORECASE)
_TERMS: Final = re.compile(_TERM, re.IGNORECASE)


class Counting(NamedTuple):
    """What a scan may do for a count(*).

    `is_decided`: SQLite looks at no row. `terms` is how many terms the WHERE clause has, where it is a plain one.
    """

    is_decided: bool
    terms: int | None


class Counted(Exception):
    """How many rows a scan would have."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def is_count(text: str) -> bool:
    """Say whether a statement may be a plain count(*), by its looks."""
    return _COUNT.match(text) is not None and _MORE.search(text) is None and not is_worth_reading(text)


def counting(text: str, program: Iterable[Sequence[Any]]) -> Counting | None:
    """Say what a scan may do for a count, from its text and the rows of EXPLAIN; None where it has to give its rows."""
    done = Counter(step[1] for step in program)
    if any(done[step] != 1 for step in _ONCE) or _LOOPS & done.keys():
        return None
    if not _READS & done.keys():
        return Counting(is_decided=True, terms=None)
    plain = _PLAIN.fullmatch(text) if _READS & done.keys() == {"VColumn"} else None
    return None if plain is None else Counting(is_decided=False, terms=len(_TERMS.findall(plain[1])))
