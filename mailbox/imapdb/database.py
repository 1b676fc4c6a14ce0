"""The Python API: a `Database` whose attributes are mailboxes, and queries that read as SQLAlchemy expressions."""

from __future__ import annotations

import contextlib
import keyword
import os
import threading
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy import orm

from imapdb import errors
from imapdb.account import Account
from imapdb.sql import dbapi
from imapdb.sql.columns import COLUMNS
from imapdb.sql.tables import quote_identifier
from imapdb.sql.types import listed_columns, message_columns

if TYPE_CHECKING:
    import datetime
    import ssl
    from collections.abc import Iterator, Mapping, Sequence
    from types import TracebackType

    from imapdb.sql.catalog import Catalog

__all__ = ["Database", "Mailboxes", "Message", "Query", "Rows", "connect"]

T = TypeVar("T")

PIECE = 100  # rows SQLAlchemy takes at once while a query is iterated over


def connect(
    url: str | Account,
    *,
    password: str | None = None,
    ssl_context: ssl.SSLContext | None = None,
    pool_size: int = 1,
    max_overflow: int = 4,
    echo: bool = False,
) -> Database:
    """Return the account at `url` as a database. Nothing is opened before the first question.

    `url` is `imaps://user@host/` or `imap://…`, with the password in it, in IMAPDB_PASSWORD or in `password`.
    `pool_size` sessions are kept open; `max_overflow` more may be opened while several threads ask at once. `echo` logs
    the SQL. Raises ProgrammingError for a URL that cannot be read.
    """
    if isinstance(url, Account):
        account = url if password is None else url.with_password(password)
    else:
        account = Account.from_url(url, password=password, ssl_context=ssl_context)
    return Database(account, pool_size=pool_size, max_overflow=max_overflow, echo=echo)


class Message:
    """A row of a mailbox table as an object. Hidden columns (`headers`, `email`) are fetched when they are read."""

    if TYPE_CHECKING:
        # What map_imperatively puts there; tests/test_database.py holds these lines against the registry.
        __table__: ClassVar[sa.FromClause]
        uid: orm.Mapped[int]
        seen: orm.Mapped[bool]
        answered: orm.Mapped[bool]
        flagged: orm.Mapped[bool]
        deleted: orm.Mapped[bool]
        draft: orm.Mapped[bool]
        recent: orm.Mapped[bool]
        flags: orm.Mapped[list[str]]
        size: orm.Mapped[int]
        created: orm.Mapped[datetime.datetime]
        sent: orm.Mapped[datetime.datetime | None]
        sender: orm.Mapped[str | None]
        to: orm.Mapped[str | None]
        cc: orm.Mapped[str | None]
        bcc: orm.Mapped[str | None]
        reply_to: orm.Mapped[str | None]
        sender_name: orm.Mapped[str | None]
        sender_address: orm.Mapped[str | None]
        subject: orm.Mapped[str | None]
        message_id: orm.Mapped[str | None]
        in_reply_to: orm.Mapped[str | None]
        references: orm.Mapped[str | None]
        mime: orm.Mapped[str | None]
        mailbox: orm.Mapped[str]
        headers: orm.Mapped[dict[str, str | list[str]]]
        email: orm.Mapped[bytes]

    def __repr__(self) -> str:
        held = sa.inspect(self).dict
        table = cast("sa.Table", type(self).__table__)
        return f"<{table.name} {held.get('uid', '?')}: {held.get('subject')!r}>"


class Rows(list[T], Generic[T]):
    """The rows of a query: a list, with its ends at hand."""

    def first(self) -> T | None:
        """Return the first row, or None."""
        return self[0] if self else None

    def last(self) -> T | None:
        """Return the last row, or None."""
        return self[-1] if self else None


class Mailboxes:
    """The account's mailboxes: their names in order, and `table`, which describes them.

    `"Archive" in db.mailboxes`, `list(db.mailboxes)`; every use lists them anew.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def table(self) -> sa.Table:
        """The table `mailboxes`, for SQLAlchemy."""
        return self._database.table("mailboxes")

    def __iter__(self) -> Iterator[str]:
        return iter([m.name for m in self._database.catalog(refresh=True).mailboxes])

    def __contains__(self, name: object) -> bool:
        return name in list(self)

    def __repr__(self) -> str:
        return f"Mailboxes({list(self)!r})"


class Database:
    """A mail account. `db.INBOX` is a mapped class, `db["Any/Name"]` the one of any mailbox, `db(condition)` a query.

    Threads may share it. Close it with `close`, or use it in a with block.
    """

    def __init__(self, account: Account, *, pool_size: int = 1, max_overflow: int = 4, echo: bool = False) -> None:
        self.account = account
        url = sa.URL.create(
            "imaps" if account.tls == "implicit" else "imap", account.user, None, account.host, account.port
        )
        self.engine: sa.Engine = sa.create_engine(
            url,
            creator=lambda: dbapi.connect(account),
            pool_size=pool_size,
            max_overflow=max_overflow,
            echo=echo,
        )
        self.mailboxes = Mailboxes(self)
        self._registry = orm.registry()
        self._classes: dict[str, type[Message]] = {}
        self._attached: dict[str, str] = {}
        self._lock = threading.RLock()
        self._reading = threading.local()
        sa.event.listen(self.engine, "checkout", self._attach_all)
        # The same pool, but with our own errors instead of SQLAlchemy's wrapping of them.
        asking = self.engine.execution_options()
        sa.event.listen(asking, "handle_error", _unwrapped, retval=True)
        # Objects stay as they were read: expiring them would cost a round trip for each row that is looked at again.
        self.session: orm.scoped_session[orm.Session] = orm.scoped_session(
            orm.sessionmaker(asking, autoflush=False, expire_on_commit=False)
        )

    # Tables.

    @property
    def tables(self) -> list[str]:
        """The names of the mailbox tables, as last listed."""
        return list(self.catalog().table_names.values())

    @property
    def messages(self) -> type[Message]:
        """The class of the table `messages`: the mail of all mailboxes."""
        return self._mapped("messages")

    def table(self, table_name: str) -> sa.Table:
        """Return a table for SQLAlchemy by its table name, without asking the server. See `mailboxes.table_name`."""
        with self._lock:
            known = self._registry.metadata.tables.get(table_name)
            if known is not None:
                return known
            if table_name == "mailboxes":
                columns = listed_columns()
            else:
                columns = message_columns(of_all=table_name == "messages")
            return sa.Table(table_name, self._registry.metadata, *columns)

    def catalog(self, *, refresh: bool = False) -> Catalog:
        """List the mailboxes, from what is known unless `refresh`."""
        pooled = self.engine.raw_connection()
        try:
            tables = cast("dbapi.Connection", pooled.dbapi_connection).tables
            return tables.refresh() if refresh else tables.catalog
        finally:
            pooled.close()

    def __getitem__(self, mailbox: str) -> type[Message]:
        """Return the class of a mailbox by its own name. Raises NoSuchMailbox."""
        if mailbox.upper() == "INBOX":
            return self._mapped("INBOX")
        try:
            catalog = self.catalog()
            name = catalog.find_mailbox(mailbox).name
        except errors.NoSuchMailbox:
            catalog = self.catalog(refresh=True)
            name = catalog.find_mailbox(mailbox).name
        return self._mapped(catalog.table_names[name])

    def __getattr__(self, name: str) -> type[Message]:
        if name.startswith("_"):
            raise AttributeError(name)
        if name == "INBOX":
            return self._mapped(name)
        if name not in self.tables and name not in self.catalog(refresh=True).table_names.values():
            raise AttributeError(f"there is no mailbox {name!r}; db[…] takes names that are no Python names")
        return self._mapped(name)

    def __dir__(self) -> list[str]:
        listed: list[str] = []
        # Completion in a shell must not fail for want of a network.
        with contextlib.suppress(errors.Error):
            listed = [name for name in self.tables if name.isidentifier() and not keyword.iskeyword(name)]
        return [*super().__dir__(), *listed]

    def _mapped(self, table_name: str) -> type[Message]:
        with self._lock:
            known = self._classes.get(table_name)
            if known is None:
                table = self.table(table_name)
                hidden = {c.name: orm.deferred(table.c[c.name]) for c in COLUMNS if c.hidden}
                known = type(table_name, (Message,), {"__table__": table, "__doc__": f"A message of {table_name}."})
                self._registry.map_imperatively(known, table, properties=hidden)
                self._classes[table_name] = known
            return known

    # Questions.

    def __call__(self, condition: Any) -> Query:
        """Ask for the messages a condition holds for, or with a class (`db(db.INBOX)`) for all of a mailbox."""
        return Query(self, condition)

    def execute(
        self, statement: str | sa.Executable, parameters: Mapping[str, Any] | Sequence[Any] | None = None
    ) -> sa.Result[Any]:
        """Run SQL or a SQLAlchemy statement and return its result, which streams.

        In a text, `:name` takes its value from a mapping, `?` from a sequence.
        """
        with self._rolled_back():
            session = self.session()
            if not isinstance(statement, str):
                result = session.execute(statement, cast("Any", parameters))
            elif parameters is None or hasattr(parameters, "keys"):
                result = session.execute(sa.text(statement), cast("Any", parameters))
            else:
                result = session.connection().exec_driver_sql(statement, tuple(parameters))
            if getattr(result, "returns_rows", True):
                self._results().append(result)
            else:
                self._release()
            return result

    def attach(self, schema: str, path: str | os.PathLike[str]) -> None:
        """Make the tables of a SQLite file known as `schema.table`, so that statements can join them with mail.

        Raises OperationalError where the file cannot be opened.
        """
        self._attached[schema] = os.fspath(path)
        try:
            with self.engine.connect():
                pass
        except errors.Error:
            del self._attached[schema]
            raise

    def close(self) -> None:
        """Log out of every session this process opened."""
        self.session.remove()
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<imapdb.Database {self.account.url}>"

    # For Query.

    def class_of(self, table: sa.Table) -> type[Message] | None:
        """Return the class mapped to a table, if it is one of ours."""
        return next((known for known in self._classes.values() if known.__table__ is table), None)

    def fetch(self, statement: sa.Select[Any]) -> list[Any]:
        """Run a query whole and give its connection back to the pool."""
        with self._rolled_back():
            rows = self.session.execute(statement, execution_options={"populate_existing": True})
            found = list(rows.scalars() if _is_of_objects(statement) else rows)
            self._release()
            return found

    def stream(self, statement: sa.Select[Any]) -> Iterator[Any]:
        """Run a query and yield its rows while they come."""
        with self._rolled_back():
            options = {"populate_existing": True, "yield_per": PIECE}
            with self.session.execute(statement, execution_options=options) as rows:
                self._results().append(rows)
                yield from rows.scalars() if _is_of_objects(statement) else rows
            self._release()

    def _results(self) -> list[sa.Result[Any]]:
        """Give this thread's results that may have rows left; one without a cursor has come to its end."""
        held: list[sa.Result[Any]] = getattr(self._reading, "results", [])
        self._reading.results = [r for r in held if not r.closed and getattr(r, "cursor", r) is not None]
        return cast("list[sa.Result[Any]]", self._reading.results)

    def _release(self) -> None:
        """Give the thread's connection back, unless a result is being read from it."""
        if not self._results():
            self.session.commit()

    @contextlib.contextmanager
    def _rolled_back(self) -> Iterator[None]:
        """Leave no half-done transaction behind an error."""
        try:
            yield
        except errors.Error:
            if not self._results():
                self.session.rollback()
            raise

    def _attach_all(self, connection: Any, record: Any, proxy: Any) -> None:
        """Attach what this connection of the pool has not attached yet."""
        for schema, path in self._attached.items():
            if schema not in record.info.setdefault("attached", {}):
                connection.cursor().execute(f"ATTACH ? AS {quote_identifier(schema)}", (path,)).close()
                record.info["attached"][schema] = path


def _unwrapped(context: sa.engine.ExceptionContext) -> BaseException | None:
    """Give SQLAlchemy our own error to raise."""
    error = context.original_exception
    return error if isinstance(error, errors.Error) else None


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
            raise errors.ProgrammingError(
                "a query is a condition such as db.INBOX.seen == False, or a mailbox such as db.INBOX, "
                f"not {condition!r}"
            )
        if not self._tables:
            raise errors.ProgrammingError("a condition names a column of a mailbox; this one names none")

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
        return Rows(self._database.fetch(self.statement(*columns, limitby=limitby, orderby=orderby)))

    def first(self, *columns: Any, orderby: Any = None) -> Any:
        """Return the first message of `select`, or None."""
        return self.select(*columns, limitby=(0, 1), orderby=orderby).first()

    def isempty(self) -> bool:
        """Say whether there is no such message."""
        return self.first(*self._tables[0].primary_key.columns) is None

    def __iter__(self) -> Iterator[Any]:
        """Yield the messages while they come; memory does not grow with their number."""
        return self._database.stream(self.statement())

    def statement(self, *columns: Any, limitby: tuple[int, int] | None = None, orderby: Any = None) -> sa.Select[Any]:
        """Return the SQLAlchemy statement `select` runs."""
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
                raise errors.ProgrammingError(f"limitby=({start}, {end}) is no range of places")
            statement = statement.limit(end - start).offset(start or None)
        return statement

    def _restricted(self, statement: sa.Select[Any]) -> sa.Select[Any]:
        return statement if self._where is None else statement.where(self._where)

    def _classes(self) -> list[Any]:
        return [self._database.class_of(table) or table for table in self._tables]

    def _newest_first(self) -> list[Any]:
        if len(self._tables) > 1:
            return []
        columns = self._tables[0].columns
        if "mailbox" in self._tables[0].primary_key.columns:
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


def _is_of_objects(statement: sa.Select[Any]) -> bool:
    """Say whether the rows are single mapped objects."""
    described = statement.column_descriptions
    return len(described) == 1 and isinstance(described[0]["type"], type) and issubclass(described[0]["type"], Message)
