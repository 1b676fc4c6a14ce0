"""`imapdb query`: any SQL."""

import re
import sys
from typing import Annotated

import typer

from imapdb.cli.answer import Login, print_answer
from imapdb.cli.groups import grouped
from imapdb.cli.output import Form

__all__ = ["ParamOption", "SQLArgument", "query", "statement_of", "value_of"]

# A number written as SQLite itself would write it, within 64 bits.
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,17}")

SQLArgument = Annotated[
    str,
    typer.Argument(
        metavar="SQL", show_default=False, help="The statement, in SQLite's SQL; - reads it from standard input."
    ),
]
ParamOption = Annotated[
    list[str] | None,
    typer.Option(
        "--param",
        metavar="VALUE",
        show_default=False,
        help="The value for the next ? of the statement. Whole numbers are numbers, anything else is text.",
    ),
]


def value_of(written: str) -> int | str:
    """Read a parameter: a whole number, if it is written as one is, else text."""
    return int(written) if _INTEGER.fullmatch(written) else written


def statement_of(sql: str, *, password_stdin: bool) -> str:
    """Give the statement, from standard input where it is `-`."""
    if sql != "-":
        return sql
    if password_stdin:
        raise typer.BadParameter(
            "standard input can hold the statement or the password, not both", param_hint="--password-stdin"
        )
    return sys.stdin.read()


@grouped
def query(
    sql: SQLArgument,
    *,
    param: ParamOption = None,
    form: Form,
    login: Login,
) -> None:
    """Ask anything in SQL: every mailbox is a table, every message a row.

    A table is named as its mailbox, in double quotes where it holds more than letters and digits:

        imapdb query 'SELECT sender, subject FROM "Archive/2025"'

    messages holds all mailboxes, mailboxes their names and counts. Dates are UTC text, YYYY-MM-DD HH:MM:SS. Output is
    a table on a terminal, and tab-separated lines without a heading elsewhere.
    """
    text = statement_of(sql, password_stdin=login.password_stdin)
    print_answer(text, [value_of(written) for written in param or ()], form, login)
