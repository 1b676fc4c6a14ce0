"""`imapdb demo`: the sample account, and a few questions to it."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from imapdb.cli.formats import columns_of, write_tsv
from imapdb.cli.moments import utc_text
from imapdb.cli.output import console, printing

if TYPE_CHECKING:
    from imapdb.dbapi import Connection

__all__ = ["QUESTIONS", "Question", "demo"]


class Question(NamedTuple):
    """Something to ask an account: in words, in SQL, and the values for its `?`, days written as --since takes them."""

    words: str
    sql: str
    since: tuple[str, ...] = ()


QUESTIONS = (
    Question(
        "Which mailboxes are there, and how much is in them?",
        "SELECT name, messages, unseen\n"
        "  FROM mailboxes\n"
        " WHERE table_name IS NOT NULL\n"
        " ORDER BY name <> 'INBOX', name",
    ),
    Question(
        "What came since yesterday, is unread, and is smaller than 10,000 octets?",
        "SELECT uid, created, sender, subject, size\n"
        "  FROM INBOX\n"
        " WHERE seen = 0 AND size < 10000 AND created >= ?\n"
        " ORDER BY created DESC",
        ("yesterday",),
    ),
    Question(
        "Who wrote most often in the last four weeks, and how much?",
        "SELECT sender, count(*) AS mails, sum(size) AS octets, max(created) AS latest\n"
        "  FROM INBOX\n"
        " WHERE created >= ?\n"
        " GROUP BY sender\n"
        " ORDER BY mails DESC, octets DESC\n"
        " LIMIT 8",
        ("4w",),
    ),
    Question(
        "Which of my mails were answered, and how long did it take?",
        'SELECT sent."to" AS asked, sent.subject,\n'
        "       round((julianday(answer.created) - julianday(sent.created)) * 24, 1) AS hours\n"
        "  FROM Sent AS sent JOIN INBOX AS answer ON answer.in_reply_to = sent.message_id\n"
        " ORDER BY answer.created DESC\n"
        " LIMIT 8",
    ),
)


def demo(
    *,
    serve: Annotated[
        bool,
        typer.Option("--serve", help="Ask nothing: print the URL of the account and keep it there until Ctrl-C."),
    ] = False,
) -> None:
    """Show what it does on a sample account, without a mail account of your own.

    Starts a mail server inside this process, on 127.0.0.1 only, fills it with some four hundred messages dated back
    from now, asks it a few questions and prints each with its answer. Needs the extra: pip install "imapdb[demo]".

    With --serve, leave it running and try the other commands on it from a second terminal.
    """
    from imapdb import demo as sample  # noqa: PLC0415 - nothing else needs the server

    with sample.server() as url:
        if serve:
            _serve(url)
        else:
            _ask(url)


def _serve(url: str) -> None:
    with printing():
        print(f"export IMAPDB_URL={url}")
    print("The account is there until you press Ctrl-C.", file=sys.stderr)
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        return


def _ask(url: str) -> None:
    from imapdb.dbapi import connect  # noqa: PLC0415 - the engine is loaded when there is something to ask

    now = datetime.now(UTC)
    connection = connect(url)
    try:
        for question in QUESTIONS:
            with printing():
                _print(connection, question, [utc_text(day, now) for day in question.since])
    finally:
        connection.close()


def _print(connection: Connection, question: Question, values: list[str]) -> None:
    """Print a question with the statement asked and the answer: a table, and in plain text if that is piped."""
    cursor = connection.cursor()
    cursor.execute(question.sql, values)
    columns = columns_of(cursor.description or ())
    statement = question.sql.replace("?", "'{}'").format(*values)
    if sys.stdout.isatty():
        from imapdb.cli.table import write_table  # noqa: PLC0415 - rich is only loaded to be seen

        terminal = console(sys.stdout)
        terminal.rule(question.words, align="left", style="dim")
        terminal.print(statement, style="cyan")
        terminal.print()
        write_table(terminal, columns, cursor)
        terminal.print()
    else:
        print(f"# {question.words}\n{statement};\n")
        print("\t".join(column.name for column in columns))
        write_tsv(sys.stdout, cursor)
        print()
