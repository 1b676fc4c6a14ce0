"""`imapdb search`: the messages of a mailbox that meet every condition."""

from typing import Annotated

import typer

from imapdb.cli import statement
from imapdb.cli.answer import Login, print_answer
from imapdb.cli.columns import DEFAULT, ColumnsOption, column_names
from imapdb.cli.completion import complete_order
from imapdb.cli.conditions import Conditions, MailboxArgument, without_sql
from imapdb.cli.groups import grouped
from imapdb.cli.output import Form
from imapdb.cli.statement import ORDERS
from imapdb.errors import ProgrammingError

__all__ = ["search"]


@grouped
def search(
    mailbox: MailboxArgument,
    *,
    conditions: Conditions,
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", min=1, show_default=False, help="At most this many messages.")
    ] = None,
    order: Annotated[
        str,
        typer.Option(
            "--order",
            metavar="COLUMN",
            autocompletion=complete_order,
            help=f"Sort by one of {', '.join(ORDERS)}; with - before it, largest, newest or Z first.",
        ),
    ] = "-created",
    reverse: Annotated[bool, typer.Option("--reverse", help="Turn the order around.")] = False,
    columns: ColumnsOption = DEFAULT,
    form: Form,
    login: Login,
) -> None:
    """List the messages of a mailbox that meet every condition, newest first.

    On a terminal the answer is a table; elsewhere it is one line per message, its values parted by tabs, without a
    heading. Line breaks and tabs in a value become spaces, and other control characters are written out, such as
    escape by its code; --json and --csv keep the values as they are.

    Nothing is changed by searching: unread mail stays unread.
    """
    key = order.removeprefix("-")
    if key not in ORDERS:
        raise typer.BadParameter(f"{key!r} is not one of {', '.join(ORDERS)}", param_hint="--order")
    sql, values = statement.select(
        mailbox,
        column_names(columns),
        conditions.term(),
        order=key,
        descending=order.startswith("-") != reverse,
        limit=limit,
    )
    try:
        print_answer(sql, values, form, login)
    except ProgrammingError as error:
        raise without_sql(error, mailbox) from error
