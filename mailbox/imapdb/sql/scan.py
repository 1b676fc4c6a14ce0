"""A message table read: one virtual-table cursor, from its Filter calls to rows.

The first time, a Filter is a SEARCH and a stream of FETCHes. A cursor that is filtered again and again (the inner side
of a join, a correlated subquery) keeps its rows instead, and finds them by a hash index: sql/kept.py.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from imapdb.errors import NoSuchMailbox
from imapdb.imap.fetch import Fetched, FetchStream, Items
from imapdb.sql.columns import COLUMNS
from imapdb.sql.counting import Counted
from imapdb.sql.criteria import Criteria
from imapdb.sql.find import count, find
from imapdb.sql.kept import Kept, is_same
from imapdb.sql.order import arranged
from imapdb.sql.plan import DECLARED, MAILBOX, Plan, read_plan
from imapdb.sql.request import Request, decide

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from imapdb.imap.connection import Connection
    from imapdb.imap.mailboxes import Mailbox
    from imapdb.sql.criteria import Argument
    from imapdb.sql.request import Recorder
    from imapdb.sql.statement import Statement
    from imapdb.sql.values import SQLValue
    from imapdb.sql.where import Where

__all__ = ["MessageScan", "UnreadableMailbox"]

_VALUES = tuple(COLUMNS[column].value for column in DECLARED)
_ITEMS = tuple(COLUMNS[column].items for column in DECLARED)
# A plan that is filtered this often with other values is the inner side of a join: its rows are worth keeping.
KEEP_FROM = 3


class UnreadableMailbox(UserWarning):
    """A mailbox was left out of `messages`: the server lists it and does not let it be read."""


class MessageScan:
    """A cursor of SQLite over the messages of one mailbox, or of several in turn."""

    def __init__(
        self,
        connection: Connection,
        numbered: Callable[[], Sequence[tuple[int, Mailbox]]],
        *,
        of_all: bool,
        name: str = "",
        statement: Statement | None = None,
        where: Where | None = None,
        recorder: Recorder | None = None,
        counts: bool = False,
    ) -> None:
        self._connection = connection
        self._recorder = recorder
        self._counts = counts
        self._of_all = of_all
        self._name = name
        self._statement = statement
        self._where = where
        self._numbered = numbered
        self._calls: dict[str, int] = {}
        self._last: dict[str, tuple[Argument, ...]] = {}
        self._kept: dict[str, Kept] = {}
        self._validities: dict[int, int | None] = {}
        self._mailboxes: Iterator[tuple[int, Mailbox]] = iter(())
        self._request = Request(Criteria(), Items(), {})
        self._plan = Plan((), limit=0, used=frozenset(), order=())
        self._stream: FetchStream | None = None
        self._rows: Iterator[tuple[int, Mailbox, Fetched]] | None = None
        self._row: Fetched | None = None
        self._mailbox: Mailbox | None = None
        self._number = 0
        self._constants: dict[int, SQLValue] = {}
        self._alone = Items()
        self._column_have: list[bool] = [False] * len(DECLARED)

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
            if self._counts and request.criteria.is_decided:
                raise Counted(sum(self._count(mailbox, request.criteria) for _, mailbox in self._numbered()))
            self._start(request)
        self.Next()

    def Next(self) -> None:  # noqa: N802 - apsw's name
        """Go to the next row."""
        if self._rows is not None:
            self._alone = Items()
            following = next(self._rows, None)
            if following is None:
                self._row = None
            else:
                self._number, self._mailbox, self._row = following
            return
        while True:
            if self._stream is not None:
                row = self._row = self._stream.next()
                if row is not None:
                    if self._request.criteria.tests and not self._request.criteria.accepts(row):
                        continue
                    return
            if not self._open_next():
                self._row = None
                return

    def Eof(self) -> bool:  # noqa: N802 - apsw's name
        """Say whether the rows are over."""
        return self._row is None

    def Rowid(self) -> int:  # noqa: N802 - apsw's name
        """Give the row's number: the uid, in `messages` with the mailbox's number above it."""
        row = self._row
        return 0 if row is None else self._number << 32 | row.uid

    def Column(self, place: int) -> SQLValue:  # noqa: N802 - apsw's name
        """Give a value of the row, fetching its column first where that was not foreseen."""
        row = self._row
        if row is None or place < 0:
            return self.Rowid()
        if not self._column_have[place]:
            column = DECLARED[place]
            if column in self._constants:
                return self._constants[column]
            if column == MAILBOX:
                return None if self._mailbox is None else self._mailbox.name
            if self._rows is not None:
                row = self._fetch_alone(row, _ITEMS[place])
            elif self._stream is not None:
                self._stream.require(_ITEMS[place], row)
                self._provide(self._stream.items)
        return _VALUES[place](row)

    def Close(self) -> None:  # noqa: N802 - apsw's name
        """End the scan; what is under way is read off, so that the session stays in step."""
        self._end()
        self._kept.clear()

    # From values to rows.

    def _start(self, request: Request) -> None:
        self._request = request
        self._constants = request.constants
        self._mailboxes = iter(()) if request.criteria.never else self._wanted(request.criteria)
        self._provide(Items())

    def _wanted(self, criteria: Criteria) -> Iterator[tuple[int, Mailbox]]:
        for number, mailbox in self._numbered():
            if criteria.names is None or mailbox.name in criteria.names:
                yield number, mailbox

    def _open_next(self) -> bool:
        """Begin with the next mailbox that is wanted."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None
        for number, mailbox in self._mailboxes:
            self._number, self._mailbox = number, mailbox
            self._stream = self._stream_of(number, mailbox, self._request)
            if self._stream is None:
                continue
            self._provide(self._request.items)
            return True
        return False

    def _stream_of(self, number: int, mailbox: Mailbox, request: Request) -> FetchStream | None:
        """Search a mailbox; None where nothing is found, or `messages` has to go on without it."""
        criteria = request.criteria
        if self._where is not None:
            criteria = criteria.within(self._where, self._connection.profile, mailbox.name)
        try:
            found = find(self._connection, mailbox, criteria, fetching=bool(request.items))
        except NoSuchMailbox as error:
            self._leave_out(error, criteria)
            return None
        if not found.uids:
            return None
        self._validities[number] = found.uidvalidity
        uids = arranged(self._connection, mailbox, found, self._plan.order)
        first = request.first or None
        return FetchStream(self._connection, mailbox, uids, request.items, uidvalidity=found.uidvalidity, first=first)

    def _count(self, mailbox: Mailbox, criteria: Criteria) -> int:
        """Have the server count the messages of a mailbox."""
        if criteria.never or (criteria.names is not None and mailbox.name not in criteria.names):
            return 0
        try:
            return count(self._connection, mailbox, criteria)
        except NoSuchMailbox as error:
            self._leave_out(error, criteria)
            return 0

    def _leave_out(self, error: NoSuchMailbox, criteria: Criteria) -> None:
        """Go on without a mailbox, unless it was asked for by its name."""
        if not self._of_all or criteria.names is not None:
            raise error
        warnings.warn(f"left out: {error}", UnreadableMailbox, stacklevel=2)

    def _provide(self, items: Items) -> None:
        constants = self._constants
        self._column_have = [
            column != MAILBOX and column not in constants and items.covers(COLUMNS[column].items) for column in DECLARED
        ]

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
        for number, mailbox in self._wanted(criteria):
            stream = self._stream_of(number, mailbox, Request(criteria, items, {}))
            while stream is not None and (message := stream.next()) is not None:
                if criteria.accepts(message):
                    yield number, mailbox, message

    def _fetch_alone(self, row: Fetched, items: Items) -> Fetched:
        """Fetch for one kept row what is too large to keep for all of them; gone with the next row."""
        if self._alone.covers(items) or self._mailbox is None:
            return row
        self._alone |= items
        stream = FetchStream(
            self._connection, self._mailbox, [row.uid], self._alone, uidvalidity=self._validities.get(self._number)
        )
        whole = Fetched(row.uid)
        whole.take(row)
        told = stream.next()
        stream.close()
        if told is not None:
            whole.take(told)
        self._row = whole
        return whole

    def _end(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None
        self._rows = None
        self._row = None
