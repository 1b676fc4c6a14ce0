"""A query: messages that satisfy a condition, counted, listed or streamed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy import orm

from imapdb.errors import ProgrammingError
from imapdb.message import Message

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imapdb.database import Database
    from imapdb.errors import UnreadableMailbox
    from imapdb.sql.explain import Explanation

__all__ = ["Query", "Rows", "is_of_objects"]

T = TypeVar("T")


class Rows(list[T], Generic[T]):
    """The rows of a query: a list, with its ends at hand.

    `left_out` names the mailboxes whose messages are missing from a query over all of them, each with what the server
    said (`mailbox`, `code`, `server_text`); Python warned of them too.
    """

    left_out: tuple[UnreadableMailbox, ...] = ()

    def first(self) -> T | None:
        """Return the first row, or None."""
        return self[0] if self else None

    def last(self) -> T | None:
        """Return the last row, or None."""
        return self[-1] if self else None


class Query:
    """Messages that satisfy a condition. Nothing is asked before a method is called; it can be used again and again."""

    def __init__(self, database: Database, condition: Any) -> None:
        self._database = database
        if isinstance(condition, type) and hasattr(condition, "__table__"):
            self._where: sa.ColumnElement[bool] | None = None
            self._tables = [cast("sa.Table", condition.__table__)]
        elif isinstance(condition, (sa.ColumnElement, orm.QueryableAttribute)):
            self._where = cast("Any", condition)
            self._tables = _tables_in(condition)
        else:
            raise ProgrammingError(
                "a query is a condition such as db.INBOX.seen == False, or a mailbox such as db.INBOX, "
                f"not {condition!r}"
            )
        if not self._tables:
            raise ProgrammingError("a condition names a column of a mailbox; this one names none")

    def count(self) -> int:
        """Count the messages."""
        statement = self._restricted(sa.select(sa.func.count()).select_from(*self._tables))
        return int(self._database.fetch(statement)[0][0])

    def select(
        self,
        *columns: Any,
        limitby: tuple[int, int] | None = None,
        orderby: Any = None,
    ) -> Rows[Any]:
        """Return the messages: as objects, or as rows of the columns named.

        `limitby=(a, b)` gives those from place a up to, not including, b. `orderby` is a column, `column.desc()` or a
        list of them; without it the newest (the highest uid) come first.
        """
        return self._database.fetch(self.statement(*columns, limitby=limitby, orderby=orderby))

    def first(self, *columns: Any, orderby: Any = None) -> Any:
        """Return the first message of `select`, or None."""
        return self.select(*columns, limitby=(0, 1), orderby=orderby).first()

    def explain(
        self,
        *columns: Any,
        limitby: tuple[int, int] | None = None,
        orderby: Any = None,
    ) -> Explanation:
        """Say what `select` with these arguments would ask of the server; nothing is fetched."""
        return self._database.explain(self.statement(*columns, limitby=limitby, orderby=orderby))

    def isempty(self) -> bool:
        """Say whether there is no such message."""
        return self.first(*self._tables[0].primary_key.columns) is None

    def __iter__(self) -> Iterator[Any]:
        """Yield the messages while they come; memory does not grow with their number."""
        return self._database.stream(self.statement())

    def statement(self, *columns: Any, limitby: tuple[int, int] | None = None, orderby: Any = None) -> sa.Select[Any]:
        """Return the SQLAlchemy statement `select` runs."""
        if any(isinstance(column, str) for column in columns):
            raise ProgrammingError("select takes columns such as db.INBOX.uid, not their names")
        statement = self._restricted(sa.select(*(columns or self._classes())))
        if not columns:
            statement = statement.select_from(*self._tables)
        if orderby is None:
            statement = statement.order_by(*self._newest_first())
        else:
            statement = statement.order_by(*(orderby if isinstance(orderby, (list, tuple)) else [orderby]))
        if limitby is not None:
            start, end = limitby
            if not 0 <= start <= end:
                raise ProgrammingError(f"limitby=({start}, {end}) is no range of places")
            statement = statement.limit(end - start).offset(start or None)
        return statement

    def _restricted(self, statement: sa.Select[Any]) -> sa.Select[Any]:
        return statement if self._where is None else statement.where(self._where)

    def _classes(self) -> list[Any]:
        """List what a row is made of where no columns are named: objects, else columns that are not hidden."""
        found: list[Any] = []
        for table in self._tables:
            known = self._database.class_of(table)
            found += [known] if known is not None else [c for c in table.columns if not c.info.get("hidden")]
        return found

    def _newest_first(self) -> list[Any]:
        if len(self._tables) > 1:
            return []
        columns = self._tables[0].columns
        if "mailbox" in self._tables[0].primary_key.columns and "created" in columns:
            return [columns.created.desc(), columns.mailbox, columns.uid.desc()]
        return [columns.uid.desc()] if "uid" in columns else []


def _tables_in(condition: Any) -> list[sa.Table]:
    """List the tables a condition names, in the order it names them, without those of its subqueries."""
    found: dict[sa.Table, None] = {}
    clause = condition.__clause_element__() if hasattr(condition, "__clause_element__") else condition
    stack = [clause]
    while stack:
        element = stack.pop()
        if isinstance(element, sa.SelectBase | sa.ScalarSelect | sa.Exists):
            continue
        if isinstance(element, sa.Column) and isinstance(element.table, sa.Table):
            found.setdefault(element.table)
        stack.extend(reversed(list(element.get_children())))
    return list(found)


def is_of_objects(statement: sa.Select[Any]) -> bool:
    """Say whether the rows are single mapped objects."""
    described = statement.column_descriptions
    return len(described) == 1 and isinstance(described[0]["type"], type) and issubclass(described[0]["type"], Message)
