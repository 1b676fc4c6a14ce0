"""What SQLite and a message table agree on: which terms of a WHERE clause are handed over, and in which order.

A plan is made once per SQL text and cached by SQLite with the statement. It therefore never depends on a value: only
on columns, operators and what the statement reads.
"""

from __future__ import annotations

import dataclasses
import json
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import apsw

from imapdb.errors import NotSupportedError
from imapdb.sql.columns import ALIASES, COLUMNS, by_name
from imapdb.sql.order import worthwhile

if TYPE_CHECKING:
    from collections.abc import Iterable

    from imapdb.sql.order import Order

__all__ = [
    "DECLARED",
    "FUNCTIONS",
    "OPERATORS",
    "ROUND_TRIP",
    "ROWS",
    "MatchRule",
    "Plan",
    "Term",
    "claim",
    "make_plan",
    "read_plan",
]

OPERATORS: Final = {
    apsw.SQLITE_INDEX_CONSTRAINT_EQ: "=",
    apsw.SQLITE_INDEX_CONSTRAINT_GT: ">",
    apsw.SQLITE_INDEX_CONSTRAINT_LE: "<=",
    apsw.SQLITE_INDEX_CONSTRAINT_LT: "<",
    apsw.SQLITE_INDEX_CONSTRAINT_GE: ">=",
    apsw.SQLITE_INDEX_CONSTRAINT_NE: "!=",
    apsw.SQLITE_INDEX_CONSTRAINT_IS: "IS",
    apsw.SQLITE_INDEX_CONSTRAINT_ISNOT: "IS NOT",
    apsw.SQLITE_INDEX_CONSTRAINT_ISNULL: "IS NULL",
    apsw.SQLITE_INDEX_CONSTRAINT_ISNOTNULL: "IS NOT NULL",
    apsw.SQLITE_INDEX_CONSTRAINT_LIKE: "LIKE",
    apsw.SQLITE_INDEX_CONSTRAINT_GLOB: "GLOB",
    apsw.SQLITE_INDEX_CONSTRAINT_MATCH: "MATCH",
    apsw.SQLITE_INDEX_CONSTRAINT_LIMIT: "LIMIT",
    apsw.SQLITE_INDEX_CONSTRAINT_OFFSET: "OFFSET",
}
# SQL functions of two arguments that arrive as constraints when the first is a column (FindFunction), by their code.
FUNCTIONS: Final = {
    name: apsw.SQLITE_INDEX_CONSTRAINT_FUNCTION + place
    for place, name in enumerate(
        ("contains", "icontains", "startswith", "istartswith", "endswith", "iendswith", "ilike", "has_flag")
    )
}
OPERATORS.update({code: name for name, code in FUNCTIONS.items()})

# The columns as declared to SQLite: the registry's, then the aliases.
DECLARED: Final[tuple[int, ...]] = (*range(len(COLUMNS)), *(by_name()[name] for name in ALIASES.values()))
UID: Final = by_name()["uid"]
MAILBOX: Final = by_name()["mailbox"]

ROUND_TRIP = 1_000.0  # the cost of asking, in rows
ROWS = 25_000  # how many messages a mailbox is taken to hold
EQUAL_SHARE = 0.002
PATTERN_SHARE = 0.02
OTHER_SHARE = 0.3
# One SEARCH for a whole WHERE is to cost less than two for the terms of an OR in it, whatever else is claimed.
READ_SHARE = 0.03
IMPOSSIBLE = 1e12


@dataclasses.dataclass(frozen=True, slots=True)
class Term:
    """A term handed over: `COLUMNS[column] operator ?`; with `is_set` IN, with `exact` checked by nobody else."""

    column: int
    operator: str
    is_set: bool
    exact: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """The terms in the order of Filter's arguments; `limit` is how many follow: none, a LIMIT, a LIMIT and its OFFSET.

    `used` are the columns the statement names anywhere, `order` is what rows must come by.
    """

    terms: tuple[Term, ...]
    limit: int
    used: frozenset[int]
    order: Order = ()

    def write(self) -> str:
        """Write the plan as the text SQLite keeps with the statement."""
        return json.dumps([[dataclasses.astuple(t) for t in self.terms], self.limit, sorted(self.used), self.order])


@lru_cache(maxsize=1024)
def read_plan(text: str) -> Plan:
    """Read what `Plan.write` wrote."""
    terms, limit, used, order = json.loads(text)
    ordered = tuple((column, descending) for column, descending in order)
    return Plan(tuple(Term(*term) for term in terms), limit, frozenset(used), ordered)


@dataclasses.dataclass(frozen=True, slots=True)
class MatchRule:
    """Which scans spare SQLite a MATCH of the statement: those that claim it, or another side of an OR it stands in.

    `alternatives` are the columns and operators of such sides.
    """

    alternatives: frozenset[tuple[int, str]]

    def allows(self, terms: Iterable[Term]) -> bool:
        """Say whether a scan under these terms needs no MATCH decided row by row."""
        return any(
            term.operator == "MATCH" or (term.column, "IN" if term.is_set else term.operator) in self.alternatives
            for term in terms
        )


class _Claims:
    """The terms claimed of those SQLite offers, and what they are worth."""

    def __init__(self, info: apsw.IndexInfo, *, of_all: bool) -> None:
        self.terms: list[Term] = []
        self.limits: dict[str, int] = {}
        self.has_match = False
        self.is_unique = False
        self.share = 1.0
        self._info = info
        self._of_all = of_all

    def consider(self, number: int) -> None:
        """Claim a term or leave it to SQLite. Raises NotSupportedError for a MATCH on a column without one."""
        info = self._info
        operator = OPERATORS.get(info.get_aConstraint_op(number))
        place = info.get_aConstraint_iColumn(number)
        if operator == "MATCH":
            _require_match(place)
            self.has_match = True
        if not info.get_aConstraint_usable(number) or operator is None:
            return
        if operator in ("LIMIT", "OFFSET"):
            self.limits[operator] = number
        elif place >= 0 or not self._of_all:
            is_set = bool(info.get_aConstraintUsage_in(number))
            column = UID if place < 0 else DECLARED[place]
            term = claim(column, operator, info.get_aConstraint_collation(number), is_set=is_set)
            if term is not None:
                self._take(number, term)

    def _take(self, number: int, term: Term) -> None:
        info = self._info
        self.terms.append(term)
        info.set_aConstraintUsage_argvIndex(number, len(self.terms))
        info.set_aConstraintUsage_omit(number, term.exact)
        if term.is_set:
            info.set_aConstraintUsage_in(number, True)
        is_equality = term.operator in ("=", "IS")
        self.is_unique |= is_equality and not term.is_set and term.column == UID and not self._of_all
        is_rare = is_equality and COLUMNS[term.column].sql_type != "BOOLEAN"
        self.share *= EQUAL_SHARE if is_rare else _share(term.operator)


def make_plan(info: apsw.IndexInfo, *, of_all: bool, is_read: bool = False, match: MatchRule | None = None) -> bool:
    """Choose what is claimed and tell SQLite.

    `of_all`: the table is `messages`, in which a uid names no row alone. `is_read`: the WHERE clause was read from the
    statement's text too, so that one scan is searched for all of it. `match`: a MATCH is among its conditions, of which
    no row can be asked. Terms that are not claimed are SQLite's to check. Among the plans SQLite offers, those in which
    the constraint of a join is usable look cheaper, as they are. Raises NotSupportedError for a MATCH on a column
    without one.
    """
    claims = _Claims(info, of_all=of_all)
    for number in range(info.nConstraint):
        claims.consider(number)
    # Read, never obeyed: where one of them is left unread, SQLite keeps both to itself.
    limits = [claims.limits[name] for name in ("LIMIT", "OFFSET") if name in claims.limits]
    for place, number in enumerate(limits, len(claims.terms) + 1):
        info.set_aConstraintUsage_argvIndex(number, place)
    used = frozenset(DECLARED[place] for place in info.colUsed if place < len(DECLARED))
    order = () if of_all else _order(info, used)
    info.orderByConsumed = bool(order)
    rows = 1 if claims.is_unique else max(2, round(ROWS * claims.share))
    if is_read:
        rows = max(1, round(rows * READ_SHARE))
    if claims.has_match and match is None:
        match = MatchRule(frozenset())
    info.estimatedRows = rows
    info.estimatedCost = ROUND_TRIP + rows if match is None or match.allows(claims.terms) else IMPOSSIBLE
    if claims.is_unique:
        info.idxFlags = apsw.SQLITE_INDEX_SCAN_UNIQUE
    info.idxStr = Plan(tuple(claims.terms), len(limits), used, order).write()
    return True


def claim(column: int, operator: str, collation: str, *, is_set: bool) -> Term | None:
    """Claim a term on a column; None where it is of no use to have it."""
    condition = COLUMNS[column].condition
    if condition is not None and operator in condition.operators:
        if is_set and not condition.takes_sets:
            return None
        # With another collation texts are compared in SQLite's way, not in ours.
        if COLUMNS[column].sql_type == "TEXT" and operator in ("=", "IS") and collation != "BINARY":
            return None
        # Nobody but the server can say what matches.
        return Term(column, operator, is_set, condition.exact or operator == "MATCH")
    if operator in ("=", "IS") and not is_set and collation == "BINARY":
        # Nothing to push, but the inner side of a join finds its rows by it instead of reading them all each time.
        return Term(column, operator, is_set=False, exact=False)
    return None


def _require_match(place: int) -> None:
    condition = COLUMNS[DECLARED[place]].condition if place >= 0 else None
    if condition is None or "MATCH" not in condition.operators:
        name = COLUMNS[DECLARED[place]].name if place >= 0 else "rowid"
        raise NotSupportedError(f"MATCH is the server's own search of a text, and {name} is none it searches")


def _share(operator: str) -> float:
    return PATTERN_SHARE if operator in FUNCTIONS or operator in ("LIKE", "GLOB", "MATCH") else OTHER_SHARE


def _order(info: apsw.IndexInfo, used: frozenset[int]) -> Order:
    wanted = []
    for number in range(info.nOrderBy):
        place = info.get_aOrderBy_iColumn(number)
        wanted.append((UID if place < 0 else DECLARED[place], bool(info.get_aOrderBy_desc(number))))
    order = worthwhile(wanted, used)
    # For GROUP BY and DISTINCT, SQLite sorts as cheaply as we could.
    return order if not order or order[0][0] == UID or info.distinct == 0 else ()
