"""The PEP 249 module: a connection is a SQLite in memory whose tables are mailboxes.

`threadsafety` is 1: threads may share the module, not a connection. Statements are SQLite's SQL, one at a time.
"""

from __future__ import annotations

import datetime
import functools
import itertools
import re
import weakref
from typing import TYPE_CHECKING, Any, Final, Self, cast

import apsw

from imapdb import errors
from imapdb.account import Account
from imapdb.errors import (
    DatabaseError,
    DataError,
    Error,
    IntegrityError,
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    Warning,  # noqa: A004 - the name PEP 249 prescribes
)
from imapdb.imap.connection import Connection as IMAPConnection
from imapdb.sql import functions
from imapdb.sql.binding import Parameters
from imapdb.sql.binding import bound as bind
from imapdb.sql.counting import Counted, Counting, counting, is_count
from imapdb.sql.statement import Statement
from imapdb.sql.tables import Tables

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator, Sequence
    from types import TracebackType

    from imapdb.account import SearchMode, Source
    from imapdb.errors import UnreadableMailbox
    from imapdb.sql.explain import Explanation

__all__ = [
    "BINARY",
    "DATETIME",
    "NUMBER",
    "ROWID",
    "STRING",
    "Binary",
    "Connection",
    "Cursor",
    "DataError",
    "DatabaseError",
    "Date",
    "DateFromTicks",
    "Error",
    "IntegrityError",
    "InterfaceError",
    "InternalError",
    "NotSupportedError",
    "OperationalError",
    "ProgrammingError",
    "Time",
    "TimeFromTicks",
    "Timestamp",
    "TimestampFromTicks",
    "Warning",
    "apilevel",
    "connect",
    "paramstyle",
    "threadsafety",
]

apilevel: Final = "2.0"
threadsafety: Final = 1
paramstyle: Final = "qmark"

Date = datetime.date
Time = datetime.time
Timestamp = datetime.datetime
DateFromTicks = datetime.date.fromtimestamp
TimestampFromTicks = datetime.datetime.fromtimestamp
Binary = bytes

Description = tuple[str, "str | None", None, None, None, None, None]


def TimeFromTicks(ticks: float) -> datetime.time:  # noqa: N802 - the name PEP 249 prescribes
    """Make a time of seconds since the epoch, local (PEP 249)."""
    return datetime.datetime.fromtimestamp(ticks).time()  # noqa: DTZ006 - PEP 249 says local


class _TypeObject:
    """Equal to every type code of its kind in `Cursor.description` (PEP 249)."""

    def __init__(self, *codes: str) -> None:
        self._codes = frozenset(codes)

    def __eq__(self, other: object) -> bool:
        return other in self._codes

    def __hash__(self) -> int:
        return hash(self._codes)


STRING = _TypeObject("TEXT", "JSON")
BINARY = _TypeObject("BLOB")
NUMBER = _TypeObject("INTEGER", "BOOLEAN")
DATETIME = _TypeObject("DATETIME")
ROWID = _TypeObject("INTEGER")

_MISSING_TABLE = re.compile(r"no such table: (.*)\Z", re.DOTALL)
# What reads tables that the text of a later statement does not name: views, triggers, and modules as FTS5 is one.
_MAKES_VIEW = re.compile(r"\bCREATE\b.*\b(?:VIEW|TRIGGER|VIRTUAL)\b", re.IGNORECASE | re.DOTALL)
# Each octet of these has one way to match: a text of many comments is read in one go.
_COMMENT = r"--[^\n]*(?:\n|\Z)|/\*(?:[^*]|\*(?!/))*(?:\*/|\*?\Z)"
_NOTHING = re.compile(rf"(?:[\s;]|{_COMMENT})*")
# Statements SQLite does not run inside a transaction, or that are one's own way of handling it.
_OUTSIDE = re.compile(
    rf"(?:\s|{_COMMENT})*(?:ATTACH|DETACH|VACUUM|PRAGMA|BEGIN|COMMIT|END|ROLLBACK|SAVEPOINT|RELEASE)\b", re.IGNORECASE
)


def connect(
    account: Account | str,
    *,
    password: Source | None = None,
    token: Callable[[], str] | None = None,
    ssl_context: ssl.SSLContext | None = None,
    search: SearchMode | None = None,
    table_names: dict[str, str] | None = None,
) -> Connection:
    """Return a connection to an account, given as such, as a URL or by its name in the user's file of accounts.

    Nothing is opened before the first statement. `password` may be a callable, asked whenever a session opens; `token`
    is one that gives OAuth access tokens instead.

    `search="exact"` finds malformed mail by its text too. Connections that share a dict of `table_names` call every
    mailbox the same, also those that appear while they live. Raises ProgrammingError for a URL that cannot be
    read.
    """
    if isinstance(account, str):
        account = Account.find(account, password=password, token=token, ssl_context=ssl_context)
    else:
        if password is not None:
            account = account.with_password(password)
        if token is not None:
            account = account.with_token(token)
    if search is not None:
        account = account.with_search(search)
    return Connection(account, table_names)


class Connection:
    """A PEP 249 connection. Closed by `close` or at the end of a with block, which also commits or rolls back."""

    Warning = Warning
    Error = Error
    InterfaceError = InterfaceError
    DatabaseError = DatabaseError
    DataError = DataError
    OperationalError = OperationalError
    IntegrityError = IntegrityError
    InternalError = InternalError
    ProgrammingError = ProgrammingError
    NotSupportedError = NotSupportedError

    def __init__(self, account: Account, table_names: dict[str, str] | None = None) -> None:
        self.account = account
        self.imap = IMAPConnection(account)
        self.autocommit = False
        self._has_views = False
        # Of each count(*), whether the server alone decides it.
        self._countings: dict[str, Counting | None] = {}
        self._database: apsw.Connection | None = apsw.Connection(":memory:")
        # "nosuch" in double quotes is a column that does not exist, never a string.
        self._database.config(apsw.SQLITE_DBCONFIG_DQS_DML, 0)
        self._database.config(apsw.SQLITE_DBCONFIG_DQS_DDL, 0)
        functions.register(self._database)
        self.tables = Tables(self.imap, self._database, {} if table_names is None else table_names)
        # A connection that is dropped unclosed closes its socket all the same.
        self._finalizer = weakref.finalize(self, self.imap.close)

    @property
    def database(self) -> apsw.Connection:
        """The SQLite underneath. Raises InterfaceError once closed."""
        if self._database is None:
            raise InterfaceError("the connection is closed")
        return self._database

    def cursor(self) -> Cursor:
        """Return a new cursor."""
        return Cursor(self)

    def commit(self) -> None:
        """End the transaction. Mail is only read in this version: there is nothing to send."""
        if self.database.in_transaction:
            self._run("COMMIT")

    def rollback(self) -> None:
        """End the transaction and undo what it changed in attached databases."""
        if self.database.in_transaction:
            self._run("ROLLBACK")

    def close(self) -> None:
        """Log out. Closing twice is allowed."""
        if self._database is not None:
            database, self._database = self._database, None
            try:
                database.close(True)
            finally:
                self._finalizer()

    def ping(self) -> None:
        """Make sure that there is a session: NOOP, opening one anew where it dropped. Raises where that fails."""
        self.imap.ping()

    def begin(self) -> None:
        """Begin a transaction where none is under way."""
        if not self.autocommit and not self.database.in_transaction:
            self._run("BEGIN")

    def read_statement(self, operation: str, parameters: Any) -> Statement:
        """Read what the text of a statement says of its tables; nothing once there are views, which name others."""
        self._has_views = self._has_views or _MAKES_VIEW.search(operation) is not None
        return Statement(operation, parameters, is_read=not self._has_views)

    def explain(self, operation: str, parameters: Parameters = ()) -> Explanation:
        """Say what a statement would ask of the server, and what of it is decided there; nothing is fetched.

        Raises ProgrammingError for a statement that does not read, and what `Cursor.execute` raises.
        """
        from imapdb.sql.explain import explain  # noqa: PLC0415 - for those who ask

        return explain(self, operation, parameters)

    def counts(self, operation: str, parameters: Parameters = ()) -> Counting | None:
        """Say how a count(*) can be answered by the server; SQLite is asked once a text."""
        # What a view asks of its rows is in neither the text nor the terms.
        if self._has_views or not is_count(operation):
            return None
        if operation not in self._countings:
            with self.cursor() as cursor:
                program = cursor.execute(f"EXPLAIN {operation}", parameters).fetchall()
            self._countings[operation] = counting(operation, program)
        return self._countings[operation]

    def _run(self, sql: str) -> None:
        try:
            self.database.execute(sql)
        except apsw.Error as error:
            raise translated(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self.commit()
            else:
                self.rollback()
        finally:
            self.close()


class Cursor:
    """A PEP 249 cursor. Rows come from the server while they are fetched; closing it stops that."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.arraysize = 100
        self.rowcount = -1
        self.lastrowid: int | None = None
        # What the last statement warned of: the mailboxes it left out of `messages` (PEP 249).
        self.messages: list[tuple[type[UnreadableMailbox], UnreadableMailbox]] = []
        self._description: tuple[Description, ...] | None = None
        self._operation = ""
        self._statement: Statement | None = None
        self._open: apsw.Cursor | None = connection.database.cursor()
        self._open.exec_trace = self._starting

    @property
    def description(self) -> tuple[Description, ...] | None:
        """What the columns are: name and declared type, five times None; None where the statement gives no rows."""
        return self._description

    @property
    def is_open(self) -> bool:
        """Whether it can still be fetched from; SQLAlchemy closes a cursor once its rows are over."""
        return self._open is not None

    @property
    def _cursor(self) -> apsw.Cursor:
        if self._open is None:
            raise InterfaceError("the cursor is closed")
        self.connection.database  # noqa: B018 - raises where the connection is closed
        return self._open

    def execute(self, operation: str, parameters: Parameters = ()) -> Cursor:
        """Run one statement; `?` and `:name` stand for parameters.

        Raises ProgrammingError for what is no single, right statement, and whatever the server's side raises.
        """
        self._cursor  # noqa: B018 - raises where it is closed
        self._description = None
        self.rowcount = -1
        self.messages = []
        bound = bind(parameters)
        self._operation = operation
        self._statement = self.connection.read_statement(operation, bound)
        self.messages = self._statement.coverage.messages
        if not _OUTSIDE.match(operation):
            self.connection.begin()
        before = self.connection.database.total_changes()
        if how := self.connection.counts(operation, parameters):
            self._count(operation, bound, how)
        else:
            self._start(operation, bound)
        if self._description is None:
            self.rowcount = self.connection.database.total_changes() - before
            self.lastrowid = self.connection.database.last_insert_rowid() or None
        return self

    def executemany(self, operation: str, seq_of_parameters: Sequence[Parameters]) -> Cursor:
        """Run a statement once for each set of parameters; the rows of a query are dropped (PEP 249)."""
        total = 0
        for parameters in seq_of_parameters:
            self.execute(operation, parameters)
            if self._description is not None:
                raise ProgrammingError("executemany runs statements that give no rows")
            total += max(self.rowcount, 0)
        self.rowcount = total
        return self

    def fetchone(self) -> tuple[Any, ...] | None:
        """Return the next row, or None."""
        self._expect_rows()
        try:
            return cast("tuple[Any, ...] | None", self._working(next, self._cursor, None))
        except apsw.Error as error:
            raise translated(error) from error

    def fetchmany(self, size: int | None = None) -> list[tuple[Any, ...]]:
        """Return the next rows, `size` or `arraysize` at most."""
        self._expect_rows()
        wanted = self.arraysize if size is None else size
        try:
            return cast("list[tuple[Any, ...]]", self._working(list, itertools.islice(self._cursor, max(wanted, 0))))
        except apsw.Error as error:
            raise translated(error) from error

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Return all rows that are left."""
        self._expect_rows()
        try:
            return cast("list[tuple[Any, ...]]", self._working(list, self._cursor))
        except apsw.Error as error:
            raise translated(error) from error

    def close(self) -> None:
        """Stop; closing twice is allowed."""
        if self._open is not None:
            cursor, self._open = self._open, None
            cursor.close(True)

    def setinputsizes(self, sizes: Sequence[Any]) -> None:
        """Do nothing (PEP 249 allows that)."""

    def setoutputsize(self, size: int, column: int | None = None) -> None:
        """Do nothing (PEP 249 allows that)."""

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        while (row := self.fetchone()) is not None:
            yield row

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _start(self, operation: str, bound: Any, *, can_cache: bool = True) -> None:
        """Have SQLite begin with a statement, making the tables that it misses."""
        execute = functools.partial(self._cursor.execute, can_cache=can_cache)
        tried: set[str] = set()
        while True:
            try:
                self._working(execute, operation, bound)
            except apsw.Error as error:
                if not self._make_table(error, tried):
                    raise translated(error) from error
            except (TypeError, OverflowError) as error:
                raise ProgrammingError(f"a parameter is of no type SQL knows: {error}") from error
            except UnicodeEncodeError:
                raise DataError("the statement or a parameter holds half of a character (a lone surrogate)") from None
            else:
                return

    def _count(self, operation: str, bound: Any, how: Counting) -> None:
        """Have the scan say how many rows it has, instead of going through them."""
        tables = self.connection.tables
        tables.counting = how
        try:
            self._start(operation, bound)
        except Counted as counted:
            # The one row, under the name it has.
            self._cursor.exec_trace = None
            self._cursor.execute("SELECT ?", (counted.number,))
            self._cursor.exec_trace = self._starting
        finally:
            tables.counting = None

    def _working(self, step: Callable[..., Any], *arguments: Any) -> Any:
        """Let SQLite work for this cursor; its tables are told for which statement that is."""
        tables = self.connection.tables
        before, tables.running = tables.running, self._statement
        try:
            return step(*arguments)
        finally:
            tables.running = before

    def _expect_rows(self) -> None:
        self._cursor  # noqa: B018 - raises where it is closed
        if self._description is None:
            raise ProgrammingError("there are no rows: the last statement gave none, or there was no statement")

    def _starting(self, cursor: apsw.Cursor, sql: str, _bindings: Any) -> bool:
        """Note the columns before the first row, as an empty result has no description afterwards."""
        if not _NOTHING.fullmatch(self._operation.partition(sql)[2]):
            raise ProgrammingError("one statement at a time")
        columns = cursor.get_description()
        if columns:
            self._description = tuple((name, kind, None, None, None, None, None) for name, kind in columns)
        return True

    def _make_table(self, error: apsw.Error, tried: set[str]) -> bool:
        """Create the mailbox table that SQLite misses; False where that was not what is wrong."""
        match = _MISSING_TABLE.search(str(error))
        if match is None:
            return False
        # `main.INBOX` is the table INBOX, or one of that name with a dot in it.
        for name in (match[1], match[1].removeprefix("main.")):
            if name not in tried:
                tried.add(name)
                if self.connection.tables.make(name):
                    return True
        return False


def translated(error: apsw.Error) -> Error:
    """Give an error of SQLite its place in PEP 249's tree."""
    text = str(error)
    kind: type[Error]
    match error:
        case apsw.SQLError():
            if text.endswith("may not be modified"):
                return NotSupportedError(f"{text}: this version of imapdb only reads mail; nothing was changed")
            kind = ProgrammingError
        case apsw.BindingsError() | apsw.RangeError() | apsw.IncompleteExecutionError():
            kind = ProgrammingError
        case apsw.ConstraintError():
            kind = IntegrityError
        case apsw.MismatchError() | apsw.TooBigError():
            kind = DataError
        case (
            apsw.CursorClosedError()
            | apsw.ConnectionClosedError()
            | apsw.ThreadingViolationError()
            | apsw.MisuseError()
        ):
            kind = InterfaceError
        case apsw.CorruptError() | apsw.InternalError() | apsw.NotADBError():
            kind = InternalError
        case _:
            kind = errors.OperationalError
    return kind(text)
