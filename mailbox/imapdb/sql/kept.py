"""Rows kept on a cursor that is filtered again and again, found by a hash index where a term is an equality.

The rows are those the unchanging terms allow. Of the changing ones, the exact terms are decided here (SQLite was
promised not to check them), one equality is looked up in the index, and the rest is left to SQLite, which checks it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from imapdb.imap.fetch import Items
from imapdb.imap.profiles import GENERIC
from imapdb.sql.columns import COLUMNS
from imapdb.sql.criteria import accepts, make_criteria, narrowing_of
from imapdb.sql.plan import MAILBOX

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from imapdb.imap.fetch import Fetched
    from imapdb.imap.mailboxes import Mailbox
    from imapdb.imap.profiles import Profile
    from imapdb.sql.criteria import Argument, Criteria
    from imapdb.sql.plan import Plan
    from imapdb.sql.values import SQLValue

    Row: TypeAlias = tuple[int, Mailbox, Fetched]

__all__ = ["Kept", "is_same"]


def is_same(one: Argument, other: Argument) -> bool:
    """Say whether two values are one and the same to SQL: 5 and 5.0 are equal, but not as texts."""
    return type(one) is type(other) and one == other


class Kept:
    """The rows of one plan under the values of its `stable` terms (by their place among the terms)."""

    def __init__(
        self,
        plan: Plan,
        values: tuple[Argument, ...],
        stable: frozenset[int],
        profile: Profile,
        load: Callable[[Criteria, Items], Iterator[Row]],
    ) -> None:
        self.plan = plan
        self.stable = stable
        self.items = Items()
        for column in plan.used:
            wanted = COLUMNS[column].items
            # A whole message is fetched for the one row that asks for it: kept for all, they would fill the memory.
            if not wanted.is_large:
                self.items |= wanted
        self._values = values
        held = sorted(stable)
        criteria = make_criteria([plan.terms[n] for n in held], [values[n] for n in held], profile)
        self._rows = [] if criteria.never else list(load(criteria, self.items))
        self._changing = [n for n in range(len(plan.terms)) if n not in stable]
        self._indexed = next((n for n in self._changing if self._can_index(n)), None)
        self._index: dict[SQLValue, list[Row]] | None = None

    @staticmethod
    def can_keep(plan: Plan, stable: frozenset[int]) -> bool:
        """Say whether rows can be found here again: not those that only the server can say match."""
        return all(n in stable or term.operator != "MATCH" for n, term in enumerate(plan.terms))

    def serves(self, values: tuple[Argument, ...]) -> bool:
        """Say whether the rows were kept under these values of the stable terms."""
        return all(is_same(values[n], self._values[n]) for n in self.stable)

    def find(self, values: tuple[Argument, ...]) -> Iterator[Row]:
        """Yield the rows that may match."""
        rows = self._rows
        if self._indexed is not None:
            looked_up = self._look_up(values[self._indexed])
            rows = rows if looked_up is None else looked_up
        tests = []
        for n in self._changing:
            term = self.plan.terms[n]
            if term.exact:
                tests.append((COLUMNS[term.column].value, narrowing_of(term, values[n], GENERIC)))
            elif values[n] is None and term.operator == "=":
                return
        for row in rows:
            if all(accepts(narrowing, value(row[2])) for value, narrowing in tests):
                yield row

    def _can_index(self, n: int) -> bool:
        term = self.plan.terms[n]
        if COLUMNS[term.column].items.is_large:
            # Not kept with the rows: see above.
            return False
        return term.operator in ("=", "IS") and not term.is_set and COLUMNS[term.column].sql_type in ("TEXT", "INTEGER")

    def _look_up(self, value: Argument) -> list[Row] | None:
        """Give the rows whose column equals the value; None where only SQLite knows (its affinities)."""
        if self._indexed is None:
            return None
        column = COLUMNS[self.plan.terms[self._indexed].column]
        if not isinstance(value, str if column.sql_type == "TEXT" else int):
            return None
        if self._index is None:
            self._index = {}
            is_name = self.plan.terms[self._indexed].column == MAILBOX
            for row in self._rows:
                held = row[1].name if is_name else column.value(row[2])
                self._index.setdefault(held, []).append(row)
        return self._index.get(value, [])
