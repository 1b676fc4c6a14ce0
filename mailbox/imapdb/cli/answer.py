"""A statement put to the account, its answer printed: what most commands do in the end."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from imapdb.cli.login import PasswordStdinOption, UrlOption, account
from imapdb.cli.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from imapdb.cli.output import Form
    from imapdb.database import Database
    from imapdb.dbapi import Connection

__all__ = ["Login", "ask", "lent", "print_answer"]


@dataclass(frozen=True)
class Login:
    """Which account, and where its password comes from."""

    url: UrlOption = None
    password_stdin: PasswordStdinOption = False

    @contextmanager
    def connected(self) -> Iterator[Connection]:
        """Give a connection to the account, closed at the end."""
        who = account(self.url, password_stdin=self.password_stdin)

        from imapdb.dbapi import connect  # noqa: PLC0415 - the engine is loaded once the options are right

        connection = connect(who)
        try:
            yield connection
        finally:
            connection.close()

    @contextmanager
    def opened(self) -> Iterator[Database]:
        """Give the account as a database, closed at the end."""
        who = account(self.url, password_stdin=self.password_stdin)

        from imapdb.database import connect  # noqa: PLC0415 - SQLAlchemy is loaded for those that need it

        with connect(who) as database:
            yield database


@contextmanager
def lent(database: Database) -> Iterator[Connection]:
    """Give a connection of a database for a while; what is read later takes the same session."""
    pooled = database.engine.raw_connection()
    try:
        yield cast("Connection", pooled.dbapi_connection)
    finally:
        pooled.close()


def print_answer(sql: str, values: Sequence[object], form: Form, login: Login) -> None:
    """Connect to the account of these options, execute a statement and print its rows as they arrive."""
    with login.connected() as connection:
        ask(connection, sql, values, form)


def ask(
    connection: Connection, sql: str, values: Sequence[object], form: Form, *, as_table: bool | None = None
) -> None:
    """Execute a statement and print its rows as they arrive, and until then how far it has come."""
    with Progress(connection) as progress, connection.cursor() as cursor:
        cursor.execute(sql, values)
        form.print_rows(cursor.description, cursor, as_table=as_table, on_show=progress.stop)
