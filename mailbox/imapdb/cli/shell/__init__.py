"""`imapdb shell`: a prompt for SQL, or a script from standard input."""

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from imapdb.cli.answer import Login, ask
from imapdb.cli.complaints import complain
from imapdb.cli.explain import print_explanation
from imapdb.cli.groups import grouped
from imapdb.cli.harmless import one_line
from imapdb.cli.output import Form, Look, printing
from imapdb.errors import NotSupportedError

if TYPE_CHECKING:
    from imapdb.cli.shell.session import Session
    from imapdb.dbapi import Connection
    from imapdb.sql.explain import Explanation

__all__ = ["shell"]

_AS_TABLE = {"table": True, "text": False}


@grouped
def shell(*, look: Look, login: Login) -> None:
    """Ask one question after the other in SQL: every mailbox is a table, every message a row.

    A statement ends with ; and may take several lines. TAB completes keywords, tables and columns; the history is
    kept. .help lists what begins with a dot: .tables, .schema TABLE, .explain SQL, .mode json. Ctrl-C cancels a
    statement, Ctrl-D leaves. Needs the extra: pip install "imapdb[shell]".

    Where standard input is no terminal, its statements are run one by one, up to the first that fails:

        imapdb shell < questions.sql
    """
    is_asked = sys.stdin.isatty() and not login.password_stdin
    if is_asked:
        _require_prompt()
    with login.connected() as connection:
        from imapdb.cli.shell.session import Session  # noqa: PLC0415 - the engine is loaded once the options are right

        session = Session(connection, _Output(connection, look))
        if is_asked:
            _converse(session, connection, look)
        else:
            _run(session)


def _require_prompt() -> None:
    from importlib.util import find_spec  # noqa: PLC0415 - for this only

    if find_spec("prompt_toolkit") is None:
        raise NotSupportedError(
            'the prompt needs prompt_toolkit: pip install "imapdb[shell]"; statements from standard input work without'
        )


def _converse(session: "Session", connection: "Connection", look: Look) -> None:
    from imapdb.cli.completion import remember_mailboxes  # noqa: PLC0415
    from imapdb.cli.shell.prompt import converse  # noqa: PLC0415 - the extra

    tables = session.tables()
    remember_mailboxes(connection.account, connection.tables.catalog.table_names.values())
    print(f"{one_line(str(connection.account))}: {len(tables):,} tables. .help tells what there is, Ctrl-D leaves.")
    converse(session, in_colour=not (look.no_color or os.environ.get("NO_COLOR")))


def _run(session: "Session") -> None:
    """Run standard input. What comes behind a statement that failed may count on it: it is not run."""
    for number, line in enumerate(sys.stdin, start=1):
        if not session.feed(line.rstrip("\r\n")):
            if session.was_interrupted:
                raise typer.Abort
            complain(f"line {number}: stopped here")
            raise typer.Exit(1)
        if session.is_over:
            return
    if not session.finish():
        raise typer.Exit(1)


class _Output:
    """Answers to standard output, errors to standard error."""

    def __init__(self, connection: "Connection", look: Look) -> None:
        self._connection = connection
        self._look = look

    def answer(self, sql: str, mode: str) -> None:
        """Run a statement and print its rows as they arrive."""
        ask(self._connection, sql, (), self._form(mode), as_table=_AS_TABLE.get(mode))

    def rows(self, columns: Sequence[str], rows: Sequence[Sequence[object]], mode: str) -> None:
        """Print rows that are there."""
        self._form(mode).print_rows([(name, None) for name in columns], rows, as_table=_AS_TABLE.get(mode))

    def _form(self, mode: str) -> Form:
        return Form(self._look.no_color, self._look.no_pager, as_json=mode == "json", as_csv=mode == "csv")

    def explanation(self, explained: "Explanation", mode: str) -> None:
        """Print what a statement would ask."""
        print_explanation(explained, self._look, as_json=mode == "json")

    def text(self, text: str) -> None:
        """Print a text of several lines."""
        with printing(self._look) as out:
            out.write("".join(f"{one_line(line)}\n" for line in text.splitlines()))

    def error(self, message: str) -> None:
        """Say in one line what went wrong."""
        complain(message)
