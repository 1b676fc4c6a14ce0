"""The Python API: a `Database` whose attributes are mailboxes, and queries that read as SQLAlchemy expressions."""

from __future__ import annotations

import contextlib
import keyword
import os
import threading
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

import sqlalchemy as sa
import sqlalchemy.exc
from sqlalchemy import orm

from imapdb import errors
from imapdb.account import Account
from imapdb.imap.mailboxes import check_name
from imapdb.message import Message, mapped
from imapdb.query import Query, Rows, is_of_objects
from imapdb.sql import dbapi
from imapdb.sql.tables import INBOX, quote_identifier
from imapdb.sql.types import attachment_columns, listed_columns, message_columns

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import TracebackType

    from imapdb.account import SearchMode, Source
    from imapdb.imap.connection import Connection
    from imapdb.imap.mailboxes import Mailbox
    from imapdb.sql.catalog import Catalog
    from imapdb.sql.explain import Explanation
    from imapdb.sql.tables import Tables

__all__ = ["Database", "Mailboxes", "connect"]

PIECE = 100  # rows SQLAlchemy takes at once while a query is iterated over


def connect(
    url: str | Account,
    *,
    password: Source | None = None,
    token: Callable[[], str] | None = None,
    ssl_context: ssl.SSLContext | None = None,
    search: SearchMode | None = None,
    pool_size: int = 1,
    max_overflow: int = 4,
    echo: bool = False,
) -> Database:
    """Return the account at `url` as a database. Nothing is opened before the first question.

    `url` is `imaps://user@host/` or `imap://…`, with the password in it, in IMAPDB_PASSWORD or in `password`; or it is
    the name of an account in the user's file (see imapdb.accounts). `password` may be a callable, asked whenever a
    session opens; `token` is one that gives OAuth access tokens instead.
    `pool_size` sessions are kept open; `max_overflow` more may be opened while several threads ask at once. `echo` logs
    the SQL. `search="exact"` (or `?search=exact`) finds malformed mail by its text too, by asking the server for none.
    Raises ProgrammingError for a URL that cannot be read.
    """
    if isinstance(url, Account):
        account = url if password is None else url.with_password(password)
        if token is not None:
            account = account.with_token(token)
    else:
        account = Account.find(url, password=password, token=token, ssl_context=ssl_context)
    if search is not None:
        account = account.with_search(search)
    return Database(account, pool_size=pool_size, max_overflow=max_overflow, echo=echo)


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
        # Every connection of the pool calls a mailbox the same.
        table_names: dict[str, str] = {}
        self._is_closed = False
        self.engine: sa.Engine = sa.create_engine(
            url,
            creator=lambda: dbapi.connect(account, table_names=table_names),
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
        sa.event.listen(asking, "do_execute", _explained)
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

    @property
    def attachments(self) -> sa.Table:
        """The table `attachments`, for SQLAlchemy: `db(db.attachments.c.size > 1e6).select()`."""
        return self.table("attachments")

    def table(self, table_name: str) -> sa.Table:
        """Return a table for SQLAlchemy by its table name, without asking the server. See `mailboxes.table_name`."""
        with self._lock:
            known = self._registry.metadata.tables.get(table_name)
            if known is not None:
                return known
            if table_name == "mailboxes":
                columns = listed_columns()
            elif table_name == "attachments":
                columns = attachment_columns()
            else:
                columns = message_columns(of_all=table_name == "messages")
            return sa.Table(table_name, self._registry.metadata, *columns)

    def catalog(self, *, refresh: bool = False) -> Catalog:
        """List the mailboxes, from what is known unless `refresh`."""
        self._require_open()
        pooled = self.engine.raw_connection()
        try:
            tables = cast("dbapi.Connection", pooled.dbapi_connection).tables
            return tables.refresh() if refresh else tables.catalog
        finally:
            pooled.close()

    def __getitem__(self, mailbox: str) -> type[Message]:
        """Return the class of a mailbox by its own name. Raises NoSuchMailbox, or UnsendableValue for CR, LF or NUL."""
        check_name(mailbox)
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
        if name not in self.tables and name not in (catalog := self.catalog(refresh=True)).table_names.values():
            missing = f"there is no mailbox {name!r}; db[…] takes names that are no Python names"
            raise AttributeError(catalog.why_unknown(name) or missing)
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
                known = self._classes[table_name] = mapped(self.table(table_name), self._registry, self)
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
            elif hasattr(parameters, "keys"):
                result = session.execute(sa.text(statement), cast("Any", parameters))
            else:
                result = session.connection().exec_driver_sql(statement, tuple(parameters or ()))
            self._note(result)
            self._release()
            return result

    def explain(
        self, statement: str | sa.Executable, parameters: Mapping[str, Any] | Sequence[Any] | None = None
    ) -> Explanation:
        """Say what a statement would ask of the server, and what of it is decided there; nothing is fetched.

        Takes what `execute` takes. Raises ProgrammingError for a statement that does not read.
        """
        explained: list[Explanation] = []
        options = {_EXPLAINING: explained}
        with self._rolled_back():
            connection = self.session().connection()
            if not isinstance(statement, str):
                connection.execute(statement, cast("Any", parameters), execution_options=options).close()
            elif hasattr(parameters, "keys"):
                connection.execute(sa.text(statement), cast("Any", parameters), execution_options=options).close()
            else:
                connection.exec_driver_sql(statement, tuple(parameters or ()), execution_options=options).close()
            self._release()
        return explained[0]

    def attach(self, schema: str, path: str | os.PathLike[str]) -> None:
        """Make the tables of a SQLite file known as `schema.table`, so that statements can join them with mail.

        Raises OperationalError where there is no such file, or it cannot be opened.
        """
        if not Path(path).is_file():
            # SQLite would make an empty one, and a mistyped name would be found out much later.
            raise errors.OperationalError(f"{os.fspath(path)} is not a file; create the database first")
        self._attached[schema] = os.fspath(path)
        try:
            with self.engine.connect():
                pass
        except errors.Error:
            del self._attached[schema]
            raise

    def close(self) -> None:
        """Log out of every session this process opened."""
        self._is_closed = True
        self._reading = threading.local()
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

    def fetch(self, statement: sa.Select[Any]) -> Rows[Any]:
        """Run a query whole and give its connection back to the pool."""
        with self._rolled_back():
            rows = self.session.execute(statement, execution_options={"populate_existing": True})
            cursor = _cursor_of(rows)
            found = Rows(rows.scalars() if is_of_objects(statement) else rows)
            found.left_out = tuple(warning for _, warning in cursor.messages) if cursor is not None else ()
            self._release()
            return found

    def stream(self, statement: sa.Select[Any]) -> Iterator[Any]:
        """Run a query and yield its rows while they come."""
        with self._rolled_back():
            options = {"populate_existing": True, "yield_per": PIECE}
            try:
                with self.session.execute(statement, execution_options=options) as rows:
                    self._note(rows)
                    yield from rows.scalars() if is_of_objects(statement) else rows
            finally:
                self._release()

    @contextlib.contextmanager
    def reading(self, mailbox: str) -> Iterator[tuple[Connection, Mailbox]]:
        """Lend a session to read from a mailbox, given by its own name: whoever has it leaves nothing under way.

        It is the one this thread reads rows from, where it does, so that reading along takes no second one.
        """
        with self._rolled_back(), contextlib.ExitStack() as after:
            session = self.session()
            if session.in_transaction():
                pooled: Any = session.connection().connection
            else:
                pooled = self.engine.raw_connection()
                after.callback(pooled.close)
            lent = cast("dbapi.Connection", pooled.dbapi_connection)
            yield lent.imap, _found(mailbox, lent.tables)

    def _cursors(self) -> weakref.WeakSet[Any]:
        """Give this thread's cursors; those that are still open have rows somebody may fetch."""
        if not hasattr(self._reading, "cursors"):
            self._reading.cursors = weakref.WeakSet()
        return cast("weakref.WeakSet[Any]", self._reading.cursors)

    def _note(self, result: sa.Result[Any]) -> None:
        """Remember a result that streams. Weakly: one that nobody holds any more is read by nobody."""
        cursor = _cursor_of(result)
        if cursor is not None:
            self._cursors().add(cursor)

    def _is_reading(self) -> bool:
        return any(cursor.is_open for cursor in self._cursors())

    def _release(self) -> None:
        """Give the thread's connection back, unless a result is being read from it."""
        if not self._is_reading():
            self.session.commit()

    def _require_open(self) -> None:
        if self._is_closed:
            raise errors.InterfaceError("the database is closed")

    @contextlib.contextmanager
    def _rolled_back(self) -> Iterator[None]:
        """Leave no half-done transaction behind an error."""
        self._require_open()
        self._mend()
        try:
            yield
        except (errors.Error, errors.Warning, sqlalchemy.exc.SQLAlchemyError) as error:
            if not self._is_reading():
                self.session.rollback()
            if isinstance(error, sqlalchemy.exc.TimeoutError):
                raise errors.OperationalError(
                    "every session of the pool is in use: finish or drop results that are half read, or connect with a "
                    "larger max_overflow"
                ) from error
            raise

    def _mend(self) -> None:
        """Leave a transaction whose connection was lost while somebody read rows from it, outside of our methods."""
        session = self.session()
        if session.in_transaction() and session.connection().invalidated:
            session.rollback()

    def _attach_all(self, connection: Any, record: Any, proxy: Any) -> None:
        """Attach what this connection of the pool has not attached yet."""
        for schema, path in self._attached.items():
            if schema not in record.info.setdefault("attached", {}):
                connection.cursor().execute(f"ATTACH ? AS {quote_identifier(schema)}", (path,)).close()
                record.info["attached"][schema] = path


def _found(mailbox: str, tables: Tables) -> Mailbox:
    """Find a mailbox by its own name, listing anew what is not known. Raises NoSuchMailbox."""
    if mailbox.upper() == "INBOX":
        return INBOX
    try:
        return tables.catalog.find_mailbox(mailbox)
    except errors.NoSuchMailbox:
        return tables.refresh().find_mailbox(mailbox)


def _cursor_of(result: sa.Result[Any]) -> Any:
    """Give our cursor below a result that was not read to its end."""
    return getattr(getattr(result, "raw", result), "cursor", None)


# The execution option under which a statement is explained instead of run.
_EXPLAINING = "imapdb_explaining"


def _explained(cursor: dbapi.Cursor, statement: str, parameters: Any, context: Any) -> bool:
    """Explain a statement in its final words, where that was asked for; then it need not be run."""
    wanted = context.execution_options.get(_EXPLAINING) if context is not None else None
    if wanted is None:
        return False
    wanted.append(cursor.connection.explain(statement, parameters))
    return True


def _unwrapped(context: sa.engine.ExceptionContext) -> BaseException | None:
    """Give SQLAlchemy our own error to raise."""
    error = context.original_exception
    return error if isinstance(error, errors.Error) else None
