"""A message table read: one virtual-table cursor, from its Filter calls to rows.

The first time, a Filter is a SEARCH and a stream of FETCHes. A cursor that is filtered again and again (the inner side
of a join, a correlated subquery) keeps its rows instead, and finds them by a hash index: sql/kept.py.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, NamedTuple

from imapdb.errors import InternalError
from imapdb.imap.fetch import Fetched, Items
from imapdb.sql.arrivals import bounds_of
from imapdb.sql.bodies import MessageStream
from imapdb.sql.columns import COLUMNS
from imapdb.sql.counting import Counted
from imapdb.sql.criteria import Criteria
from imapdb.sql.kept import Kept, is_same
from imapdb.sql.plan import DECLARED, MAILBOX, Plan, read_plan
from imapdb.sql.request import Request, decide
from imapdb.sql.sources import Source, Sources

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from imapdb.imap.connection import Connection
    from imapdb.imap.mailboxes import Mailbox
    from imapdb.sql.catalog import Numbered
    from imapdb.sql.counting import Counting
    from imapdb.sql.criteria import Argument
    from imapdb.sql.request import Recorder
    from imapdb.sql.statement import Statement
    from imapdb.sql.values import SQLValue
    from imapdb.sql.where import Where

__all__ = ["MessageScan"]

_VALUES = tuple(COLUMNS[column].value for column in DECLARED)
_ITEMS = tuple(COLUMNS[column].items for column in DECLARED)
NO_ROW = Fetched(0)
# A plan that is filtered this often with other values is the inner side of a join: its rows are worth keeping.
KEEP_FROM = 3


class Current(NamedTuple):
    """The message a scan is at."""

    mailbox: Mailbox
    message: Fetched
    uidvalidity: int | None


class MessageScan:
    """A cursor of SQLite over the messages of one mailbox, or of several in turn."""

    def __init__(
        self,
        connection: Connection,
        behind: Callable[[Sequence[str]], Sequence[Numbered]],
        *,
        of_all: bool,
        name: str = "",
        statement: Statement | None = None,
        where: Where | None = None,
        recorder: Recorder | None = None,
        counting: Counting | None = None,
    ) -> None:
        self._connection = connection
        self._recorder = recorder
        self._counting = counting
        self._sources = Sources(connection, behind, of_all=of_all, statement=statement, where=where)
        self._name = name
        self._statement = statement
        self._where = where
        self._calls: dict[str, int] = {}
        self._last: dict[str, tuple[Argument, ...]] = {}
        self._kept: dict[str, Kept] = {}
        self._validities: dict[int, int | None] = {}
        self._following: Iterator[Source] = iter(())
        self._request = Request(Criteria(), Items(), {})
        self._plan = Plan((), limit=0, used=frozenset(), order=())
        self._stream: MessageStream | None = None
        self._rows: Iterator[tuple[int, Mailbox, Fetched]] | None = None
        self._row = NO_ROW
        self._mailbox: Mailbox | None = None
        self._number = 0
        self._constants: dict[int, SQLValue] = {}
        self._alone = Items()
        self._readers: list[Callable[[Fetched], SQLValue]] = []

    # SQLite's calls, in the order it makes them.

    def Filter(self, _number: int, written: str, arguments: tuple[Argument, ...]) -> None:  # noqa: N802 - apsw's name
        """Start a scan."""
        self._end()
        if self._recorder is not None:
            written = self._recorder.note(written, arguments)
        plan = self._plan = read_plan(written)
        values = arguments[: len(plan.terms)]
        if self._statement is not None:
            self._statement.require_match(self._name, plan.terms)
            self._statement.refuse_breaks(plan.terms, values)
        if self._recorder is not None:
            return
        kept = self._keep(written, plan, values)
        if kept is not None:
            self._constants = {}
            self._provide(kept.items)
            self._rows = kept.find(values)
        else:
            self._rows = None
            request = decide(plan, arguments, self._where, self._connection.profile)
            if self._counting is not None:
                self._count(self._counting, request.criteria, values)
            self._start(request)
        self.Next()

    def Next(self) -> None:  # noqa: N802 - apsw's name
        """Go to the next row."""
        if self._rows is not None:
            self._alone = Items()
            following = next(self._rows, None)
            if following is None:
                self._row = NO_ROW
            else:
                self._number, self._mailbox, self._row = following
            return
        row = None if self._stream is None else self._stream.next()
        while True:
            if row is None:
                row = self._open_next()
            stream = self._stream
            if row is None or stream is None:
                self._row = NO_ROW
                return
            self._row = row
            if not self._request.criteria.tests or self._request.criteria.accepts(row):
                return
            row = stream.next()

    def Eof(self) -> bool:  # noqa: N802 - apsw's name
        """Say whether the rows are over."""
        return self._row is NO_ROW

    def Rowid(self) -> int:  # noqa: N802 - apsw's name
        """Give the row's number: the uid, in `messages` with the mailbox's number above it."""
        return self._rowid(self._row)

    def _rowid(self, row: Fetched) -> int:
        return self._number << 32 | row.uid

    def Column(self, place: int) -> SQLValue:  # noqa: N802 - apsw's name
        """Give a value of the row, fetching its column first where that was not foreseen."""
        row = self._row
        return 0 if row is NO_ROW else self._readers[place](row)

    def Close(self) -> None:  # noqa: N802 - apsw's name
        """End the scan; what is under way is read off, so that the session stays in step."""
        self._end()
        self._kept.clear()

    @property
    def current(self) -> Current:
        """The message it is at; there is none at the end."""
        if self._mailbox is None:
            raise InternalError("a scan that is at no message was asked for it")
        return Current(self._mailbox, self._row, self._validities.get(self._number))

    # From values to rows.

    def _count(self, counting: Counting, criteria: Criteria, values: Sequence[Argument]) -> None:
        """Raise Counted where the server can say how many rows there would be."""
        terms = self._plan.terms
        bounds = None if counting.is_decided or counting.terms != len(terms) else bounds_of(terms, values)
        number = None
        if criteria.never:
            number = 0
        elif counting.is_decided and criteria.is_decided:
            number = self._sources.count(criteria)
        elif bounds and not criteria.tests and criteria.is_listed:
            number = self._sources.count_between(criteria, bounds)
        if number is not None:
            raise Counted(number)

    def _start(self, request: Request) -> None:
        self._request = request
        self._constants = request.constants
        self._following = iter(()) if request.criteria.never else self._sources.streams(request, self._plan.order)
        self._provide(request.items)

    def _open_next(self) -> Fetched | None:
        """Begin with the next mailbox that has any message, and give the first of them."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None
        source = next(self._following, None)
        if source is None:
            return None
        self._number, self._mailbox, self._stream = source.number, source.mailbox, source.stream
        self._validities[source.number] = source.stream.uidvalidity
        # What was asked for late in the mailbox before is asked for late here too.
        self._provide(self._request.items)
        return source.first

    def _provide(self, items: Items) -> None:
        """Have each column read in the way that suits it, now that `items` of every row are there."""
        constants = self._constants
        self._readers = [
            functools.partial(self._read_constant, column)
            if column in constants or column == MAILBOX
            else _VALUES[place]
            if items.covers(_ITEMS[place])
            else functools.partial(self._read_late, place)
            for place, column in enumerate(DECLARED)
        ]
        # SQLite asks for place -1 where it wants the rowid.
        self._readers.append(self._rowid)

    def _read_constant(self, column: int, _: Fetched) -> SQLValue:
        if column in self._constants:
            return self._constants[column]
        return None if self._mailbox is None else self._mailbox.name

    def _read_late(self, place: int, row: Fetched) -> SQLValue:
        """Read a column that was not foreseen: it is fetched first."""
        if self._rows is not None:
            row = self._fetch_alone(row, _ITEMS[place])
        elif self._stream is not None:
            self._stream.require(_ITEMS[place], row)
            self._provide(self._stream.items)
        return _VALUES[place](row)

    def _keep(self, written: str, plan: Plan, values: tuple[Argument, ...]) -> Kept | None:
        """Give the kept rows where this plan is worth keeping them for."""
        calls = self._calls[written] = self._calls.get(written, 0) + 1
        last, self._last[written] = self._last.get(written), values
        kept = self._kept.get(written)
        if kept is not None and kept.serves(values):
            return kept
        if calls < KEEP_FROM and (last is None or not all(map(is_same, last, values))):
            return None
        stable = frozenset(
            number
            for number, (value, before) in enumerate(zip(values, last or (), strict=False))
            if is_same(value, before) and (kept is None or number in kept.stable)
        )
        if not Kept.can_keep(plan, stable):
            return None
        kept = self._kept[written] = Kept(plan, values, stable, self._connection.profile, self._load)
        return kept

    def _load(self, criteria: Criteria, items: Items) -> Iterator[tuple[int, Mailbox, Fetched]]:
        if self._where is not None:
            criteria.add_where(self._where, self._connection.profile)
            if criteria.never:
                return
        for source in self._sources.streams(Request(criteria, items, {}), self._plan.order):
            self._validities[source.number] = source.stream.uidvalidity
            message: Fetched | None = source.first
            while message is not None:
                if criteria.accepts(message):
                    yield source.number, source.mailbox, message
                message = source.stream.next()

    def _fetch_alone(self, row: Fetched, items: Items) -> Fetched:
        """Fetch for one kept row what is too large to keep for all of them; gone with the next row."""
        if self._alone.covers(items) or self._mailbox is None:
            return row
        self._alone |= items
        stream = MessageStream(
            self._connection, self._mailbox, [row.uid], self._alone, uidvalidity=self._validities.get(self._number)
        )
        whole = Fetched(row.uid)
        whole.take(row)
        try:
            told = stream.next()
        finally:
            stream.close()
        if told is not None:
            whole.take(told)
        self._row = whole
        return whole

    def _end(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None
        self._following = iter(())
        self._rows = None
        self._row = NO_ROW
