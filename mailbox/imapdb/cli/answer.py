"""A statement put to the account, its answer printed: what all commands do in the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from imapdb.cli.login import account
from imapdb.cli.output import print_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["print_answer"]


def print_answer(
    sql: str,
    values: Sequence[object],
    *,
    as_json: bool,
    as_csv: bool,
    url: str | None,
    password_stdin: bool,
) -> None:
    """Connect to the account of these options, execute a statement and print its rows as they arrive."""
    if as_json and as_csv:
        raise typer.BadParameter("choose one", param_hint="--json / --csv")
    who = account(url, password_stdin=password_stdin)

    from imapdb.dbapi import connect  # noqa: PLC0415 - the engine is loaded once the options are right

    connection = connect(who)
    try:
        cursor = connection.cursor()
        cursor.execute(sql, values)
        print_rows(cursor.description, cursor, as_json=as_json, as_csv=as_csv)
    finally:
        connection.close()
