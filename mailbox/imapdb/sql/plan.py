"""What SQLite and a message table agree on: which terms of a WHERE clause are handed over, and in which order.

A plan is made once per SQL text and cached by SQLite with the statement. It therefore never depends on a value: only
on columns, operators and what the statement reads.
"""

from __future__ import annotations

import dataclasses
import json
from functools import lru_cache
from typing import Final

import apsw

from imapdb.sql.columns import ALIASES, COLUMNS, by_name

__all__ = ["DECLARED", "FUNCTIONS", "Plan", "Term", "make_plan", "read_plan"]

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
    apsw.SQLITE_INDEX_CONSTRAINT_LIMIT: "LIMIT",
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


@dataclasses.dataclass(frozen=True, slots=True)
class Term:
    """A term handed over: `COLUMNS[column] operator ?`; with `is_set` IN, with `exact` checked by nobody else."""

    column: int
    operator: str
    is_set: bool
    exact: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """The terms in the order of Filter's arguments; `limit` says that a LIMIT follows as the last one.

    `used` are the columns the statement names anywhere, `order` is 1 or -1 where rows must come by uid.
    """

    terms: tuple[Term, ...]
    limit: bool
    used: frozenset[int]
    order: int

    def write(self) -> str:
        """Write the plan as the text SQLite keeps with the statement."""
        return json.dumps([[dataclasses.astuple(t) for t in self.terms], self.limit, sorted(self.used), self.order])


@lru_cache(maxsize=1024)
def read_plan(text: str) -> Plan:
    """Read what `Plan.write` wrote."""
    terms, limit, used, order = json.loads(text)
    return Plan(tuple(Term(*term) for term in terms), limit, frozenset(used), order)


def make_plan(info: apsw.IndexInfo, *, of_all: bool) -> bool:
    """Choose what is claimed and tell SQLite. `of_all`: the table is `messages`, in which a uid names no row alone.

    Terms that are not claimed are SQLite's to check. Among the plans SQLite offers, those in which the constraint of a
    join is usable look cheaper, as they are.
    """
    terms: list[Term] = []
    share = 1.0
    is_unique = False
    limit_at: int | None = None
    for number in range(info.nConstraint):
        if not info.get_aConstraint_usable(number):
            continue
        operator = OPERATORS.get(info.get_aConstraint_op(number))
        if operator == "LIMIT":
            limit_at = number
            continue
        place = info.get_aConstraint_iColumn(number)
        if operator is None or (place < 0 and of_all):
            continue
        column = UID if place < 0 else DECLARED[place]
        is_set = bool(info.get_aConstraintUsage_in(number))
        term = _claim(column, operator, info.get_aConstraint_collation(number), is_set=is_set)
        if term is None:
            continue
        terms.append(term)
        info.set_aConstraintUsage_argvIndex(number, len(terms))
        info.set_aConstraintUsage_omit(number, term.exact)
        if is_set:
            info.set_aConstraintUsage_in(number, True)
        is_equality = operator in ("=", "IS")
        is_unique |= is_equality and not is_set and column == UID and not of_all
        share *= EQUAL_SHARE if is_equality and COLUMNS[column].sql_type != "BOOLEAN" else _share(operator)
    if limit_at is not None:
        info.set_aConstraintUsage_argvIndex(limit_at, len(terms) + 1)
    order = 0 if of_all else _uid_order(info)
    info.orderByConsumed = order != 0
    rows = 1 if is_unique else max(2, round(ROWS * share))
    info.estimatedRows = rows
    info.estimatedCost = ROUND_TRIP + rows
    if is_unique:
        info.idxFlags = apsw.SQLITE_INDEX_SCAN_UNIQUE
    used = frozenset(DECLARED[place] for place in info.colUsed if place < len(DECLARED))
    info.idxStr = Plan(tuple(terms), limit_at is not None, used, order).write()
    return True


def _claim(column: int, operator: str, collation: str, *, is_set: bool) -> Term | None:
    condition = COLUMNS[column].condition
    if condition is not None and operator in condition.operators:
        if is_set and not condition.takes_sets:
            return None
        # With another collation the name of a mailbox is compared in SQLite's way, not in ours.
        if column == MAILBOX and collation != "BINARY":
            return None
        return Term(column, operator, is_set, condition.exact)
    if operator in ("=", "IS") and not is_set and collation == "BINARY":
        # Nothing to push, but the inner side of a join finds its rows by it instead of reading them all each time.
        return Term(column, operator, is_set=False, exact=False)
    return None


def _share(operator: str) -> float:
    return PATTERN_SHARE if operator in FUNCTIONS or operator == "LIKE" else OTHER_SHARE


def _uid_order(info: apsw.IndexInfo) -> int:
    """Say whether rows by uid satisfy the ORDER BY: 1 ascending, -1 descending, 0 not."""
    if info.nOrderBy == 0:
        return 0
    place = info.get_aOrderBy_iColumn(0)
    # uid is unique: what else is in the ORDER BY behind it never decides.
    if place >= 0 and DECLARED[place] != UID:
        return 0
    return -1 if info.get_aOrderBy_desc(0) else 1
