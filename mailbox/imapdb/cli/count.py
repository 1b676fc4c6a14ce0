"""`imapdb count`: how many messages of a mailbox meet every condition."""

import json
from typing import Annotated

import typer

from imapdb.cli import statement
from imapdb.cli.answer import Login
from imapdb.cli.conditions import Conditions, MailboxArgument, without_sql
from imapdb.cli.groups import grouped
from imapdb.cli.output import printing
from imapdb.cli.progress import Progress
from imapdb.errors import ProgrammingError

__all__ = ["count"]


@grouped
def count(
    mailbox: MailboxArgument,
    *,
    conditions: Conditions,
    as_json: Annotated[
        bool, typer.Option("--json", help='Print a JSON object: {"mailbox": "INBOX", "count": 12}.')
    ] = False,
    login: Login,
) -> None:
    """Count the messages of a mailbox that meet every condition.

    The conditions are those of search. Where the server decides them all, one command is sent and nothing is fetched.
    """
    sql, values = statement.count(mailbox, conditions.term())
    with login.connected() as connection:
        try:
            with Progress(connection), connection.cursor() as cursor:
                ((number,),) = cursor.execute(sql, values).fetchall()
        except ProgrammingError as error:
            raise without_sql(error, mailbox) from error
    with printing() as out:
        out.write(f"{json.dumps({'mailbox': mailbox, 'count': number}) if as_json else number}\n")
